//! `cleave worker`

use crate::options::Worker as Given;
use crate::{fail, terminal};
use cleave_dashboard::{Metrics, OpenError, worker_metrics};
use cleave_remote::roots::Roots;
use cleave_remote::security::{SecurityError, Tls, Token};
use cleave_remote::worker::{ServeError, Worker, WorkerOptions};
use cleave_session::local::LISTENS;
use cleave_session::settings::{Settings, read_size};
use cleave_session::{TOKEN_FILE, tls_files};
use nix::sys::resource::{Resource, setrlimit};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A worker that may not start: code, sentence, way out.
type Refused = (&'static str, String, &'static str);

/// Listens and computes until it is told to stop.
pub(crate) fn worker(given: &Given) -> ExitCode {
    if given.with_parent {
        // The end of standard input says the same, where this is not known.
        let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM);
    }
    // Data of others is not to be left in files when this fails; where that cannot be said it is no worse than before.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let options = match options(given) {
        Ok(options) => options,
        Err((code, message, help)) => return fail(code, &message, help),
    };
    let metrics = match given.metrics.as_deref().map(address).transpose() {
        Ok(at) => at,
        Err((code, message, help)) => return fail(code, &message, help),
    };
    match run(options, metrics, given.with_parent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::Worker(error)) => fail(error.code(), &error.to_string(), help(&error)),
        Err(Ended::Metrics(error)) => fail("cannot-listen", &error.to_string(), "give --metrics a port that is free"),
    }
}

/// Why a worker did not run.
enum Ended {
    Worker(ServeError),
    Metrics(OpenError),
}

/// Says where it listens, and serves until it is told to stop.
fn run(options: WorkerOptions, metrics: Option<SocketAddr>, with_parent: bool) -> Result<(), Ended> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_name("service").enable_all().build();
    let runtime = runtime.map_err(|error| Ended::Worker(ServeError::Threads(error)))?;
    let words = words(&options);
    let worker = runtime.block_on(Worker::bind(options)).map_err(Ended::Worker)?;
    let watch = worker.watch();
    let metrics = metrics.map(|at| Metrics::open(at, move || worker_metrics(&watch()))).transpose();
    let metrics = metrics.map_err(Ended::Metrics)?;
    let at = worker.address().map_err(Ended::Worker)?;
    let beside = metrics.as_ref().map_or_else(String::new, |m| format!(", metrics at http://{}/metrics", m.at));
    terminal::print(&format!("cleave worker {LISTENS}{at}: {words}{beside}\n"));
    let served = runtime.block_on(worker.serve(told_to_stop(with_parent)));
    runtime.shutdown_background();
    served.map_err(Ended::Worker)
}

fn options(given: &Given) -> Result<WorkerOptions, Refused> {
    let settings =
        Settings::from_environment().map_err(|e| (e.code(), e.to_string(), "change or unset the variable"))?;
    let folder = given.tls_dir.as_deref();
    let file = given.token_file.clone().or_else(|| folder.map(|f| f.join(TOKEN_FILE)).filter(|f| f.exists()));
    let roots = Roots::new(&given.data_root, &given.write_root);
    let roots =
        roots.map_err(|e| (e.code(), e.to_string(), "--data-root and --write-root take directories that exist"))?;
    Ok(WorkerOptions {
        listen: address(&given.listen)?,
        name: given.name.clone().unwrap_or_else(machine_name),
        threads: given.threads.map_or(settings.threads, usize::from),
        memory_bytes: given.memory.as_deref().map_or(Ok(settings.memory_limit_bytes), size)?,
        roots,
        token: Token::find(file.as_deref()).map_err(secret)?,
        tls: folder.map(|f| Tls::load(&tls_files(f, "worker"))).transpose().map_err(secret)?,
        insecure: given.insecure_i_know,
        keep: Duration::from_secs(u64::from(given.keep)),
        spill_directory: given.spill_dir.clone().unwrap_or_else(|| settings.spill_directory()),
        ..WorkerOptions::default()
    })
}

/// An address of this machine.
fn address(text: &str) -> Result<SocketAddr, Refused> {
    let bad = |why: String| {
        ("bad-address", format!("`{text}` is no address to listen on{why}"), "give HOST:PORT, such as 127.0.0.1:7711")
    };
    let mut found = text.to_socket_addrs().map_err(|error| bad(format!(": {error}")))?;
    found.next().ok_or_else(|| bad(String::new()))
}

fn size(text: &str) -> Result<u64, Refused> {
    let bad = || ("bad-size", format!("`{text}` is no size"), "give a size such as 4GiB");
    read_size(text).filter(|n| *n > 0).ok_or_else(bad)
}

fn secret(error: SecurityError) -> Refused {
    (error.code(), error.to_string(), "`cleave certs new DIR NAMES…` makes certificates and a token")
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "worker".to_owned() } else { name.trim().to_owned() }
}

/// What is worth knowing beside the address.
fn words(options: &WorkerOptions) -> String {
    let threads = if options.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", options.threads) };
    let open = match (options.tls.is_some(), options.token.is_some()) {
        (true, true) => "certificates and token",
        (true, false) => "certificates",
        (false, true) => "token",
        (false, false) => "open to whoever can connect",
    };
    format!("{}, {threads}, {}, {open}", options.name, cleave_render::size(options.memory_bytes))
}

/// A signal, or the end of the process that started this one.
async fn told_to_stop(with_parent: bool) {
    let parent = async {
        match with_parent {
            true => {
                drop(tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await)
            }
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = parent => {}
        () = heard(SignalKind::terminate()) => {}
        () = heard(SignalKind::interrupt()) => {}
    }
}

async fn heard(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

fn help(error: &ServeError) -> &'static str {
    match error {
        ServeError::Security(_) => {
            "give --tls-dir DIR, which `cleave certs new` makes with a token, or listen on 127.0.0.1; \
             --insecure-i-know lets whoever can connect compute here"
        }
        ServeError::Listen { .. } => "give an address of this machine and a port that is free, or port 0",
        ServeError::Pool(_) | ServeError::Threads(_) => "use fewer threads: --threads N",
    }
}
