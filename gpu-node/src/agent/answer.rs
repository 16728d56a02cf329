//! The picture that a node knows by heart (G13): a device that draws it differently is not to be trusted with others.
//!
//! The answer is what the node drew the first time with these weights on this kind of device, or a
//! `known-answer.png` that came with the checkpoint. Drawn before the node registers, after a job failed in the engine,
//! and now and then while there is nothing else to do.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::failure::FailureKind;
use easel_domain::message::{NodeTrouble, Residency, TroubleKind};
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::spec::{GenerateSpec, NoisePlan, PromptText};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Desk, Workshop};
use crate::encode;
use crate::engine::{EngineEvent, EngineRequest, EngineWork, Picture};
use crate::metric;

/// Beside the weights: the answer that came with them.
const SHIPPED: &str = "known-answer.png";
const SIDE: u32 = 64;
const STEPS: u32 = 2;
const SEED: u32 = 13;
const WORDS: &str = "a red circle on a white ground";

/// How far off a picture may be, in steps of 255: kernels may sum in another order from one batch to the next.
const MEAN_OFF: f64 = 2.0;
const MOST_OFF: u8 = 24;

/// A node in trouble looks again after this, or sooner.
const AGAIN: Duration = Duration::from_secs(30);

/// What is remembered of each model, by the hash of its weights.
#[derive(Default)]
pub(super) struct Answers {
    known: HashMap<String, Picture>,
    checked: HashMap<String, Instant>,
    /// What was wrong with the last picture.
    wrong: BTreeMap<String, String>,
}

/// How a check ended.
enum Outcome {
    Right,
    Wrong(String),
    /// The engine had no room beside its jobs: that says nothing of the device.
    Skipped,
}

impl Answers {
    /// Checks every model that is in memory and due; `all` are due when something went wrong.
    pub(super) async fn check(&mut self, workshop: &Workshop, desk: &Desk, all: bool) {
        let every = workshop.settings.check_every;
        if every.is_zero() {
            return;
        }
        let every = if workshop.trouble().is_some() {
            every.min(AGAIN)
        } else {
            every
        };
        let mut asked = false;
        let models = workshop.engine.models();
        let there = |hash: &String| {
            let mut resident = models.iter();
            resident.any(|model| model.hash == *hash && model.residency == Residency::Resident)
        };
        self.wrong.retain(|hash, _| there(hash));
        for model in models {
            let checked = self.checked.get(&model.hash);
            let due = all || checked.is_none_or(|at| at.elapsed() >= every);
            if model.residency != Residency::Resident || !due {
                continue;
            }
            asked = true;
            self.checked.insert(model.hash.clone(), Instant::now());
            match self.check_one(workshop, desk, &model.hash).await {
                Outcome::Right => {
                    count("right");
                    self.wrong.remove(&model.hash);
                }
                Outcome::Skipped => count("skipped"),
                Outcome::Wrong(message) => {
                    count("wrong");
                    let message = format!("model {}: {message}", model.id);
                    tracing::error!("{message}; the node takes no jobs until the picture is right");
                    self.wrong.insert(model.hash, message);
                }
            }
        }
        if asked {
            workshop.answered(self.wrong.values().next().cloned());
        }
    }

    async fn check_one(&mut self, workshop: &Workshop, desk: &Desk, hash: &str) -> Outcome {
        let Some(profile) = workshop.profiles.get(hash) else {
            return Outcome::Skipped;
        };
        let drawn = match draw(workshop, desk, hash, profile).await {
            Ok(drawn) => drawn,
            Err(outcome) => return outcome,
        };
        let expected = match self.known.get(hash) {
            Some(known) => Some(known.clone()),
            None => stored(workshop, hash).await,
        };
        let Some(expected) = expected else {
            if drawn.rgb.iter().all(|byte| *byte == 0) {
                return Outcome::Wrong("its first picture is black all over".to_owned());
            }
            keep(workshop, hash, &drawn).await;
            self.known.insert(hash.to_owned(), drawn);
            return Outcome::Right;
        };
        let verdict = compare(&expected, &drawn);
        self.known.insert(hash.to_owned(), expected);
        verdict.map_or_else(Outcome::Wrong, |()| Outcome::Right)
    }
}

/// Checks while the node serves: when there is doubt, and when there is nothing else to do.
pub(super) async fn keep_checking(
    workshop: Arc<Workshop>,
    desk: Arc<Desk>,
    mut answers: Answers,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(workshop.settings.heartbeat_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let doubt = workshop.doubt.swap(false, Ordering::Relaxed);
        if doubt || desk.leases().is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = answers.check(&workshop, &desk, doubt) => {}
            }
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!(metric::CHECKS, "outcome" => outcome).increment(1);
}

fn spec(hash: &str, profile: &ModelProfile) -> GenerateSpec {
    let multiple = profile.multiple.max(1);
    let side = (SIDE.div_ceil(multiple) * multiple).min(profile.max_side);
    GenerateSpec {
        model: ModelRef {
            id: profile.id.clone(),
            hash: hash.to_owned(),
        },
        width: side,
        height: side,
        steps: STEPS,
        guidance: profile.default_guidance,
        sampler: profile.default_sampler,
        pictures: vec![NoisePlan::from_seed(SEED)],
        finish_scale: 1,
        stop: 100,
        seamless: false,
    }
}

async fn draw(
    workshop: &Workshop,
    desk: &Desk,
    hash: &str,
    profile: &ModelProfile,
) -> Result<Picture, Outcome> {
    let (last, ended) = oneshot::channel();
    let mut last = Some(last);
    let sink = Box::new(move |event: EngineEvent| {
        if event.is_final()
            && let Some(last) = last.take()
        {
            // The node may be on its way out.
            let _ = last.send(event);
        }
    });
    let text = PromptText {
        positive: WORDS.to_owned(),
        ..PromptText::default()
    };
    let request = EngineRequest {
        key: workshop.entropy.random_u32().into(),
        model: hash.to_owned(),
        work: EngineWork::Generate {
            spec: spec(hash, profile),
            text,
            init: None,
        },
    };
    let was_idle = desk.leases().is_empty();
    if workshop.engine.submit(request, sink).is_err() {
        return Err(Outcome::Skipped);
    }
    match ended.await {
        Ok(EngineEvent::Finished { mut pictures, .. }) => pictures.pop().ok_or(Outcome::Skipped),
        Ok(EngineEvent::Failed {
            kind: FailureKind::Fatal,
            unfit: false,
            message,
            ..
        }) => Err(Outcome::Wrong(message)),
        Ok(EngineEvent::Failed {
            kind: FailureKind::Memory,
            message,
            ..
        }) if was_idle && desk.leases().is_empty() => Err(Outcome::Wrong(message)),
        // A question that does not fit the model (one that inpaints wants a picture), memory that jobs have, and an engine that has stopped, are noticed elsewhere.
        Ok(
            EngineEvent::Failed { .. }
            | EngineEvent::Cancelled { .. }
            | EngineEvent::Answered { .. }
            | EngineEvent::Progress { .. },
        )
        | Err(_) => Err(Outcome::Skipped),
    }
}

fn compare(expected: &Picture, drawn: &Picture) -> Result<(), String> {
    if (expected.width, expected.height) != (drawn.width, drawn.height) {
        return Err("the picture that it knows by heart has another size".to_owned());
    }
    let off = expected.rgb.iter().zip(&drawn.rgb);
    let off = off.map(|(a, b)| a.abs_diff(*b));
    let most = off.clone().max().unwrap_or(0);
    let mean = off.map(f64::from).sum::<f64>() / expected.rgb.len().max(1) as f64;
    if mean <= MEAN_OFF && most <= MOST_OFF {
        return Ok(());
    }
    Err(format!(
        "the picture that it knows by heart is off by {mean:.1} on average and {most} at most"
    ))
}

/// Where the answer of a model lies: with its weights, else in the node's own directory.
fn places(workshop: &Workshop, hash: &str) -> (Option<PathBuf>, Option<PathBuf>) {
    let shipped = workshop.directories.get(hash);
    let info = workshop.engine.info();
    let name = format!("{hash}-{}-{}.png", info.device, info.precision).replace(':', "-");
    let own = workshop.settings.answers.as_ref();
    (
        shipped.map(|directory| directory.join(SHIPPED)),
        own.map(|directory| directory.join(name)),
    )
}

async fn stored(workshop: &Workshop, hash: &str) -> Option<Picture> {
    let (shipped, own) = places(workshop, hash);
    for path in [shipped, own].into_iter().flatten() {
        if let Ok(body) = tokio::fs::read(&path).await {
            match encode::decode(&body) {
                Ok(picture) => return Some(picture),
                Err(error) => tracing::warn!("{} is learnt anew: {error}", path.display()),
            }
        }
    }
    None
}

async fn keep(workshop: &Workshop, hash: &str, answer: &Picture) {
    let (_, Some(path)) = places(workshop, hash) else {
        return;
    };
    if let Err(error) = write(&path, answer).await {
        tracing::warn!("cannot keep {}: {error:#}", path.display());
    }
}

async fn write(path: &Path, answer: &Picture) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        tokio::fs::create_dir_all(directory).await?;
    }
    // Whole or not at all: a node may be killed at any time.
    let half = path.with_extension("part");
    tokio::fs::write(&half, encode::encode_plain(answer)?).await?;
    tokio::fs::rename(&half, path).await?;
    Ok(())
}

/// What a check makes of the node's trouble. Other troubles are not its to end.
pub(super) fn after(before: Option<NodeTrouble>, wrong: Option<String>) -> Option<NodeTrouble> {
    match (before, wrong) {
        (_, Some(message)) => Some(NodeTrouble {
            kind: TroubleKind::WrongAnswer,
            message,
        }),
        (Some(before), None) if before.kind != TroubleKind::WrongAnswer => Some(before),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(shade: u8) -> Picture {
        Picture {
            width: 8,
            height: 8,
            rgb: vec![shade; 192],
        }
    }

    #[test]
    fn a_picture_may_be_off_by_rounding_and_not_by_more() {
        assert!(compare(&grey(100), &grey(101)).is_ok());
        assert!(compare(&grey(100), &grey(110)).is_err());
        let mut spot = grey(100);
        spot.rgb[7] = 0;
        assert!(compare(&grey(100), &spot).is_err(), "one broken number");
    }

    #[test]
    fn a_right_answer_ends_its_own_trouble_only() {
        let wrong = after(None, Some("off".to_owned()));
        assert_eq!(
            wrong.as_ref().map(|wrong| wrong.kind),
            Some(TroubleKind::WrongAnswer)
        );
        assert_eq!(after(wrong, None), None);
        let hung = NodeTrouble {
            kind: TroubleKind::Hung,
            message: String::new(),
        };
        assert_eq!(after(Some(hung.clone()), None), Some(hung));
    }
}
