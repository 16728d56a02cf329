//! The place of a job in the order of its lane, and which jobs share a line.

use crate::job::{BatchKey, ClassKey, Job};
use crate::moment::Moment;

/// The place of a job in the order of its lane: the smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Past its bound, since this moment.
    Aged(Moment),
    /// With a promise that is in danger since this moment, and can still be kept.
    Promised(Moment),
    /// Of a member who asks for no more than his share, by the moment from which his patience is tried.
    Within(Moment),
    /// Within its bound: what its guild and its member were served.
    Fair(u64, u64),
}

/// What the jobs of a line have in common: where one of them can start, all can. Retries have lines of their own, so that
/// one that waits for another node than its last holds up nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineKey {
    /// What could share a batch.
    pub batch: BatchKey,
    region: Option<u16>,
    only: Option<ClassKey>,
    again: bool,
}

impl LineKey {
    /// The line of a job.
    pub fn of(job: &Job) -> Self {
        Self {
            batch: job.key,
            region: job.region,
            only: job.only,
            again: job.avoid.is_some() || job.deaths > 0,
        }
    }

    /// Whether some nodes that could take such a job will not do.
    pub(super) fn is_picky(&self) -> bool {
        self.region.is_some() || self.only.is_some() || self.again
    }
}

/// A job at the head of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub(crate) index: u32,
}
