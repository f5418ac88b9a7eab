//! Results that stay on the card: each is one piece of its memory, into which kernels write where elements belong.

use super::Flight;
use crate::anew::Anew;
use crate::device::Memory;
use crate::emit::Placed;
use crate::resident::Resident;
use crate::shelf::{Stop, placed};
use cleave_plan::Work;
use std::sync::Arc;

/// What of the results is the card's.
pub(crate) struct Own<'a> {
    /// Those of the plan that may stay, by output.
    pub(crate) results: &'a [Option<Arc<Resident>>],
    /// How they are made anew, if that is known.
    pub(crate) anew: &'a Option<Arc<Anew>>,
    /// Those that the stage makes, by goal; none that goes to the host.
    pub(crate) homes: Vec<Option<Home>>,
}

/// The memory of a result.
pub(crate) struct Home {
    result: Arc<Resident>,
    output: usize,
    memory: Memory,
}

impl Flight<'_> {
    /// Takes memory for those of the stage's results that may stay, as far as there is any.
    pub(super) fn take_homes(&mut self) {
        let is_made_whole = matches!(self.pass.stage().work, Work::Store(_) | Work::Contract(_));
        if is_made_whole && self.tasks.len() == self.pass.stage().tasks {
            for target in self.pass.stage().targets() {
                let home = match (target.buffer, &target.outputs[..]) {
                    (None, &[output]) => self.home(output),
                    _ => None,
                };
                self.own.homes.push(home);
            }
        }
    }

    fn home(&self, output: usize) -> Option<Home> {
        let result = self.own.results.get(output)?.as_ref()?;
        let room = self.limit_bytes.saturating_sub(self.held_bytes() + self.home_bytes());
        let bytes = result.nbytes();
        // What is short later is what the stage reads, part by part.
        if bytes == 0 || bytes as u64 > room / 2 {
            return None;
        }
        self.device.room(bytes).ok().map(|memory| Home { result: Arc::clone(result), output, memory })
    }

    /// Bytes of all of it.
    pub(crate) fn home_bytes(&self) -> u64 {
        self.own.homes.iter().flatten().map(|home| home.memory.nbytes() as u64).sum()
    }

    /// Whether nothing that the stage makes goes to the host.
    pub(crate) fn is_all_home(&self) -> bool {
        !self.own.homes.is_empty() && self.own.homes.iter().all(Option::is_some)
    }

    /// Where a result stands, if it stays.
    pub(super) fn at_home(&self, goal: usize) -> Option<Placed> {
        let home = self.own.homes.get(goal)?.as_ref()?;
        Some(placed(home.result.whole(), &home.memory))
    }

    /// Which of so many of a launch's columns, or goals, go to the host.
    pub(super) fn away(&self, columns: usize) -> impl Iterator<Item = usize> + '_ {
        (0..columns).filter(|&goal| self.own.homes.get(goal).is_none_or(Option::is_none))
    }

    /// The stage is done: what the card has made stays there. Of results of which threads have made some the host has all.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        let is_whole = self.note.left.is_empty();
        for Home { result, output, memory } in std::mem::take(&mut self.own.homes).into_iter().flatten() {
            result.keep(memory, self.own.anew.clone().map(|anew| (anew, output)));
            if !is_whole {
                result.come_home().map_err(cleave_plan::RunError::Write)?;
            }
        }
        Ok(())
    }
}
