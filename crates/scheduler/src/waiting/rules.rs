//! Tiers are data that change while jobs wait.

use std::cmp::Reverse;

use easel_domain::tier::ServiceClass;

use super::Waiting;
use super::lane::Lane;
use crate::moment::Moment;
use crate::tier::TierRule;

impl Waiting {
    /// The tiers are these now. What has changed holds at once, for the jobs that wait too.
    pub fn set_tiers(&mut self, tiers: Vec<TierRule>) {
        if self.tiers == tiers && !tiers.is_empty() {
            return;
        }
        for lane in ServiceClass::ALL {
            let weight: f64 = tiers
                .iter()
                .filter(|tier| tier.class == lane)
                .map(|tier| tier.weight)
                .sum();
            self.lanes[lane as usize].weight = if weight > 0.0 { weight } else { 1.0 };
        }
        self.tiers = tiers;
        self.parties.unpark_all();
        self.stale.clear();
        self.lanes.iter_mut().for_each(Lane::forget_moments);
        for index in self.rows.taken() {
            self.watch(index);
        }
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            lane.list_all(at, &self.rows, &self.tiers, &mut self.parties);
        }
    }

    /// Reckons a job's promise, and notes when that is in danger, when its member is past his bound and when it is stale.
    pub(super) fn watch(&mut self, index: u32) {
        let Some(lane) = self.rows.job(index).map(|job| job.lane as usize) else {
            return;
        };
        let ticket = self.rows.ticket(index);
        let row = &mut self.rows[index];
        let tier = self.tiers.get(row.tier.0 as usize);
        let cost_s = row.cost as f64 / 1e6;
        row.promised(tier.and_then(|tier| tier.promise_s(cost_s)));
        let overdue = tier.map_or(Moment::NEVER, |tier| row.submitted.after(tier.aging_s));
        self.lanes[lane].watch(ticket, row.nervous_since(), overdue);
        if let Some(shed_s) = tier.and_then(|tier| tier.shed_s) {
            let at = row.submitted.after(shed_s);
            self.stale.push(Reverse((at, ticket)));
        }
    }
}

#[cfg(test)]
mod tests {
    use easel_domain::JobId;
    use uuid::Uuid;

    use super::*;
    use crate::job::{BatchKey, GuildIx, Job, ModelKey, Shape, TierKey, UserIx};
    use crate::waiting::Rank;

    fn tier(aging_s: f64, shed_s: Option<f64>) -> TierRule {
        TierRule {
            name: "t".into(),
            class: ServiceClass::Fast,
            weight: 1.0,
            running: 9,
            waiting: 9,
            aging_s,
            shed_s,
            slo_factor: None,
            slo_s: None,
            reserved: 0.0,
        }
    }

    fn job(number: u32, user: u32, submitted: Moment) -> Job {
        Job {
            id: JobId(Uuid::from_u128(u128::from(number))),
            user: UserIx(user),
            guild: GuildIx(user),
            tier: TierKey(0),
            lane: ServiceClass::Fast,
            key: BatchKey {
                model: ModelKey(0),
                shape: Shape {
                    width: 64,
                    height: 64,
                },
            },
            steps: 1,
            pictures: 1,
            region: None,
            only: None,
            submitted,
            not_before: Moment::START,
            deadline: None,
            attempt: 1,
            deaths: 0,
            avoid: None,
        }
    }

    fn rank(waiting: &mut Waiting, now: Moment) -> Option<Rank> {
        let head = waiting.head(ServiceClass::Fast, 0, true, now);
        head.map(|(rank, _)| rank)
    }

    #[test]
    fn a_bound_that_an_admin_lowers_holds_for_jobs_that_wait_already() {
        let mut waiting = Waiting::default();
        waiting.set_tiers(vec![tier(3600.0, None)]);
        waiting.insert(job(1, 0, Moment::START), 1.0, Moment::START);
        let later = Moment::from_secs(100.0);
        assert!(matches!(rank(&mut waiting, later), Some(Rank::Within(_))));
        waiting.set_tiers(vec![tier(60.0, Some(90.0))]);
        let due = Rank::Aged(Moment::from_secs(60.0));
        assert_eq!(rank(&mut waiting, later), Some(due));
        assert_eq!(waiting.stale(later), Some(JobId(Uuid::from_u128(1))));
    }

    #[test]
    fn a_job_that_comes_late_and_is_older_than_the_others_of_its_member_counts_from_its_own_submit()
    {
        let mut waiting = Waiting::default();
        waiting.set_tiers(vec![tier(60.0, None)]);
        let later = Moment::from_secs(50.0);
        waiting.insert(job(2, 0, later), 1.0, later);
        waiting.insert(job(1, 0, Moment::START), 1.0, later);
        let due = Rank::Aged(Moment::from_secs(60.0));
        assert_eq!(rank(&mut waiting, Moment::from_secs(61.0)), Some(due));
    }
}
