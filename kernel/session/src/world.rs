//! What programs ask of the world: printing, input, computing, files, clocks.

use crate::cluster;
use crate::engine::Engine;
use crate::facts;
use crate::files;
use crate::output::{InputError, Io, Output, Progress, RunFacts, Shown};
use crate::plan_facts;
use crate::settings::{Scheduler, Settings};
use crate::watched::News;
use cleave_cpu::{Blocks, MemorySource};
use cleave_gpu::Resident;
use cleave_graph::host::{Computed, Failure, Host, How, Opened, Stored, Workers};
use cleave_graph::value::{Client, Value};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{Data, Shape};
use cleave_plan::{Cut, Output as Wanted, Source};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The code of what is not computed because only its plan is wanted.
pub(crate) const EXPLAINED: &str = "explained";

/// The world of one statement.
pub(crate) struct World<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) io: &'a mut dyn Io,
    /// What was printed, for the statement's record.
    pub(crate) printed: String,
    /// What was computed for the user to see.
    pub(crate) runs: Vec<RunFacts>,
    /// Whether plans are shown instead of computing.
    pub(crate) explain: bool,
    /// When the session began.
    pub(crate) started: Instant,
}

impl World<'_> {
    /// Computes a small array, or says that it is not small: at most so much work.
    pub(crate) fn peek(&mut self, graph: &Graph, root: NodeId, most_work: f64) -> Option<Data> {
        let outputs = [Wanted { node: root, cut: Cut::Engine, held: true }];
        let settings = self.engine.here();
        let planned = self.engine.plan(graph, &outputs, &settings).ok()?;
        let totals = planned.plan.totals;
        let cheap = totals.work <= most_work && totals.elements as f64 <= most_work && totals.bytes_read <= 4 << 20;
        if cheap { self.fetched(graph, root, &settings).ok() } else { None }
    }

    /// Where plans are to be shown instead of computing: shows them, and fails with the code `explained`.
    pub(crate) fn only_explain(&mut self, graph: &Graph, roots: &[NodeId]) -> Result<(), Failure> {
        if !self.explain {
            return Ok(());
        }
        self.explain(graph, roots)?;
        Err(Failure { code: EXPLAINED, message: "shown, not computed".to_owned(), help: None, cause: None })
    }

    fn fetched(&mut self, graph: &Graph, root: NodeId, settings: &Settings) -> Result<Data, Failure> {
        let (sources, _) = self.engine.held(graph, &[root], settings, None)?;
        dense(sources.first().expect("one array was asked for"))
    }

    pub(crate) fn compute_held(
        &mut self,
        graph: &Graph,
        roots: &[NodeId],
        how: &How,
    ) -> Result<Vec<Arc<Blocks>>, Failure> {
        let settings = self.engine.settings_of(graph, roots, how)?;
        let (sources, facts) =
            self.telling(&settings, |engine, tell| engine.held(graph, roots, &settings, Some(tell)))?;
        self.runs.push(facts);
        Ok(sources)
    }

    /// Runs something that shows how far it is, and how the workers are who do it.
    fn telling<T>(
        &mut self,
        settings: &Settings,
        run: impl FnOnce(&mut Engine, &mut dyn FnMut(News)) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (engine, io) = (&mut *self.engine, &mut *self.io);
        let (words, limit, watch) = (settings.scheduler_words(), settings.memory_limit_bytes, engine.watch(settings));
        let pool = |settled| watch.as_ref().map(|w| Output::Pool { facts: Box::new(w.facts()), settled });
        let mut tell = |news: News| {
            io.emit(Output::Progress(progress(&news, &words, limit)));
            pool(false).into_iter().for_each(|output| io.emit(output));
        };
        let done = run(engine, &mut tell);
        pool(true).into_iter().for_each(|output| io.emit(output));
        done
    }
}

impl Host for World<'_> {
    fn interrupted(&self) -> bool {
        self.engine.cancel.is_cancelled()
    }

    fn print(&mut self, text: &str, error: bool) {
        if !error {
            self.printed.push_str(text);
        }
        self.io.emit(Output::Text { text: text.to_owned(), error });
    }

    fn input(&mut self, prompt: &str, password: bool) -> Result<String, Failure> {
        self.io.input(prompt, password).map_err(|error| match error {
            InputError::NotAllowed => failure(
                "no-input",
                "nobody can answer here",
                "run the cell where input is possible, or give the value in the program",
            ),
            InputError::Interrupted => {
                Failure { code: "interrupted", message: "stopped by the user".to_owned(), help: None, cause: None }
            }
        })
    }

    fn display(&mut self, graph: &Graph, values: &[Value]) -> Result<(), Failure> {
        for value in values {
            let shown = facts::show(value, graph, self)?;
            self.io.emit(Output::Show(shown));
        }
        Ok(())
    }

    fn clear(&mut self, wait: bool) {
        self.io.emit(Output::Clear { wait });
    }

    fn compute(&mut self, graph: &Graph, roots: &[NodeId], how: &How) -> Result<Vec<Computed>, Failure> {
        self.only_explain(graph, roots)?;
        let sources = self.compute_held(graph, roots, how)?;
        let mut given = Vec::with_capacity(roots.len());
        for (source, &root) in sources.into_iter().zip(roots) {
            given.push(match graph[root].shape.ndim() {
                0 => Computed::Scalar(dense(&source)?.get(0), graph[root].dtype),
                _ => Computed::Array(self.engine.loaded.add_values(source)),
            });
        }
        Ok(given)
    }

    fn persist(&mut self, graph: &Graph, roots: &[NodeId], how: &How) -> Result<Vec<SourceId>, Failure> {
        self.only_explain(graph, roots)?;
        let settings = self.engine.settings_of(graph, roots, how)?;
        if !matches!(settings.scheduler, Scheduler::Cuda | Scheduler::Auto) {
            let sources = self.compute_held(graph, roots, how)?;
            return Ok(sources.into_iter().map(|source| self.engine.loaded.add(source)).collect());
        }
        let (arrays, facts) =
            self.telling(&settings, |engine, tell| engine.kept(graph, roots, &settings, Some(tell)))?;
        self.runs.push(facts);
        let name = |array: Arc<Resident>| {
            let id = self.engine.loaded.add(Arc::clone(&array) as Arc<dyn Source>);
            self.engine.cards.stay(settings.device, id, &array);
            id
        };
        Ok(arrays.into_iter().map(name).collect())
    }

    fn fetch(&mut self, graph: &Graph, root: NodeId) -> Result<Data, Failure> {
        let settings = self.engine.settings_of(graph, &[root], &How::default())?;
        self.fetched(graph, root, &settings)
    }

    fn hold(&mut self, shape: &Shape, data: Data) -> SourceId {
        self.engine.loaded.add(Arc::new(MemorySource::new(shape, Arc::new(data))))
    }

    fn open(&mut self, target: &Stored) -> Result<Opened, Failure> {
        let (source, shape) = files::open(target)?;
        let (dtype, chunks) = (source.dtype(), source.grid().clone());
        let source = self.engine.loaded.add_stored(source, cluster::place(target));
        Ok(Opened { source, shape, dtype, chunks })
    }

    fn store(&mut self, graph: &Graph, root: NodeId, target: &Stored) -> Result<(), Failure> {
        self.only_explain(graph, &[root])?;
        let settings = self.engine.settings_of(graph, &[root], &How::default())?;
        let facts = self.telling(&settings, |engine, tell| files::store(engine, graph, root, target, tell))?;
        self.runs.push(facts);
        Ok(())
    }

    fn source_label(&self, source: SourceId) -> String {
        self.engine.loaded.sources.get(&source).map_or_else(String::new, |s| s.label().to_owned())
    }

    fn explain(&mut self, graph: &Graph, roots: &[NodeId]) -> Result<(), Failure> {
        let facts = plan_facts::plan_facts(self.engine, graph, roots)?;
        self.io.emit(Output::Show(Shown::Plan(Box::new(facts))));
        Ok(())
    }

    fn clock(&self) -> (f64, f64) {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (epoch.as_secs_f64(), self.started.elapsed().as_secs_f64())
    }

    fn sleep(&mut self, seconds: f64) -> Result<(), Failure> {
        let end = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
        while Instant::now() < end {
            if self.interrupted() {
                return Err(Failure {
                    code: "interrupted",
                    message: "stopped by the user".to_owned(),
                    help: None,
                    cause: None,
                });
            }
            std::thread::sleep((end - Instant::now().min(end)).min(Duration::from_millis(20)));
        }
        Ok(())
    }

    fn tidy(&mut self, graph: &Graph, named: &dyn Fn() -> Vec<NodeId>) {
        self.engine.loaded.forget_unnamed(graph, named);
    }

    fn names_went(&mut self) {
        self.engine.loaded.names_went();
    }

    fn connect(&mut self, workers: &Workers) -> Result<Client, Failure> {
        self.engine.connect(workers)
    }

    fn disconnect(&mut self, client: &Client) {
        if let Some(facts) = self.engine.disconnect(client) {
            self.io.emit(Output::Pool { facts: Box::new(facts), settled: true });
        }
    }

    fn chunk_bytes(&self) -> usize {
        self.engine.settings.chunk_bytes
    }
}

/// All elements in one piece.
fn dense(blocks: &Blocks) -> Result<Data, Failure> {
    let failed =
        |e: cleave_plan::SourceError| Failure { code: "read-failed", message: e.to_string(), help: None, cause: None };
    blocks.to_dense().map_err(failed)
}

/// A failure with a way out.
pub(crate) fn failure(code: &'static str, message: impl Into<String>, help: &str) -> Failure {
    Failure { code, message: message.into(), help: Some(help.to_owned()), cause: None }
}

fn progress(news: &News, scheduler: &str, limit_bytes: u64) -> Progress {
    Progress {
        id: news.id,
        fraction: news.at.fraction,
        rate: news.at.rate,
        left_s: news.at.left_s.filter(|_| news.end.is_none()),
        elapsed_s: news.progress.elapsed.as_secs_f64(),
        bytes: news.progress.bytes_in_use,
        limit_bytes,
        scheduler: scheduler.to_owned(),
        end: news.end,
    }
}
