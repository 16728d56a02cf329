//! What nodes were told to load and to give up, until they are heard to have done it.
//!
//! The policy believes its own decisions at once; a node needs time, and says every second how far it is. While an order
//! is young the node's older words do not count against it. After that the node is right.

use std::time::Duration;

use easel_domain::message::{Heartbeat, Residency};
use easel_domain::{BootId, JobId};
use easel_scheduler::fleet::NodeFacts;
use easel_scheduler::{Event, ModelKey};
use time::OffsetDateTime;

use super::{Scheduler, node_key};

/// An order that a node has not begun to follow after this long was lost, or cannot be followed.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// Orders to one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    load: Option<(ModelKey, OffsetDateTime)>,
    unload: Vec<(ModelKey, OffsetDateTime)>,
}

impl Orders {
    fn is_going(&self, model: ModelKey) -> bool {
        self.unload.iter().any(|(going, _)| *going == model)
    }

    fn forget_old(&mut self, now: OffsetDateTime) {
        self.unload
            .retain(|(_, since)| now - *since < FOLLOWED_WITHIN);
    }
}

impl Scheduler {
    /// Whether the policy wants this job held up on this node.
    pub fn is_paused(&self, boot: BootId, job_id: JobId) -> bool {
        let node = self.easel.fleet().get(node_key(boot));
        node.is_some_and(|node| node.paused().iter().any(|held| held.job == job_id))
    }

    /// Notes that a node is told to load, and what it is told to give up; returns the names of those.
    pub(super) fn orders_load(
        &mut self,
        boot: BootId,
        hash: &str,
        evict: &[ModelKey],
        now: OffsetDateTime,
    ) -> Vec<String> {
        let model = ModelKey(self.models.number(&hash.to_owned()));
        if let Some(seen) = self.nodes.get_mut(&boot) {
            seen.orders.load = Some((model, now));
            seen.orders.unload.retain(|(going, _)| *going != model);
            seen.orders
                .unload
                .extend(evict.iter().map(|going| (*going, now)));
        }
        let names = evict.iter().filter_map(|going| self.models.name(going.0));
        names.cloned().collect()
    }

    /// The weights that a node has in memory, those that it was just told to give up left out.
    pub(super) fn resident(&mut self, beat: &Heartbeat, orders: &mut Orders) -> Vec<ModelKey> {
        let mut resident = Vec::new();
        for model in &beat.models {
            let key = ModelKey(self.models.number(&model.hash));
            if model.bytes > 0 {
                let gib = model.bytes as f64 / f64::from(1 << 30);
                self.easel.told_size(key, gib);
            }
            // A node that takes no orders has, or loads by itself, whatever it names.
            let there = model.residency == Residency::Resident || !beat.directed;
            if there && !orders.is_going(key) {
                resident.push(key);
            }
        }
        resident
    }

    /// Tells the policy how far a node has come with its orders, and where it is not what the policy believes.
    pub(super) fn follow_up(
        &mut self,
        beat: &Heartbeat,
        facts: &NodeFacts,
        orders: &mut Orders,
        now: OffsetDateTime,
    ) {
        orders.forget_old(now);
        let key = node_key(beat.from.boot);
        if let Some((model, since)) = orders.load {
            let heard = beat.models.iter().find(|heard| {
                let number = self.models.number(&heard.hash);
                ModelKey(number) == model
            });
            match heard.map(|heard| (heard.residency, heard.load_s)) {
                Some((Residency::Resident, load_s)) => {
                    orders.load = None;
                    let took_s = load_s.unwrap_or_else(|| (now - since).as_seconds_f64());
                    let node = key;
                    self.tell(
                        Event::Loaded {
                            node,
                            model,
                            took_s,
                        },
                        now,
                    );
                }
                Some((Residency::Loading, _)) => {}
                Some((Residency::Stored, _)) | None if now - since < FOLLOWED_WITHIN => {}
                Some((Residency::Stored, _)) | None => {
                    tracing::warn!(node.id = %beat.from.node, "node {} did not load what it was told to", beat.from.node);
                    orders.load = None;
                    self.meet_again(facts, now);
                }
            }
        }
        let believed = self.easel.fleet().get(key);
        let lost = believed.is_some_and(|node| {
            let mut models = node.models();
            node.paused().is_empty() && models.any(|model| !facts.loaded.contains(&model))
        });
        if beat.directed && lost && orders.load.is_none() {
            self.meet_again(facts, now);
        }
    }

    /// The policy forgets what it believed of a node and takes it as it is; its jobs stay with it.
    fn meet_again(&mut self, facts: &NodeFacts, now: OffsetDateTime) {
        self.tell(Event::NodeGone(facts.node), now);
        self.tell(Event::Node(Box::new(facts.clone())), now);
    }
}
