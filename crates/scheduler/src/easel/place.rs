//! Which node a job goes to.

use easel_domain::tier::ServiceClass;

use super::cold::Load;
use super::{Easel, held};
use crate::event::Action;
use crate::job::{ClassKey, Job, ModelKey, TierKey};
use crate::moment::Moment;
use crate::waiting::{Head, Rank};

/// Open nodes of a class that are looked at before it counts as having none.
const LOOKED_AT: usize = 8;
/// Seconds of going to another region, as a cost.
const ELSEWHERE_S: f64 = 5.0;
/// An urgent lane avoids nodes that may be taken away; the patient one prefers them.
const SPOT_RISK: f64 = 1.5;
const SPOT_WASTED: f64 = 1.15;

/// What a lane would start next.
struct Next {
    rank: Rank,
    head: Head,
    spot: Spot,
}

impl Next {
    fn is_promised(&self) -> bool {
        matches!(self.rank, Rank::Promised(_))
    }
}

/// Where a job could go.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spot {
    pub node: u32,
    pub class: ClassKey,
    pub score: f64,
    /// Pictures that share the call, with those of the job.
    pub batch: u32,
    pub load: Option<Load>,
}

/// A lane whose promises are in danger may be served so many seconds of the whole fleet ahead of its share.
const OVERDRAFT_S: f64 = 60.0;
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
    /// Places jobs until none fits anywhere.
    pub(super) fn place_all(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.rooms.clear();
        while self.fleet.has_room() && self.place_one(now, actions) {
            self.rooms.clear();
        }
    }

    /// The lane that is furthest behind goes first, unless nothing in it is promised and in danger, and something is in
    /// another that has not been served too far ahead of its share.
    fn place_one(&mut self, now: Moment, actions: &mut Vec<Action>) -> bool {
        let mut first: Option<(ServiceClass, Next)> = None;
        let most_s = OVERDRAFT_S * self.fleet.up() as f64;
        for lane in self.waiting.lanes_in_order() {
            let Some((behind, next)) = &first else {
                first = self.next_in(lane, now).map(|next| (lane, next));
                continue;
            };
            let may = !next.is_promised()
                && self.waiting.any_in_danger(lane, now)
                && self.waiting.ahead_s(lane, *behind) < most_s;
            if may && let Some(urgent) = self.next_in(lane, now).filter(Next::is_promised) {
                return self.start(urgent, now, actions);
            }
        }
        first.is_some_and(|(_, next)| self.start(next, now, actions))
    }

    /// The first job in the order of a lane that can start somewhere.
    fn next_in(&mut self, lane: ServiceClass, now: Moment) -> Option<Next> {
        let promises = !self.waiting.any_overdue(lane, now);
        let mut best: Option<Next> = None;
        for at in 0..self.waiting.keys(lane) {
            let (key, picky) = self.waiting.key_at(lane, at);
            let may_open = self.fleet.any_warm(key.model) || !self.is_spent(key.model) || picky;
            let may_open = may_open && self.fleet.open() > 0;
            if !may_open && self.fleet.joinable(key).next().is_none() {
                continue;
            }
            let Some((rank, head)) = self.waiting.head(lane, at, promises, now) else {
                continue;
            };
            if best.as_ref().is_some_and(|best| best.rank <= rank) {
                continue;
            }
            if self.may_load(head) {
                self.look_for_rooms(key.model, now);
            }
            let due = !matches!(rank, Rank::Fair(..));
            let spot = self
                .waiting
                .job(head)
                .and_then(|job| self.spot(job, due, now));
            if spot.as_ref().is_none_or(|spot| spot.load.is_some()) && self.is_crowded() {
                self.looks = self.looks.saturating_sub(1);
            }
            if let Some(spot) = spot {
                best = Some(Next { rank, head, spot });
            }
        }
        best
    }

    /// Whether a cold load could be thought of for a job at all: not while any open node has what it needs.
    fn may_load(&self, head: Head) -> bool {
        let Some(job) = self.waiting.job(head) else {
            return false;
        };
        let model = job.key.model;
        let picky = job.region.is_some() || job.only.is_some() || job.avoid.is_some();
        self.fleet.open() > 0 && !self.is_spent(model) && (picky || !self.fleet.any_warm(model))
    }

    /// Whether enough loads have been thought of for now, for a model that some node has.
    fn is_spent(&self, model: ModelKey) -> bool {
        self.looks == 0 && self.is_crowded() && self.fleet.copies(model) > 0
    }

    /// The best place for a job that is free now.
    pub(super) fn spot(&self, job: &Job, due: bool, now: Moment) -> Option<Spot> {
        let may_open = self.may_open(job.tier);
        let warm = if may_open {
            self.warm_spot(job, now)
        } else {
            None
        };
        let joined = if job.deaths == 0 {
            self.join_spot(job, now)
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
                self.cold_spot(job, due, now)
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
        batch: u32,
        load_s: f64,
        now: Moment,
    ) -> f64 {
        let rules = self.fleet.classes();
        let rule = &rules[class.0 as usize];
        let service = self.speed.step_s(class, job.key, batch) * f64::from(job.steps);
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
            let Some(node) = node else { continue };
            let score = self.score(job, class, job.pictures, 0.0, now);
            if best.as_ref().is_none_or(|best| score < best.score) {
                best = Some(Spot {
                    node,
                    class,
                    score,
                    batch: job.pictures,
                    load: None,
                });
            }
        }
        best
    }

    /// A batch that the job can join.
    fn join_spot(&self, job: &Job, now: Moment) -> Option<Spot> {
        let mut best: Option<Spot> = None;
        for index in self.fleet.joinable(job.key).take(LOOKED_AT) {
            let Some(node) = self.fleet.at(index) else {
                continue;
            };
            let batch = node.pictures() + job.pictures;
            let fits = batch <= self.speed.cap(node.class)
                && self.suits(job, node.class, now)
                && self.is_fit(job, index);
            if !fits {
                continue;
            }
            let score = self.score(job, node.class, batch, 0.0, now);
            if best.as_ref().is_none_or(|best| score < best.score) {
                best = Some(Spot {
                    node: index,
                    class: node.class,
                    score,
                    batch,
                    load: None,
                });
            }
        }
        best
    }

    /// Whether another class would have been better, had it had room.
    fn is_fallback(&self, job: &Job, chosen: ClassKey, now: Moment) -> bool {
        if self.fleet.classes().len() < 2 {
            return false;
        }
        let mine = self.score(job, chosen, job.pictures, 0.0, now);
        self.classes().any(|class| {
            class != chosen
                && self.fleet.up_in(class) > 0
                && self.fleet.runs(class, job.key.model)
                && self.score(job, class, job.pictures, 0.0, now) < mine
        })
    }

    /// Starts a job.
    fn start(&mut self, next: Next, now: Moment, actions: &mut Vec<Action>) -> bool {
        let Next { rank, head, spot } = next;
        let Some(id) = self.waiting.job(head).map(|job| job.id) else {
            return false;
        };
        let Some(job) = self.waiting.start(id, rank, now) else {
            return false;
        };
        let Some(node) = self.fleet.at(spot.node).map(|node| node.key) else {
            return false;
        };
        let fallback = self.is_fallback(&job, spot.class, now);
        let mut lasts_s = self.speed.step_s(spot.class, job.key, spot.batch) * f64::from(job.steps);
        let load = spot.load.map(|load| {
            lasts_s += self.speed.load_s(spot.class, job.key.model);
            self.fleet.loads(spot.node, job.key.model, &load.evict);
            self.demand.loads(job.key.model, now);
            load.evict
        });
        let cap = self.speed.cap(spot.class);
        let started = held(&job, now.after(lasts_s));
        self.fleet.takes(spot.node, started, cap, now);
        actions.push(Action::Place {
            job: id,
            node,
            load,
            fallback,
        });
        true
    }
}
