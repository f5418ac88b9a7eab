//! Trials of a card: graphs whose results must have the bits that threads give them.
//!
//! `cases`, `running` and `products` are what is tried, `data` what it is tried with.

mod cases;
mod data;
mod products;
mod running;

pub use cases::{Case, add, all, each_loop, each_loop_seen, fill, in_parts, load};
pub use data::{FAR, difference, elements, form, in_memory, of_all_sorts, stored};
pub use products::products;
pub use running::running;

use crate::{Card, GpuError, Why};
use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_ops::{Data, Scalar};
use cleave_plan::{Cut, Options, Output, Plan, PlanError, RunError, Sink, plan};
use std::fmt;
use std::sync::Arc;

/// How a trial went wrong.
#[derive(Debug)]
pub enum Flaw {
    /// No plan can be made.
    Plan(PlanError),
    /// A run failed.
    Run(RunError),
    /// The card did not do what a kernel is written for.
    Card(GpuError),
    /// An element is not what it must be.
    Element {
        /// Which one.
        place: usize,
        /// What the card gave.
        found: Scalar,
        /// What threads give.
        expected: Scalar,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Plan(error) => error.fmt(f),
            Flaw::Run(error) => error.fmt(f),
            Flaw::Card(error) => error.fmt(f),
            Flaw::Element { place, found, expected } => {
                write!(f, "element {place} is {found:?} and must be {expected:?}")
            }
        }
    }
}

impl std::error::Error for Flaw {}

/// Tries a case; whether the card did all of it.
pub fn attempt(card: &Card, pool: &Pool, (_, graph, node): &Case) -> Result<bool, Flaw> {
    let outputs = [Output { node: *node, cut: Cut::Engine, held: true }];
    let options = Options { threads: pool.threads(), at_once: true, ..Options::default() };
    let plan = plan(graph, &outputs, &options).map_err(Flaw::Plan)?;
    let sources = in_memory(&of_all_sorts(&plan));
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let (dense, sinks) = sinks(&plan);
    let (_, notes) = card.run(pool, &plan, (&sources, &sinks), &control).map_err(Flaw::Run)?;
    let found = taken(&dense);
    let left = || notes.iter().flat_map(|note| &note.left);
    if let Some(error) = left().find_map(|(_, why)| if let Why::Failed(error) = why { Some(error) } else { None }) {
        return Err(Flaw::Card(error.clone()));
    }
    let (dense, sinks) = self::sinks(&plan);
    run(pool, &plan, &sources, &sinks, &control).map_err(Flaw::Run)?;
    let wrong = found.iter().zip(taken(&dense)).find_map(|(found, expected)| difference(found, &expected));
    wrong.map_or(Ok(left().next().is_none()), |(place, found, expected)| Err(Flaw::Element { place, found, expected }))
}

fn sinks(plan: &Plan) -> (Vec<Arc<DenseSink>>, Vec<Arc<dyn Sink>>) {
    let dense: Vec<Arc<DenseSink>> = plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype))).collect();
    let sinks = dense.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    (dense, sinks)
}

fn taken(dense: &[Arc<DenseSink>]) -> Vec<Data> {
    dense.iter().map(|sink| sink.take()).collect()
}
