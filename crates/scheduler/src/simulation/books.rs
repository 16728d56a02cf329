//! What became of each job.

use crate::job::TierKey;
use crate::moment::Moment;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running,
    Completed,
    Failed,
    Shed,
    /// By the policy, or because no class of nodes can render it.
    Refused,
    /// Refused because its member had as many as he may have.
    OverLimit,
}

impl State {
    pub fn is_refused(self) -> bool {
        matches!(self, Self::Refused | Self::OverLimit)
    }

    pub fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// One job.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub tier: TierKey,
    pub user: u32,
    pub submitted: Moment,
    pub started: Option<Moment>,
    pub ended: Option<Moment>,
    pub state: State,
    /// Seconds that it takes alone on an average node.
    pub alone_s: f32,
    /// Number of its newest lease: results under any other do not count.
    pub lease: u32,
    pub attempt: u32,
    pub deaths: u32,
    /// Whether its member was told that it would start late.
    pub quoted: bool,
}

/// GPU time that a member was given between two moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    pub user: u32,
    pub from: Moment,
    pub to: Moment,
    pub gpu_s: f32,
}

/// Counts and records.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub records: Vec<Record>,
    pub served: Vec<Served>,
    /// For each member, when he began to have jobs that wait and when that ended, in turn.
    pub backlogged: Vec<Vec<Moment>>,
    waiting: Vec<u32>,
    unfinished: Vec<u32>,
    pub cold_loads: u64,
    pub fallbacks: u64,
    pub preemptions: u64,
    pub retries: u64,
    pub duplicated: u64,
    pub placed: u64,
    pub busy_s: f64,
    pub up_s: f64,
    pub cost: f64,
    pub open: usize,
}

impl Books {
    fn member(&mut self, user: u32) -> usize {
        let index = user as usize;
        if index >= self.waiting.len() {
            self.waiting.resize(index + 1, 0);
            self.unfinished.resize(index + 1, 0);
            self.backlogged.resize(index + 1, Vec::new());
        }
        index
    }

    /// Jobs of a member that have not ended.
    pub fn unfinished(&self, user: u32) -> u32 {
        self.unfinished.get(user as usize).copied().unwrap_or(0)
    }

    pub fn add(&mut self, record: Record) -> u32 {
        let user = self.member(record.user);
        self.unfinished[user] += 1;
        self.open += 1;
        self.records.push(record);
        u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn waits(&mut self, job: u32, now: Moment) {
        let user = self.records[job as usize].user as usize;
        self.records[job as usize].state = State::Waiting;
        if self.waiting[user] == 0 {
            self.backlogged[user].push(now);
        }
        self.waiting[user] += 1;
    }

    pub fn waits_no_more(&mut self, job: u32, now: Moment) {
        let user = self.records[job as usize].user as usize;
        self.waiting[user] -= 1;
        if self.waiting[user] == 0 {
            self.backlogged[user].push(now);
        }
    }

    /// A job ends. It can do so once.
    pub fn ends(&mut self, job: u32, state: State, now: Moment) {
        let record = &mut self.records[job as usize];
        if record.state.is_end() {
            self.duplicated += 1;
            return;
        }
        record.state = state;
        record.ended = Some(now);
        self.unfinished[record.user as usize] -= 1;
        self.open -= 1;
    }
}
