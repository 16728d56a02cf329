//! How a lease's pictures reach the store, and its reports the dispatcher: again and again, until answered.

use std::sync::Arc;
use std::time::Duration;

use easel_blobs::GrantError;
use easel_broker::Message;
use easel_domain::RequestId;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::FailureKind;
use easel_domain::message::{NodeEvent, NodeReport, StoredFile, UploadGrant};
use easel_service::Backoff;
use tokio::time::Instant;

use super::job::{LeaseJob, Stop};
use crate::encode::EncodedFile;

/// A report that is not answered is sent again after this, and then less and less often.
const RESEND_AFTER: Duration = Duration::from_secs(4);
const RESEND_AT_LEAST: Duration = Duration::from_secs(30);
/// Between two attempts to store what was rendered.
const STORE_PAUSE: Duration = Duration::from_secs(1);
const STORE_PAUSE_AT_MOST: Duration = Duration::from_secs(30);

impl LeaseJob<'_> {
    /// Stores every file. A grant lives a minute and the store may be away for longer: what is not stored yet is asked
    /// for again, because rendering it a second time costs more than waiting. After the node's patience the try fails.
    pub(super) async fn store(&mut self, files: &[EncodedFile]) -> Result<Vec<StoredFile>, Stop> {
        let began = Instant::now();
        let mut stored = Vec::with_capacity(files.len());
        let mut pauses = self.backoff(STORE_PAUSE, STORE_PAUSE_AT_MOST);
        loop {
            let missing = &files[stored.len()..];
            if missing.is_empty() {
                return Ok(stored);
            }
            let before = stored.len();
            let Err(error) = self.store_under_one_grant(missing, &mut stored).await? else {
                return Ok(stored);
            };
            let is_hopeless = !error.wants_a_new_grant()
                || began.elapsed() >= self.workshop.settings.store_patience;
            if is_hopeless {
                return Err(Stop::retryable("upload", &error));
            }
            tracing::warn!(job.id = %self.lease.job_id, "{} of {} files of job {} wait for the object store: {error}",
                files.len() - stored.len(), files.len(), self.lease.job_id);
            if stored.len() > before {
                pauses.reset();
            }
            let pause = pauses.next().unwrap_or(STORE_PAUSE_AT_MOST);
            tokio::select! {
                stop = self.told_to_stop() => return Err(stop),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One round: grants for all that is missing, then upload after upload until one fails.
    async fn store_under_one_grant(
        &mut self,
        missing: &[EncodedFile],
        stored: &mut Vec<StoredFile>,
    ) -> Result<Result<(), GrantError>, Stop> {
        let request = RequestId(self.workshop.entropy.random_uuid());
        let asked = NodeEvent::GrantRequest {
            request,
            files: missing.iter().map(|file| file.claim.clone()).collect(),
        };
        let uploads = self.ask_for_grants(request, asked).await?;
        if uploads.len() != missing.len() {
            let message = "the grants do not match the files".to_owned();
            return Err(Stop::Failed {
                kind: FailureKind::Retryable,
                message,
            });
        }
        for (grant, file) in uploads.iter().zip(missing) {
            if self.ticket.dropped.is_cancelled() {
                return Err(Stop::Dropped);
            }
            if let Err(error) = self.workshop.grants.put(grant, file.body.clone()).await {
                return Ok(Err(error));
            }
            stored.push(StoredFile {
                key: grant.key.clone(),
                claim: file.claim.clone(),
            });
        }
        Ok(Ok(()))
    }

    async fn ask_for_grants(
        &mut self,
        request: RequestId,
        asked: NodeEvent,
    ) -> Result<Vec<UploadGrant>, Stop> {
        let mut pauses = self.backoff(RESEND_AFTER, RESEND_AT_LEAST);
        let began = Instant::now();
        while began.elapsed() < self.workshop.settings.store_patience {
            self.report(asked.clone()).await;
            let mut granted = self.ticket.granted.clone();
            let answered =
                granted.wait_for(|granted| granted.as_ref().is_some_and(|g| g.request == request));
            let pause = pauses.next().unwrap_or(RESEND_AT_LEAST);
            tokio::select! {
                stop = self.told_to_stop() => return Err(stop),
                answer = tokio::time::timeout(pause, answered) => match answer {
                    Ok(Ok(granted)) => {
                        return Ok(granted.as_ref().map(|granted| granted.uploads.clone()).unwrap_or_default());
                    }
                    Ok(Err(_)) => return Err(Stop::Dropped),
                    Err(_) => {}
                },
            }
        }
        Err(Stop::Failed {
            kind: FailureKind::Retryable,
            message: "nobody granted a place for the pictures".to_owned(),
        })
    }

    pub(super) async fn report_until_settled(&mut self, event: NodeEvent) -> Result<(), Stop> {
        let mut pauses = self.backoff(RESEND_AFTER, RESEND_AT_LEAST);
        loop {
            self.report(event.clone()).await;
            let pause = pauses.next().unwrap_or(RESEND_AT_LEAST);
            let settled = self.ticket.settled.wait_for(|settled| *settled);
            tokio::select! {
                () = self.ticket.dropped.cancelled() => return Err(Stop::Dropped),
                answer = tokio::time::timeout(pause, settled) => match answer {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(_)) => return Err(Stop::Dropped),
                    Err(_) => {}
                },
            }
        }
    }

    async fn report(&self, event: NodeEvent) {
        let report = NodeReport {
            from: self.workshop.boot.clone(),
            lease: self.lease,
            event,
        };
        let names = self.workshop.broker.names();
        let target = names.done_target(&self.workshop.settings.lane(), &self.workshop.boot.node);
        let Ok(message) = Message::new(target, &report) else {
            return;
        };
        if let Err(error) = self.workshop.broker.publish(message).await {
            tracing::warn!(job.id = %self.lease.job_id, "report on job {} is sent again: {error}", self.lease.job_id);
        }
    }

    fn backoff(&self, base: Duration, cap: Duration) -> Backoff {
        Backoff::new(base, cap, Arc::clone(&self.workshop.entropy))
    }
}
