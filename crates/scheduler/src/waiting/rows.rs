//! The jobs that wait, in slabs: what every decision looks at lies close together, the rest of a job apart from it.

use std::ops::{Index, IndexMut};

use crate::job::{GuildIx, Job, TierKey, UserIx};
use crate::moment::{Moment, micros};

/// A promise is in danger when its job has waited for this share of the time that it leaves.
pub(super) const NERVOUS: f64 = 0.4;

/// A job counts as no more than so many microseconds, eleven days: the sum over all that wait stays a number.
const MOST_COST: u64 = 1_000_000_000_000;

/// No row.
pub(super) const NONE: u32 = u32::MAX;

/// A row as long as the same job is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    row: u32,
    generation: u32,
}

/// What decisions need of one job. One line of a processor's cache.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub submitted: Moment,
    /// Predicted GPU-seconds, in microseconds.
    pub cost: u64,
    /// When its promise is in danger; never, where there is none that could be kept.
    nervous: Moment,
    /// When it is lost.
    lost: Moment,
    pub user: UserIx,
    pub guild: GuildIx,
    /// The neighbours among the jobs of its member in its line, by submits.
    pub previous: u32,
    pub next: u32,
    /// Its member's place in its line.
    pub slot: u32,
    generation: u32,
    pub tier: TierKey,
    /// Whether it may start; one that pauses may not.
    pub queued: bool,
    /// Whether its member asks for no more than his share.
    pub within: bool,
    /// Whether it came on top of several of its member's: then no promise puts it before others.
    pub on_top: bool,
}

impl Row {
    /// The moment from which this job's promise is in danger, where it was ever to be kept.
    pub fn nervous_since(&self) -> Option<Moment> {
        (self.nervous < Moment::NEVER).then_some(self.nervous)
    }

    /// The same, unless the promise is lost by now.
    pub fn nervous(&self, now: Moment) -> Option<Moment> {
        self.nervous_since().filter(|_| now < self.lost)
    }

    /// It was promised to be done in `promise_s`.
    pub fn promised(&mut self, promise_s: Option<f64>) {
        let cost_s = self.cost as f64 / 1e6;
        let counts = promise_s.filter(|_| !self.on_top);
        let slack_s = counts.map(|promise_s| promise_s - cost_s);
        (self.nervous, self.lost) = slack_s.filter(|slack_s| *slack_s > 0.0).map_or(
            (Moment::NEVER, Moment::NEVER),
            |slack_s| {
                let since = self.submitted.after(NERVOUS * slack_s);
                (since, self.submitted.after(slack_s))
            },
        );
    }
}

/// All rows. A row that is free is taken again by the next job.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    hot: Vec<Row>,
    jobs: Vec<Option<Job>>,
    free: Vec<u32>,
}

impl Rows {
    /// Takes a job in that takes `cost_s` by itself.
    pub fn insert(&mut self, job: Job, cost_s: f64) -> u32 {
        let mut row = Row {
            submitted: job.submitted,
            cost: micros(cost_s).clamp(1, MOST_COST),
            nervous: Moment::NEVER,
            lost: Moment::NEVER,
            user: job.user,
            guild: job.guild,
            previous: NONE,
            next: NONE,
            slot: NONE,
            generation: 0,
            tier: job.tier,
            queued: false,
            within: false,
            on_top: false,
        };
        if let Some(index) = self.free.pop() {
            let at = index as usize;
            row.generation = self.hot[at].generation.wrapping_add(1);
            (self.hot[at], self.jobs[at]) = (row, Some(job));
            return index;
        }
        self.hot.push(row);
        self.jobs.push(Some(job));
        u32::try_from(self.hot.len() - 1).unwrap_or(NONE)
    }

    /// Takes a job out.
    pub fn remove(&mut self, index: u32) -> Option<Job> {
        let job = self.jobs.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(job)
    }

    /// The job of a row.
    pub fn job(&self, index: u32) -> Option<&Job> {
        self.jobs.get(index as usize)?.as_ref()
    }

    /// All jobs, in no order that means anything.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().flatten()
    }

    /// Rows that have a job.
    pub fn taken(&self) -> impl Iterator<Item = u32> + use<> {
        let taken: Vec<u32> = (0..)
            .zip(&self.jobs)
            .filter(|(_, job)| job.is_some())
            .map(|(index, _)| index)
            .collect();
        taken.into_iter()
    }

    /// Names the job that is in a row now.
    pub fn ticket(&self, row: u32) -> Ticket {
        let generation = self.hot[row as usize].generation;
        Ticket { row, generation }
    }

    /// The row of a ticket, if the same job is still in it.
    pub fn seek(&self, ticket: Ticket) -> Option<(u32, &Row)> {
        let at = ticket.row as usize;
        let row = self.hot.get(at)?;
        (row.generation == ticket.generation && self.jobs[at].is_some())
            .then_some((ticket.row, row))
    }
}

impl Index<u32> for Rows {
    type Output = Row;

    fn index(&self, index: u32) -> &Row {
        &self.hot[index as usize]
    }
}

impl IndexMut<u32> for Rows {
    fn index_mut(&mut self, index: u32) -> &mut Row {
        &mut self.hot[index as usize]
    }
}
