//! The command line.

use clap::{Args, Parser, Subcommand};
use cleave_remote::worker::KEEP;
use std::path::PathBuf;

/// Chunked arrays, larger than memory, on this machine's threads.
#[derive(Parser)]
#[command(name = "cleave", version, arg_required_else_help = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a script; values of bare expressions are shown as in a notebook.
    Run {
        /// A script of the Cleave language, such as article.clv.
        file: PathBuf,
        #[command(flatten)]
        how: How,
        #[command(flatten)]
        output: Output,
    },
    /// Evaluate an expression and print its value.
    Eval {
        /// The expression, such as 'ones((3, 3)).sum().compute()'.
        #[arg(allow_hyphen_values = true)]
        expression: String,
        #[command(flatten)]
        how: How,
    },
    /// Print the plans of a script's arrays without computing anything.
    Explain {
        /// A script of the Cleave language.
        file: PathBuf,
        #[command(flatten)]
        how: How,
        /// Write a JSON object for each plan: seconds, bytes and memory that it would take.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Type programs line by line, with history and completion.
    Repl {
        #[command(flatten)]
        how: How,
    },
    /// Serve a Jupyter front end; front ends start this themselves.
    Kernel {
        /// The connection file the front end wrote.
        #[arg(short = 'f', long = "connection-file")]
        connection_file: PathBuf,
        /// What `jupyter run` passes on; the scripts reach the kernel as cells.
        #[arg(hide = true)]
        rest: Vec<String>,
    },
    /// Make the kernel known to Jupyter.
    #[command(group = clap::ArgGroup::new("place"))]
    Install {
        /// For this user; this is the default.
        #[arg(long, group = "place")]
        user: bool,
        /// In the Python environment that is active.
        #[arg(long, group = "place")]
        sys_prefix: bool,
        /// In PREFIX/share/jupyter.
        #[arg(long, group = "place")]
        prefix: Option<PathBuf>,
    },
    /// Open JupyterLab with the kernel installed; makes JupyterLab available if it is not.
    Lab {
        /// The folder to open; the notebooks that come with Cleave by default.
        folder: Option<PathBuf>,
        /// Passed on to JupyterLab.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Say what this machine offers and whether all is in order.
    Doctor {
        /// Measure the machine anew, in about two seconds, for predictions of time.
        #[arg(long)]
        calibrate: bool,
        #[command(flatten)]
        how: How,
    },
    /// Print the reference of an operation, function or magic, or the list of all.
    Reference {
        /// Its name.
        name: Option<String>,
        /// As JSON, for tools.
        #[arg(long)]
        json: bool,
    },
    /// Let kernels compute on this machine: run plans for them until told to stop.
    Worker(Worker),
    /// Start workers on this machine, and stop them when this ends.
    Cluster {
        /// How many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        local: u16,
        /// Threads of each; together all that this machine has by default.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,
        /// What each may hold, such as 4GiB; together six tenths of the memory by default.
        #[arg(long, value_name = "SIZE")]
        memory: Option<String>,
    },
    /// Make the certificates by which workers and kernels know each other.
    Certs {
        #[command(subcommand)]
        what: Certs,
    },
    /// Look at this machine's graphics cards.
    Gpu {
        #[command(subcommand)]
        what: Gpu,
    },
    /// Measure this machine at the workloads of the repository's own table.
    Bench {
        #[command(flatten)]
        bench: crate::bench::Bench,
        #[command(flatten)]
        how: How,
    },
}

/// How to compute.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct How {
    /// Where to compute: threads, single-threaded, cuda, cuda:1, cuda:all, auto or workers://HOST:PORT,HOST:PORT.
    #[arg(long)]
    pub(crate) scheduler: Option<String>,
    /// The certificates that `cleave certs new` made, for workers on other machines.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls_dir: Option<String>,
    /// A file with the token that the workers ask for; the one beside the certificates by default.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<String>,
    /// How many threads.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Bytes a computation may hold, such as 4GiB.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory_limit: Option<String>,
    /// Any setting, such as optimize.fold=off; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

impl How {
    /// The same on the command line of another process.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let option = |name: &str, value: String| [name.to_owned(), value];
        let scheduler = self.scheduler.clone().map(|s| option("--scheduler", s));
        let threads = self.threads.map(|n| option("--threads", n.to_string()));
        let limit = self.memory_limit.clone().map(|size| option("--memory-limit", size));
        let tls_dir = self.tls_dir.clone().map(|dir| option("--tls-dir", dir));
        let token_file = self.token_file.clone().map(|file| option("--token-file", file));
        let settings = self.settings.iter().map(|pair| option("--set", pair.clone()));
        scheduler
            .into_iter()
            .chain(threads)
            .chain(limit)
            .chain(tls_dir)
            .chain(token_file)
            .chain(settings)
            .flatten()
            .collect()
    }
}

/// How a worker is started.
#[derive(Args, Clone, Debug)]
pub(crate) struct Worker {
    /// Where to listen; port 0 for one of the system's choice. Beyond this machine it takes --tls-dir.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7711")]
    pub(crate) listen: String,
    /// How many threads compute; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// What it may hold, such as 4GiB; six tenths of the machine's memory by default.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// What it is called on cards; the machine's name by default.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A directory below which stored arrays may be read; may be given several times. None by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_root: Vec<PathBuf>,
    /// A directory below which this worker writes the chunks of Zarr arrays itself, where kernels see the same
    /// directory under the same path; other results go to the kernel. May be given several times. None by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) write_root: Vec<PathBuf>,
    /// A file with the token that kernels must show; the variable CLEAVE_TOKEN may hold it instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The certificates that `cleave certs new` made.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls_dir: Option<PathBuf>,
    /// Listen beyond this machine without certificates and token: whoever can connect can compute and read below --data-root.
    #[arg(long)]
    pub(crate) insecure_i_know: bool,
    /// Where to answer collectors of metrics, at /metrics; nowhere by default.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics: Option<String>,
    /// How long blocks are kept of a kernel that was lost, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = KEEP.as_secs() as u32, value_parser = clap::value_parser!(u32).range(0..=86400))]
    pub(crate) keep: u32,
    /// Where blocks are put aside when memory is short.
    #[arg(long, value_name = "DIR")]
    pub(crate) spill_dir: Option<PathBuf>,
    /// End when standard input ends, or the process that started this.
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

/// What to do with certificates.
#[derive(Subcommand)]
pub(crate) enum Certs {
    /// Make an authority, certificates for workers and kernels, and a token.
    New {
        /// A directory for them; it is made, and files that are there stay as they are.
        dir: PathBuf,
        /// Names and addresses under which kernels reach the workers.
        #[arg(required = true)]
        names: Vec<String>,
        /// How many days they hold.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36500))]
        days: u32,
    },
}

/// What to do with graphics cards.
#[derive(Subcommand)]
pub(crate) enum Gpu {
    /// Go through all that computing on a card needs, step by step, to a kernel whose answer is known.
    Doctor {
        /// As JSON, for tools.
        #[arg(long)]
        json: bool,
    },
    /// Compute on a card what is known from threads: every operation of every dtype; the bits must be the same.
    Selftest {
        /// The card, counted from 0.
        #[arg(long, value_name = "N", default_value_t = 0)]
        device: usize,
    },
    /// Measure a card: jobs beside the time that it needs for them at least.
    Bench(crate::bench::cards::Bench),
}

/// Where records go besides the terminal.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Output {
    /// Write a JSON object for each top-level statement.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page with the script and what it showed.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}
