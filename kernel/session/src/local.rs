//! Workers of this machine, as child processes that end with this one.

use crate::address::Addresses;
use cleave_remote::security::{TOKEN_VARIABLE, Token};
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A worker says so long after its start where it listens.
const PATIENCE: Duration = Duration::from_secs(20);
/// A worker that is asked to end has so long before it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// What a worker prints before its address.
pub const LISTENS: &str = "listens on ";

/// Which workers to start.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How many.
    pub count: usize,
    /// Threads of each.
    pub threads: usize,
    /// What each may hold.
    pub memory_bytes: u64,
}

/// Workers that run; they end when this is dropped.
#[derive(Debug)]
pub struct LocalWorkers {
    /// Where they listen.
    pub addresses: Addresses,
    /// What they ask of those who connect.
    pub token: Token,
    children: Vec<Child>,
}

/// Why workers could not be started.
#[derive(Debug)]
pub enum StartError {
    /// The program cannot be run.
    Program(std::io::Error),
    /// One ended, or said nothing, before it listened; what it wrote to standard error.
    Silent(String),
}

impl LocalWorkers {
    /// Starts workers, each with a port of the system's choice. `program` is `cleave`.
    pub fn start(program: &Path, wanted: &Wanted) -> Result<Self, StartError> {
        let mut all = Self { addresses: Addresses::default(), token: Token::random(), children: Vec::new() };
        for number in 1..=wanted.count {
            let child = command(program, wanted, number)
                .env(TOKEN_VARIABLE, all.token.text())
                .spawn()
                .map_err(StartError::Program)?;
            all.children.push(child);
        }
        for child in &mut all.children {
            let address = address(child)?;
            all.addresses.0.push(address.parse().map_err(|_| StartError::Silent(address))?);
        }
        Ok(all)
    }
}

impl Drop for LocalWorkers {
    /// The end of standard input asks them to end.
    fn drop(&mut self) {
        self.children.iter_mut().for_each(|child| drop(child.stdin.take()));
        let until = Instant::now() + GRACE;
        for child in &mut self.children {
            while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !matches!(child.try_wait(), Ok(Some(_))) {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn command(program: &Path, wanted: &Wanted, number: usize) -> Command {
    let mut command = Command::new(program);
    command.args(["worker", "--listen", "127.0.0.1:0", "--with-parent"]);
    for root in roots() {
        command.arg("--data-root").arg(&root).arg("--write-root").arg(&root);
    }
    command.arg("--name").arg(format!("local-{number}"));
    command.arg("--threads").arg(wanted.threads.to_string());
    command.arg("--memory").arg(wanted.memory_bytes.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The folders with files: a worker of the user's own reads and writes what the user may read and write. The whole file system is no
/// root, as it holds devices and what processes show of themselves.
fn roots() -> Vec<PathBuf> {
    let files = |path: &PathBuf| path.is_dir() && !["/proc", "/sys", "/dev"].iter().any(|not| path.starts_with(not));
    let entries = fs::read_dir("/").into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(files).collect()
}

/// Where a worker says that it listens.
fn address(child: &mut Child) -> Result<String, StartError> {
    let said = child.stdout.take().expect("standard output is a pipe");
    let (tell, told) = mpsc::channel();
    // The thread ends with the worker, which says nothing more.
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    let until = Instant::now() + PATIENCE;
    while let Ok(line) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if let Some((_, address)) = line.split_once(LISTENS) {
            drain(child);
            let address = address.split_whitespace().next().unwrap_or_default();
            return Ok(address.trim_end_matches(':').to_owned());
        }
    }
    let _ = child.kill();
    let wrote = child.stderr.take().map(std::io::read_to_string).and_then(Result::ok).unwrap_or_default();
    Err(StartError::Silent(wrote.trim().to_owned()))
}

/// A worker must not wait for somebody to read what it reports.
fn drain(child: &mut Child) {
    if let Some(mut reports) = child.stderr.take() {
        std::thread::spawn(move || std::io::copy(&mut reports, &mut std::io::sink()));
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Program(error) => write!(f, "no worker can be started: {error}"),
            StartError::Silent(wrote) if wrote.is_empty() => write!(f, "a worker did not say where it listens"),
            StartError::Silent(wrote) => write!(f, "a worker did not start: {wrote}"),
        }
    }
}

impl std::error::Error for StartError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A program that does what the text says.
    fn program(folder: &Path, text: &str) -> std::path::PathBuf {
        let path = folder.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("it may be run");
        path
    }

    fn wanted(count: usize) -> Wanted {
        Wanted { count, threads: 1, memory_bytes: 1 << 20 }
    }

    #[test]
    fn workers_say_where_they_listen_and_end_with_their_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = folder.path().join("said");
        let text = format!(
            "echo \"$CLEAVE_TOKEN\" >> {said}\necho worker listens on 127.0.0.1:$$ with 1 thread\ncat\necho ended >> {said}",
            said = said.display()
        );
        let workers = LocalWorkers::start(&program(folder.path(), &text), &wanted(2)).expect("they start");
        assert_eq!(workers.addresses.0.len(), 2);
        assert!(workers.addresses.to_string().starts_with("127.0.0.1:"), "{}", workers.addresses);
        let token = workers.token.text();
        drop(workers);
        let said = std::fs::read_to_string(said).expect("they wrote");
        assert_eq!(said.matches("ended").count(), 2, "{said}");
        assert_eq!(said.matches(&token).count(), 2, "{said}");
    }

    #[test]
    fn a_worker_that_fails_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let failing = program(folder.path(), "echo 'no port left' >&2; exit 2");
        let error = LocalWorkers::start(&failing, &wanted(1)).expect_err("it fails");
        assert_eq!(error.to_string(), "a worker did not start: no port left");
        let missing = LocalWorkers::start(Path::new("/nowhere/cleave"), &wanted(1));
        assert!(matches!(missing, Err(StartError::Program(_))));
    }
}
