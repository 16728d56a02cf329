//! Messages that wait for a turn, fair between channels.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use easel_domain::{DiscordId, JobId};

use super::EditKind;

/// Order within a channel: since when, then the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Rank(pub(super) Instant, pub(super) JobId);

/// Whom turns are shared between: channels, and messages whose channel is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Channel(DiscordId),
    Alone(JobId),
}

pub(super) fn key(channel: Option<DiscordId>, job: JobId) -> Key {
    channel.map_or(Key::Alone(job), Key::Channel)
}

#[derive(Debug, Default)]
struct Line {
    /// When it was last served.
    served: Option<Instant>,
    waiting: BTreeSet<Rank>,
}

/// All that wait. Of those that were served longest ago the one that has waited longest is first.
#[derive(Debug, Default)]
pub(super) struct Ready {
    lines: HashMap<Key, Line>,
    keys: HashMap<JobId, Key>,
    /// One entry for each line that somebody waits in.
    order: BTreeSet<(Option<Instant>, Rank, Key)>,
}

impl Ready {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn first(&self) -> Option<JobId> {
        self.order.first().map(|(_, rank, _)| rank.1)
    }

    pub(super) fn insert(&mut self, key: Key, rank: Rank) {
        self.keys.insert(rank.1, key);
        self.change(key, |line| {
            line.waiting.insert(rank);
        });
    }

    pub(super) fn remove(&mut self, rank: Rank) {
        // It stays in the line that it came into, whatever is known of its channel since.
        if let Some(key) = self.keys.remove(&rank.1) {
            self.change(key, |line| {
                line.waiting.remove(&rank);
            });
        }
    }

    pub(super) fn served(&mut self, key: Key, now: Instant) {
        self.change(key, |line| line.served = Some(now));
    }

    /// Forgets lines without anybody that were served longer than `age` ago.
    pub(super) fn forget(&mut self, age: Duration, now: Instant) {
        self.lines.retain(|_, line| {
            let recent = line
                .served
                .is_some_and(|at| now.saturating_duration_since(at) <= age);
            recent || !line.waiting.is_empty()
        });
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Line)) {
        let line = self.lines.entry(key).or_default();
        if let Some(first) = line.waiting.first() {
            self.order.remove(&(line.served, *first, key));
        }
        change(line);
        if let Some(first) = line.waiting.first() {
            self.order.insert((line.served, *first, key));
        }
    }
}

/// What waits in one lane.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    durable: Ready,
    pub(super) progress: Ready,
    durable_opens_at: Option<Instant>,
    progress_opens_at: Option<Instant>,
}

impl Waiting {
    pub(super) fn of(&mut self, kind: EditKind) -> &mut Ready {
        match kind {
            EditKind::Durable => &mut self.durable,
            EditKind::Progress => &mut self.progress,
        }
    }

    pub(super) fn first(&self, kind: EditKind, now: Instant) -> Option<JobId> {
        let (ready, opens_at) = match kind {
            EditKind::Durable => (&self.durable, self.durable_opens_at),
            EditKind::Progress => (&self.progress, self.progress_opens_at),
        };
        ready
            .first()
            .filter(|_| opens_at.is_none_or(|at| at <= now))
    }

    /// No edit of this kind before `until`; where none that must is sent, none that may is sent either.
    pub(super) fn block(&mut self, kind: EditKind, until: Instant) {
        if kind == EditKind::Durable {
            self.durable_opens_at = Some(until);
        }
        self.progress_opens_at = Some(until);
    }

    /// When somebody who waits may be sent, if nobody may now.
    pub(super) fn opens_at(&self, now: Instant) -> Option<Instant> {
        let durable = self.durable_opens_at.filter(|_| self.durable.len() > 0);
        let progress = self.progress_opens_at.filter(|_| self.progress.len() > 0);
        durable
            .into_iter()
            .chain(progress)
            .filter(|at| *at > now)
            .min()
    }

    pub(super) fn served(&mut self, key: Key, now: Instant) {
        self.durable.served(key, now);
        self.progress.served(key, now);
    }

    pub(super) fn forget(&mut self, age: Duration, now: Instant) {
        self.durable.forget(age, now);
        self.progress.forget(age, now);
    }
}
