//! Whether a job is taken in, by when it should start.

use easel_domain::tier::ServiceClass;

use super::Easel;
use crate::event::Admission;
use crate::job::Job;
use crate::moment::Moment;

/// A job is taken in where it should start within this share of the time after which it would be shed.
const SURE_TO_START: f64 = 0.8;

impl Easel {
    /// Seconds until a job that comes now could start, by what waits in its lane before it and by what the lane is
    /// served: at least its share, and more where others leave some over.
    pub fn predicted_wait_s(&self, lane: ServiceClass, now: Moment) -> f64 {
        self.wait_behind_s(self.waiting.lane_cost_s(lane), lane, now)
    }

    /// The same for one job: whoever asks for no more than his share waits for others who do, and not for what is asked
    /// for beyond shares.
    pub fn predicted_start_s(&self, job: &Job, now: Moment) -> f64 {
        let lane = job.lane;
        if self.waiting.asks_no_more(job, self.alone_s(job), now) {
            return self.wait_behind_s(self.waiting.lane_within_s(lane), lane, now);
        }
        self.predicted_wait_s(lane, now)
    }

    /// Seconds until so many GPU-seconds of a lane are begun.
    fn wait_behind_s(&self, cost_s: f64, lane: ServiceClass, now: Moment) -> f64 {
        let nodes = self.fleet.up() as f64;
        if nodes < 1.0 || (self.fleet.open() > 0 && self.waiting.lane_len(lane) == 0) {
            return 0.0;
        }
        let share = nodes * self.waiting.lane_share(lane);
        cost_s / share.max(self.waiting.served_rate(lane, now))
    }

    pub(super) fn admission_of(&self, job: &Job, now: Moment) -> Admission {
        let wait_s = self.predicted_start_s(job, now);
        let Some(tier) = self.waiting.tier(job) else {
            return Admission::Accept;
        };
        if tier
            .shed_s
            .is_some_and(|shed_s| wait_s > SURE_TO_START * shed_s)
        {
            return Admission::Refuse { wait_s };
        }
        let alone_s = self.alone_s(job);
        match tier.promise_s(alone_s) {
            Some(promise_s) if wait_s + alone_s > promise_s => Admission::Quote { wait_s },
            _ => Admission::Accept,
        }
    }
}
