//! What a policy is told, and what it answers.

use easel_domain::JobId;
use easel_domain::admission::Admission;

use crate::fleet::{ClassRule, NodeFacts};
use crate::job::{ClassKey, Job, ModelKey, NodeKey};
use crate::moment::Moment;
use crate::scaling::Load;
use crate::tier::TierRule;

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The pictures are there.
    Done,
    /// The node said that the try failed; it lives.
    Failed,
    /// The job came no further on a node that lives.
    Hung,
    /// The node died, was drained, was never reached, or lacked the memory for it: no fault of a job that shared it, and none
    /// that a node is given up for.
    Lost,
    /// Nobody wants it any more.
    Cancelled,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The tiers are these. Tells nothing new about jobs that run.
    Tiers(Vec<TierRule>),
    /// The kinds of nodes are these; the list only grows.
    Classes(Vec<ClassRule>),
    /// A job waits: submitted, or again after a try. Telling it twice changes nothing.
    Waits(Box<Job>),
    /// A job waits no more: cancelled, or taken over by somebody else.
    Gone(JobId),
    /// A try has ended, or its lease could not be written.
    Ended {
        /// The job.
        job: JobId,
        /// How.
        outcome: Outcome,
    },
    /// A node has a job that this policy did not place: found at takeover.
    Found {
        /// The job.
        job: Box<Job>,
        /// Who has it.
        node: NodeKey,
    },
    /// A node speaks.
    Node(Box<NodeFacts>),
    /// A node is gone, or silent for so long that it gets nothing. What it had comes back by [`Event::Ended`].
    NodeGone(NodeKey),
    /// A node has loaded weights, and this is how long it took in seconds.
    Loaded {
        /// The node.
        node: NodeKey,
        /// The weights.
        model: ModelKey,
        /// Seconds.
        took_s: f64,
    },
    /// A batch has been measured.
    Measured {
        /// The kind of node.
        class: ClassKey,
        /// What was rendered.
        key: crate::job::BatchKey,
        /// Pictures in one call.
        batch: u32,
        /// Seconds of one step of all of them.
        step_s: f64,
    },
    /// An operator lets a quarantined node work again.
    Release(NodeKey),
    /// Time has passed.
    Tick,
}

/// Why a job is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShedReason {
    /// It has waited past its tier's bound.
    Stale,
}

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start this job on this node.
    Place {
        /// The job.
        job: JobId,
        /// The node.
        node: NodeKey,
        /// Weights that the node must give up first, and whether it must load those of the job.
        load: Option<Vec<ModelKey>>,
        /// Whether a better kind of node had no room.
        fallback: bool,
    },
    /// Load weights before anybody asks for them.
    Load {
        /// The node.
        node: NodeKey,
        /// The weights.
        model: ModelKey,
    },
    /// Pause everything that this node renders, at its next step, and keep it.
    Pause(NodeKey),
    /// Go on with what was paused.
    Resume(NodeKey),
    /// Drop this job, with notice.
    Shed {
        /// The job.
        job: JobId,
        /// Why.
        reason: ShedReason,
    },
    /// The node has failed too often and gets nothing until the moment given; after that one job, to see.
    Broken {
        /// The node.
        node: NodeKey,
        /// Until when.
        until: Moment,
    },
    /// The node broke so often that only an operator lets it back.
    Quarantine(NodeKey),
}

/// Decides what happens next. Pure: the same events at the same moments give the same actions.
pub trait Policy {
    /// Takes an event in and adds what is to be done to `actions`.
    fn apply(&mut self, event: Event, now: Moment, actions: &mut Vec<Action>);

    /// Places waiting jobs. Called after one event or several.
    fn place(&mut self, now: Moment, actions: &mut Vec<Action>);

    /// Jobs that wait.
    fn waiting(&self) -> usize;

    /// Whether the policy would take a job in now; the caller has checked the limits of its member.
    fn admission(&self, _job: &Job, _now: Moment) -> Admission {
        Admission::Accept
    }

    /// What there is to do, where the policy keeps account of that.
    fn load(&self, _now: Moment) -> Option<Load> {
        None
    }

    /// When the policy wants to be asked again even if nothing happens.
    fn wake(&self, now: Moment) -> Option<Moment>;
}
