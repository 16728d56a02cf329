//! How the lanes stand to each other.

use easel_domain::admission::{ClassOutlook, GuildOutlook, Owed, PaysOff};
use easel_domain::tier::ServiceClass;

use super::Waiting;
use super::parties::Asks;
use crate::job::{GuildIx, Job};
use crate::moment::Moment;

impl Waiting {
    /// Jobs of a lane that may start.
    pub fn lane_len(&self, lane: ServiceClass) -> usize {
        self.lanes[lane as usize].count
    }

    /// Predicted GPU-seconds of the jobs of a lane that may start.
    pub fn lane_cost_s(&self, lane: ServiceClass) -> f64 {
        self.lanes[lane as usize].cost as f64 / 1e6
    }

    /// What waits in a lane and what it was served, as far as that is known without the nodes.
    pub fn lane_outlook(&self, lane: ServiceClass, now: Moment) -> ClassOutlook {
        let of = &self.lanes[lane as usize];
        ClassOutlook {
            waiting_s: of.cost as f64 / 1e6,
            within_s: of.within as f64 / 1e6,
            served: of.served_rate(now),
            is_calm: of.calm,
            guilds: self.parties.guilds_lately(lane as usize),
            ..ClassOutlook::default()
        }
    }

    /// What a job asks of its lane that takes so many GPU-seconds.
    pub(super) fn asks(&self, job: &Job, cost_s: f64) -> Asks {
        let weight = self.tier(job).map_or(1.0, |tier| tier.weight);
        Asks {
            user: job.user,
            guild: job.guild,
            lane: job.lane as usize,
            cost_s: cost_s / weight,
            nodes: self.nodes as f64 * self.lane_share(job.lane),
        }
    }

    /// The guilds of a lane of which several members have asked lately, those with the most members first.
    pub fn shared_guilds(
        &self,
        lane: ServiceClass,
        now: Moment,
        limit: usize,
    ) -> Vec<(GuildIx, GuildOutlook)> {
        self.parties.shared_guilds(lane as usize, now, limit)
    }

    /// What of earlier jobs is not paid off if a job comes now, and how long shares take to pay it off.
    pub fn owed(&self, job: &Job, cost_s: f64, now: Moment) -> (Owed, PaysOff) {
        let asks = self.asks(job, cost_s);
        (self.parties.owed(&asks, now), self.parties.pays_off(&asks))
    }

    /// The share of everything that a lane is served while all lanes are busy.
    pub fn lane_share(&self, lane: ServiceClass) -> f64 {
        let busy: f64 = self
            .lanes
            .iter()
            .enumerate()
            .filter(|(index, other)| other.count > 0 || *index == lane as usize)
            .map(|(_, other)| other.weight.max(f64::MIN_POSITIVE))
            .sum();
        self.lanes[lane as usize].weight.max(f64::MIN_POSITIVE) / busy
    }

    /// The lanes that have jobs, the one that is furthest behind first; of equals the most urgent.
    pub fn lanes_in_order(&self) -> impl Iterator<Item = ServiceClass> + use<> {
        let mut order = ServiceClass::ALL.map(|lane| {
            let lane_of = &self.lanes[lane as usize];
            (lane_of.count == 0, lane_of.virtual_time, lane)
        });
        order.sort_unstable();
        let busy = order.into_iter().filter(|(idle, ..)| !idle);
        busy.map(|(.., lane)| lane)
    }

    /// Whether any job of a lane has a promise that is in danger and can still be kept.
    pub fn any_in_danger(&mut self, lane: ServiceClass, now: Moment) -> bool {
        let rows = &self.rows;
        self.lanes[lane as usize].any_nervous(now, |ticket| rows.seek(ticket)?.1.nervous(now))
    }

    /// Whether any member with jobs in a lane is past his bound, counted from his own last turn: then promises do not
    /// count, so that those that are kept keep nobody waiting who was promised nothing, or whose promise is lost.
    pub fn any_overdue(&mut self, lane: ServiceClass, now: Moment) -> bool {
        let (rows, tiers, parties) = (&self.rows, &self.tiers, &self.parties);
        let any = self.lanes[lane as usize].any_overdue(now, |ticket| {
            let (_, row) = rows.seek(ticket)?;
            let tier = tiers.get(row.tier.0 as usize)?;
            // All that he may have running is running: others do not keep him waiting.
            let clock = if parties.running(row.user) >= tier.running {
                now
            } else {
                row.submitted
                    .max(parties.last_start(row.user, lane as usize))
            };
            Some(clock.after(tier.aging_s))
        });
        self.lanes[lane as usize].calm = !any;
        any
    }

    /// GPU-seconds that a lane was served more than its share, against another.
    pub fn ahead_s(&self, lane: ServiceClass, other: ServiceClass) -> f64 {
        let (mine, its) = (&self.lanes[lane as usize], &self.lanes[other as usize]);
        let ahead = mine.virtual_time.saturating_sub(its.virtual_time);
        ahead as f64 / 1e6 * mine.weight
    }
}
