//! What time changes: who is suspect, lost or stuck, and when to give up.

use super::member::{Member, Standing};
use super::{End, Loss, Schedule, Time, WorkerId};
use std::time::Duration;

impl Schedule {
    pub(super) fn watch(&mut self, now: Time) {
        let losses: Vec<(WorkerId, Loss)> =
            self.members.iter().filter_map(|(&w, m)| self.loss(now, m).map(|loss| (w, loss))).collect();
        for (worker, loss) in losses {
            self.lose(worker, loss);
        }
        for member in self.members.values_mut().filter(|m| m.standing == Standing::Ready) {
            if now.saturating_sub(member.heard) >= self.rules.suspect {
                member.standing = Standing::Suspect;
            }
        }
        self.watch_for_nobody(now);
    }

    fn loss(&self, now: Time, member: &Member) -> Option<Loss> {
        let silence = now.saturating_sub(member.heard);
        if silence >= self.rules.lost {
            return Some(Loss::Silent { seconds: silence.as_secs() });
        }
        let standstill = now.saturating_sub(member.moved);
        let is_stuck = !member.queue.is_empty() && standstill >= self.lease(member);
        is_stuck.then(|| Loss::Stuck { seconds: standstill.as_secs() })
    }

    /// How long the threads of a worker may stand still.
    fn lease(&self, member: &Member) -> Duration {
        let Some(head) = member.queue.front() else { return self.rules.lease };
        let share = &self.shares[head.0 as usize];
        let share_s = self.stages[share.stage].tasks.task_s() * share.tasks.len() as f64 / member.threads as f64;
        let estimates_s = (share_s * self.rules.lease_estimates).min(1e6);
        self.rules.lease.max(Duration::from_secs_f64(estimates_s))
    }

    fn watch_for_nobody(&mut self, now: Time) {
        let is_there = |m: &Member| m.standing != Standing::Draining || !m.queue.is_empty();
        if self.members.values().any(is_there) {
            self.alone = None;
            return;
        }
        let since = *self.alone.get_or_insert(now);
        if now.saturating_sub(since) >= self.rules.nobody {
            let lost = std::mem::take(&mut self.lost);
            self.end(Err(End::Nobody { lost }));
        }
    }
}
