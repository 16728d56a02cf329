//! Members in a line, and where each of them is listed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::list::Moments;
use super::rows::{NONE, Rows};
use crate::job::{GuildIx, TierKey, UserIx};
use crate::moment::Moment;

/// Not among those who were served so much.
pub(super) const UNLISTED: u64 = u64::MAX;

/// One member's jobs in a line: a chain of rows in the order of their submits. Of the first of them it keeps what says
/// whose turn it is, so that only the row of the job that starts is looked at.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub user: UserIx,
    /// Guild, tier and submit of the first job.
    pub guild: GuildIx,
    pub tier: TierKey,
    pub submitted: Moment,
    /// Whether he asks for no more than his share.
    pub within: bool,
    pub first: u32,
    last: u32,
    /// What he is listed with in the lists of moments; never, where he is not. Only an entry that says the same counts.
    pub listed: [Moment; 4],
    /// The same among the members of his guild, by what they were served.
    pub listed_served: u64,
}

impl Own {
    pub fn new(user: UserIx) -> Self {
        Self {
            user,
            guild: GuildIx(0),
            tier: TierKey(0),
            submitted: Moment::START,
            within: false,
            first: NONE,
            last: NONE,
            listed: [Moment::NEVER; 4],
            listed_served: UNLISTED,
        }
    }

    /// Whether he has no jobs.
    pub fn is_empty(&self) -> bool {
        self.first == NONE
    }

    /// Whether nothing would be missed if he was forgotten.
    pub fn is_idle(&self) -> bool {
        self.is_empty()
            && self.listed_served == UNLISTED
            && self.listed.iter().all(|at| *at == Moment::NEVER)
    }

    /// Adds a job, which goes to its place: one that comes back may be older than others.
    pub fn add(&mut self, index: u32, rows: &mut Rows) {
        let submitted = rows[index].submitted;
        let mut before = self.last;
        while before != NONE && rows[before].submitted > submitted {
            before = rows[before].previous;
        }
        let after = if before == NONE {
            self.first
        } else {
            rows[before].next
        };
        (rows[index].previous, rows[index].next) = (before, after);
        match before {
            NONE => self.begin_with(index, rows),
            _ => rows[before].next = index,
        }
        match after {
            NONE => self.last = index,
            _ => rows[after].previous = index,
        }
    }

    /// One more of his jobs is within his share: the oldest that is not yet. Returns its row.
    pub fn grant(&mut self, rows: &mut Rows) -> u32 {
        let mut index = self.first;
        while index != NONE && rows[index].within {
            index = rows[index].next;
        }
        if index != NONE {
            rows[index].within = true;
            self.within |= index == self.first;
        }
        index
    }

    /// Takes a job out.
    pub fn take(&mut self, index: u32, rows: &mut Rows) {
        let (before, after) = (rows[index].previous, rows[index].next);
        match after {
            NONE => self.last = before,
            _ => rows[after].previous = before,
        }
        match before {
            NONE => self.begin_with(after, rows),
            _ => rows[before].next = after,
        }
    }

    fn begin_with(&mut self, index: u32, rows: &Rows) {
        self.first = index;
        if index != NONE {
            let row = &rows[index];
            (self.guild, self.tier, self.submitted) = (row.guild, row.tier, row.submitted);
            self.within = row.within;
        }
    }
}

/// The members of one guild in a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    /// By what they were served, or less.
    pub users: BinaryHeap<Reverse<(u64, u32)>>,
    /// By when they are past their bounds, or earlier.
    pub aged: Moments,
    pub listed: bool,
}
