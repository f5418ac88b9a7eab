//! A world for scripts: output is kept, arrays are worked out naively, files live in memory.

use crate::reference::evaluate;
use cleave_graph::host::{Computed, Failure, How, Opened, Stored, Workers};
use cleave_graph::value::{Client, Value};
use cleave_graph::{Graph, Host, NodeId, SourceId};
use cleave_ops::{Chunks, Data, Shape};
use std::cell::Cell;
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct World {
    pub(crate) output: String,
    /// How often the program may ask whether it was interrupted before it was.
    patience: Option<u64>,
    answers: Vec<String>,
    asked: Cell<u64>,
    sources: HashMap<SourceId, Data>,
    files: HashMap<String, (Shape, Data, Chunks)>,
    slept: f64,
}

impl World {
    /// Makes ready for a cell.
    pub(crate) fn begin(&mut self, patience: Option<u64>, answers: Vec<String>) {
        self.output.clear();
        self.asked.set(0);
        (self.patience, self.answers) = (patience, answers);
    }

    fn put(&mut self, data: Data) -> SourceId {
        let id = SourceId(self.sources.len() as u64);
        self.sources.insert(id, data);
        id
    }
}

fn failure(code: &'static str, message: impl Into<String>) -> Failure {
    Failure { code, message: message.into(), help: None, cause: None }
}

impl Host for World {
    fn interrupted(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.patience.is_some_and(|limit| self.asked.get() > limit)
    }

    fn print(&mut self, text: &str, _error: bool) {
        self.output.push_str(text);
    }

    fn input(&mut self, prompt: &str, _password: bool) -> Result<String, Failure> {
        self.output.push_str(prompt);
        if self.answers.is_empty() {
            return Err(failure("no-input", "nobody is there to answer"));
        }
        Ok(self.answers.remove(0))
    }

    fn display(&mut self, _graph: &Graph, values: &[Value]) -> Result<(), Failure> {
        values.iter().for_each(|value| self.output.push_str(&format!("display {}\n", value.type_name())));
        Ok(())
    }

    fn clear(&mut self, wait: bool) {
        self.output.push_str(if wait { "clear later\n" } else { "clear now\n" });
    }

    fn compute(&mut self, graph: &Graph, roots: &[NodeId], how: &How) -> Result<Vec<Computed>, Failure> {
        if let Some(name) = how.scheduler.as_deref().filter(|s| !matches!(*s, "threads" | "single-threaded")) {
            return Err(failure("unknown-scheduler", format!("there is no scheduler `{name}`")));
        }
        let mut results = Vec::new();
        for &root in roots {
            let data = evaluate(graph, root, &self.sources);
            results.push(match graph[root].shape.ndim() {
                0 => Computed::Scalar(data.get(0), data.dtype()),
                _ => Computed::Array(self.put(data)),
            });
        }
        Ok(results)
    }

    fn persist(&mut self, graph: &Graph, roots: &[NodeId], _how: &How) -> Result<Vec<SourceId>, Failure> {
        let data: Vec<Data> = roots.iter().map(|&root| evaluate(graph, root, &self.sources)).collect();
        Ok(data.into_iter().map(|d| self.put(d)).collect())
    }

    fn fetch(&mut self, graph: &Graph, root: NodeId) -> Result<Data, Failure> {
        if graph[root].shape.size() > 10_000 {
            return Err(failure("too-large", "this world fetches small arrays only"));
        }
        Ok(evaluate(graph, root, &self.sources))
    }

    fn hold(&mut self, _shape: &Shape, data: Data) -> SourceId {
        self.put(data)
    }

    fn open(&mut self, target: &Stored) -> Result<Opened, Failure> {
        let found = self.files.get(&target.path).cloned();
        let (shape, data, chunks) =
            found.ok_or_else(|| failure("file-not-found", format!("there is no file `{}`", target.path)))?;
        let dtype = data.dtype();
        Ok(Opened { source: self.put(data), shape, dtype, chunks })
    }

    fn store(&mut self, graph: &Graph, root: NodeId, target: &Stored) -> Result<(), Failure> {
        let node = &graph[root];
        let data = evaluate(graph, root, &self.sources);
        self.files.insert(target.path.clone(), (node.shape.clone(), data, node.chunks.clone()));
        Ok(())
    }

    fn source_label(&self, source: SourceId) -> String {
        format!("source {}", source.0)
    }

    fn explain(&mut self, _graph: &Graph, roots: &[NodeId]) -> Result<(), Failure> {
        self.output.push_str(&format!("plan of {}\n", roots.len()));
        Ok(())
    }

    fn clock(&self) -> (f64, f64) {
        (1.7e9 + self.slept, self.slept)
    }

    fn sleep(&mut self, seconds: f64) -> Result<(), Failure> {
        self.slept += seconds;
        Ok(())
    }

    fn connect(&mut self, workers: &Workers) -> Result<Client, Failure> {
        let address = workers.address.clone().unwrap_or_else(|| format!("{} here", workers.count.unwrap_or(1)));
        if !address.contains(':') && workers.address.is_some() {
            return Err(failure("bad-address", format!("`{address}` has no port")));
        }
        Ok(Client { id: 1, address: address.into() })
    }

    fn disconnect(&mut self, client: &Client) {
        self.output.push_str(&format!("closed {}\n", client.address));
    }

    fn chunk_bytes(&self) -> usize {
        128 << 20
    }
}
