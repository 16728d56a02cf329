//! What the scheduler answers.

use easel_domain::message::NodeBoot;
use easel_domain::{JobId, NodeId};
use easel_store::waiting::WaitingJob;

/// A job that was given to a node, before its lease is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The job, as its row was when it began to wait.
    pub job: WaitingJob,
    /// The node.
    pub node: NodeBoot,
    /// What the node must give up before it loads the job's weights, by hash; nothing where it has them.
    pub load: Option<Vec<String>>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Write this lease.
    Lease(Box<Placement>),
    /// Drop this job, with notice.
    Shed(JobId),
    /// Tell the node to load these weights ahead of any job.
    Load {
        /// The node.
        node: NodeBoot,
        /// Hash of the weights.
        hash: String,
    },
    /// Tell the node to hold these jobs up at their next step.
    Pause {
        /// The node.
        node: NodeBoot,
        /// What it renders for others.
        jobs: Vec<JobId>,
    },
    /// Tell the node to go on with everything that it holds up.
    Resume(NodeBoot),
    /// The node has failed too often and is left alone for a while.
    Broken(NodeId),
    /// The node broke so often that only an operator lets it back.
    Quarantine(NodeId),
}
