//! What waiting members are told: their position and when it should be their turn.

use std::collections::HashMap;
use std::time::Duration;

use easel_domain::JobId;
use easel_domain::message::{ProgressNote, ProgressState};
use tokio::time::Instant;

use super::Coordinator;
use crate::metric;

/// Positions are told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Jobs that are told their position: beyond it, nobody waits for a number to change.
const TOLD: usize = 200;
/// Weight of the newest job in the running mean of job times.
const NEWEST: f64 = 0.2;

/// The last position that each waiting job was told, and how long jobs take.
#[derive(Debug, Default)]
pub(super) struct QueueView {
    told: HashMap<JobId, u32>,
    told_at: Option<Instant>,
    mean_job_s: Option<f64>,
}

impl QueueView {
    /// A job was rendered in this time, from lease to end.
    pub fn job_took(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        self.mean_job_s = Some(
            self.mean_job_s
                .map_or(seconds, |mean| mean + NEWEST * (seconds - mean)),
        );
    }

    /// A job waits no more.
    pub fn job_left(&mut self, job_id: JobId) {
        self.told.remove(&job_id);
    }

    /// Seconds until the job at `position` (counted from 1) starts when `at_once` jobs run at once.
    pub fn eta_s(&self, position: u32, at_once: usize) -> Option<f64> {
        let rounds = f64::from(position) / at_once.max(1) as f64;
        self.mean_job_s
            .filter(|_| at_once > 0)
            .map(|mean| mean * rounds)
    }

    /// The jobs of `ranking` whose position is news, with it.
    fn news(&mut self, ranking: &[JobId]) -> Vec<(JobId, u32)> {
        let mut now_told = HashMap::with_capacity(ranking.len());
        let mut news = Vec::new();
        for (position, job_id) in (1..).zip(ranking) {
            if self.told.get(job_id) != Some(&position) {
                news.push((*job_id, position));
            }
            now_told.insert(*job_id, position);
        }
        self.told = now_told;
        news
    }
}

impl Coordinator {
    /// Tells waiting jobs their position where it has changed.
    pub(super) fn tell_positions(&mut self) {
        if self
            .queue_view
            .told_at
            .is_some_and(|at| at.elapsed() < TELL_EVERY)
        {
            return;
        }
        self.queue_view.told_at = Some(Instant::now());
        let now = self.office.clock.now();
        // How many jobs nodes would take tells nothing of how many they have: that is as many as pays, while others wait.
        let at_once = match self.scheduler.nodes(now) {
            0 => 0,
            _ => self.scheduler.running_len().max(1),
        };
        let ranking = self.scheduler.ranking(now, TOLD);
        for (job_id, position) in self.queue_view.news(&ranking) {
            let Some(job) = self.scheduler.waiting_job(job_id) else {
                continue;
            };
            let note = ProgressNote {
                job_id,
                channel_id: Some(job.channel_id),
                state: ProgressState::Queued {
                    position,
                    eta_s: self.queue_view.eta_s(position, at_once),
                },
            };
            self.office.mentions.say(job.shard, note);
        }
    }

    pub(super) fn record_gauges(&self) {
        let now = self.office.clock.now();
        metrics::gauge!(metric::WAITING).set(self.scheduler.waiting_len() as f64);
        metrics::gauge!(metric::RUNNING).set(self.scheduler.running_len() as f64);
        metrics::gauge!(metric::CAPACITY).set(f64::from(self.scheduler.capacity(now)));
        let oldest = self
            .scheduler
            .oldest_waiting()
            .map_or(0.0, |at| (now - at).as_seconds_f64());
        metrics::gauge!(metric::OLDEST_WAITING_SECONDS).set(oldest.max(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ids(numbers: &[u128]) -> Vec<JobId> {
        numbers
            .iter()
            .map(|number| JobId(Uuid::from_u128(*number)))
            .collect()
    }

    #[test]
    fn only_a_changed_position_is_news() {
        let mut view = QueueView::default();
        assert_eq!(view.news(&ids(&[1, 2])).len(), 2);
        assert!(view.news(&ids(&[1, 2])).is_empty());
        let news = view.news(&ids(&[2, 3]));
        assert_eq!(
            news.iter()
                .map(|(_, position)| *position)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(view.told.len(), 2);
    }

    #[test]
    fn an_eta_needs_a_measured_job_and_a_node() {
        let mut view = QueueView::default();
        assert_eq!(view.eta_s(1, 1), None);
        view.job_took(Duration::from_secs(10));
        assert_eq!(view.eta_s(4, 2), Some(20.0));
        assert_eq!(view.eta_s(4, 0), None);
        view.job_took(Duration::from_secs(20));
        assert_eq!(view.eta_s(1, 1), Some(12.0));
    }
}
