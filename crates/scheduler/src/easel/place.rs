//! Which node a job goes to.

use easel_domain::tier::ServiceClass;

use super::Easel;
use super::cold::Load;
use crate::fleet::Node;
use crate::job::{ClassKey, Job, TierKey};
use crate::moment::Moment;

/// Open nodes of a class that are looked at before it counts as having none.
const LOOKED_AT: usize = 8;
/// Seconds of going to another region, as a cost.
const ELSEWHERE_S: f64 = 5.0;
/// An urgent lane avoids nodes that may be taken away; the patient one prefers them.
const SPOT_RISK: f64 = 1.5;
const SPOT_WASTED: f64 = 1.15;

/// Why it is a job's turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claim {
    /// Its member has waited past his bound, or its promise is in danger.
    pub due: bool,
    /// The first of the two.
    pub aged: bool,
    /// Its member asks for no more than his share.
    pub within: bool,
    /// Somebody who does waits for a node: it may join a batch only where that ends no later for it.
    pub yields: bool,
}

/// Where a job could go.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spot {
    pub node: u32,
    pub class: ClassKey,
    pub score: f64,
    /// Seconds of one step of the job there, with all that shares the node.
    pub step_s: f64,
    pub load: Option<Load>,
}

/// Share of the time that a promise leaves, for which a job waits for its own region.
const SPILLS_AFTER: f64 = 0.4;
/// Share of a promise within which a node may be slow and cheap.
const IN_TIME: f64 = 0.7;
/// How much worse a late second is than one in time.
const LATE: f64 = 20.0;

/// How much a lane cares for money against time, where nothing is promised.
fn thrift(lane: ServiceClass) -> f64 {
    match lane {
        ServiceClass::Turbo => 0.0,
        ServiceClass::Fast => 0.05,
        ServiceClass::Standard => 0.3,
        ServiceClass::Relax => 1.0,
    }
}

impl Easel {
    /// The best place for a job that is free now.
    pub(super) fn spot(&self, job: &Job, claim: Claim, now: Moment) -> Option<Spot> {
        let may_open = self.may_open(job.tier);
        let warm = if may_open {
            self.warm_spot(job, now)
        } else {
            None
        };
        let joined = if job.deaths == 0 {
            self.join_spot(job, claim, now)
        } else {
            None
        };
        let best = match (warm, joined) {
            (Some(warm), Some(joined)) if joined.score * 2.0 < warm.score => Some(joined),
            (Some(warm), _) => Some(warm),
            (None, joined) => joined,
        };
        best.or_else(|| {
            if may_open {
                self.cold_spot(job, claim, now)
            } else {
                None
            }
        })
    }

    /// Whether a job of this tier may take an idle node, or what is idle is kept for others.
    fn may_open(&self, tier: TierKey) -> bool {
        let open = self.fleet.open();
        if open == 0 {
            return false;
        }
        let up = self.fleet.up() as f64;
        let mut kept = 0;
        for (index, rule) in (0..).zip(self.waiting.tiers()) {
            if rule.reserved > 0.0 && TierKey(index) != tier {
                let share = (rule.reserved * up) as usize;
                kept += share.saturating_sub(self.fleet.busy_for(TierKey(index)) as usize);
            }
        }
        open > kept
    }

    /// Whether a class may take a job now, by model, wish and region.
    pub(super) fn suits(&self, job: &Job, class: ClassKey, now: Moment) -> bool {
        self.fleet.runs(class, job.key.model)
            && job.only.is_none_or(|only| only == class)
            && self.region_suits(job, class, now)
    }

    fn region_suits(&self, job: &Job, class: ClassKey, now: Moment) -> bool {
        let Some(region) = job.region else {
            return true;
        };
        let rules = self.fleet.classes();
        if rules[class.0 as usize].region == region || now.since(job.submitted) >= self.spill_s(job)
        {
            return true;
        }
        // Where its own region has nobody at all, there is nothing to wait for.
        !self.classes().any(|other| {
            rules[other.0 as usize].region == region
                && self.fleet.up_in(other) > 0
                && self.fleet.runs(other, job.key.model)
        })
    }

    /// Seconds that a job waits for its own region: no longer than its promise bears.
    fn spill_s(&self, job: &Job) -> f64 {
        let alone_s = self.alone_s(job);
        let promise_s = self
            .waiting
            .tier(job)
            .and_then(|tier| tier.promise_s(alone_s));
        promise_s.map_or(self.settings.spill_s, |promise_s| {
            let slack_s = (promise_s - alone_s).max(0.0);
            self.settings.spill_s.min(SPILLS_AFTER * slack_s)
        })
    }

    /// Seconds until the job would be done, weighed with what the class costs in money, risk and distance. Whoever was
    /// promised a time gets the cheapest node that keeps it, and the fastest where none does.
    pub(super) fn score(
        &self,
        job: &Job,
        class: ClassKey,
        step_s: f64,
        load_s: f64,
        now: Moment,
    ) -> f64 {
        let rules = self.fleet.classes();
        let rule = &rules[class.0 as usize];
        let service = step_s * f64::from(job.steps);
        let dear = (rule.relative_cost / self.fleet.cheapest() - 1.0).max(0.0);
        let time_s = load_s + service;
        let promise_s = self
            .waiting
            .tier(job)
            .filter(|_| dear > 0.0 || rules.len() > 1)
            .and_then(|tier| tier.promise_s(self.alone_s(job)));
        let mut score = match promise_s {
            None => time_s * (1.0 + thrift(job.lane) * dear),
            Some(promise_s) if now.since(job.submitted) + time_s <= IN_TIME * promise_s => {
                time_s * (1.0 + dear)
            }
            Some(_) => time_s * LATE,
        };
        match job.lane {
            ServiceClass::Turbo | ServiceClass::Fast if rule.spot => score *= SPOT_RISK,
            ServiceClass::Relax if !rule.spot && self.fleet.has_spot() => {
                score *= SPOT_WASTED;
            }
            ServiceClass::Turbo
            | ServiceClass::Fast
            | ServiceClass::Standard
            | ServiceClass::Relax => {}
        }
        if job.region.is_some_and(|region| region != rule.region) {
            score += ELSEWHERE_S;
        }
        score
    }

    /// Whether a node may have this job: not one that failed it, unless there is no other.
    pub(super) fn is_fit(&self, job: &Job, node: u32) -> bool {
        let Some(node) = self.fleet.at(node) else {
            return false;
        };
        let avoided = job.avoid == Some(node.key);
        node.can_have(job.key.model)
            && (!avoided || !self.has_other(job))
            && (job.deaths == 0 || node.running().is_empty())
            && self.has_room(job, node)
    }

    fn has_other(&self, job: &Job) -> bool {
        let model = job.key.model;
        self.fleet.iter().any(|node| {
            Some(node.key) != job.avoid
                && node.is_up()
                && !node.blocked
                && self.fleet.runs(node.class, model)
                && (node.has(model)
                    || (node.can_have(model) && self.fleet.size_gib(model) <= node.memory_gib))
        })
    }

    fn warm_spot(&self, job: &Job, now: Moment) -> Option<Spot> {
        let model = job.key.model;
        if !self.fleet.any_warm(model) {
            return None;
        }
        let mut best: Option<Spot> = None;
        for class in self.classes() {
            if !self.suits(job, class, now) {
                continue;
            }
            let node = self
                .fleet
                .warm_in(model, class)
                .take(LOOKED_AT)
                .find(|node| self.is_fit(job, *node));
            let Some((node, there)) = node.and_then(|node| Some((node, self.fleet.at(node)?)))
            else {
                continue;
            };
            let step_s = self.shared_step_s(job, there);
            let score = self.score(job, class, step_s, 0.0, now);
            if best.as_ref().is_none_or(|best| score < best.score) {
                best = Some(Spot {
                    node,
                    class,
                    score,
                    step_s,
                    load: None,
                });
            }
        }
        best
    }

    /// A batch that the job can join.
    fn join_spot(&self, job: &Job, claim: Claim, now: Moment) -> Option<Spot> {
        let mut best: Option<Spot> = None;
        for index in self.fleet.joinable(job.key).take(LOOKED_AT) {
            let Some(node) = self.fleet.at(index) else {
                continue;
            };
            let batch = node.pictures().saturating_add(job.pictures);
            let fits = self.suits(job, node.class, now) && self.is_fit(job, index);
            if !fits {
                continue;
            }
            if claim.yields && !self.ends_by(job, node, now) {
                continue;
            }
            let step_s = self.speed.step_s(node.class, job.key, batch);
            let score = self.score(job, node.class, step_s, 0.0, now);
            if best.as_ref().is_none_or(|best| score < best.score) {
                best = Some(Spot {
                    node: index,
                    class: node.class,
                    score,
                    step_s,
                    load: None,
                });
            }
        }
        best
    }

    /// Whether a job that joins a batch of a node is done by the time that the node would be free.
    fn ends_by(&self, job: &Job, node: &Node, now: Moment) -> bool {
        let service_s = self.speed.step_s(node.class, job.key, job.pictures) * f64::from(job.steps);
        let ends = node.running().iter().map(|held| held.expected_end).max();
        ends.is_some_and(|end| now.after(service_s) <= end)
    }

    /// Whether another class would have been better, had it had room.
    pub(super) fn is_fallback(&self, job: &Job, chosen: ClassKey, now: Moment) -> bool {
        if self.fleet.classes().len() < 2 {
            return false;
        }
        let score = |class: ClassKey| {
            let step_s = self.speed.step_s(class, job.key, job.pictures);
            self.score(job, class, step_s, 0.0, now)
        };
        let mine = score(chosen);
        self.classes().any(|class| {
            class != chosen
                && self.fleet.up_in(class) > 0
                && self.fleet.runs(class, job.key.model)
                && score(class) < mine
        })
    }
}
