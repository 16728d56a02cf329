//! Random failures that can be had again: whether the `n`th request of a kind fails is drawn from the seed, the kind and
//! `n` alone, so that it does not matter what else happens in between.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::World;
use super::faults::{DispatchFault, Failure, Faults, Misbehaviour};

/// Requests of some kind fail with this chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteChance {
    /// Only this method; any if absent.
    #[serde(default)]
    pub method: Option<String>,
    /// A part of the path (after `/api/v10`) or of its template.
    pub route: String,
    /// Between 0 (never) and 1 (always).
    pub chance: f64,
    /// How they fail.
    pub failure: Failure,
    /// Whether the request takes effect before its answer is lost.
    #[serde(default)]
    pub takes_effect: bool,
}

/// Gateway events of a name go wrong with this chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventChance {
    /// The event's name.
    pub event: String,
    /// Between 0 (never) and 1 (always).
    pub chance: f64,
    /// How it goes wrong.
    pub fault: DispatchFault,
}

/// Random failures. The first rule that strikes counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// The same seed strikes the same requests and events.
    pub seed: u64,
    /// For requests.
    #[serde(default)]
    pub routes: Vec<RouteChance>,
    /// For events.
    #[serde(default)]
    pub events: Vec<EventChance>,
    /// Whether each kind of route gets a limit of its own, between 2 and 10 requests in 1 to 8 s.
    #[serde(default)]
    pub random_buckets: bool,
}

/// The chaos that reigns, and how much has happened under it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dice {
    pub(crate) chaos: Chaos,
    thrown: HashMap<String, u64>,
}

impl Dice {
    pub(crate) fn new(chaos: Chaos) -> Self {
        Self {
            chaos,
            thrown: HashMap::new(),
        }
    }

    /// What goes wrong with a request, if anything.
    pub(crate) fn route(
        &mut self,
        method: &str,
        path: &str,
        template: &str,
    ) -> Option<Misbehaviour> {
        let nth = self.nth(template);
        let mut rules = self.chaos.routes.iter().enumerate();
        let (_, rule) = rules.find(|(rule, chance)| {
            let fits = chance
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && (path.contains(&chance.route) || template.contains(&chance.route));
            fits && draw(self.chaos.seed, template, *rule as u64, nth) < chance.chance
        })?;
        Some(Misbehaviour {
            failure: rule.failure.clone(),
            takes_effect: rule.takes_effect,
        })
    }

    /// What goes wrong with an event, if anything.
    pub(crate) fn event(&mut self, name: &str) -> Option<DispatchFault> {
        let nth = self.nth(name);
        let mut rules = self.chaos.events.iter().enumerate();
        let (_, rule) = rules.find(|(rule, chance)| {
            chance.event == name && draw(self.chaos.seed, name, *rule as u64, nth) < chance.chance
        })?;
        Some(rule.fault)
    }

    fn nth(&mut self, kind: &str) -> u64 {
        let thrown = self.thrown.entry(kind.to_owned()).or_default();
        *thrown += 1;
        *thrown
    }
}

/// Evenly in `[0, 1)`.
pub(super) fn draw(seed: u64, kind: &str, rule: u64, nth: u64) -> f64 {
    let mut hash = Sha256::new();
    for number in [seed, rule, nth] {
        hash.update(number.to_le_bytes());
    }
    hash.update(kind);
    let digest = hash.finalize();
    let bits = digest[..4]
        .iter()
        .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

impl World {
    /// Lets requests and events go wrong at random.
    pub(crate) fn begin_chaos(&mut self, chaos: Chaos) {
        self.rules.rate_limits.random_seed = chaos.random_buckets.then_some(chaos.seed);
        self.faults.dice = Some(Dice::new(chaos));
    }

    /// Takes back all faults. Events that are held back still come.
    pub(crate) fn heal(&mut self) {
        self.rules.rate_limits.random_seed = None;
        self.faults = Faults::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(seed: u64, chance: f64) -> Dice {
        Dice::new(Chaos {
            seed,
            routes: vec![RouteChance {
                method: None,
                route: "/messages".to_owned(),
                chance,
                failure: Failure::Garbage,
                takes_effect: false,
            }],
            ..Chaos::default()
        })
    }

    fn strikes(dice: &mut Dice, template: &str) -> Vec<bool> {
        let mut strike = |_| dice.route("PATCH", "/", template).is_some();
        (0..200).map(&mut strike).collect()
    }

    #[test]
    fn a_seed_strikes_the_same_requests_whatever_happens_in_between() {
        let (mut one, mut other) = (dice(7, 0.3), dice(7, 0.3));
        let alone = strikes(&mut one, "PATCH /messages");
        let between: Vec<bool> = (0..200)
            .map(|_| {
                other.route("POST", "/", "POST /messages");
                other.route("PATCH", "/", "PATCH /messages").is_some()
            })
            .collect();
        assert_eq!(alone, between);
        assert_ne!(alone, strikes(&mut dice(8, 0.3), "PATCH /messages"));
    }

    #[test]
    fn a_chance_is_kept_about_as_often_as_it_says() {
        let struck = strikes(&mut dice(1, 0.3), "PATCH /messages");
        let count = struck.iter().filter(|struck| **struck).count();
        assert!((40..80).contains(&count), "{count} of 200");
        assert!(!strikes(&mut dice(1, 0.0), "PATCH /messages").contains(&true));
        assert!(!strikes(&mut dice(1, 1.0), "PATCH /messages").contains(&false));
    }
}
