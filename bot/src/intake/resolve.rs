//! From what was asked for to a spec that leaves nothing open. Pure: the seeds are passed in.

pub mod repaint;
mod start;

#[cfg(test)]
mod tests;

use easel_domain::JobId;
use easel_domain::model::ModelRef;
use easel_domain::picture::{FileRole, PictureOutcome};
use easel_domain::prompt::{AspectRatio, Prompt, Speed, picture_size};
use easel_domain::spec::{
    GenerateSpec, InputPicture, NoiseMix, NoisePlan, Place, RenderSpec, RepaintSpec, Repainted,
    UpscaleSpec,
};
use easel_domain::tier::ServiceClass;
use easel_store::show::{JobSnapshot, SnapshotFile};

use super::NewestModel;
use start::{from_same, on_fixed_canvas};
pub use start::{has_fixed_canvas, paints_around, reweighed, started_over};

/// Pictures in a grid.
pub const GRID: u32 = 4;
/// How far the noise of a remixed picture moves from its parent's.
const REMIX_STRENGTH: f32 = 0.25;
/// How much U enlarges, both sides.
const UPSCALE: u32 = 2;

/// What a prompt makes on a model. `seed` is used where the prompt has none.
pub fn imagine(prompt: &Prompt, model: &NewestModel, seed: u32) -> RenderSpec {
    let first = prompt.params.seed.unwrap_or(seed);
    let (width, height) = picture_size(prompt.params.aspect_ratio, &model.profile);
    RenderSpec::Generate(GenerateSpec {
        model: model.reference.clone(),
        width,
        height,
        steps: prompt.params.steps(model.profile.default_steps),
        guidance: model.profile.default_guidance,
        sampler: model.profile.default_sampler,
        pictures: (0..GRID)
            .map(|n| NoisePlan {
                chaos: prompt.params.chaos,
                ..NoisePlan::from_seed(first.wrapping_add(n))
            })
            .collect(),
        finish_scale: model.profile.finish_scale,
        stop: prompt.params.stop,
        seamless: prompt.params.tile,
    })
}

/// How much of a mixture of pictures is painted anew without words.
const BLENDED: f32 = 0.6;

/// What a prompt makes that starts from pictures, the mean of them where there are several.
///
/// `--iw` says how much of them stays: all is painted anew at 0, about two thirds at 1, two fifths at 3.
pub fn from_pictures(
    prompt: &Prompt,
    inputs: Vec<InputPicture>,
    model: &NewestModel,
    seed: u32,
) -> RenderSpec {
    on_pictures(imagine(prompt, model, seed), inputs, strength(prompt))
}

/// How much is painted anew by `--iw`.
fn strength(prompt: &Prompt) -> f32 {
    (1.0 / (1.0 + 0.45 * prompt.params.image_weight.max(0.0))) as f32
}

/// What pictures of this shape come of other pictures, without words.
pub fn blend(
    shape: AspectRatio,
    inputs: Vec<InputPicture>,
    model: &NewestModel,
    seed: u32,
) -> RenderSpec {
    let (width, height) = picture_size(shape, &model.profile);
    let spec = RenderSpec::Generate(GenerateSpec {
        model: model.reference.clone(),
        width,
        height,
        steps: model.profile.default_steps,
        guidance: model.profile.default_guidance,
        sampler: model.profile.default_sampler,
        pictures: (0..GRID)
            .map(|n| NoisePlan::from_seed(seed.wrapping_add(n)))
            .collect(),
        finish_scale: model.profile.finish_scale,
        stop: 100,
        seamless: false,
    });
    on_pictures(spec, inputs, BLENDED)
}

fn on_pictures(spec: RenderSpec, inputs: Vec<InputPicture>, strength: f32) -> RenderSpec {
    match spec {
        RenderSpec::Generate(generate) if !inputs.is_empty() => RenderSpec::Repaint(RepaintSpec {
            place: Place::whole(generate.width, generate.height),
            generate,
            inputs,
            strength,
            repainted: Repainted::Everything,
        }),
        spec => spec,
    }
}

/// The lane that a prompt asks for.
pub fn lane(prompt: &Prompt) -> Option<ServiceClass> {
    prompt.params.speed.map(|speed| match speed {
        Speed::Turbo => ServiceClass::Turbo,
        Speed::Fast => ServiceClass::Fast,
        Speed::Relax => ServiceClass::Relax,
    })
}

/// The spec on a model: unchanged on its own weights; on others the same shape in a size, and with settings, that they draw.
pub fn on_model(spec: &GenerateSpec, model: &NewestModel) -> GenerateSpec {
    if spec.model == model.reference {
        return spec.clone();
    }
    let profile = &model.profile;
    let shape = AspectRatio::new(spec.width, spec.height).unwrap_or_default();
    let (width, height) = picture_size(shape, profile);
    GenerateSpec {
        model: model.reference.clone(),
        width,
        height,
        steps: profile.default_steps,
        guidance: profile.default_guidance,
        sampler: profile.default_sampler,
        pictures: spec.pictures.clone(),
        finish_scale: profile.finish_scale,
        stop: spec.stop,
        seamless: spec.seamless,
    }
}

/// The spec with other noise on a model. What starts from pictures still does so.
fn with_noise(
    spec: &RenderSpec,
    pictures: Vec<NoisePlan>,
    model: &NewestModel,
) -> Option<RenderSpec> {
    let generate = GenerateSpec {
        pictures,
        ..on_model(spec.generated()?, model)
    };
    Some(from_same(spec, generate))
}

/// 🔄: the same spec with new seeds. A grid of variations varies the same picture anew.
pub fn reroll(spec: &RenderSpec, model: &NewestModel, seed: u32) -> Option<RenderSpec> {
    let fresh = |(n, plan): (usize, &NoisePlan)| {
        let seed = seed.wrapping_add(n as u32);
        match plan.mixes.split_last() {
            None => plan.sibling(seed),
            Some((last, before)) => {
                let mut mixes = before.to_vec();
                mixes.push(NoiseMix {
                    seed,
                    strength: last.strength,
                });
                NoisePlan {
                    mixes,
                    ..plan.clone()
                }
            }
        }
    };
    let plans = &spec.generated()?.pictures;
    with_noise(spec, plans.iter().enumerate().map(fresh).collect(), model)
}

/// V: four variations of the picture at `index`, or `None` if there is no such picture or it was varied too often.
pub fn vary(
    spec: &RenderSpec,
    index: u32,
    strength: f32,
    model: &NewestModel,
    seed: u32,
) -> Option<RenderSpec> {
    let pictures = variations(spec.noise_plan(index as usize)?, strength, seed)?;
    with_noise(spec, pictures, model)
}

fn variations(parent: &NoisePlan, strength: f32, seed: u32) -> Option<Vec<NoisePlan>> {
    (0..GRID)
        .map(|n| parent.varied(seed.wrapping_add(n), strength))
        .collect()
}

/// Remix: what other words make of the noise of a picture, or of all pictures of a grid where none is meant. What started
/// from pictures still does, and where only a part is painted anew the canvas stays.
pub fn remix(
    asked: RenderSpec,
    parent: &RenderSpec,
    index: Option<u32>,
    model: &NewestModel,
    seed: u32,
) -> Option<RenderSpec> {
    let RenderSpec::Generate(spec) = asked else {
        return None;
    };
    let mut pictures = match index {
        None => parent.generated()?.pictures.clone(),
        Some(index) => variations(parent.noise_plan(index as usize)?, REMIX_STRENGTH, seed)?,
    };
    let chaos = spec.pictures.first().map_or(0, |plan| plan.chaos);
    for plan in &mut pictures {
        plan.chaos = chaos;
    }
    let generate = GenerateSpec { pictures, ..spec };
    Some(from_same(parent, on_fixed_canvas(generate, parent, model)?))
}

/// U: the picture at `index` in large, or `None` if it was withheld or is not kept.
pub fn upscale(job: &JobSnapshot, index: u32, model: &ModelRef) -> Option<RenderSpec> {
    let shown = usable(job, index);
    let file = job.file(FileRole::Full, index).filter(|_| shown)?;
    let origin = job.spec.noise_plan(index as usize)?.clone();
    Some(RenderSpec::Upscale(UpscaleSpec {
        model: model.clone(),
        input: input(file),
        scale: UPSCALE,
        origin,
        seamless: job.spec.is_seamless(),
    }))
}

fn input(file: &SnapshotFile) -> InputPicture {
    InputPicture {
        key: file.key.clone(),
        sha256: file.sha256.clone(),
        width: file.width,
        height: file.height,
    }
}

/// The pictures of a job that may be gone on with, in their order.
pub fn results(job: &JobSnapshot) -> Vec<InputPicture> {
    let indices = job.pictures.iter().map(|picture| picture.index);
    let usable = indices.filter(|index| usable(job, *index));
    let files = usable.filter_map(|index| job.file(FileRole::Full, index));
    files.map(input).collect()
}

/// Whether the picture at `index` may be gone on with.
pub fn usable(job: &JobSnapshot, index: u32) -> bool {
    job.pictures.iter().any(|picture| {
        picture.index == index
            && matches!(
                picture.outcome,
                PictureOutcome::Pass | PictureOutcome::Spoiler
            )
    })
}

/// The grid that an enlarged picture came from: its job, and the picture counted from 0.
pub fn grid_of(job: &JobSnapshot) -> Option<(JobId, u32)> {
    match (&job.spec, job.parent) {
        (RenderSpec::Upscale(_), Some((grid, index))) => Some((grid, index.unwrap_or(0))),
        (_, _) => None,
    }
}
