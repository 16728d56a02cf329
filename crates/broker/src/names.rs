//! The names of all queues and exchanges, in one place.

use std::fmt;
use std::str::FromStr;

use easel_domain::tier::ServiceClass;
use easel_domain::{BootId, NodeId};
use serde::{Deserialize, Serialize};

/// One part of a queue name: 1 to 32 lower-case letters, digits, `-` or `_`. Has no dot, so it is one word of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Segment(String);

/// Text that is no [`Segment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name for a region or pool: use 1 to 32 of a-z, 0-9, - and _")]
pub struct SegmentError(String);

impl FromStr for Segment {
    type Err = SegmentError;

    fn from_str(text: &str) -> Result<Self, SegmentError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 32 || !text.chars().all(fits) {
            return Err(SegmentError(text.into()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Segment {
    type Error = SegmentError;

    fn try_from(text: String) -> Result<Self, SegmentError> {
        text.parse()
    }
}

impl From<Segment> for String {
    fn from(segment: Segment) -> Self {
        segment.0
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of the fleet that one leader serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    /// Where the nodes stand.
    pub region: Segment,
    /// What they are for.
    pub pool: Segment,
}

impl Lane {
    /// A lane of the two names.
    ///
    /// # Errors
    /// A name that cannot be part of a queue name.
    pub fn new(region: &str, pool: &str) -> Result<Self, SegmentError> {
        Ok(Self {
            region: region.parse()?,
            pool: pool.parse()?,
        })
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.region, self.pool)
    }
}

/// What a queue keeps and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// Replicated and durable; declares only its type, limits come by operator policy.
    Quorum,
    /// Classic: messages live 5 s, and at most 10,000 of them.
    Live,
    /// Classic and exclusive to the connection that declares it; refuses messages beyond 1,000.
    Inbox,
}

/// A queue with what it takes to declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub(crate) name: String,
    pub(crate) kind: QueueKind,
    /// Which row of the table it is, for metrics.
    pub(crate) family: &'static str,
}

impl Queue {
    /// The full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    pub fn kind(&self) -> QueueKind {
        self.kind
    }

    /// Where to publish so that a message lands in exactly this queue.
    pub fn target(&self) -> Target {
        Target {
            exchange: String::new(),
            routing_key: self.name.clone(),
            persistent: self.kind == QueueKind::Quorum,
        }
    }
}

/// Where a message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) persistent: bool,
}

/// Builds every name. A prefix keeps platforms (or tests) in one vhost apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// Names that begin with `prefix` (may be empty).
    ///
    /// # Errors
    /// A prefix that is not made of segments and dots.
    pub fn new(prefix: &str) -> Result<Self, SegmentError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if prefix.len() > 64 || !prefix.chars().all(fits) {
            return Err(SegmentError(prefix.into()));
        }
        Ok(Self {
            prefix: prefix.into(),
        })
    }

    fn queue(&self, family: &'static str, kind: QueueKind, rest: impl fmt::Display) -> Queue {
        Queue {
            name: format!("{}{family}.{rest}", self.prefix),
            kind,
            family,
        }
    }

    /// `jobs.<region>.<pool>.<class>`: job hints.
    pub fn jobs(&self, lane: &Lane, class: ServiceClass) -> Queue {
        self.queue(
            "jobs",
            QueueKind::Quorum,
            format_args!("{lane}.{}", class.as_str()),
        )
    }

    /// `node-done.<region>.<pool>`: what nodes report durably.
    pub fn node_done(&self, lane: &Lane) -> Queue {
        self.queue("node-done", QueueKind::Quorum, lane)
    }

    /// `node-live.<region>.<pool>`: heartbeats and progress.
    pub fn node_live(&self, lane: &Lane) -> Queue {
        self.queue("node-live", QueueKind::Live, lane)
    }

    /// `node.<id>.<boot>`: what one start of one node is told.
    pub fn node_inbox(&self, node: &NodeId, boot: BootId) -> Queue {
        self.queue("node", QueueKind::Inbox, format_args!("{node}.{boot}"))
    }

    /// `shard.<n>`: delivery hints.
    pub fn shard(&self, shard: u32) -> Queue {
        self.queue("shard", QueueKind::Quorum, shard)
    }

    /// `progress.<n>`: percents and previews.
    pub fn progress(&self, shard: u32) -> Queue {
        self.queue("progress", QueueKind::Live, shard)
    }

    /// `easel.dead`: messages that nothing could read.
    pub fn dead(&self) -> Queue {
        self.queue("easel", QueueKind::Quorum, "dead")
    }

    /// What an outbox row calls a queue: its name without the prefix, which [`Names::stored`] puts before it again.
    pub fn storable(&self, queue: &Queue) -> String {
        let name = queue.name();
        name.strip_prefix(&self.prefix).unwrap_or(name).to_owned()
    }

    /// The durable queue whose name, without the prefix, was stored in an outbox row.
    pub fn stored(&self, name: &str) -> Target {
        Target {
            exchange: String::new(),
            routing_key: format!("{}{name}", self.prefix),
            persistent: true,
        }
    }

    /// `easel.nodes`: the topic exchange that nodes publish to.
    pub fn nodes_exchange(&self) -> String {
        format!("{}easel.nodes", self.prefix)
    }

    /// Where a node sends what must arrive; lands in [`Names::node_done`].
    pub fn done_target(&self, lane: &Lane, node: &NodeId) -> Target {
        Target {
            exchange: self.nodes_exchange(),
            routing_key: format!("done.{lane}.{node}"),
            persistent: true,
        }
    }

    /// Where a node sends heartbeats and progress; lands in [`Names::node_live`].
    pub fn live_target(&self, lane: &Lane, node: &NodeId) -> Target {
        Target {
            exchange: self.nodes_exchange(),
            routing_key: format!("live.{lane}.{node}"),
            persistent: false,
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn names_are_those_of_the_table() {
        let names = Names::default();
        let lane = Lane::new("eu", "main").unwrap();
        let node: NodeId = "gpu-7".parse().unwrap();
        assert_eq!(
            names.jobs(&lane, ServiceClass::Fast).name(),
            "jobs.eu.main.fast"
        );
        assert_eq!(names.node_done(&lane).name(), "node-done.eu.main");
        assert_eq!(names.node_live(&lane).name(), "node-live.eu.main");
        assert_eq!(
            names.node_inbox(&node, BootId(Uuid::nil())).name(),
            format!("node.gpu-7.{}", Uuid::nil())
        );
        assert_eq!(
            (names.shard(3).name(), names.progress(3).name()),
            ("shard.3", "progress.3")
        );
        assert_eq!(Names::new("t1.").unwrap().dead().name(), "t1.easel.dead");
        assert_eq!(
            names.done_target(&lane, &node).routing_key,
            "done.eu.main.gpu-7"
        );
    }

    #[test]
    fn what_an_outbox_row_calls_a_queue_leads_back_to_it() {
        let lane = Lane::new("eu", "main").unwrap();
        for prefix in ["", "t1."] {
            let names = Names::new(prefix).unwrap();
            let queue = names.jobs(&lane, ServiceClass::Fast);
            assert_eq!(names.storable(&queue), "jobs.eu.main.fast");
            assert_eq!(names.stored(&names.storable(&queue)), queue.target());
        }
    }

    #[test]
    fn a_name_with_a_dot_cannot_widen_a_routing_key() {
        for bad in ["", "a.b", "a*", "#", "EU", &"a".repeat(33)] {
            assert!(Lane::new(bad, "main").is_err(), "{bad}");
        }
        assert!(Names::new("a b").is_err());
    }
}
