//! The life of one lease on its node: fetch, render, check, encode, upload, report.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use easel_broker::Message;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::FailureKind;
use easel_domain::message::{Calls, LeaseRef, NodeEvent, NodeLive, Offer, Timings};
use easel_domain::picture::MAX_FILE_BYTES;
use easel_domain::spec::{Answer, MAX_WEIGHED_WORDS, PromptText, RenderSpec, words_to_weigh};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::Workshop;
use super::canvas::Canvas;
use super::desk::{Desk, Ticket};
use super::judge::Origin;
use super::progress::{obscured_preview, with_preview};
use crate::encode::{decode, encode_job};
use crate::engine::{EngineEvent, EngineRequest, EngineWork, InitPicture, Picture};
use crate::metric;

/// Why a lease ends without pictures.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody wants the job from this node any more.
    Dropped,
    /// The try failed.
    Failed { kind: FailureKind, message: String },
}

impl Stop {
    pub(super) fn retryable(what: &str, error: &dyn std::error::Error) -> Self {
        Self::retryable_because(what, &error.to_string())
    }

    pub(super) fn retryable_because(what: &str, why: &str) -> Self {
        Self::Failed {
            kind: FailureKind::Retryable,
            message: format!("{what}: {why}"),
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

/// One lease, with what its task is told.
pub(super) struct LeaseJob<'w> {
    pub(super) workshop: &'w Workshop,
    pub(super) lease: LeaseRef,
    pub(super) ticket: Ticket,
}

impl LeaseJob<'_> {
    async fn render_and_store(&mut self, offer: Offer) -> Result<NodeEvent, Stop> {
        let began = Instant::now();
        let model = offer.spec.model().hash.clone();
        let from_words = matches!(offer.spec, RenderSpec::Generate(_));
        let Prepared { work, canvas } = self.prepare(offer).await?;
        let (pictures, engine) = match self.render(&model, work).await? {
            (Made::Pictures(pictures), engine) => (pictures, engine),
            (Made::Answer(answer), engine) => {
                let timings = timings(&engine, Duration::ZERO);
                record(&timings, 0, began.elapsed());
                return Ok(answered(answer, timings));
            }
        };
        let keep = |picture| match &canvas {
            Some(canvas) => canvas.keep(picture),
            None => picture,
        };
        let pictures: Vec<Picture> = pictures.into_iter().map(keep).collect();
        let (pictures, rendered) = (Arc::new(pictures), Instant::now());
        let profile = self.workshop.profiles.get(&model);
        let origin = Origin {
            model: &model,
            safe: profile.is_some_and(|profile| profile.safe),
            from_words,
        };
        let verdicts = self.workshop.pictures.judge(origin, &pictures).await?;
        let verdicts = Arc::new(verdicts);
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
        let timings = timings(&engine, rendered.elapsed());
        record(&timings, pictures.len(), began.elapsed());
        Ok(NodeEvent::Done {
            files: stored,
            verdicts: verdicts.to_vec(),
            timings,
            answer: None,
        })
    }

    /// Fetches what the job reads and makes it the engine's work.
    async fn prepare(&self, offer: Offer) -> Result<Prepared, Stop> {
        if !self
            .workshop
            .profiles
            .contains_key(&offer.spec.model().hash)
        {
            return Err(Stop::Failed {
                kind: FailureKind::Retryable,
                message: "this node does not have the model that was asked for".to_owned(),
            });
        }
        let inputs = self.fetch(&offer).await?;
        prepared(offer.spec, offer.text, inputs)
    }

    /// Fetches the pictures that the job reads, in the order of its spec.
    async fn fetch(&self, offer: &Offer) -> Result<Vec<Picture>, Stop> {
        let mut pictures = Vec::with_capacity(offer.inputs.len());
        for grant in &offer.inputs {
            let body = self.workshop.grants.get(grant, MAX_FILE_BYTES).await;
            let body = body.map_err(|error| Stop::retryable("fetch an input", &error))?;
            let picture = decode(&body);
            pictures.push(picture.map_err(|error| Stop::retryable("read an input", &error))?);
        }
        Ok(pictures)
    }

    /// Waits until the lease is lost, or the node must give it back.
    pub(super) async fn told_to_stop(&self) -> Stop {
        let mut broken = self.ticket.broken.clone();
        tokio::select! {
            Ok(reason) = broken.wait_for(Option::is_some) => Stop::Failed {
                kind: FailureKind::Retryable,
                message: reason.clone().unwrap_or_default(),
            },
            () = self.ticket.dropped.cancelled() => Stop::Dropped,
            () = self.ticket.hand_back.cancelled() => Stop::Failed {
                kind: FailureKind::Infrastructure,
                message: "the node is going away".to_owned(),
            },
        }
    }

    async fn render(
        &mut self,
        model: &str,
        work: EngineWork,
    ) -> Result<(Made, crate::engine::Timings), Stop> {
        let key = self.workshop.entropy.random_u32().into();
        let (progress, mut progress_seen) = watch::channel(None);
        let (last, mut ended) = oneshot::channel();
        let last = Mutex::new(Some(last));
        let sink = Box::new(move |event: EngineEvent| {
            if event.is_final() {
                let sender = last.lock().unwrap_or_else(PoisonError::into_inner).take();
                // The lease may have been dropped meanwhile.
                if let Some(sender) = sender {
                    let _ = sender.send(event);
                }
            } else {
                progress.send_modify(|newest| *newest = Some(with_preview(event, newest.take())));
            }
        });
        let model = model.to_owned();
        let submitted = self
            .workshop
            .engine
            .submit(EngineRequest { key, model, work }, sink);
        submitted.map_err(|error| Stop::retryable("hand over to the engine", &error))?;
        let mut told_at = None;
        let mut paused_seen = self.ticket.paused.clone();
        // It may have been held up while its inputs were fetched.
        paused_seen.mark_changed();
        loop {
            tokio::select! {
                Ok(()) = paused_seen.changed() => {
                    let paused = *paused_seen.borrow_and_update();
                    self.workshop.engine.pause(key, paused);
                }
                stop = self.told_to_stop() => {
                    self.workshop.engine.cancel(key);
                    return Err(stop);
                }
                ended = &mut ended => {
                    let event = ended.ok();
                    if matches!(event, Some(EngineEvent::Failed { .. })) {
                        self.workshop.doubt.store(true, Ordering::Relaxed);
                    }
                    return finished(event);
                }
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
}

/// The engine's work, and what its pictures are to keep of the old ones.
struct Prepared {
    work: EngineWork,
    canvas: Option<Canvas>,
}

fn prepared(
    spec: RenderSpec,
    text: PromptText,
    mut inputs: Vec<Picture>,
) -> Result<Prepared, Stop> {
    let bad = |message: String| Stop::Failed {
        kind: FailureKind::Retryable,
        message,
    };
    let (work, canvas) = match spec {
        RenderSpec::Generate(spec) => {
            let init = None;
            (EngineWork::Generate { spec, text, init }, None)
        }
        RenderSpec::Upscale(spec) => {
            let picture = inputs
                .pop()
                .ok_or_else(|| bad("the offer has no grant for its input".to_owned()))?;
            let work = EngineWork::Upscale {
                picture,
                scale: spec.scale,
                seamless: spec.seamless,
            };
            (work, None)
        }
        RenderSpec::Repaint(spec) => {
            let canvas = Canvas::new(&spec, inputs).map_err(bad)?;
            let init = Some(InitPicture {
                picture: canvas.start.clone(),
                strength: f64::from(spec.strength),
                mask: canvas.mask(),
            });
            let spec = spec.generate;
            (EngineWork::Generate { spec, text, init }, Some(canvas))
        }
        RenderSpec::Weigh(_) => {
            let words = words_to_weigh(&text.positive);
            if words.len() > MAX_WEIGHED_WORDS {
                return Err(Stop::Failed {
                    kind: FailureKind::Fatal,
                    message: "more words than are weighed at once".to_owned(),
                });
            }
            let words = words.into_iter().map(str::to_owned).collect();
            (EngineWork::Weigh { words }, None)
        }
        RenderSpec::Describe(_) => {
            if inputs.is_empty() {
                return Err(bad("the offer has no grant for its pictures".to_owned()));
            }
            (EngineWork::Describe { pictures: inputs }, None)
        }
    };
    Ok(Prepared { work, canvas })
}

/// What the engine made of its work.
enum Made {
    Pictures(Vec<Picture>),
    Answer(Answer),
}

fn finished(event: Option<EngineEvent>) -> Result<(Made, crate::engine::Timings), Stop> {
    match event {
        Some(EngineEvent::Finished {
            pictures, timings, ..
        }) => Ok((Made::Pictures(pictures), timings)),
        Some(EngineEvent::Answered {
            answer, timings, ..
        }) => Ok((Made::Answer(answer), timings)),
        Some(EngineEvent::Failed { kind, message, .. }) => Err(Stop::Failed { kind, message }),
        Some(EngineEvent::Cancelled { .. }) => Err(Stop::Dropped),
        Some(EngineEvent::Progress { .. }) | None => {
            let message = "the engine has stopped".to_owned();
            Err(Stop::Failed {
                kind: FailureKind::Crash,
                message,
            })
        }
    }
}

/// The report of a job without pictures: there is nothing to store and nothing to judge.
fn answered(answer: Answer, timings: Timings) -> NodeEvent {
    NodeEvent::Done {
        files: Vec::new(),
        verdicts: Vec::new(),
        timings,
        answer: Some(answer),
    }
}

fn timings(engine: &crate::engine::Timings, publishing: Duration) -> Timings {
    Timings {
        wait_s: engine.wait.as_secs_f64(),
        denoise_s: engine.denoise.as_secs_f64(),
        decode_s: (engine.decode + engine.finish).as_secs_f64(),
        publish_s: publishing.as_secs_f64(),
        calls: engine.calls.iter().map(calls).collect(),
    }
}

fn calls(of_engine: &crate::engine::Calls) -> Calls {
    Calls {
        pictures: of_engine.pictures,
        count: of_engine.count,
        seconds: of_engine.took.as_secs_f64(),
    }
}

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
