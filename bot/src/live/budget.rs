//! Which message is edited next: pure, told the time and, by a gate, which buckets have a turn left.
//!
//! A durable change is first read from its row, then sent. Durable changes go before progress. Among equals the channel
//! that was edited longest ago goes first, so a busy channel cannot hold a quiet one back. Progress of one message is
//! spaced, more widely the more of it waits; newer progress replaces older. What has no turn is put aside until it has
//! one, so that a limit of one member or channel never holds up another.

mod queue;
mod slot;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use easel_domain::{DiscordId, JobId};

use crate::rest::Turn;
use queue::{Rank, Ready, Waiting};
use slot::{Slot, Stage};

/// Why a message is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditKind {
    /// A row says that it must show something else.
    Durable,
    /// Only a percentage or a position changed.
    Progress,
}

impl EditKind {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Progress => "progress",
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read the row of this message, and tell with [`Budgeter::read`] or [`Budgeter::done`] what it wants.
    Read(JobId),
    /// Edit this message.
    Edit(JobId, EditKind),
    /// Ask again after this time, or when something is wanted or done.
    Wait(Duration),
    /// Ask again when something is wanted or done.
    Idle,
}

/// How an edit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The message shows it, or need not.
    Shown,
    /// It is to be tried again after this time. Progress is not: the next one comes anyway.
    Again(Duration),
    /// Nothing more is to be shown.
    Ended,
}

/// However much waits, the interval grows no further than to this many times its shortest.
const SLOWEST: u32 = 4;
/// A message that shares no limit with others may have progress after five of eight parts of the interval: at two seconds
/// that is four times in five seconds, and of the five requests that its token was seen to have one stays for its end.
const ALONE: (u32, u32) = (5, 8);

/// Whose limits an edit falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lane {
    /// Those of its interaction's token alone.
    #[default]
    Token,
    /// Those of its channel and of the whole bot.
    Bot,
}

/// The first few edits of a message may follow one another after this part of the interval.
const EARLY: u32 = 4;

/// Limits of the budgeter.
#[derive(Debug, Clone, Copy)]
pub struct BudgetSettings {
    /// Shortest time between two progress edits of a message whose limits others share; five eighths of it where only its
    /// token limits it, and a quarter for the first ones.
    pub interval: Duration,
    /// Most edits at once.
    pub in_flight: usize,
    /// Most rows read at once.
    pub reads: usize,
    /// Most messages in memory. What does not fit is found by the sweep.
    pub messages: usize,
}

/// All messages that want something.
#[derive(Debug)]
pub struct Budgeter {
    settings: BudgetSettings,
    slots: HashMap<JobId, Slot>,
    timers: BTreeSet<(Instant, JobId)>,
    reads: Ready,
    token: Waiting,
    bot: Waiting,
    reading: usize,
    in_flight: usize,
}

impl Budgeter {
    /// Nothing wanted.
    pub fn new(settings: BudgetSettings) -> Self {
        Self {
            settings,
            slots: HashMap::new(),
            timers: BTreeSet::new(),
            reads: Ready::default(),
            token: Waiting::default(),
            bot: Waiting::default(),
            reading: 0,
            in_flight: 0,
        }
    }

    /// How many messages are in memory.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no message is in memory.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether the newest row of the message of `job` is being shown already, or waits for its turn.
    pub fn attends(&self, job: JobId) -> bool {
        self.slots
            .get(&job)
            .is_some_and(|slot| slot.durable || slot.read || slot.stage == Stage::Busy)
    }

    /// Whether the message of `job` is in memory.
    pub fn remembers(&self, job: JobId) -> bool {
        self.slots.contains_key(&job)
    }

    /// Something about the message of `job` changed. `false` if there is no room to remember it.
    pub fn want(
        &mut self,
        job: JobId,
        channel: Option<DiscordId>,
        kind: EditKind,
        now: Instant,
    ) -> bool {
        if !self.slots.contains_key(&job) && self.slots.len() >= self.settings.messages {
            return false;
        }
        let slot = self
            .slots
            .entry(job)
            .or_insert_with(|| Slot::new(channel, now));
        slot.channel = channel.or(slot.channel);
        if !slot.wants() {
            slot.wanted_since = now;
        }
        match kind {
            EditKind::Durable => slot.durable = true,
            EditKind::Progress => slot.progress = true,
        }
        if slot.stage != Stage::Busy {
            self.place(job, now);
        }
        true
    }

    /// The next thing to do, which counts as begun. `gate` tells the limits that an edit falls under now, and gives a turn
    /// or says how long there is none.
    pub fn next(
        &mut self,
        now: Instant,
        mut gate: impl FnMut(JobId, EditKind) -> (Lane, Turn),
    ) -> Next {
        self.wake(now);
        if self.reading < self.settings.reads
            && let Some(job) = self.reads.first()
        {
            self.reading += 1;
            self.set_stage(job, Stage::Busy);
            if let Some(slot) = self.slots.get_mut(&job) {
                slot.durable = false;
            }
            return Next::Read(job);
        }
        let shortest = Duration::from_millis(1);
        while self.in_flight < self.settings.in_flight {
            let Some((job, kind, queued_in)) = self.first_waiting(now) else {
                break;
            };
            let (lane, turn) = gate(job, kind);
            if let Some(slot) = self.slots.get_mut(&job) {
                slot.lane = lane;
            }
            match turn {
                Turn::Now => {
                    self.in_flight += 1;
                    self.begin_edit(job, kind, now);
                    return Next::Edit(job, kind);
                }
                Turn::Wait(wait) => {
                    self.set_stage(job, Stage::Timed(now + wait.max(shortest)));
                }
                Turn::WaitAll(wait) => {
                    self.waiting(lane).block(kind, now + wait.max(shortest));
                    // Its token has died since it was put there: it waits with the others of the bot.
                    if lane != queued_in {
                        self.place(job, now);
                    }
                }
            }
        }
        let timer = self.timers.first().map(|(at, _)| *at);
        let blocked = [self.token.opens_at(now), self.bot.opens_at(now)];
        let soonest = timer.into_iter().chain(blocked.into_iter().flatten()).min();
        soonest.map_or(Next::Idle, |at| {
            Next::Wait(at.saturating_duration_since(now))
        })
    }

    /// Durable changes first, then progress; of each kind those that nobody else limits first.
    fn first_waiting(&self, now: Instant) -> Option<(JobId, EditKind, Lane)> {
        let kinds = [EditKind::Durable, EditKind::Progress];
        let lanes = [(Lane::Token, &self.token), (Lane::Bot, &self.bot)];
        let mut all = kinds
            .iter()
            .flat_map(|kind| lanes.map(|(lane, waiting)| (*kind, lane, waiting)));
        all.find_map(|(kind, lane, waiting)| {
            let job = waiting.first(kind, now)?;
            Some((job, kind, lane))
        })
    }

    fn waiting(&mut self, lane: Lane) -> &mut Waiting {
        match lane {
            Lane::Token => &mut self.token,
            Lane::Bot => &mut self.bot,
        }
    }

    /// The row was read and wants an edit in this channel, under these limits.
    pub fn read(&mut self, job: JobId, channel: DiscordId, lane: Lane, now: Instant) {
        self.reading = self.reading.saturating_sub(1);
        if let Some(slot) = self.slots.get_mut(&job) {
            (slot.channel, slot.lane) = (Some(channel), lane);
            slot.read = true;
            slot.stage = Stage::Resting;
            self.place(job, now);
        }
    }

    /// The row was read and wants nothing, or cannot be read now.
    pub fn read_in_vain(&mut self, job: JobId, done: Done, now: Instant) {
        self.reading = self.reading.saturating_sub(1);
        self.settle(job, EditKind::Durable, done, now);
    }

    /// An edit ended. If something was wanted meanwhile, it is still wanted.
    pub fn done(&mut self, job: JobId, kind: EditKind, done: Done, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.settle(job, kind, done, now);
    }

    fn settle(&mut self, job: JobId, kind: EditKind, done: Done, now: Instant) {
        let Some(slot) = self.slots.get_mut(&job) else {
            return;
        };
        slot.stage = Stage::Resting;
        match done {
            Done::Shown => {}
            Done::Again(pause) => {
                slot.durable |= kind == EditKind::Durable;
                slot.not_before = now + pause;
            }
            Done::Ended => slot.progress = false,
        }
        // A message that may get progress soon is kept for its spacing.
        if !slot.wants() && (done == Done::Ended || slot.last_edit.is_none()) {
            self.slots.remove(&job);
            return;
        }
        self.place(job, now);
    }

    /// Forgets messages that wanted nothing for `age`.
    pub fn forget(&mut self, age: Duration, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > age;
        self.slots.retain(|_, slot| {
            slot.stage == Stage::Busy || slot.wants() || !slot.last_edit.is_some_and(old)
        });
        self.reads.forget(age, now);
        self.token.forget(age, now);
        self.bot.forget(age, now);
    }

    /// The time between two progress edits of a message of this lane, as things stand there.
    pub fn interval(&self, lane: Lane) -> Duration {
        let (waiting, shortest) = match lane {
            Lane::Token => (&self.token, self.settings.interval / ALONE.1 * ALONE.0),
            Lane::Bot => (&self.bot, self.settings.interval),
        };
        let waiting = waiting.progress.len() / (2 * self.settings.in_flight).max(1);
        let factor = u32::try_from(waiting + 1).unwrap_or(SLOWEST).min(SLOWEST);
        shortest * factor
    }

    fn begin_edit(&mut self, job: JobId, kind: EditKind, now: Instant) {
        self.set_stage(job, Stage::Busy);
        let Some(slot) = self.slots.get_mut(&job) else {
            return;
        };
        slot.last_edit = Some(now);
        slot.edits = slot.edits.saturating_add(1);
        // A durable edit shows the newest progress, too.
        slot.progress = false;
        slot.read &= kind != EditKind::Durable;
        let key = queue::key(slot.channel, job);
        self.token.served(key, now);
        self.bot.served(key, now);
    }

    fn wake(&mut self, now: Instant) {
        while let Some((at, job)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, job));
            if let Some(slot) = self.slots.get_mut(&job) {
                slot.stage = Stage::Resting;
            }
            self.place(job, now);
        }
    }

    /// Puts a message that no task has where it belongs.
    fn place(&mut self, job: JobId, now: Instant) {
        let Some(slot) = self.slots.get(&job) else {
            return;
        };
        let at = slot.due(self.settings.interval / EARLY, self.interval(slot.lane));
        let stage = match at {
            None => Stage::Resting,
            Some(at) if at > now => Stage::Timed(at),
            // What a row wants now may be more than what was read before.
            Some(_) if slot.durable => Stage::ToRead(Rank(slot.wanted_since, job)),
            Some(_) if slot.read => {
                Stage::ToSend(EditKind::Durable, slot.lane, Rank(slot.wanted_since, job))
            }
            Some(_) => {
                let since = slot.last_edit.unwrap_or(slot.wanted_since);
                Stage::ToSend(EditKind::Progress, slot.lane, Rank(since, job))
            }
        };
        self.set_stage(job, stage);
    }

    fn set_stage(&mut self, job: JobId, stage: Stage) {
        let Some(slot) = self.slots.get_mut(&job) else {
            return;
        };
        let key = queue::key(slot.channel, job);
        let before = std::mem::replace(&mut slot.stage, stage);
        match before {
            Stage::Resting | Stage::Busy => {}
            Stage::Timed(at) => {
                self.timers.remove(&(at, job));
            }
            Stage::ToRead(rank) => self.reads.remove(rank),
            Stage::ToSend(kind, lane, rank) => self.waiting(lane).of(kind).remove(rank),
        }
        match stage {
            Stage::Resting | Stage::Busy => {}
            Stage::Timed(at) => {
                self.timers.insert((at, job));
            }
            Stage::ToRead(rank) => self.reads.insert(key, rank),
            Stage::ToSend(kind, lane, rank) => self.waiting(lane).of(kind).insert(key, rank),
        }
    }
}

#[cfg(test)]
mod tests;
