//! From a button to what it makes.

use easel_domain::JobId;
use easel_domain::clock::EntropyExt;
use easel_domain::spec::{Action, Canvas, Leeway, RenderSpec, Repainted, Side};
use easel_store::show::JobSnapshot;
use easel_store::submit::Repetition;

use super::click::Refusal;
use super::resolve::repaint::{self, Source};
use super::{Intake, NewestModel, leeway, resolve};
use crate::custom_id::{ButtonAction, CustomId};
use crate::text::Language;

/// Cells of the grid in which a part of a picture is chosen.
pub(super) const COLUMNS: u32 = 5;
pub(super) const ROWS: u32 = 4;
/// How far a variation's noise moves from its parent's.
const SUBTLE: f32 = 0.18;
const GENTLE: f32 = 0.35;
const STRONG: f32 = 0.7;
/// From so many jobs to the one that was drawn from words: each enlarged picture is a step.
const ANCESTORS: u32 = 8;

/// What a click makes.
pub(super) struct Made {
    pub(super) action: Action,
    /// The grid or picture that the new job descends from.
    pub(super) parent: (JobId, u32),
    pub(super) repetition: Repetition,
    pub(super) spec: RenderSpec,
    /// What of the spec nobody asked for.
    pub(super) leeway: Leeway,
}

/// The picture that a button means, and the job that drew it.
pub(super) struct Origin {
    pub(super) drawn: JobSnapshot,
    pub(super) index: u32,
}

impl Intake {
    /// What a button under the message of `job` makes.
    pub(super) async fn make(
        &self,
        job: &JobSnapshot,
        button: CustomId,
        language: Language,
    ) -> Result<Made, Refusal> {
        let model = self
            .newest_model()
            .ok_or_else(|| (language.no_model().to_owned(), "no_model"))?;
        if job.spec.is_question() {
            return self.ask_again(job, button, &model, language);
        }
        let again = match &job.spec {
            RenderSpec::Generate(_) | RenderSpec::Repaint(_) => ButtonAction::Reroll,
            RenderSpec::Upscale(_) | RenderSpec::Weigh(_) | RenderSpec::Describe(_) => {
                ButtonAction::Upscale
            }
        };
        let action = if button.action == ButtonAction::Again {
            again
        } else {
            button.action
        };
        match action {
            ButtonAction::Upscale => self.enlarge(job, button, &model, language).await,
            ButtonAction::Vary | ButtonAction::VarySubtle | ButtonAction::VaryStrong => {
                self.vary(job, action, button.index, &model, language).await
            }
            ButtonAction::UpscaleCreative
            | ButtonAction::Zoom
            | ButtonAction::ZoomForm
            | ButtonAction::Pan
            | ButtonAction::Square
            | ButtonAction::Region
            | ButtonAction::RegionDraw => {
                self.repaint(job, action, button.index, &model, language)
                    .await
            }
            ButtonAction::Exact => Ok(Made {
                action: Action::Reroll,
                parent: (job.job, 0),
                repetition: Repetition::SameClick(self.parts.settings.same_click),
                spec: super::history::exactly(job, &model)
                    .ok_or_else(|| (language.weights_changed().to_owned(), "weights"))?,
                leeway: Leeway::NONE,
            }),
            ButtonAction::Reroll
            | ButtonAction::Remix
            | ButtonAction::Again
            | ButtonAction::Cancel
            | ButtonAction::Fetch
            | ButtonAction::RunSeveral
            | ButtonAction::DropSeveral
            | ButtonAction::Older
            | ButtonAction::Newer
            | ButtonAction::Detail
            | ButtonAction::Listed
            | ButtonAction::Star
            | ButtonAction::Unstar
            | ButtonAction::Mail
            | ButtonAction::Mailed
            | ButtonAction::Delete
            | ButtonAction::Setting
            | ButtonAction::Shorter
            | ButtonAction::Described
            | ButtonAction::DescribedAll => self.once_more(job, &model, language),
        }
    }

    fn once_more(
        &self,
        job: &JobSnapshot,
        model: &NewestModel,
        language: Language,
    ) -> Result<Made, Refusal> {
        let seed = self.parts.entropy.random_u32();
        let spec = resolve::reroll(&leeway::in_full(job), model, seed);
        Ok(Made {
            action: Action::Reroll,
            parent: (job.job, 0),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            spec: spec.ok_or_else(|| no_picture(language))?,
            leeway: job.leeway,
        })
    }

    async fn enlarge(
        &self,
        job: &JobSnapshot,
        button: CustomId,
        model: &NewestModel,
        language: Language,
    ) -> Result<Made, Refusal> {
        // "Try again" under a picture that could not be enlarged means the picture that it came from.
        let failed = button.action == ButtonAction::Again;
        let (from, index) = match resolve::grid_of(job).filter(|_| failed) {
            Some((grid, index)) => (self.snapshot(grid, language).await?, index),
            None => (job.clone(), button.index),
        };
        let spec = resolve::upscale(&from, index, &model.reference);
        Ok(Made {
            action: Action::Upscale,
            parent: (from.job, index),
            repetition: Repetition::Once,
            spec: spec.ok_or_else(|| no_picture(language))?,
            leeway: Leeway::NONE,
        })
    }

    async fn vary(
        &self,
        job: &JobSnapshot,
        action: ButtonAction,
        index: u32,
        model: &NewestModel,
        language: Language,
    ) -> Result<Made, Refusal> {
        let (strength, action) = match action {
            ButtonAction::VarySubtle => (SUBTLE, Action::Vary),
            ButtonAction::VaryStrong => (STRONG, Action::VaryStrong),
            _ => (GENTLE, Action::Vary),
        };
        let origin = self.origin(job, index, language).await?;
        let seed = self.parts.entropy.random_u32();
        let spec = resolve::vary(&origin.drawn.spec, origin.index, strength, model, seed);
        Ok(Made {
            action,
            parent: (origin.drawn.job, origin.index),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            spec: spec.ok_or_else(|| (language.too_varied().to_owned(), "too_varied"))?,
            leeway: Leeway::NONE,
        })
    }

    async fn repaint(
        &self,
        job: &JobSnapshot,
        action: ButtonAction,
        index: u32,
        model: &NewestModel,
        language: Language,
    ) -> Result<Made, Refusal> {
        let source = self.source(job, model, language).await?;
        let seed = self.parts.entropy.random_u32();
        let outward = matches!(
            action,
            ButtonAction::Zoom | ButtonAction::ZoomForm | ButtonAction::Pan | ButtonAction::Square
        );
        if outward && source.is_seamless() {
            return Err((language.nothing_around().to_owned(), "seamless"));
        }
        let (width, height) = source.size();
        let profile = &model.profile;
        let on = |action, canvas| (action, repaint::around(&source, canvas, seed));
        let (action, spec) = match action {
            ButtonAction::Zoom | ButtonAction::ZoomForm => {
                on(Action::ZoomOut, Canvas::zoomed_out(width, height, index))
            }
            ButtonAction::Pan => {
                let side = side(index).ok_or_else(|| no_picture(language))?;
                on(Action::Pan, Canvas::panned(width, height, side, profile))
            }
            ButtonAction::Square => on(Action::Square, Canvas::squared(width, height, profile)),
            ButtonAction::UpscaleCreative => (
                Action::UpscaleCreative,
                repaint::larger(source, profile, seed),
            ),
            _ => {
                let cells = Repainted::Cells {
                    columns: COLUMNS,
                    rows: ROWS,
                    chosen: (0..COLUMNS * ROWS)
                        .filter(|cell| index >> cell & 1 == 1)
                        .collect(),
                };
                (Action::VaryRegion, repaint::inside(&source, cells, seed))
            }
        };
        Ok(Made {
            action,
            parent: (job.job, 0),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            spec,
            leeway: Leeway::NONE,
        })
    }

    /// The first picture of a job, to go on from.
    pub(super) async fn source(
        &self,
        job: &JobSnapshot,
        model: &NewestModel,
        language: Language,
    ) -> Result<Source, Refusal> {
        let origin = self.origin(job, 0, language).await?;
        let generated = origin.drawn.spec.generated();
        let source = generated.and_then(|spec| Source::new(job, 0, spec, model));
        source.ok_or_else(|| no_picture(language))
    }

    /// The job that drew a picture: the job itself, or the one that an enlarged picture came from.
    pub(super) async fn origin(
        &self,
        job: &JobSnapshot,
        index: u32,
        language: Language,
    ) -> Result<Origin, Refusal> {
        let mut origin = Origin {
            drawn: job.clone(),
            index,
        };
        for _ in 0..ANCESTORS {
            let Some((parent, index)) = resolve::grid_of(&origin.drawn) else {
                break;
            };
            origin = Origin {
                drawn: self.any_snapshot(parent, language).await?,
                index,
            };
        }
        if origin.drawn.spec.generated().is_none() || !resolve::usable(&origin.drawn, origin.index)
        {
            return Err(no_picture(language));
        }
        Ok(origin)
    }
}

/// The side that the index of a pan button names.
fn side(index: u32) -> Option<Side> {
    [Side::Left, Side::Right, Side::Up, Side::Down]
        .get(index as usize)
        .copied()
}

pub(super) fn no_picture(language: Language) -> Refusal {
    (language.no_such_picture().to_owned(), "no_picture")
}
