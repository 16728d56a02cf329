//! Members in a line, and where each of them is listed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::Entry;
use crate::job::UserIx;
use crate::moment::Moment;

/// One member's jobs in a line, in order of their submits.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    pub jobs: VecDeque<u32>,
    pub listed: bool,
    pub listed_due: bool,
    pub listed_nervous: bool,
    pub listed_aged: bool,
}

impl Own {
    /// The oldest of his jobs.
    pub fn first<'e>(&self, entries: &'e [Option<Entry>]) -> Option<&'e Entry> {
        entries[*self.jobs.front()? as usize].as_ref()
    }

    pub fn is_idle(&self) -> bool {
        let listed = self.listed || self.listed_due || self.listed_nervous || self.listed_aged;
        self.jobs.is_empty() && !listed
    }
}

/// The members of one guild in a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    pub users: BinaryHeap<Reverse<(u64, UserIx)>>,
    /// The same members by when they are past their bounds, or earlier.
    pub aged: BinaryHeap<Reverse<(Moment, UserIx)>>,
    pub listed: bool,
}
