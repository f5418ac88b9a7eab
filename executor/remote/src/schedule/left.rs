//! What of a stage no share holds yet, in pieces that are meant for one worker each. Nobody waits for anybody: who has
//! nothing of its own left takes what is nobody's, else half of the largest piece.

use super::WorkerId;
use super::halve::middle;
use std::ops::Range;

/// From where on somebody does tasks that lie side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// From the first.
    #[default]
    Rising,
    /// From the last: so whoever did the like of them rising begins with what it read last.
    Falling,
}

/// What of a stage no share holds yet.
#[derive(Clone, Debug)]
pub(super) struct Left {
    /// Ascending, none of them empty.
    pieces: Vec<Piece>,
    pub(super) way: Way,
}

/// Tasks side by side.
#[derive(Clone, Debug)]
struct Piece {
    tasks: Range<usize>,
    owner: Option<WorkerId>,
}

impl Way {
    pub(super) fn reversed(self) -> Self {
        match self {
            Way::Rising => Way::Falling,
            Way::Falling => Way::Rising,
        }
    }
}

impl Left {
    pub(super) fn all(tasks: usize) -> Self {
        let pieces = (tasks > 0).then_some(Piece { tasks: 0..tasks, owner: None });
        Self { pieces: pieces.into_iter().collect(), way: Way::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.tasks.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Deals it anew: each gets what is left of the tasks between the end of the part before and that of its own.
    pub(super) fn deal(&mut self, parts: &[(usize, WorkerId)]) {
        for Piece { mut tasks, .. } in std::mem::take(&mut self.pieces) {
            for &(end, worker) in parts {
                let own = tasks.start..end.clamp(tasks.start, tasks.end);
                tasks.start = own.end;
                self.add(own, Some(worker));
            }
            self.add(tasks, None);
        }
    }

    /// Adds tasks after all others.
    fn add(&mut self, tasks: Range<usize>, owner: Option<WorkerId>) {
        match self.pieces.last_mut().filter(|last| last.owner == owner && last.tasks.end == tasks.start) {
            _ if tasks.is_empty() => {}
            Some(last) => last.tasks.end = tasks.end,
            None => self.pieces.push(Piece { tasks, owner }),
        }
    }

    /// What was meant for a worker is nobody's.
    pub(super) fn disown(&mut self, worker: WorkerId) {
        self.pieces.iter_mut().filter(|piece| piece.owner == Some(worker)).for_each(|piece| piece.owner = None);
    }

    /// The piece from which a worker goes on; of a stage whose results take so many tasks each.
    pub(super) fn claim(&mut self, worker: WorkerId, group: usize) -> Option<Range<usize>> {
        let of = |owner: Option<WorkerId>| self.next_of(owner);
        let found = of(Some(worker)).or_else(|| of(None)).or_else(|| self.halve_largest(worker, group));
        found.map(|index| self.pieces[index].tasks.clone())
    }

    /// So many tasks off the side of a piece at which its worker is.
    pub(super) fn take(&mut self, piece: &Range<usize>, len: usize) -> Range<usize> {
        let Some(index) = self.pieces.iter().position(|p| p.tasks == *piece) else { return 0..0 };
        let own = &mut self.pieces[index].tasks;
        let taken = match self.way {
            Way::Rising => own.start..(own.start + len).min(own.end),
            Way::Falling => own.end.saturating_sub(len).max(own.start)..own.end,
        };
        match self.way {
            Way::Rising => own.start = taken.end,
            Way::Falling => own.end = taken.start,
        }
        if own.start == own.end {
            self.pieces.remove(index);
        }
        taken
    }

    fn next_of(&self, owner: Option<WorkerId>) -> Option<usize> {
        let is_own = |piece: &Piece| piece.owner == owner;
        match self.way {
            Way::Rising => self.pieces.iter().position(is_own),
            Way::Falling => self.pieces.iter().rposition(is_own),
        }
    }

    /// Makes the half that its owner would come to last a worker's own.
    fn halve_largest(&mut self, worker: WorkerId, group: usize) -> Option<usize> {
        let (index, _) = self.pieces.iter().enumerate().max_by_key(|(_, piece)| piece.tasks.len())?;
        let Piece { tasks, owner } = self.pieces[index].clone();
        let own = Some(worker);
        if tasks.len() < 2 {
            self.pieces[index].owner = own;
            return Some(index);
        }
        let middle = middle(&tasks, group);
        let (first, last) = (tasks.start..middle, middle..tasks.end);
        let owners = if self.way == Way::Rising { [owner, own] } else { [own, owner] };
        let halves = [first, last].into_iter().zip(owners).map(|(tasks, owner)| Piece { tasks, owner });
        self.pieces.splice(index..=index, halves);
        Some(if self.way == Way::Rising { index + 1 } else { index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKERS: [WorkerId; 3] = [WorkerId(0), WorkerId(1), WorkerId(2)];

    fn dealt(way: Way) -> Left {
        let mut left = Left { way, ..Left::all(90) };
        left.deal(&[(30, WORKERS[0]), (60, WORKERS[1]), (80, WORKERS[2])]);
        left
    }

    /// What a worker takes, so many tasks at a time, until nothing is left for it.
    fn taken(left: &mut Left, worker: WorkerId, len: usize, times: usize) -> Vec<Range<usize>> {
        let next = |_| left.claim(worker, 1).map(|piece| left.take(&piece, len));
        (0..times).map_while(next).collect()
    }

    #[test]
    fn each_takes_its_own_side_by_side_then_what_is_nobodys_then_half_of_anothers() {
        let mut left = dealt(Way::Rising);
        assert_eq!(taken(&mut left, WORKERS[1], 15, 4), [30..45, 45..60, 80..90, 15..30]);
        let mut left = dealt(Way::Falling);
        assert_eq!(taken(&mut left, WORKERS[1], 15, 4), [45..60, 30..45, 80..90, 0..15]);
    }

    #[test]
    fn who_works_alone_gets_everything_once() {
        for way in [Way::Rising, Way::Falling] {
            let mut all = taken(&mut dealt(way), WORKERS[2], 7, 90);
            all.sort_by_key(|tasks| tasks.start);
            assert_eq!(all.into_iter().flatten().collect::<Vec<_>>(), (0..90).collect::<Vec<_>>(), "{way:?}");
        }
    }

    #[test]
    fn parts_are_dealt_anew_of_what_is_left() {
        let mut left = dealt(Way::Rising);
        assert_eq!(taken(&mut left, WORKERS[0], 40, 1).first(), Some(&(0..30)));
        left.deal(&[(50, WORKERS[0]), (90, WORKERS[2])]);
        left.disown(WORKERS[2]);
        assert_eq!(left.len(), 60);
        assert_eq!(taken(&mut left, WORKERS[0], 100, 2), [30..50, 50..90]);
        assert!(left.is_empty());
    }
}
