//! The life of one lease on its node: fetch, render, check, encode, upload, report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use easel_broker::Message;
use easel_domain::RequestId;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::FailureKind;
use easel_domain::message::{
    LeaseRef, NodeEvent, NodeLive, NodeReport, Offer, StoredFile, Timings, UploadGrant,
};
use easel_domain::picture::{MAX_FILE_BYTES, PictureVerdict};
use easel_domain::spec::RenderSpec;
use easel_moderation::{Evidence, RgbPicture};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::Workshop;
use super::desk::{Desk, Ticket};
use super::progress::{obscured_preview, with_preview};
use crate::encode::{EncodedFile, decode, encode_job};
use crate::engine::{EngineEvent, EngineRequest, EngineWork, Picture};
use crate::metric;

/// A report that is not answered is sent again after this.
const RESEND_AFTER: Duration = Duration::from_secs(2);

/// Why a lease ends without pictures.
#[derive(Debug)]
enum Stop {
    /// Nobody wants the job from this node any more.
    Dropped,
    /// The try failed.
    Failed { kind: FailureKind, message: String },
}

impl Stop {
    fn retryable(what: &str, error: &dyn std::error::Error) -> Self {
        Self::Failed {
            kind: FailureKind::Retryable,
            message: format!("{what}: {error}"),
        }
    }
}

/// Renders one offer and reports until the dispatcher has settled it.
pub(super) async fn run(workshop: Arc<Workshop>, desk: Arc<Desk>, offer: Offer, ticket: Ticket) {
    let lease = offer.lease;
    let mut lease_job = LeaseJob {
        workshop: &workshop,
        lease,
        ticket,
    };
    let outcome = match lease_job.render_and_store(offer).await {
        Ok(done) => lease_job.report_until_settled(done).await.map(|()| "done"),
        Err(Stop::Failed { kind, message }) => {
            tracing::warn!(job.id = %lease.job_id, "job {} failed here: {message}", lease.job_id);
            lease_job
                .report_until_settled(NodeEvent::Failed { kind, message })
                .await
                .map(|()| "failed")
        }
        Err(Stop::Dropped) => Err(Stop::Dropped),
    };
    metrics::counter!(metric::JOBS, "outcome" => outcome.unwrap_or("dropped")).increment(1);
    desk.leave(&lease);
}

struct LeaseJob<'w> {
    workshop: &'w Workshop,
    lease: LeaseRef,
    ticket: Ticket,
}

impl LeaseJob<'_> {
    async fn render_and_store(&mut self, offer: Offer) -> Result<NodeEvent, Stop> {
        let began = Instant::now();
        let work = self.prepare(offer).await?;
        let (pictures, engine) = self.render(work).await?;
        let rendered = Instant::now();
        let verdicts = self.judge(&pictures);
        let (pictures, verdicts) = (Arc::new(pictures), Arc::new(verdicts));
        let encoding = {
            let (pictures, verdicts) = (Arc::clone(&pictures), Arc::clone(&verdicts));
            tokio::task::spawn_blocking(move || encode_job(&pictures, &verdicts))
        };
        let files = match encoding.await {
            Ok(files) => files.map_err(|error| Stop::retryable("encode", &error))?,
            Err(error) => return Err(Stop::retryable("encode", &error)),
        };
        let stored = if files.is_empty() {
            Vec::new()
        } else {
            self.store(&files).await?
        };
        let timings = Timings {
            wait_s: engine.wait.as_secs_f64(),
            denoise_s: engine.denoise.as_secs_f64(),
            decode_s: (engine.decode + engine.finish).as_secs_f64(),
            publish_s: rendered.elapsed().as_secs_f64(),
        };
        record(&timings, pictures.len(), began.elapsed());
        Ok(NodeEvent::Done {
            files: stored,
            verdicts: verdicts.to_vec(),
            timings,
        })
    }

    /// Fetches what the job reads.
    async fn prepare(&self, offer: Offer) -> Result<EngineWork, Stop> {
        let info = self.workshop.engine.info();
        if offer.spec.model().hash != info.model_hash {
            let message = format!(
                "this node serves {} and not the model that was asked for",
                info.model_id
            );
            return Err(Stop::Failed {
                kind: FailureKind::Retryable,
                message,
            });
        }
        match offer.spec {
            RenderSpec::Generate(spec) => Ok(EngineWork::Generate {
                spec,
                text: offer.text,
                init: None,
            }),
            RenderSpec::Upscale(spec) => {
                let Some(grant) = offer.inputs.first() else {
                    let message = "the offer has no grant for its input".to_owned();
                    return Err(Stop::Failed {
                        kind: FailureKind::Retryable,
                        message,
                    });
                };
                let body = self
                    .workshop
                    .grants
                    .get(grant, MAX_FILE_BYTES)
                    .await
                    .map_err(|error| Stop::retryable("fetch the input", &error))?;
                let picture =
                    decode(&body).map_err(|error| Stop::retryable("read the input", &error))?;
                Ok(EngineWork::Upscale {
                    picture,
                    scale: spec.scale,
                })
            }
        }
    }

    async fn render(
        &mut self,
        work: EngineWork,
    ) -> Result<(Vec<Picture>, crate::engine::Timings), Stop> {
        let key = self.workshop.entropy.random_u32().into();
        let (progress, mut progress_seen) = watch::channel(None);
        let (last, mut ended) = oneshot::channel();
        let last = Mutex::new(Some(last));
        let sink = Box::new(move |event: EngineEvent| {
            if event.is_final() {
                let sender = last.lock().unwrap_or_else(PoisonError::into_inner).take();
                // The lease may have been dropped meanwhile.
                let _ = sender.map(|sender| sender.send(event));
            } else {
                progress.send_modify(|newest| *newest = Some(with_preview(event, newest.take())));
            }
        });
        let submitted = self
            .workshop
            .engine
            .submit(EngineRequest { key, work }, sink);
        submitted.map_err(|error| Stop::retryable("hand over to the engine", &error))?;
        let mut told_at = None;
        loop {
            tokio::select! {
                () = self.ticket.dropped.cancelled() => {
                    self.workshop.engine.cancel(key);
                    return Err(Stop::Dropped);
                }
                () = self.ticket.hand_back.cancelled() => {
                    self.workshop.engine.cancel(key);
                    let message = "the node is going away".to_owned();
                    return Err(Stop::Failed { kind: FailureKind::Infrastructure, message });
                }
                ended = &mut ended => return finished(ended.ok()),
                Ok(()) = progress_seen.changed() => {
                    let event = progress_seen.borrow_and_update().clone();
                    self.tell_progress(event, &mut told_at).await;
                }
            }
        }
    }

    /// Progress is coalesced: only the newest counts, and not too often.
    async fn tell_progress(&self, event: Option<EngineEvent>, told_at: &mut Option<Instant>) {
        let Some(EngineEvent::Progress {
            step,
            steps,
            preview,
            ..
        }) = event
        else {
            return;
        };
        let due = told_at.is_none_or(|at| at.elapsed() >= self.workshop.settings.progress_every);
        if !due {
            return;
        }
        *told_at = Some(Instant::now());
        let progress = NodeLive::Progress {
            from: self.workshop.boot.clone(),
            lease: self.lease,
            percent: u8::try_from(u64::from(step) * 100 / u64::from(steps.max(1))).unwrap_or(100),
            preview: preview.as_ref().and_then(obscured_preview),
        };
        let names = self.workshop.broker.names();
        let target = names.live_target(&self.workshop.settings.lane(), &self.workshop.boot.node);
        let Ok(message) = Message::new(target, &progress) else {
            return;
        };
        if let Err(error) = self.workshop.broker.publish(message.optional()).await {
            tracing::debug!("progress not sent: {error}");
        }
    }

    /// Nothing is visible unchecked. Without a classifier only a model that is marked safe passes.
    fn judge(&self, pictures: &[Picture]) -> Vec<PictureVerdict> {
        let evidence = if self.workshop.profile.safe {
            Evidence::SafeModel
        } else {
            Evidence::Unchecked
        };
        pictures
            .iter()
            .filter_map(|picture| RgbPicture::new(picture.width, picture.height, &picture.rgb))
            .map(|picture| self.workshop.pictures.judge(picture, evidence))
            .collect()
    }

    /// Asks for grants until they come, then uploads every file.
    async fn store(&mut self, files: &[EncodedFile]) -> Result<Vec<StoredFile>, Stop> {
        let request = RequestId(self.workshop.entropy.random_uuid());
        let claims: Vec<_> = files.iter().map(|file| file.claim.clone()).collect();
        let asked = NodeEvent::GrantRequest {
            request,
            files: claims,
        };
        let uploads = self.ask_for_grants(request, asked).await?;
        if uploads.len() != files.len() {
            let message = "the grants do not match the files".to_owned();
            return Err(Stop::Failed {
                kind: FailureKind::Retryable,
                message,
            });
        }
        let mut stored = Vec::with_capacity(files.len());
        for (grant, file) in uploads.iter().zip(files) {
            if self.ticket.dropped.is_cancelled() {
                return Err(Stop::Dropped);
            }
            let put = self.workshop.grants.put(grant, file.body.clone()).await;
            put.map_err(|error| Stop::retryable("upload", &error))?;
            stored.push(StoredFile {
                key: grant.key.clone(),
                claim: file.claim.clone(),
            });
        }
        Ok(stored)
    }

    async fn ask_for_grants(
        &mut self,
        request: RequestId,
        asked: NodeEvent,
    ) -> Result<Vec<UploadGrant>, Stop> {
        loop {
            self.report(asked.clone()).await;
            let mut granted = self.ticket.granted.clone();
            let answered =
                granted.wait_for(|granted| granted.as_ref().is_some_and(|g| g.request == request));
            tokio::select! {
                () = self.ticket.dropped.cancelled() => return Err(Stop::Dropped),
                answer = tokio::time::timeout(RESEND_AFTER, answered) => match answer {
                    Ok(Ok(granted)) => {
                        return Ok(granted.as_ref().map(|granted| granted.uploads.clone()).unwrap_or_default());
                    }
                    Ok(Err(_)) => return Err(Stop::Dropped),
                    Err(_) => {}
                },
            }
        }
    }

    async fn report_until_settled(&mut self, event: NodeEvent) -> Result<(), Stop> {
        loop {
            self.report(event.clone()).await;
            let settled = self.ticket.settled.wait_for(|settled| *settled);
            tokio::select! {
                () = self.ticket.dropped.cancelled() => return Err(Stop::Dropped),
                answer = tokio::time::timeout(RESEND_AFTER, settled) => match answer {
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
}

fn finished(event: Option<EngineEvent>) -> Result<(Vec<Picture>, crate::engine::Timings), Stop> {
    match event {
        Some(EngineEvent::Finished {
            pictures, timings, ..
        }) => Ok((pictures, timings)),
        Some(EngineEvent::Failed { kind, message, .. }) => Err(Stop::Failed { kind, message }),
        Some(EngineEvent::Cancelled { .. }) => Err(Stop::Dropped),
        Some(EngineEvent::Progress { .. }) | None => {
            let message = "the engine has stopped".to_owned();
            Err(Stop::Failed {
                kind: FailureKind::Infrastructure,
                message,
            })
        }
    }
}

/// A preview is not checked yet, so it is blurred below recognition before it leaves the node.
fn record(timings: &Timings, pictures: usize, total: Duration) {
    metrics::counter!(metric::PICTURES).increment(pictures as u64);
    let parts = [
        ("wait", timings.wait_s),
        ("denoise", timings.denoise_s),
        ("decode", timings.decode_s),
        ("publish", timings.publish_s),
        ("total", total.as_secs_f64()),
    ];
    for (part, seconds) in parts {
        metrics::histogram!(metric::PART_SECONDS, "part" => part).record(seconds);
    }
}
