//! The command line.

use clap::{Args, Parser, Subcommand};
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
    /// Where to compute: threads or single-threaded.
    #[arg(long)]
    pub(crate) scheduler: Option<String>,
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
        let settings = self.settings.iter().map(|pair| option("--set", pair.clone()));
        scheduler.into_iter().chain(threads).chain(limit).chain(settings).flatten().collect()
    }
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
