//! The one place where plans leave for other machines.

use crate::address::{Address, Addresses};
use crate::unreachable::unreachable;
use crate::world::failure;
use cleave_cpu::{Cancel, Control};
use cleave_graph::host::{Failure, Stored, StoredFormat};
use cleave_graph::{Graph, NodeKind, SourceId};
use cleave_plan::{Machine, Options, Output, Plan, RunError, RunReport, Sink, Sources};
use cleave_remote::cluster::{Cluster as Workers, ConnectError, ConnectOptions, Named, RemoteJob, Watch};
use cleave_remote::facts::{LaneFacts, PoolFacts};
use cleave_remote::schedule::Rules;
use cleave_remote::security::{Tls, Token};
use cleave_remote::spec::{JobParts, Limits, Planning, StoredPlace, StoredSource, Wanted, options, prepare};
use cleave_remote::transport::{Connector, Endpoint};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where stored arrays are that graphs load.
pub(crate) type Places = HashMap<SourceId, StoredPlace>;

/// By what this side shows who it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    /// The pool's token.
    pub(crate) token: Option<Token>,
    /// Certificates.
    pub(crate) tls: Option<Tls>,
}

/// A connection to workers.
pub(crate) struct Cluster(Workers);

impl Cluster {
    /// Connects, unless that is cancelled first.
    pub(crate) fn connect(
        addresses: &Addresses,
        secrets: &Secrets,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let connector = Connector { tls: secrets.tls.clone(), token: secrets.token.clone(), ..Connector::default() };
        let rules = Rules { nobody: patience, ..Rules::default() };
        let options = ConnectOptions { connector, rules, cancel: cancel.clone(), ..ConnectOptions::default() };
        let workers = Workers::connect(&named(addresses), options).map_err(|error| match &error {
            ConnectError::Unreachable(errors) => unreachable(errors),
            ConnectError::None => unreachable(&[]),
            ConnectError::Threads(_) => failure("no-threads", error.to_string(), "end programs that use many threads"),
            ConnectError::Cancelled => {
                Failure { code: "interrupted", message: error.to_string(), help: None, cause: None }
            }
        })?;
        Ok(Self(workers))
    }

    pub(crate) fn facts(&self) -> PoolFacts {
        self.0.facts()
    }

    /// The same for those who watch.
    pub(crate) fn watch(&self) -> Watch {
        self.0.watch()
    }

    /// Threads and bytes of all workers together, for plans.
    pub(crate) fn planning(&self) -> (usize, u64) {
        self.0.planning()
    }

    /// Runs a job by the plan that was made of it; output `n` goes to `sinks[n]`.
    pub(crate) fn run(
        &self,
        (parts, plan): (&JobParts, &Arc<Plan>),
        sources: &Sources,
        sinks: &[Arc<dyn Sink>],
        control: &Control<'_>,
    ) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
        let unsent = |error| RunError::Elsewhere { code: "job-refused", cause: Box::new(error) };
        let prepared = prepare(parts, Arc::clone(plan), &Limits::default()).map_err(unsent)?;
        self.0.run(&RemoteJob { prepared: &prepared, parts, sources }, sinks, control)
    }
}

fn named(addresses: &Addresses) -> Vec<Named> {
    let one = |address: &Address| {
        let endpoint = Endpoint::new(&address.host, address.port);
        if address.several { Named::All(endpoint) } else { Named::One(endpoint) }
    };
    addresses.0.iter().map(one).collect()
}

/// What is asked of the workers.
pub(crate) struct Asked<'a> {
    /// After the rewrites.
    pub(crate) graph: &'a Graph,
    pub(crate) outputs: &'a [Output],
    /// Threads and bytes of all workers.
    pub(crate) threads: usize,
    pub(crate) memory_limit_bytes: u64,
    /// How fast a machine is.
    pub(crate) rates: Machine,
}

/// The job that makes the same plan here and there.
pub(crate) fn job(asked: Asked<'_>, sources: &Sources, places: &Places) -> JobParts {
    let wanted = |o: &Output| Wanted { node: o.node, cut: o.cut.clone(), held: o.held, zarr: None };
    JobParts {
        graph: asked.graph.clone(),
        wanted: asked.outputs.iter().map(wanted).collect(),
        planning: Planning {
            threads: asked.threads,
            memory_bytes: asked.memory_limit_bytes,
            rates: asked.rates,
            holding: Options::default().holding,
        },
        sources: stored(asked.graph, sources, places),
    }
}

/// The sources of a graph, each once.
fn stored(graph: &Graph, sources: &Sources, places: &Places) -> Vec<StoredSource> {
    let mut seen = HashSet::new();
    let loads = graph.iter().filter_map(|(_, node)| if let NodeKind::Load(id) = node.kind { Some(id) } else { None });
    let of = |id: SourceId| {
        let source = sources.get(&id)?;
        Some(StoredSource {
            id,
            dtype: source.dtype(),
            grid: source.grid().clone(),
            resident: source.is_resident(),
            place: places.get(&id).cloned().unwrap_or(StoredPlace::Put { number: id.0 }),
        })
    };
    loads.filter(|id| seen.insert(*id)).filter_map(of).collect()
}

/// What a job is planned with here, so that the workers come to the same plan.
pub(crate) fn planning(parts: &JobParts) -> Options {
    options(parts)
}

/// Where workers find a stored array.
pub(crate) fn place(target: &Stored) -> StoredPlace {
    let path = std::path::absolute(Path::new(&target.path)).unwrap_or_else(|_| target.path.clone().into());
    let path = path.display().to_string();
    match target.format {
        StoredFormat::Npy => StoredPlace::Npy { path },
        StoredFormat::Zarr => StoredPlace::Zarr { path, component: target.component.clone() },
    }
}
