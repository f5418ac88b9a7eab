//! Output, input and progress on a terminal.

use cleave_session::output::{Progress, Shown};
use cleave_session::{InputError, Io, Output};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{BufRead, IsTerminal, Write};

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows a session's output as text.
pub(crate) struct Terminal {
    bar: Option<ProgressBar>,
    /// What was shown, for a page; kept only where a page is wanted.
    pub(crate) shown: Option<Vec<Output>>,
    color: bool,
}

impl Terminal {
    pub(crate) fn new(keep: bool) -> Self {
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { bar: None, shown: keep.then(Vec::new), color }
    }

    fn progress(&mut self, progress: &Progress) {
        if progress.end.is_some() {
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
            if std::io::stderr().is_terminal() {
                error_line(&cleave_render::progress_text(progress));
            }
            return;
        }
        let bar = self.bar.get_or_insert_with(new_bar);
        bar.set_position((progress.fraction * STEPS as f64) as u64);
        let text = cleave_render::progress_text(progress);
        bar.set_message(text.split_once("% ").map_or(String::new(), |(_, rest)| rest.to_owned()));
    }

    fn show(&self, shown: &Shown) {
        line(&cleave_render::text(shown));
    }
}

impl Io for Terminal {
    fn emit(&mut self, output: Output) {
        match &output {
            Output::Text { text, error: false } => print(text),
            Output::Text { text, error: true } => print_error(text),
            Output::Show(shown) | Output::Result(shown) | Output::Page(shown) => self.show(shown),
            Output::Progress(progress) => self.progress(progress),
            Output::Error(failed) => error_line(&cleave_render::error_text(failed, self.color)),
            Output::Clear { .. } | Output::Pool { .. } => {}
        }
        if let Some(kept) = &mut self.shown {
            kept.push(output);
        }
    }

    fn input(&mut self, prompt: &str, _password: bool) -> Result<String, InputError> {
        print(prompt);
        let mut text = String::new();
        match std::io::stdin().lock().read_line(&mut text) {
            Ok(0) | Err(_) => Err(InputError::NotAllowed),
            Ok(_) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }
}

fn new_bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:30} {percent:>3} % {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(style.progress_chars("█▌░"));
    bar
}

/// Writes to standard output; a reader that has gone ends the program quietly.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Writes a line to standard output.
pub(crate) fn line(text: &str) {
    print(&format!("{text}\n"));
}

fn print_error(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub(crate) fn error_line(text: &str) {
    print_error(&format!("{text}\n"));
}
