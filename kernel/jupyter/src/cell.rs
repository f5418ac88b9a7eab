//! What a running cell shows becomes messages, within limits.

use crate::kernel::Kernel;
use crate::limits::{Limiter, Piece};
use crate::reply;
use crate::wire::{Message, Request};
use cleave_render::{progress_html, progress_text};
use cleave_session::output::{PoolFacts, Progress, Shown};
use cleave_session::{Failed, InputError, Io, Output};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Progress of one computation is shown at most so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// A waiting cell looks so often whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where one cell's output goes and its input comes from.
pub(crate) struct CellIo<'a> {
    kernel: &'a Kernel,
    request: &'a Request,
    count: u32,
    silent: bool,
    allow_stdin: bool,
    limiter: Limiter,
    /// The stream of the last output, if that was text.
    stream: Option<bool>,
    /// When the progress of each computation was last shown.
    progress: BTreeMap<u64, Instant>,
    pages: Vec<Value>,
}

impl<'a> CellIo<'a> {
    pub(crate) fn new(kernel: &'a Kernel, request: &'a Request, count: u32, silent: bool, allow_stdin: bool) -> Self {
        let (limiter, progress) = (Limiter::default(), BTreeMap::new());
        Self { kernel, request, count, silent, allow_stdin, limiter, stream: None, progress, pages: Vec::new() }
    }

    /// Sends what is left, then the error; the answer is the pages for the front end's pager.
    pub(crate) fn finish(mut self, failed: Option<&Failed>) -> Vec<Value> {
        self.release();
        if let (Some(failed), false) = (failed, self.silent) {
            self.show(&reply::error(failed));
        }
        self.pages
    }

    fn text(&mut self, piece: Piece) {
        for piece in self.limiter.admit(piece, Instant::now()) {
            self.send(&piece);
        }
    }

    /// Sends the end of text that was too much.
    fn release(&mut self) {
        for piece in self.limiter.release() {
            self.send(&piece);
        }
    }

    fn send(&mut self, piece: &Piece) {
        if self.stream.replace(piece.error) != Some(piece.error) {
            self.pace();
        }
        self.kernel.iopub.text(piece, &self.request.header, &|| self.kernel.cancel.is_cancelled());
    }

    fn show(&mut self, message: &Message) {
        self.stream = None;
        self.pace();
        self.kernel.iopub.output(message, &self.request.header, &|| self.kernel.cancel.is_cancelled());
    }

    /// Waits while there were too many messages of late.
    fn pace(&mut self) {
        loop {
            let pause = self.limiter.pause(Instant::now());
            if pause.is_zero() || self.kernel.cancel.is_cancelled() {
                return;
            }
            std::thread::sleep(pause.min(LOOK_EVERY));
        }
    }

    /// Shows workers in a card that stays fresh.
    fn card(&mut self, pool: Box<PoolFacts>) {
        self.release();
        let (session, address) = (self.kernel.iopub.session(), pool.address.clone());
        let data = reply::data(&Shown::Client(pool));
        let id = self.kernel.cards.open(session, &address, data.clone(), Instant::now());
        self.show(&reply::display("display_data", data, Some(&id)));
    }

    /// Shows anew what cards show of these workers.
    fn pool(&mut self, pool: Box<PoolFacts>, settled: bool) {
        let (address, is_over) = (pool.address.clone(), pool.closed);
        let data = reply::data(&Shown::Client(pool));
        for id in self.kernel.cards.due(&address, &data, settled, Instant::now()) {
            self.show(&reply::display("update_display_data", data.clone(), Some(&id)));
        }
        if is_over {
            self.kernel.cards.close(&address);
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let now = Instant::now();
        let last = self.progress.insert(progress.id, now);
        if let (Some(last), None) = (last, progress.end)
            && now.duration_since(last) < PROGRESS_EVERY
        {
            self.progress.insert(progress.id, last);
            return;
        }
        let kind = if last.is_none() { "display_data" } else { "update_display_data" };
        let data = json!({ "text/plain": progress_text(progress), "text/html": progress_html(progress) });
        let id = format!("progress-{}-{}", self.kernel.iopub.session(), progress.id);
        self.show(&reply::display(kind, data, Some(&id)));
    }
}

impl Io for CellIo<'_> {
    fn emit(&mut self, output: Output) {
        if self.silent {
            return;
        }
        match output {
            Output::Text { text, error } => self.text(Piece { error, text }),
            // What is shown anew needs an id, which an execute_result cannot have.
            Output::Show(Shown::Client(pool)) | Output::Result(Shown::Client(pool)) => self.card(pool),
            Output::Pool { facts, settled } => self.pool(facts, settled),
            Output::Show(shown) => self.show(&reply::display("display_data", reply::data(&shown), None)),
            Output::Result(shown) => {
                self.release();
                self.show(&reply::execute_result(self.count, reply::data(&shown)));
            }
            Output::Progress(progress) => self.progress(&progress),
            // `finish` shows the outcome's error, which is the same one.
            Output::Error(_) => {}
            Output::Clear { wait } => {
                // What showed progress is gone; the next one needs a place of its own.
                self.progress.clear();
                self.show(&Message::new("clear_output", json!({ "wait": wait })));
            }
            Output::Page(shown) => self.pages.push(reply::page(reply::data(&shown))),
        }
    }

    fn input(&mut self, prompt: &str, password: bool) -> Result<String, InputError> {
        if !self.allow_stdin {
            return Err(InputError::NotAllowed);
        }
        self.kernel.iopub.flush();
        self.kernel.stdin.ask(self.request, prompt, password, &|| self.kernel.cancel.is_cancelled())
    }
}
