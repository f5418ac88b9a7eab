//! Workers that compute for a session: connections, and the clients that hold them.

use crate::address::Addresses;
use crate::cluster::{Cluster, Secrets};
use crate::local::{LocalWorkers, StartError, Wanted};
use crate::output::PoolFacts;
use crate::settings::Settings;
use crate::world::failure;
use cleave_cpu::Cancel;
use cleave_graph::host::{Failure, Workers};
use cleave_graph::value::Client;
use cleave_remote::cluster::Watch;
use cleave_remote::security::{SecurityError, Tls, TlsFiles, Token};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The token's file beside the certificates.
pub const TOKEN_FILE: &str = "token";
/// A worker that is started here has at most so many threads, unless it is told how many.
const THREADS_EACH: usize = 8;
/// Who holds a connection that the scheduler's setting asks for.
const SETTING: u64 = 0;

/// The connections of a session.
#[derive(Default)]
pub(crate) struct Remotes {
    open: Vec<Remote>,
    last_client: u64,
    /// What gives up connecting.
    cancel: Cancel,
}

/// Workers that are connected.
pub(crate) struct Remote {
    pub(crate) addresses: Addresses,
    pub(crate) cluster: Cluster,
    /// Numbers of the clients that hold it.
    held_by: Vec<u64>,
    /// Those that were started with it; they end after the connection.
    _started: Option<LocalWorkers>,
}

impl Remotes {
    /// No connection; `cancel` gives up making one.
    pub(crate) fn new(cancel: Cancel) -> Self {
        Self { cancel, ..Self::default() }
    }

    /// The connection to workers, if there is one.
    pub(crate) fn find(&self, addresses: &Addresses) -> Option<&Remote> {
        self.open.iter().find(|r| r.addresses == *addresses)
    }

    /// The connection to the workers of the settings; connects if there is none.
    pub(crate) fn of_settings(&mut self, settings: &Settings) -> Result<&Remote, Failure> {
        if self.find(&settings.workers).is_none() {
            self.connect(settings.workers.clone(), SETTING, None, settings)?;
        }
        Ok(self.find(&settings.workers).expect("it was connected just above"))
    }

    /// The connection made last.
    pub(crate) fn last(&self) -> Option<&Remote> {
        self.open.last()
    }

    /// A new client, of workers that run or of workers that are started for it.
    pub(crate) fn client(&mut self, workers: &Workers, settings: &Settings) -> Result<(Client, Addresses), Failure> {
        let (addresses, started) = match &workers.address {
            Some(text) => (text.parse().map_err(|e| address_failure(&e))?, None),
            None => {
                let started = start(workers, settings)?;
                (started.addresses.clone(), Some(started))
            }
        };
        self.last_client += 1;
        let id = self.last_client;
        match self.open.iter_mut().find(|r| r.addresses == addresses) {
            Some(remote) => remote.held_by.push(id),
            None => self.connect(addresses.clone(), id, started, settings)?,
        }
        Ok((Client { id, address: addresses.to_string().into() }, addresses))
    }

    /// What a client holds, unless it was closed.
    pub(crate) fn held_by(&self, client: u64) -> Option<&Remote> {
        self.open.iter().find(|r| r.held_by.contains(&client))
    }

    /// A client lets go; the connection ends with its last one.
    pub(crate) fn close(&mut self, client: u64) {
        self.open.iter_mut().for_each(|r| r.held_by.retain(|id| *id != client));
        self.open.retain(|r| !r.held_by.is_empty());
    }

    /// The number of the last client.
    pub(crate) fn last_client(&self) -> u64 {
        self.last_client
    }

    fn connect(
        &mut self,
        addresses: Addresses,
        holder: u64,
        started: Option<LocalWorkers>,
        settings: &Settings,
    ) -> Result<(), Failure> {
        let secrets = match &started {
            Some(started) => Secrets { token: Some(started.token.clone()), tls: None },
            None => secrets(settings)?,
        };
        let cluster =
            Cluster::connect(&addresses, &secrets, Duration::from_secs_f64(settings.patience_s), &self.cancel)?;
        self.open.push(Remote { addresses, cluster, held_by: vec![holder], _started: started });
        Ok(())
    }
}

impl Remote {
    /// What is known of the workers.
    pub(crate) fn facts(&self) -> PoolFacts {
        self.cluster.facts()
    }

    /// The same for those who watch.
    pub(crate) fn watch(&self) -> Watch {
        self.cluster.watch()
    }
}

/// By what this side shows who it is: what the settings name, or the token of the environment.
fn secrets(settings: &Settings) -> Result<Secrets, Failure> {
    let folder = Some(settings.tls_dir.as_str()).filter(|d| !d.is_empty()).map(Path::new);
    let own = Some(settings.token_file.as_str()).filter(|f| !f.is_empty()).map(PathBuf::from);
    let file = own.or_else(|| folder.map(|f| f.join(TOKEN_FILE)).filter(|f| f.exists()));
    let token = Token::find(file.as_deref()).map_err(security_failure)?;
    let tls = folder.map(|f| Tls::load(&tls_files(f, "client"))).transpose().map_err(security_failure)?;
    Ok(Secrets { token, tls })
}

fn security_failure(error: SecurityError) -> Failure {
    let help = "`cleave certs new DIR NAMES…` makes certificates and a token; workers.tls_dir and workers.token_file name them";
    failure(error.code(), error.to_string(), help)
}

/// The files of one side in a folder that `cleave certs new` made; `side` is `worker` or `client`.
pub fn tls_files(folder: &Path, side: &str) -> TlsFiles {
    TlsFiles {
        ca: folder.join("ca.pem"),
        cert: folder.join(format!("{side}.pem")),
        key: folder.join(format!("{side}-key.pem")),
    }
}

fn start(workers: &Workers, settings: &Settings) -> Result<LocalWorkers, Failure> {
    let Some(program) = &settings.program else {
        let help = "start them with `cleave worker --listen HOST:PORT` and give their address: Client(\"HOST:PORT\")";
        return Err(failure("no-workers", "no workers can be started from here", help));
    };
    LocalWorkers::start(program, &wanted(workers, settings)?).map_err(|error| {
        let help = match error {
            StartError::Program(_) => "look whether the program cleave is still where it was",
            StartError::Silent(_) => "run `cleave worker --listen 127.0.0.1:0` in a terminal to see what is wrong",
        };
        failure("no-workers", error.to_string(), help)
    })
}

/// As many threads in all as the settings say, and no more memory.
fn wanted(workers: &Workers, settings: &Settings) -> Result<Wanted, Failure> {
    let count = workers.count.unwrap_or_else(|| settings.threads.div_ceil(workers.threads.unwrap_or(THREADS_EACH)));
    let memory_bytes = match &workers.memory {
        None => settings.memory_limit_bytes / count as u64,
        Some(text) => crate::settings::read_size(text).filter(|n| *n > 0).ok_or_else(|| {
            let message = format!("`{text}` is no size");
            failure("bad-argument", message, "memory_limit is a size such as \"4GiB\"")
        })?,
    };
    let threads = workers.threads.unwrap_or_else(|| (settings.threads / count).max(1));
    Ok(Wanted { count, threads, memory_bytes })
}

/// A wrong address as a failure.
pub(crate) fn address_failure(error: &crate::address::AddressError) -> Failure {
    Failure { code: error.code(), message: error.to_string(), help: Some(error.help()), cause: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_started_here_share_the_threads_and_the_memory() {
        let settings = Settings { threads: 20, memory_limit_bytes: 60 << 20, ..Settings::default() };
        let cases = [
            (Workers::default(), (3, 6, 20 << 20)),
            (Workers { count: Some(2), ..Workers::default() }, (2, 10, 30 << 20)),
            (Workers { count: Some(40), ..Workers::default() }, (40, 1, (60 << 20) / 40)),
            (Workers { threads: Some(10), ..Workers::default() }, (2, 10, 30 << 20)),
            (Workers { count: Some(1), memory: Some("1MiB".to_owned()), ..Workers::default() }, (1, 20, 1 << 20)),
        ];
        for (workers, want) in cases {
            let wanted = wanted(&workers, &settings).expect("it can be had");
            assert_eq!((wanted.count, wanted.threads, wanted.memory_bytes), want, "{workers:?}");
        }
        let silly = Workers { memory: Some("much".to_owned()), ..Workers::default() };
        assert_eq!(wanted(&silly, &settings).map_err(|f| f.code).err(), Some("bad-argument"));
    }

    #[test]
    fn nothing_can_be_started_without_the_program() {
        let mut remotes = Remotes::default();
        let failed = remotes.client(&Workers::default(), &Settings::default()).map(|c| c.0).expect_err("no program");
        assert_eq!(failed.code, "no-workers");
    }
}
