//! Tiers are data that admins edit; service classes are fixed, because queues are named after them (Q3, Q4).

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The lane that a job waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceClass {
    /// Soonest, dearest.
    Turbo,
    /// Paid fast minutes.
    Fast,
    /// The ordinary lane.
    Standard,
    /// When there is room.
    Relax,
}

impl ServiceClass {
    /// Every class, most urgent first.
    pub const ALL: [Self; 4] = [Self::Turbo, Self::Fast, Self::Standard, Self::Relax];

    /// The stored name, also used in queue names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Turbo => "turbo",
            Self::Fast => "fast",
            Self::Standard => "standard",
            Self::Relax => "relax",
        }
    }

    /// The class of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// What a tier allows and promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its name, such as `free`.
    pub name: String,
    /// The lane of its jobs.
    pub service_class: ServiceClass,
    /// Share among tiers of the same class.
    pub weight: u32,
    /// Jobs of one member that may run at once.
    pub running_limit: u32,
    /// Jobs of one member that may wait at once.
    pub waiting_limit: u32,
    /// Jobs that one prompt may expand to; 0 forbids permutations.
    pub permutation_limit: u32,
    /// A job that has waited this long goes first within its class.
    pub aging: Duration,
    /// A job that has waited this long may be shed under load; `None` for never.
    pub shed_after: Option<Duration>,
    /// How long pictures are kept; `None` for ever.
    pub retention: Option<Duration>,
}

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// The tiers that a new installation starts with (Q4).
pub fn shipped_tiers() -> [Tier; 4] {
    let tier = |name: &str,
                service_class,
                weight,
                running_limit,
                waiting_limit,
                permutation_limit,
                aging_minutes| Tier {
        name: name.to_owned(),
        service_class,
        weight,
        running_limit,
        waiting_limit,
        permutation_limit,
        aging: Duration::from_secs(aging_minutes * MINUTE),
        shed_after: None,
        retention: None,
    };
    [
        Tier {
            shed_after: Some(Duration::from_secs(60 * MINUTE)),
            retention: Some(Duration::from_secs(30 * DAY)),
            ..tier("free", ServiceClass::Relax, 1, 1, 3, 0, 30)
        },
        tier("standard", ServiceClass::Standard, 2, 3, 10, 4, 5),
        tier("premium", ServiceClass::Fast, 4, 12, 10, 10, 1),
        tier("enterprise", ServiceClass::Turbo, 8, 12, 10, 40, 1),
    ]
}

/// How fast requests may follow one another, before any job is made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestPace {
    /// So many at once.
    pub burst: NonZeroU32,
    /// So many a minute after that.
    pub per_minute: NonZeroU32,
}

impl RequestPace {
    /// A pace of numbers from outside, where 0 counts as 1: a limit that nobody can pass is no limit but an outage.
    pub fn new(burst: u32, per_minute: u32) -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            burst: number(burst),
            per_minute: number(per_minute),
        }
    }
}

/// Whether one more job of a member is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Accepted,
    /// So many of his jobs are under way that no more may wait.
    QueueFull {
        /// His jobs that have not ended.
        unfinished: u32,
        /// How many the tier allows.
        limit: u32,
    },
}

impl Tier {
    /// Decides on one more job of a member who has `unfinished` jobs that have not ended.
    ///
    /// Running and waiting jobs are limited together here; which of them run is the scheduler's decision.
    pub fn admit(&self, unfinished: u32) -> Admission {
        let limit = self.running_limit + self.waiting_limit;
        if unfinished < limit {
            Admission::Accepted
        } else {
            Admission::QueueFull { unfinished, limit }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_tiers_are_the_documented_ones() {
        let lines: Vec<String> = shipped_tiers()
            .iter()
            .map(|t| {
                let (run, wait, jobs) = (t.running_limit, t.waiting_limit, t.permutation_limit);
                format!(
                    "{} {run}/{wait}/{jobs} {} min",
                    t.name,
                    t.aging.as_secs() / MINUTE
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "free 1/3/0 30 min",
                "standard 3/10/4 5 min",
                "premium 12/10/10 1 min",
                "enterprise 12/10/40 1 min"
            ]
        );
    }

    #[test]
    fn a_full_queue_says_how_full() {
        let free = &shipped_tiers()[0];
        assert_eq!(free.admit(3), Admission::Accepted);
        assert_eq!(
            free.admit(4),
            Admission::QueueFull {
                unfinished: 4,
                limit: 4
            }
        );
    }
}
