//! The order among waiting jobs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_store::waiting::WaitingJob;
use time::OffsetDateTime;

/// Decides who is next. Pure: the same calls give the same answers.
pub trait Policy: Clone {
    /// A job joins those that wait.
    fn arrived(&mut self, job: &WaitingJob, waiting: &BTreeMap<JobId, WaitingJob>);

    /// The next of the jobs that are `eligible`.
    fn next(
        &self,
        waiting: &BTreeMap<JobId, WaitingJob>,
        eligible: &dyn Fn(&WaitingJob) -> bool,
        now: OffsetDateTime,
    ) -> Option<JobId>;

    /// A job was placed.
    fn served(&mut self, job: &WaitingJob);
}

/// Shares between classes, age within one.
///
/// Classes share by stride scheduling (Waldspurger & Weihl 1995): each class has a virtual time that advances by the
/// cost of what it was served divided by its share, and the class that is furthest behind goes first. So an urgent class
/// goes first nearly always and no class starves. A class that comes back after being idle starts at the least virtual
/// time of those that are busy: idle time is not banked. Within a class a job that has waited past its aging bound goes
/// before one that has not, and the older before the younger.
#[derive(Debug, Clone, Default)]
pub struct ClassShares {
    virtual_time: BTreeMap<ServiceClass, f64>,
}

/// The share of a class against the others when all are busy.
fn share(class: ServiceClass) -> f64 {
    match class {
        ServiceClass::Turbo => 16.0,
        ServiceClass::Fast => 8.0,
        ServiceClass::Standard => 3.0,
        ServiceClass::Relax => 1.0,
    }
}

/// Work of a job in pixel-steps: what its time on any one device is roughly proportional to.
pub fn cost(job: &WaitingJob) -> f64 {
    let (width, height, steps) = job.shape;
    f64::from(width) * f64::from(height) * f64::from(steps) * f64::from(job.pictures.max(1))
}

impl ClassShares {
    fn time_of(&self, class: ServiceClass) -> f64 {
        self.virtual_time.get(&class).copied().unwrap_or(0.0)
    }
}

impl Policy for ClassShares {
    fn arrived(&mut self, job: &WaitingJob, waiting: &BTreeMap<JobId, WaitingJob>) {
        let class = job.service_class;
        if waiting.values().any(|other| other.service_class == class) {
            return;
        }
        let busy = waiting
            .values()
            .map(|other| self.time_of(other.service_class))
            .min_by(f64::total_cmp);
        if let Some(busy) = busy {
            let lifted = self.time_of(class).max(busy);
            self.virtual_time.insert(class, lifted);
        }
    }

    fn next(
        &self,
        waiting: &BTreeMap<JobId, WaitingJob>,
        eligible: &dyn Fn(&WaitingJob) -> bool,
        now: OffsetDateTime,
    ) -> Option<JobId> {
        waiting
            .values()
            .filter(|job| eligible(job))
            .min_by(|a, b| {
                self.time_of(a.service_class)
                    .total_cmp(&self.time_of(b.service_class))
                    .then_with(|| a.service_class.cmp(&b.service_class))
                    .then_with(|| Reverse(is_aged(a, now)).cmp(&Reverse(is_aged(b, now))))
                    .then_with(|| (a.submitted_at, a.job_id).cmp(&(b.submitted_at, b.job_id)))
            })
            .map(|job| job.job_id)
    }

    fn served(&mut self, job: &WaitingJob) {
        let time = self.time_of(job.service_class) + cost(job) / share(job.service_class);
        self.virtual_time.insert(job.service_class, time);
    }
}

fn is_aged(job: &WaitingJob, now: OffsetDateTime) -> bool {
    now - job.submitted_at >= job.aging
}
