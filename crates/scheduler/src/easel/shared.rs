//! Nodes that several jobs share at once: what one more of them costs those that are there, and itself.

use super::Easel;
use crate::fleet::Node;
use crate::job::{BatchKey, Job};

impl Easel {
    /// Whether a job may come to those that a node has: while batches are measured to pay.
    pub(super) fn has_room(&self, job: &Job, node: &Node) -> bool {
        let all = node.pictures().saturating_add(job.pictures);
        !node.is_beyond(all, self.speed.cap(node.class, job.key))
    }

    /// Seconds of one step of a job on a node, with all that the node has: those of its kind are in its calls, and the
    /// others take turns with these.
    pub(super) fn shared_step_s(&self, job: &Job, node: &Node) -> f64 {
        let mut kinds = vec![(job.key, job.pictures)];
        for held in node.running() {
            match kinds.iter_mut().find(|(key, _)| *key == held.key) {
                Some((_, pictures)) => *pictures = pictures.saturating_add(held.pictures),
                None => kinds.push((held.key, held.pictures)),
            }
        }
        let calls = kinds.into_iter();
        calls
            .map(|(key, pictures)| self.calls_s(node, key, pictures))
            .sum()
    }

    /// Seconds for one step of so many pictures of a kind, in as few calls as hold them.
    fn calls_s(&self, node: &Node, key: BatchKey, pictures: u32) -> f64 {
        let most = node.most_pictures().unwrap_or(u32::MAX).max(1);
        let (full, rest) = (pictures / most, pictures % most);
        let mut seconds = f64::from(full) * self.speed.step_s(node.class, key, most);
        if full == 0 || rest > 0 {
            seconds += self.speed.step_s(node.class, key, rest.max(1));
        }
        seconds
    }
}
