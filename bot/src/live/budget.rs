//! Which message is edited next: pure, told the time.
//!
//! Durable changes go before progress. Among equals, the channel that was edited longest ago goes first, so a busy
//! channel cannot hold a quiet one back. Progress of one message is spaced; newer progress replaces older.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use easel_domain::{DiscordId, JobId};

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

/// So many edits of a message are followed by another after a quarter of the interval: who has just asked looks at the
/// message, and a short job has its preview in time. Together with the answer that stays within the five requests in five
/// seconds that an interaction's token was seen to have.
const EARLY_EDITS: u32 = 2;

/// Limits of the budgeter.
#[derive(Debug, Clone, Copy)]
pub struct BudgetSettings {
    /// Shortest time between two progress edits of a message; a quarter of it for the first ones.
    pub interval: Duration,
    /// Most edits at once.
    pub in_flight: usize,
    /// Most messages in memory. What does not fit is found by the sweep.
    pub messages: usize,
}

#[derive(Debug)]
struct Slot {
    channel: Option<DiscordId>,
    durable: bool,
    progress: bool,
    busy: bool,
    not_before: Instant,
    last_edit: Option<Instant>,
    edits: u32,
    wanted_since: Instant,
}

/// All messages that want something.
#[derive(Debug)]
pub struct Budgeter {
    settings: BudgetSettings,
    slots: HashMap<JobId, Slot>,
    channels: HashMap<DiscordId, Instant>,
    in_flight: usize,
}

impl Budgeter {
    /// Nothing wanted.
    pub fn new(settings: BudgetSettings) -> Self {
        Self {
            settings,
            slots: HashMap::new(),
            channels: HashMap::new(),
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
        let slot = self.slots.entry(job).or_insert(Slot {
            channel,
            durable: false,
            progress: false,
            busy: false,
            not_before: now,
            last_edit: None,
            edits: 0,
            wanted_since: now,
        });
        slot.channel = channel.or(slot.channel);
        if !slot.durable && !slot.progress {
            slot.wanted_since = now;
        }
        match kind {
            EditKind::Durable => slot.durable = true,
            EditKind::Progress => slot.progress = true,
        }
        true
    }

    /// The next edit, which counts as begun.
    pub fn next(&mut self, now: Instant) -> Next {
        if self.in_flight >= self.settings.in_flight {
            return Next::Idle;
        }
        let mut best: Option<(EditKind, Option<Instant>, Instant, JobId)> = None;
        let mut soonest: Option<Instant> = None;
        for (job, slot) in &self.slots {
            let Some((kind, at)) = self.due(slot) else {
                continue;
            };
            if at > now {
                soonest = Some(soonest.map_or(at, |seen| seen.min(at)));
                continue;
            }
            let channel = slot
                .channel
                .and_then(|channel| self.channels.get(&channel).copied());
            let rank = (kind, channel, slot.wanted_since, *job);
            if best.is_none_or(|best| rank < best) {
                best = Some(rank);
            }
        }
        match (best, soonest) {
            (Some((kind, _, _, job)), _) => {
                self.begin(job, kind, now);
                Next::Edit(job, kind)
            }
            (None, Some(at)) => Next::Wait(at - now),
            (None, None) => Next::Idle,
        }
    }

    /// An edit ended. If something was wanted meanwhile, it is still wanted.
    pub fn done(&mut self, job: JobId, kind: EditKind, done: Done, now: Instant) {
        let Some(slot) = self.slots.get_mut(&job) else {
            return;
        };
        slot.busy = false;
        self.in_flight = self.in_flight.saturating_sub(1);
        match done {
            Done::Shown => {}
            Done::Again(pause) => {
                slot.durable |= kind == EditKind::Durable;
                slot.not_before = now + pause;
            }
            Done::Ended => slot.progress = false,
        }
        let idle = !slot.durable && !slot.progress;
        // A message that may get progress soon is kept for its spacing.
        if idle && (done == Done::Ended || slot.last_edit.is_none()) {
            self.slots.remove(&job);
        }
    }

    /// Forgets messages that wanted nothing for `age`, and the channels' times of then.
    pub fn forget(&mut self, age: Duration, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > age;
        self.slots.retain(|_, slot| {
            slot.busy || slot.durable || slot.progress || !slot.last_edit.is_some_and(old)
        });
        self.channels.retain(|_, at| !old(*at));
    }

    /// What the slot wants next, and from when on.
    fn due(&self, slot: &Slot) -> Option<(EditKind, Instant)> {
        if slot.busy {
            return None;
        }
        if slot.durable {
            return Some((EditKind::Durable, slot.not_before));
        }
        if !slot.progress {
            return None;
        }
        let interval = if slot.edits <= EARLY_EDITS {
            self.settings.interval / 4
        } else {
            self.settings.interval
        };
        let spaced = slot
            .last_edit
            .map_or(slot.not_before, |last| last + interval);
        Some((EditKind::Progress, spaced.max(slot.not_before)))
    }

    fn begin(&mut self, job: JobId, kind: EditKind, now: Instant) {
        let Some(slot) = self.slots.get_mut(&job) else {
            return;
        };
        slot.busy = true;
        slot.last_edit = Some(now);
        slot.edits = slot.edits.saturating_add(1);
        // A durable edit shows the newest progress, too.
        slot.progress = false;
        if kind == EditKind::Durable {
            slot.durable = false;
        }
        if let Some(channel) = slot.channel {
            self.channels.insert(channel, now);
        }
        self.in_flight += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const INTERVAL: Duration = Duration::from_secs(2);

    fn budgeter() -> Budgeter {
        Budgeter::new(BudgetSettings {
            interval: INTERVAL,
            in_flight: 4,
            messages: 100,
        })
    }

    fn job(n: u128) -> JobId {
        JobId(Uuid::from_u128(n))
    }

    fn in_channel(budget: &mut Budgeter, n: u128, channel: i64, kind: EditKind, now: Instant) {
        budget.want(job(n), Some(DiscordId(channel)), kind, now);
    }

    #[test]
    fn progress_of_one_message_is_spaced_and_coalesced() {
        let (mut budget, mut now) = (budgeter(), Instant::now());
        for _ in 0..5 {
            in_channel(&mut budget, 1, 1, EditKind::Progress, now);
        }
        for pause in [INTERVAL / 4, INTERVAL / 4, INTERVAL, INTERVAL] {
            assert_eq!(budget.next(now), Next::Edit(job(1), EditKind::Progress));
            budget.done(job(1), EditKind::Progress, Done::Shown, now);
            assert_eq!(budget.next(now), Next::Idle);
            in_channel(&mut budget, 1, 1, EditKind::Progress, now);
            assert_eq!(budget.next(now), Next::Wait(pause));
            now += pause;
        }
    }

    #[test]
    fn an_end_state_waits_for_no_interval_and_goes_before_progress() {
        let (mut budget, now) = (budgeter(), Instant::now());
        in_channel(&mut budget, 1, 1, EditKind::Progress, now);
        assert_eq!(budget.next(now), Next::Edit(job(1), EditKind::Progress));
        in_channel(&mut budget, 2, 1, EditKind::Progress, now);
        in_channel(&mut budget, 1, 1, EditKind::Durable, now);
        assert_eq!(
            budget.next(now),
            Next::Edit(job(2), EditKind::Progress),
            "one edit per message at a time"
        );
        budget.done(job(1), EditKind::Progress, Done::Shown, now);
        in_channel(&mut budget, 3, 1, EditKind::Progress, now);
        assert_eq!(budget.next(now), Next::Edit(job(1), EditKind::Durable));
    }

    #[test]
    fn a_busy_channel_does_not_hold_a_quiet_one_back() {
        let (mut budget, now) = (budgeter(), Instant::now());
        for n in 1..=3 {
            in_channel(&mut budget, n, 1, EditKind::Durable, now);
        }
        assert!(matches!(budget.next(now), Next::Edit(_, _)));
        let later = now + Duration::from_millis(1);
        in_channel(&mut budget, 9, 2, EditKind::Durable, later);
        assert_eq!(budget.next(later), Next::Edit(job(9), EditKind::Durable));
    }

    #[test]
    fn a_failed_end_state_comes_again_and_failed_progress_does_not() {
        let (mut budget, now) = (budgeter(), Instant::now());
        let pause = Duration::from_secs(5);
        budget.want(job(1), None, EditKind::Durable, now);
        budget.next(now);
        budget.done(job(1), EditKind::Durable, Done::Again(pause), now);
        assert_eq!(budget.next(now), Next::Wait(pause));
        assert_eq!(
            budget.next(now + pause),
            Next::Edit(job(1), EditKind::Durable)
        );
        budget.want(job(2), None, EditKind::Progress, now + pause);
        budget.next(now + pause);
        budget.done(job(2), EditKind::Progress, Done::Again(pause), now + pause);
        assert_eq!(budget.next(now + pause * 9), Next::Idle);
    }

    proptest! {
        /// Whatever is wanted and however edits go, every durable change is shown in the end.
        #[test]
        fn every_durable_change_lands(
            steps in prop::collection::vec((0_u128..6, 0_u8..5, 0_u64..3_000), 1..200),
        ) {
            let (mut budget, mut now) = (budgeter(), Instant::now());
            let mut wanted: HashMap<JobId, u32> = HashMap::new();
            let mut flying: Vec<(JobId, EditKind, u32)> = Vec::new();
            let mut shown: HashMap<JobId, u32> = HashMap::new();
            let mut land = |budget: &mut Budgeter, flying: &mut Vec<(JobId, EditKind, u32)>, fails: bool, now| {
                if let Some((job, kind, rev)) = flying.pop() {
                    if fails {
                        budget.done(job, kind, Done::Again(Duration::from_secs(1)), now);
                    } else {
                        shown.insert(job, rev);
                        budget.done(job, kind, Done::Shown, now);
                    }
                }
            };
            for (n, what, pause) in steps {
                now += Duration::from_millis(pause);
                match what {
                    0 => {
                        *wanted.entry(job(n)).or_default() += 1;
                        in_channel(&mut budget, n, n as i64 % 2, EditKind::Durable, now);
                    }
                    1 => { in_channel(&mut budget, n, n as i64 % 2, EditKind::Progress, now); }
                    2 => land(&mut budget, &mut flying, true, now),
                    3 => land(&mut budget, &mut flying, false, now),
                    _ => if let Next::Edit(job, kind) = budget.next(now) {
                        prop_assert!(flying.iter().all(|(other, _, _)| *other != job), "two edits of one message");
                        flying.push((job, kind, wanted.get(&job).copied().unwrap_or(0)));
                    }
                }
            }
            for _ in 0..100 {
                now += Duration::from_secs(10);
                while let Next::Edit(job, kind) = budget.next(now) {
                    flying.push((job, kind, wanted.get(&job).copied().unwrap_or(0)));
                }
                while !flying.is_empty() {
                    land(&mut budget, &mut flying, false, now);
                }
            }
            for (job, rev) in wanted {
                prop_assert_eq!(shown.get(&job).copied(), Some(rev));
            }
        }
    }
}
