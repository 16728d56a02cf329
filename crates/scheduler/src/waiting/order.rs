//! Who comes after whom, for those who wait and ask.

use easel_domain::JobId;

use super::{Rank, Waiting};
use crate::moment::Moment;

impl Waiting {
    /// The first jobs in the order in which they would start if nothing but their turn mattered, at most `limit`.
    pub fn order(&self, now: Moment, limit: usize) -> Vec<JobId> {
        let mut copy = self.clone();
        copy.parties.forget_running();
        for (user, lane, key) in copy.parties.unpark_all() {
            copy.list_again(user, lane, key);
        }
        let mut order = Vec::new();
        while order.len() < limit
            && let Some((id, rank)) = copy.first(now)
        {
            if let Some(job) = copy.start(id, rank, now) {
                copy.ended(job.user);
            }
            order.push(id);
        }
        order
    }

    fn first(&mut self, now: Moment) -> Option<(JobId, Rank)> {
        for lane in self.lanes_in_order() {
            let calm = !self.any_overdue(lane, now);
            let lines: Vec<usize> = (0..self.keys(lane)).collect();
            let first = self.first_head(lane, &lines, calm, now).or_else(|| {
                let heads = lines
                    .iter()
                    .filter_map(|at| self.head(lane, *at, calm, now));
                heads.min_by_key(|(rank, _)| *rank)
            });
            if let Some((rank, head)) = first {
                let id = self.job(head).map(|job| job.id)?;
                return Some((id, rank));
            }
        }
        None
    }
}
