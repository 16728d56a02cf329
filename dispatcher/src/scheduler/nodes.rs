//! Nodes as they are heard, and as they fall silent.

use std::collections::BTreeSet;

use easel_domain::BootId;
use easel_domain::message::Heartbeat;
use easel_scheduler::fleet::{ClassRule, NodeFacts};
use easel_scheduler::{ClassKey, Event, ModelKey, NodeKey};
use time::OffsetDateTime;

use super::{FORGET_AFTER, SUSPECT_AFTER, Scheduler, Seen, node_key, orders, skill};

impl Scheduler {
    /// A node speaks.
    pub fn node_speaks(&mut self, beat: &Heartbeat, now: OffsetDateTime) {
        let classes = self.classes.len();
        let class = ClassKey(u16::try_from(self.classes.number(&beat.class)).unwrap_or(u16::MAX));
        if self.classes.len() > classes {
            let rules = (0..self.classes.len()).map(|_| class_rule()).collect();
            self.tell(Event::Classes(rules), now);
        }
        let before = self.nodes.get(&beat.from.boot);
        let mut orders = before.map(|seen| seen.orders.clone()).unwrap_or_default();
        let mut loaded = self.resident(beat, &mut orders);
        let all = beat.models.iter();
        let mut all: Vec<ModelKey> = all
            .map(|model| ModelKey(self.models.number(&model.hash)))
            .collect();
        let told: Vec<ModelKey> = skill::told(&beat.models)
            .map(|name| ModelKey(self.models.number(&name)))
            .collect();
        all.extend(&told);
        loaded.extend(told);
        let facts = NodeFacts {
            node: node_key(beat.from.boot),
            class,
            memory_gib: beat.memory_bytes as f64 / f64::from(1 << 30),
            loaded,
            places: beat.capacity,
            most_pictures: beat.most_pictures,
            mixes: true,
            loads: beat.directed,
            loadable: Some(all.into_iter().collect()),
            pauses: beat.directed,
            draining: beat.draining
                || beat.trouble.is_some()
                || self.quarantined.contains(&beat.from.node),
        };
        self.nodes.insert(
            beat.from.boot,
            Seen {
                boot: beat.from.clone(),
                facts: facts.clone(),
                heard_at: now,
                trusted: true,
                orders: orders::Orders::default(),
            },
        );
        self.tell(Event::Node(Box::new(facts.clone())), now);
        self.follow_up(beat, &facts, &mut orders, now);
        if let Some(seen) = self.nodes.get_mut(&beat.from.boot) {
            seen.orders = orders;
        }
    }

    /// The silence of the nodes may have been ours: all count as heard now.
    pub fn forgive_silence(&mut self, now: OffsetDateTime) {
        let mut back = Vec::new();
        for seen in self.nodes.values_mut() {
            seen.heard_at = now;
            if !seen.trusted {
                seen.trusted = true;
                back.push(seen.facts.clone());
            }
        }
        for facts in back {
            self.tell(Event::Node(Box::new(facts)), now);
        }
    }

    /// A node's inbox is gone.
    pub fn node_gone(&mut self, boot: BootId, now: OffsetDateTime) {
        if self.nodes.remove(&boot).is_some() {
            self.tell(Event::NodeGone(node_key(boot)), now);
        }
    }

    pub(super) fn doubt_the_silent(&mut self, now: OffsetDateTime) {
        self.nodes
            .retain(|_, seen| now - seen.heard_at < FORGET_AFTER);
        let silent: Vec<NodeKey> = self
            .nodes
            .values_mut()
            .filter(|seen| seen.trusted && now - seen.heard_at >= SUSPECT_AFTER)
            .map(|seen| {
                seen.trusted = false;
                seen.facts.node
            })
            .collect();
        for node in silent {
            self.tell(Event::NodeGone(node), now);
        }
    }
}

/// A kind of node of which nothing is known but its name. Its jobs share it as they come.
fn class_rule() -> ClassRule {
    ClassRule {
        region: 0,
        relative_cost: 1.0,
        spot: false,
        batch_gain: None,
        refuses: BTreeSet::new(),
    }
}
