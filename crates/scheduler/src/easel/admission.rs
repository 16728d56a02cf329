//! Whether a job is taken in, by when it should start: what the rule of [`easel_domain::admission`] goes by.

use easel_domain::admission::{Admission, ClassOutlook, admission};
use easel_domain::tier::ServiceClass;

use super::Easel;
use crate::job::Job;
use crate::moment::Moment;

impl Easel {
    /// What waits in a lane, and what it is served: at least its share, and more where others leave some over.
    pub fn outlook(&self, lane: ServiceClass, now: Moment) -> ClassOutlook {
        ClassOutlook {
            nodes: self.fleet.up() as f64 * self.waiting.lane_share(lane),
            is_free: self.fleet.open() > 0 && self.waiting.lane_len(lane) == 0,
            ..self.waiting.lane_outlook(lane, now)
        }
    }

    /// Seconds until a job that comes now could start, by what waits in its lane before it and by what the lane is
    /// served.
    pub fn predicted_wait_s(&self, lane: ServiceClass, now: Moment) -> f64 {
        self.outlook(lane, now).start_s(false)
    }

    /// The same for one job: whoever asks for no more than his share waits for others who do, and not for what is asked
    /// for beyond shares.
    pub fn predicted_start_s(&self, job: &Job, now: Moment) -> f64 {
        let outlook = self.outlook(job.lane, now);
        let (owed, pays) = self.waiting.owed(job, self.alone_s(job), now);
        outlook.start_s(outlook.is_within(owed, pays))
    }

    pub(super) fn admission_of(&self, job: &Job, now: Moment) -> Admission {
        let Some(tier) = self.waiting.tier(job) else {
            return Admission::Accept;
        };
        let wait_s = self.predicted_start_s(job, now);
        admission(wait_s, self.alone_s(job), tier.shed_s, tier.promise())
    }
}
