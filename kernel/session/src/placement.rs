//! Where arrays are computed: on threads here, or by workers that a client or the settings name.

use crate::address::{AddressError, Addresses};
use crate::engine::Engine;
use crate::output::PoolFacts;
use crate::remote::{Remote, address_failure};
use crate::settings::{Scheduler, Settings};
use crate::world::failure;
use cleave_graph::device::{Apart, Device, device_of};
use cleave_graph::host::{Failure, How, Workers};
use cleave_graph::value::Client;
use cleave_graph::{Graph, NodeId};
use cleave_remote::cluster::Watch;

/// How it was before a cell.
pub(crate) struct Before {
    last_client: u64,
    scheduler: Scheduler,
    workers: Addresses,
}

impl Before {
    pub(crate) fn of(last_client: u64, settings: &Settings) -> Self {
        Self { last_client, scheduler: settings.scheduler, workers: settings.workers.clone() }
    }
}

impl Engine {
    /// A cell begins.
    pub(crate) fn begin_cell(&mut self) {
        self.loaded.begin_cell();
        self.before = Before::of(self.remotes.last_client(), &self.settings);
    }

    /// The cell failed: clients it made have no name.
    pub(crate) fn fail_cell(&mut self) {
        let last = self.remotes.last_client();
        if last > self.before.last_client {
            (self.before.last_client + 1..=last).for_each(|client| self.remotes.close(client));
            (self.settings.scheduler, self.settings.workers) = (self.before.scheduler, self.before.workers.clone());
        }
    }

    /// A client of workers, which compute from now on.
    pub(crate) fn connect(&mut self, workers: &Workers) -> Result<Client, Failure> {
        let (client, addresses) = self.remotes.client(workers, &self.settings)?;
        (self.settings.scheduler, self.settings.workers) = (Scheduler::Workers, addresses);
        self.board.pool(self.remotes.last().map(Remote::watch));
        Ok(client)
    }

    /// A client lets go of its workers; if they computed, threads do from now on. What was known of
    /// those whose connection ends with it.
    pub(crate) fn disconnect(&mut self, client: &Client) -> Option<PoolFacts> {
        let held = self.remotes.held_by(client.id).map(|r| (r.addresses.clone(), r.facts()));
        self.remotes.close(client.id);
        self.board.pool(self.remotes.last().map(Remote::watch));
        let lost = self.remotes.find(&self.settings.workers).is_none();
        if lost && self.settings.scheduler == Scheduler::Workers {
            self.settings.scheduler = Scheduler::Threads;
        }
        let ended = held.filter(|(addresses, _)| self.remotes.find(addresses).is_none());
        ended.map(|(_, facts)| PoolFacts { closed: true, ..facts })
    }

    /// What is known of the workers that compute under these settings, at any time.
    pub(crate) fn watch(&self, settings: &Settings) -> Option<Watch> {
        self.remote(settings).map(Remote::watch)
    }

    /// What is known of the workers that compute, or were connected last.
    pub(crate) fn pool_facts(&mut self) -> Result<PoolFacts, Failure> {
        let remote = match self.settings.scheduler {
            Scheduler::Workers => Some(self.remotes.of_settings(&self.settings)?),
            Scheduler::Threads | Scheduler::SingleThreaded | Scheduler::Cuda | Scheduler::Auto => self.remotes.last(),
        };
        self.board.pool(remote.map(Remote::watch));
        remote.map(Remote::facts).ok_or_else(|| address_failure(&AddressError::NoWorkers))
    }

    /// The settings a call asks for.
    pub(crate) fn settings_for(&mut self, how: &How) -> Result<Settings, Failure> {
        let mut settings = self.settings.clone();
        if let Some(name) = &how.scheduler {
            settings.set("scheduler", name).map_err(|e| failure(e.code(), e.to_string(), &e.help()))?;
        }
        if let Some(threads) = how.threads {
            settings.threads = threads.clamp(1, 1024);
        }
        if settings.scheduler == Scheduler::Workers {
            self.remotes.of_settings(&settings)?;
        }
        Ok(self.placed(settings))
    }

    /// The settings that a call asks for to compute arrays: those that were put on a GPU are computed there, unless the
    /// call names a scheduler.
    pub(crate) fn settings_of(&mut self, graph: &Graph, roots: &[NodeId], how: &How) -> Result<Settings, Failure> {
        let settings = self.settings_for(how)?;
        match how.scheduler {
            Some(_) => Ok(settings),
            None => self.beside(graph, roots, settings),
        }
    }

    /// Settings with the GPU that arrays were put on.
    pub(crate) fn beside(&self, graph: &Graph, roots: &[NodeId], settings: Settings) -> Result<Settings, Failure> {
        match device_of(graph, roots) {
            Ok(Device::Cuda(number)) if self.follows_devices => {
                // Threads and memory of workers are of no use there.
                let own = if settings.scheduler == Scheduler::Workers { self.settings.clone() } else { settings };
                Ok(Settings { scheduler: Scheduler::Cuda, device: usize::from(number), all_devices: false, ..own })
            }
            Ok(_) => Ok(settings),
            Err(Apart(one, other)) => {
                let message = format!("what is computed together is made of arrays on {one} and on {other}");
                let help = format!("bring them together with .to_device(\"{one}\")");
                Err(failure("device-mismatch", message, &help))
            }
        }
    }

    /// The session's settings, with the threads and the memory of the workers where they compute and are connected.
    pub(crate) fn now(&self) -> Settings {
        self.placed(self.settings.clone())
    }

    /// The session's settings for what is too small to send away.
    pub(crate) fn here(&self) -> Settings {
        match self.settings.scheduler {
            Scheduler::Workers | Scheduler::Cuda | Scheduler::Auto => {
                Settings { scheduler: Scheduler::Threads, ..self.settings.clone() }
            }
            Scheduler::Threads | Scheduler::SingleThreaded => self.settings.clone(),
        }
    }

    fn placed(&self, mut settings: Settings) -> Settings {
        if let Some(remote) = self.remote(&settings) {
            (settings.threads, settings.memory_limit_bytes) = remote.cluster.planning();
        }
        settings
    }

    /// The workers that compute under these settings.
    pub(crate) fn remote(&self, settings: &Settings) -> Option<&Remote> {
        match settings.scheduler {
            Scheduler::Workers => self.remotes.find(&settings.workers),
            Scheduler::Threads | Scheduler::SingleThreaded | Scheduler::Cuda | Scheduler::Auto => None,
        }
    }
}

impl Settings {
    /// Threads that work.
    pub(crate) fn workers(&self) -> usize {
        match self.scheduler {
            Scheduler::Threads | Scheduler::Workers | Scheduler::Cuda | Scheduler::Auto => self.threads,
            Scheduler::SingleThreaded => 1,
        }
    }
}
