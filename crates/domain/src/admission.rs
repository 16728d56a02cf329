//! Whether a job is taken in, by when it should start and by what its tier promises.
//!
//! One rule for a live submit and for the simulator. Whoever asks for no more than his share waits behind others who do,
//! and is neither refused nor quoted for what is asked for beyond shares: another's burst is not his.

use serde::{Deserialize, Serialize};

/// Whoever has asked within so many seconds counts among those whom a class is shared among.
pub const LATELY_S: f64 = 600.0;
/// A job is taken in where it should start within this share of the time after which it would be shed.
const SURE_TO_START: f64 = 0.8;
/// A guild's members may ask for so many jobs more than its share at once, and still count as asking for no more.
const AT_ONCE: f64 = 8.0;
/// What is paid off but for this share of a job is paid off.
const NEARLY: f64 = 0.01;

/// What becomes of a job that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Admission {
    /// It is taken in, and what its tier promises should be kept.
    Accept,
    /// It is taken in, and its member is told that it will start later than its tier promises.
    Quote {
        /// Seconds until it should start.
        wait_s: f64,
    },
    /// It is not taken in: it would be shed before it started.
    Refuse {
        /// Seconds until it would start.
        wait_s: f64,
        /// Seconds that are too many of these.
        beyond_s: f64,
    },
}

/// What waits in a service class of a lane, and what it is served.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassOutlook {
    /// Predicted GPU-seconds of the jobs that wait.
    pub waiting_s: f64,
    /// Of that, what members ask for within their shares.
    pub within_s: f64,
    /// Nodes that it may count on however busy the other classes are; 0 where there are none at all.
    pub nodes: f64,
    /// GPU-seconds that it was given in a second lately; 0 where that says nothing yet.
    pub served: f64,
    /// Whether nothing of it waits and a node has room.
    pub is_free: bool,
    /// Whether shares count in it: nobody is past his bound.
    pub is_calm: bool,
    /// Guilds that have asked lately.
    pub guilds: u32,
}

impl ClassOutlook {
    /// Seconds until a job that comes now should start. Where its member asks for no more than his share, it waits for
    /// others who do, and not for what is asked for beyond shares.
    pub fn start_s(&self, is_within: bool) -> f64 {
        if self.nodes <= 0.0 || self.is_free {
            return 0.0;
        }
        let before_s = if is_within {
            self.within_s
        } else {
            self.waiting_s
        };
        before_s / self.nodes.max(self.served)
    }

    /// Whether a job is within its member's share, which pays it off like this.
    pub fn is_within(&self, owed: Owed, pays: PaysOff) -> bool {
        self.is_calm && owed.bears(pays)
    }
}

/// A guild of which several members have asked lately. One that is not told of has one member and owes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuildOutlook {
    /// Members who have asked lately.
    pub members: u32,
    /// Seconds until its share has paid off what they asked for within theirs.
    pub owes_s: f64,
}

impl Default for GuildOutlook {
    fn default() -> Self {
        Self {
            members: 1,
            owes_s: 0.0,
        }
    }
}

/// How long it takes shares to pay off a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaysOff {
    /// Seconds that it takes the share of the member's guild.
    pub guild_s: f64,
    /// Seconds that it takes his own.
    pub own_s: f64,
}

impl PaysOff {
    /// A job of so many GPU-seconds, divided by the weight of its tier: its member's part of his guild's part of the
    /// nodes of the class, where so many guilds have asked lately and so many members of his.
    pub fn of(cost_s: f64, nodes: f64, guilds: u32, members: u32) -> Self {
        let whole_s = cost_s / nodes.max(f64::MIN_POSITIVE);
        let of_guild_s = whole_s * f64::from(guilds.max(1));
        Self {
            guild_s: of_guild_s,
            own_s: of_guild_s * f64::from(members.max(1)),
        }
    }
}

/// What was asked for within shares and is not paid off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Owed {
    /// Seconds until the guild's share has paid off what its members asked for.
    pub guild_s: f64,
    /// Seconds until the member's own share has.
    pub own_s: f64,
}

impl Owed {
    /// Whether one job more is within the share of its member, and he within his guild's.
    pub fn bears(self, pays: PaysOff) -> bool {
        self.own_s <= NEARLY * pays.own_s && self.guild_s <= AT_ONCE * pays.guild_s
    }

    /// The same after a job within the share. Debts are no longer than memory.
    #[must_use]
    pub fn with(self, pays: PaysOff) -> Self {
        Self {
            guild_s: (self.guild_s + pays.guild_s).min(LATELY_S),
            own_s: (self.own_s + pays.own_s).min(LATELY_S),
        }
    }
}

/// What a tier promises.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Promise {
    /// Seconds within which a job should be done.
    pub within_s: Option<f64>,
    /// The same, as a multiple of what it takes by itself.
    pub factor: Option<f64>,
}

impl Promise {
    /// Seconds from submit to end that are promised for a job that takes `alone_s` by itself.
    pub fn seconds(self, alone_s: f64) -> Option<f64> {
        let factor = self.factor.map(|factor| factor * alone_s);
        match (factor, self.within_s) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// What becomes of a job that should start in `wait_s` seconds and takes `alone_s` by itself, on a tier whose jobs are
/// shed after `shed_s`.
pub fn admission(wait_s: f64, alone_s: f64, shed_s: Option<f64>, promise: Promise) -> Admission {
    let too_late_s = shed_s.map(|shed_s| SURE_TO_START * shed_s);
    if let Some(too_late_s) = too_late_s.filter(|too_late_s| wait_s > *too_late_s) {
        let beyond_s = wait_s - too_late_s;
        return Admission::Refuse { wait_s, beyond_s };
    }
    match promise.seconds(alone_s) {
        Some(promise_s) if wait_s + alone_s > promise_s => Admission::Quote { wait_s },
        Some(_) | None => Admission::Accept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: ClassOutlook = ClassOutlook {
        waiting_s: 1_000.0,
        within_s: 20.0,
        nodes: 2.0,
        served: 0.0,
        is_free: false,
        is_calm: true,
        guilds: 1,
    };

    #[test]
    fn whoever_stays_within_his_share_does_not_wait_for_what_is_beyond_shares() {
        assert_eq!((BUSY.start_s(true), BUSY.start_s(false)), (10.0, 500.0));
        let served_more = ClassOutlook {
            served: 4.0,
            ..BUSY
        };
        let free = ClassOutlook {
            is_free: true,
            ..BUSY
        };
        let deserted = ClassOutlook { nodes: 0.0, ..BUSY };
        let beyond = [served_more, free, deserted].map(|class| class.start_s(false));
        assert_eq!(beyond.map(|seconds| seconds as u32), [250, 0, 0]);
    }

    #[test]
    fn a_share_is_a_part_of_the_guilds_part_and_pays_off_one_job_after_the_other() {
        // 10 GPU-seconds; a quarter of two nodes, shared by three.
        let pays = PaysOff::of(10.0, 2.0, 4, 3);
        assert_eq!((pays.guild_s, pays.own_s), (20.0, 60.0));
        let paid_off = Owed::default();
        assert!(BUSY.is_within(paid_off, pays));
        let once = paid_off.with(pays);
        assert!(!BUSY.is_within(once, pays), "nothing of it is paid off");
        let nearly = Owed { own_s: 0.5, ..once };
        assert!(BUSY.is_within(nearly, pays), "all but a hundredth is");
        let by_others = Owed {
            guild_s: 161.0,
            own_s: 0.0,
        };
        assert!(!BUSY.is_within(by_others, pays), "the guild's is not");
        let anxious = ClassOutlook {
            is_calm: false,
            ..BUSY
        };
        assert!(!anxious.is_within(paid_off, pays));
        let much = once.with(PaysOff::of(1e6, 1.0, 1, 1));
        assert_eq!((much.guild_s, much.own_s), (LATELY_S, LATELY_S));
    }

    #[test]
    fn a_job_is_refused_where_it_would_be_shed_and_quoted_where_its_promise_is_lost() {
        let (factor, within_s) = (Some(3.0), Some(40.0));
        let promise = Promise { within_s, factor };
        assert_eq!(promise.seconds(10.0), Some(30.0));
        assert_eq!(promise.seconds(20.0), Some(40.0));
        let of = |wait_s| admission(wait_s, 10.0, Some(100.0), promise);
        assert_eq!(of(20.0), Admission::Accept);
        assert_eq!(of(20.5), Admission::Quote { wait_s: 20.5 });
        assert_eq!(of(80.0), Admission::Quote { wait_s: 80.0 });
        let (wait_s, beyond_s) = (81.0, 1.0);
        assert_eq!(of(81.0), Admission::Refuse { wait_s, beyond_s });
        let nothing = Promise::default();
        assert_eq!(admission(1e9, 1.0, None, nothing), Admission::Accept);
    }
}
