//! What nodes report durably: grant requests, results, failures. Each is idempotent, and each is answered.

use std::collections::HashSet;
use std::time::Duration;

use easel_blobs::BlobError;
use easel_broker::{Action, Consumer, Delivery, Subscription};
use easel_domain::clock::EntropyExt;
use easel_domain::failure::{FailureKind, after_failure};
use easel_domain::job::EndReason;
use easel_domain::message::{
    FileClaim, LeaseRef, NodeBoot, NodeCommand, NodeEvent, NodeReport, StoredFile, Timings,
};
use easel_domain::picture::{FileRole, MAX_FILE_BYTES, MAX_GRID_BYTES, PictureVerdict};
use easel_domain::spec::Answer;
use easel_domain::{PictureId, RequestId};
use easel_scheduler::event::Outcome;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::complete::Completion;
use easel_store::finish::AfterTry;
use tokio::sync::mpsc;

use crate::coordinator::Input;
use crate::ends::Ends;
use crate::grants::Grants;
use crate::lanes::Office;
use crate::live::speaks_for;
use crate::metric;
use crate::uploads::{self, Arrival, UploadError};

const PREFETCH: u16 = 128;
/// As many as end in one transaction.
const CONCURRENCY: usize = 64;
/// A report that could not be handled for our own reasons is handled again after this.
const PAUSE: Duration = Duration::from_secs(1);
/// Most files that one job may store: four roles for each of 40 pictures.
const MAX_FILES: usize = 160;

/// A report that cannot be handled now, or never.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error("write the report")]
    Store(#[from] StoreError),
    #[error("reach the object store")]
    Blobs(#[from] BlobError),
    #[error("an equal object is being deleted")]
    BeingDeleted,
    #[error("the report is not sound: {0}")]
    Unsound(&'static str),
}

impl From<UploadError> for ReportError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Store(error) => Self::Store(error),
            UploadError::Blobs(error) => Self::Blobs(error),
            UploadError::NotGranted => Self::Unsound("a file was never granted"),
        }
    }
}

impl ReportError {
    /// Whether the same report would fail in the same way for ever.
    fn is_permanent(&self) -> bool {
        match self {
            Self::Unsound(_) => true,
            Self::BeingDeleted => false,
            Self::Blobs(error) => matches!(error, BlobError::Key(_)),
            Self::Store(error) => matches!(error, StoreError::Corrupt { .. }),
        }
    }
}

/// Reads `node-done`.
pub(crate) fn consume(
    office: Office,
    inputs: mpsc::Sender<Input>,
    ends: Ends,
    grants: Grants,
) -> Consumer {
    let lane = office.settings.lane();
    let queue = Subscription::new(office.broker.names().node_done(&lane), PREFETCH)
        .concurrency(CONCURRENCY);
    let broker = office.broker.clone();
    broker.consume(queue, move |report: Delivery<NodeReport>| {
        let (office, inputs) = (office.clone(), inputs.clone());
        let (ends, grants) = (ends.clone(), grants.clone());
        async move {
            if !speaks_for(report.sender().as_ref(), &report.body.from) {
                return vec![Action::DeadLetter("sender is not the node")];
            }
            handle(&office, &inputs, &ends, &grants, report.body).await
        }
    })
}

async fn handle(
    office: &Office,
    inputs: &mpsc::Sender<Input>,
    ends: &Ends,
    grants: &Grants,
    report: NodeReport,
) -> Vec<Action> {
    let NodeReport { from, lease, event } = report;
    let is_asked_again = matches!(event, NodeEvent::GrantRequest { .. });
    let result = match event {
        NodeEvent::GrantRequest { request, files } => {
            grant(office, inputs, grants, &from, lease, request, files).await
        }
        NodeEvent::Done {
            files,
            verdicts,
            timings,
            answer,
        } => {
            let result = Rendered {
                files,
                verdicts,
                timings,
                answer,
            };
            done(office, inputs, ends, &from, lease, result).await
        }
        NodeEvent::Failed { kind, message } => {
            failed(office, inputs, &from, lease, kind, &message).await
        }
    };
    match result {
        Ok(()) => Action::ack(),
        Err(ReportError::Store(error)) if error.is_lost_race() => {
            metrics::counter!(metric::FENCED_WRITES, "what" => "report").increment(1);
            tracing::info!(job.id = %lease.job_id, "a report of node {} came too late: {error}", from.node);
            settle(office, &from, lease, false).await;
            Action::ack()
        }
        Err(error) if error.is_permanent() => {
            let reason = &chain(&error);
            tracing::error!(job.id = %lease.job_id, "a report of node {} cannot be handled: {reason}", from.node);
            // The job must not stay with a node that cannot report on it.
            if let Err(error) =
                failed(office, inputs, &from, lease, FailureKind::Retryable, reason).await
            {
                tracing::warn!(job.id = %lease.job_id, "job {} waits for its lease to run out: {error}", lease.job_id, error = chain(&error));
            }
            vec![Action::DeadLetter("unsound report")]
        }
        Err(error) if is_asked_again => {
            // The node asks until it is answered; a second stock of its questions here would only grow.
            tracing::warn!(job.id = %lease.job_id, "no grants for job {} yet: {error}", lease.job_id, error = chain(&error));
            Action::ack()
        }
        Err(error) => {
            tracing::warn!(job.id = %lease.job_id, "report on job {} is handled later: {error}", lease.job_id, error = chain(&error));
            vec![Action::RetryLater(PAUSE)]
        }
    }
}

async fn settle(office: &Office, node: &NodeBoot, lease: LeaseRef, accepted: bool) {
    if let Err(error) = office
        .tell(node, &NodeCommand::Settled { lease, accepted })
        .await
    {
        tracing::debug!(
            "node {} was not told that a lease is settled: {error}",
            node.node
        );
    }
}

async fn grant(
    office: &Office,
    inputs: &mpsc::Sender<Input>,
    grants: &Grants,
    from: &NodeBoot,
    lease: LeaseRef,
    request: RequestId,
    files: Vec<FileClaim>,
) -> Result<(), ReportError> {
    check_claims(&files)?;
    let uploads = grants.ask(lease, files).await?;
    let _ = inputs.send(Input::Finishing(lease)).await;
    let command = NodeCommand::Grant {
        request,
        lease,
        uploads,
    };
    if let Err(error) = office.tell(from, &command).await {
        tracing::debug!("node {} will ask for its grants again: {error}", from.node);
    }
    Ok(())
}

fn check_claims(files: &[FileClaim]) -> Result<(), ReportError> {
    if files.is_empty() || files.len() > MAX_FILES {
        return Err(ReportError::Unsound("too few or too many files"));
    }
    check_places(files.iter())?;
    let fits = |claim: &FileClaim| {
        let limit = if claim.role == FileRole::Grid {
            MAX_GRID_BYTES
        } else {
            MAX_FILE_BYTES
        };
        (1..=limit).contains(&claim.size_bytes)
            && (claim.index as usize) < MAX_FILES
            && claim.sha256.len() == 64
            && claim.md5.len() == 32
    };
    if files.iter().all(fits) {
        Ok(())
    } else {
        Err(ReportError::Unsound(
            "a file is too large, has no digest or no place",
        ))
    }
}

/// Two files of one job never have the same role and index.
fn check_places<'c>(mut claims: impl Iterator<Item = &'c FileClaim>) -> Result<(), ReportError> {
    let mut taken = HashSet::new();
    if claims.all(|claim| taken.insert((claim.role, claim.index))) {
        Ok(())
    } else {
        Err(ReportError::Unsound("two files have the same place"))
    }
}

/// What a node made of a job.
struct Rendered {
    files: Vec<StoredFile>,
    verdicts: Vec<PictureVerdict>,
    timings: Timings,
    answer: Option<Answer>,
}

/// A result counts once its files are in the store as they were granted.
async fn done(
    office: &Office,
    inputs: &mpsc::Sender<Input>,
    ends: &Ends,
    from: &NodeBoot,
    lease: LeaseRef,
    result: Rendered,
) -> Result<(), ReportError> {
    let Rendered {
        files,
        verdicts,
        timings,
        answer,
    } = result;
    if answer.is_some() {
        // There is nothing to upload, and every job finishes before it is complete.
        let (store, leadership) = (&office.store, &office.leadership);
        store.grant_uploads(leadership, lease, &[]).await?;
        let _ = inputs.send(Input::Finishing(lease)).await;
    }
    check_places(files.iter().map(|file| &file.claim))?;
    let gone_wrong = match uploads::arrival(office, lease, &files).await? {
        Arrival::Complete => None,
        Arrival::Incomplete => Some((
            FailureKind::Retryable,
            "an upload did not arrive as it was claimed",
        )),
        // Nobody's fault: the same again, and it is granted once the old object is gone.
        Arrival::BeingDeleted => Some((
            FailureKind::Infrastructure,
            "an equal object was being deleted",
        )),
    };
    if let Some((kind, message)) = gone_wrong {
        return failed(office, inputs, from, lease, kind, message).await;
    }
    let picture_ids = verdicts
        .iter()
        .map(|_| PictureId(office.entropy.ordered_uuid(office.clock.now())))
        .collect();
    let completion = Completion {
        lease,
        picture_ids,
        files,
        verdicts,
        answer,
    };
    let ended = ends.complete(completion).await?;
    tokio::join!(
        office.announce_end(&ended),
        settle(office, from, lease, true)
    );
    let _ = inputs
        .send(Input::LeaseEnded {
            lease,
            waits_again: false,
            outcome: Outcome::Done,
            timings: Some(timings),
        })
        .await;
    Ok(())
}

async fn failed(
    office: &Office,
    inputs: &mpsc::Sender<Input>,
    from: &NodeBoot,
    lease: LeaseRef,
    kind: FailureKind,
    message: &str,
) -> Result<(), ReportError> {
    let after = after_failure(kind, lease.attempt, office.entropy.random_unit());
    let (avoid, reason) = match kind {
        FailureKind::Retryable => (Some(from.boot), EndReason::AttemptsExhausted),
        FailureKind::Memory => (Some(from.boot), EndReason::OutOfMemory),
        FailureKind::Fatal => (None, EndReason::Unrenderable),
        FailureKind::Infrastructure | FailureKind::Crash => (None, EndReason::AttemptsExhausted),
    };
    let detail: String = message.chars().take(500).collect();
    tracing::warn!(job.id = %lease.job_id, node.id = %from.node, attempt = lease.attempt,
        "try {} of job {} failed on node {}: {detail}", lease.attempt, lease.job_id, from.node);
    let (store, leadership) = (&office.store, &office.leadership);
    let ended = match kind {
        FailureKind::Crash => {
            store
                .end_try_by_death(leadership, lease, from.boot, &detail)
                .await?
        }
        FailureKind::Memory => {
            store
                .end_try_by_memory(leadership, lease, after, avoid, &detail)
                .await?
        }
        FailureKind::Retryable | FailureKind::Fatal | FailureKind::Infrastructure => {
            store
                .end_try(leadership, lease, after, avoid, reason, &detail)
                .await?
        }
    };
    let waits_again = match ended {
        AfterTry::Requeued(_) => true,
        AfterTry::Lowered(lowered) => {
            office.announce_lowered(&lowered).await;
            true
        }
        AfterTry::Ended(ended) => {
            office.announce_end(&ended).await;
            false
        }
    };
    metrics::counter!(metric::REQUEUES, "kind" => kind_name(kind))
        .increment(u64::from(waits_again));
    settle(office, from, lease, true).await;
    let outcome = match kind {
        FailureKind::Retryable => Outcome::Failed,
        // No fault of the node, or its end. Pictures may be too large for any node; one without memory for small ones finds
        // that out by itself.
        FailureKind::Memory
        | FailureKind::Fatal
        | FailureKind::Infrastructure
        | FailureKind::Crash => Outcome::Lost,
    };
    let ended = Input::LeaseEnded {
        lease,
        waits_again,
        outcome,
        timings: None,
    };
    let _ = inputs.send(ended).await;
    Ok(())
}

fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Retryable => "retryable",
        FailureKind::Memory => "memory",
        FailureKind::Fatal => "fatal",
        FailureKind::Infrastructure => "infrastructure",
        FailureKind::Crash => "crash",
    }
}
