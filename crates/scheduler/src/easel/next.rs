//! Which job starts next.

use easel_domain::tier::ServiceClass;

use super::place::{Claim, Spot};
use super::{Easel, held};
use crate::event::Action;
use crate::job::ModelKey;
use crate::moment::Moment;
use crate::waiting::{Head, Rank};

/// What a lane would start next.
struct Next {
    rank: Rank,
    head: Head,
    spot: Spot,
    /// Whether its promise is in danger and can still be kept.
    promised: bool,
}

/// A lane whose promises are in danger may be served so many seconds of the whole fleet ahead of its share.
const OVERDRAFT_S: f64 = 60.0;

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
            let may = !next.promised
                && self.waiting.any_in_danger(lane, now)
                && self.waiting.ahead_s(lane, *behind) < most_s;
            if may && let Some(urgent) = self.next_in(lane, now).filter(|next| next.promised) {
                return self.start(urgent, now, actions);
            }
        }
        first.is_some_and(|(_, next)| self.start(next, now, actions))
    }

    /// The first job in the order of a lane that can start somewhere.
    fn next_in(&mut self, lane: ServiceClass, now: Moment) -> Option<Next> {
        let mut lines = std::mem::take(&mut self.lines);
        let crowded_out = self.lines_with_places(lane, &mut lines);
        let next = self.next_among(lane, &lines, crowded_out, now);
        self.lines = lines;
        next
    }

    /// The lines of a lane whose jobs might have a place. Returns whether anybody waits in another who stays within his
    /// share.
    fn lines_with_places(&self, lane: ServiceClass, lines: &mut Vec<usize>) -> bool {
        lines.clear();
        let any_open = self.fleet.open() > 0;
        let mut crowded_out = false;
        for at in 0..self.waiting.keys(lane) {
            let (key, picky) = self.waiting.key_at(lane, at);
            let opens = || self.fleet.any_warm(key.model) || picky || !self.is_spent(key.model);
            if (any_open && opens()) || self.fleet.joinable(key).next().is_some() {
                lines.push(at);
            } else {
                crowded_out |= self.waiting.any_within(lane, at);
            }
        }
        crowded_out
    }

    fn next_among(
        &mut self,
        lane: ServiceClass,
        lines: &[usize],
        crowded_out: bool,
        now: Moment,
    ) -> Option<Next> {
        let calm = !self.waiting.any_overdue(lane, now);
        let first = self.waiting.first_head(lane, lines, calm, now);
        if let Some((rank, head)) = first
            && let Some(next) = self.next_by(rank, head, crowded_out, now)
        {
            return Some(next);
        }
        let tried = first.map(|(_, head)| head);
        // Whoever stays within his share and finds no place is not to wait for a batch that others join again and again.
        let mut yields = crowded_out || matches!(first, Some((Rank::Within(_) | Rank::Aged(_), _)));
        let mut heads: Vec<(Rank, Head)> = lines
            .iter()
            .filter_map(|at| self.waiting.head(lane, *at, calm, now))
            .filter(|(_, head)| Some(*head) != tried)
            .collect();
        heads.sort_unstable_by_key(|(rank, _)| *rank);
        for (rank, head) in heads {
            if let Some(next) = self.next_by(rank, head, yields, now) {
                return Some(next);
            }
            yields |= matches!(rank, Rank::Within(_) | Rank::Aged(_));
        }
        None
    }

    fn next_by(&mut self, rank: Rank, head: Head, yields: bool, now: Moment) -> Option<Next> {
        let promised = matches!(rank, Rank::Promised(_));
        let claim = Claim {
            due: promised || matches!(rank, Rank::Aged(_)),
            aged: matches!(rank, Rank::Aged(_)),
            within: self.waiting.is_within(head),
            yields: yields && !matches!(rank, Rank::Within(_) | Rank::Aged(_)),
        };
        let model = self.waiting.job(head)?.key.model;
        if self.may_load(head) {
            self.look_for_rooms(model, claim, now);
        }
        let job = self.waiting.job(head)?;
        let spot = self.spot(job, claim, now);
        if spot.as_ref().is_none_or(|spot| spot.load.is_some()) && self.is_crowded() {
            self.looks = self.looks.saturating_sub(1);
        }
        spot.map(|spot| Next {
            rank,
            head,
            spot,
            promised,
        })
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

    /// Starts a job.
    fn start(&mut self, next: Next, now: Moment, actions: &mut Vec<Action>) -> bool {
        let Next {
            rank, head, spot, ..
        } = next;
        let Some(id) = self.waiting.job(head).map(|job| job.id) else {
            return false;
        };
        let within = self.waiting.is_within(head);
        let Some(job) = self.waiting.start(id, rank, now) else {
            return false;
        };
        let Some(node) = self.fleet.at(spot.node).map(|node| node.key) else {
            return false;
        };
        let fallback = self.is_fallback(&job, spot.class, now);
        let mut lasts_s = spot.step_s * f64::from(job.steps);
        let load = spot.load.map(|load| {
            let load_s = self.speed.load_s(spot.class, job.key.model);
            lasts_s += load_s;
            self.fleet.loads(spot.node, job.key.model, &load.evict);
            self.demand.loads(job.key.model, now);
            // Whoever only takes back what was driven out owes nothing for it.
            if within && load.regret_s > 0.0 {
                self.waiting.loads(&job, load_s, now);
            }
            load.evict
        });
        let cap = self.speed.cap(spot.class, job.key);
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
