//! What the weights on a node are worth to others than those who would have them changed.

use super::Easel;
use super::cold::{HORIZON_S, IDLE_S, TARGET_LOAD};
use super::place::Claim;
use crate::fleet::Node;
use crate::job::{ClassKey, ModelKey};
use crate::moment::Moment;

impl Easel {
    /// The most that waits for a model of a node: what it could do without loading anything. Against one who stays within
    /// his share, what others ask for beyond theirs does not count.
    pub(super) fn own_s(&self, node: &Node, claim: Claim) -> f64 {
        let waits = |model| {
            let backlog = self.waiting.backlog(model);
            let all = !claim.within;
            let cost = if all { backlog.cost } else { backlog.within };
            cost as f64 / 1e6 / f64::from(self.fleet.copies(model).max(1))
        };
        node.models().map(waits).fold(0.0, f64::max)
    }

    /// Seconds that it would cost to have these weights back soon.
    pub(super) fn worth_s(
        &self,
        class: ClassKey,
        model: ModelKey,
        idle_s: f64,
        now: Moment,
    ) -> f64 {
        let backlog = self.waiting.backlog(model);
        if idle_s >= IDLE_S && backlog.jobs == 0 {
            return 0.0;
        }
        let load_s = self.speed.load_s(class, model);
        let others = f64::from(self.fleet.copies(model).saturating_sub(1));
        let wanted = self.demand.nodes(model, now) / TARGET_LOAD;
        let missed = if others >= 1.0 {
            (wanted - others).clamp(0.0, 1.0)
        } else {
            1.0 - (-self.demand.jobs(model, now) * HORIZON_S).exp()
        };
        let queued = if backlog.jobs > 0 { 1.0 } else { 0.0 };
        let kept = if self.demand.is_promoted(model, now) {
            2.0
        } else {
            1.0
        };
        load_s * (missed * kept + queued)
    }
}
