//! What tests of the whole road share: a session whose output is kept.

use cleave_session::output::Outcome;
use cleave_session::{Cell, InputError, Io, Output, STACK_BYTES, Session, Settings};

/// Keeps what a session shows, and answers its questions.
#[derive(Default)]
pub struct Recorder {
    /// Everything, in order.
    pub outputs: Vec<Output>,
    /// What `input` is answered, first to last.
    pub answers: Vec<String>,
}

impl Io for Recorder {
    fn emit(&mut self, output: Output) {
        self.outputs.push(output);
    }

    fn input(&mut self, _: &str, _: bool) -> Result<String, InputError> {
        if self.answers.is_empty() { Err(InputError::NotAllowed) } else { Ok(self.answers.remove(0)) }
    }
}

impl Recorder {
    /// What was printed and shown, as text.
    pub fn text(&self) -> String {
        let piece = |output: &Output| match output {
            Output::Text { text, .. } => text.clone(),
            Output::Show(shown) | Output::Result(shown) | Output::Page(shown) => {
                format!("{}\n", cleave_render::text(shown))
            }
            Output::Error(_) | Output::Progress(_) | Output::Pool { .. } | Output::Clear { .. } => String::new(),
        };
        self.outputs.iter().map(piece).collect()
    }
}

/// Evaluates a cell and gives its outcome and what it showed.
pub fn evaluate(session: &mut Session, code: &str) -> (Outcome, Recorder) {
    let mut recorder = Recorder::default();
    let cell = Cell { code: code.to_owned(), store_history: true, ..Cell::default() };
    let outcome = session.evaluate(&cell, &mut recorder);
    (outcome, recorder)
}

/// Settings for tests: two threads, a GiB, progress never shown.
pub fn settings() -> Settings {
    Settings { threads: 2, memory_limit_bytes: 1 << 30, progress_delay_s: 1e9, ..Settings::default() }
}

/// Runs on a thread with the stack that programs need.
pub fn on_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.expect("a test starts a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
