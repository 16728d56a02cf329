//! From what was asked for to a spec that leaves nothing open. Pure: the seeds are passed in.

use easel_domain::JobId;
use easel_domain::model::ModelRef;
use easel_domain::picture::{FileRole, PictureOutcome};
use easel_domain::prompt::{AspectRatio, Prompt, Speed, picture_size};
use easel_domain::spec::{
    GenerateSpec, InputPicture, NoiseMix, NoisePlan, RenderSpec, UpscaleSpec,
};
use easel_domain::tier::ServiceClass;
use easel_store::show::JobSnapshot;

use super::NewestModel;

/// Pictures in a grid.
pub const GRID: u32 = 4;
/// How far a variation's noise moves from its parent's.
const VARY_STRENGTH: f32 = 0.35;
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
            .map(|n| NoisePlan::from_seed(first.wrapping_add(n)))
            .collect(),
        finish_scale: model.profile.finish_scale,
    })
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
    }
}

/// 🔄: the same spec with new seeds. A grid of variations varies the same picture anew.
pub fn reroll(spec: &GenerateSpec, model: &NewestModel, seed: u32) -> RenderSpec {
    let fresh = |(n, plan): (usize, &NoisePlan)| {
        let seed = seed.wrapping_add(n as u32);
        match plan.mixes.split_last() {
            None => NoisePlan::from_seed(seed),
            Some((last, before)) => {
                let mut mixes = before.to_vec();
                mixes.push(NoiseMix {
                    seed,
                    strength: last.strength,
                });
                NoisePlan {
                    seed: plan.seed,
                    mixes,
                }
            }
        }
    };
    let pictures = spec.pictures.iter().enumerate().map(fresh).collect();
    RenderSpec::Generate(GenerateSpec {
        pictures,
        ..on_model(spec, model)
    })
}

/// V: four variations of the picture at `index`, or `None` if there is no such picture or it was varied too often.
pub fn vary(spec: &GenerateSpec, index: u32, model: &NewestModel, seed: u32) -> Option<RenderSpec> {
    let parent = spec.pictures.get(index as usize)?;
    let pictures = (0..GRID)
        .map(|n| parent.varied(seed.wrapping_add(n), VARY_STRENGTH))
        .collect::<Option<_>>()?;
    Some(RenderSpec::Generate(GenerateSpec {
        pictures,
        ..on_model(spec, model)
    }))
}

/// U: the picture at `index` in large, or `None` if it was withheld or is not kept.
pub fn upscale(job: &JobSnapshot, index: u32, model: &ModelRef) -> Option<RenderSpec> {
    let shown = usable(job, index);
    let file = job.file(FileRole::Full, index).filter(|_| shown)?;
    let origin = job.spec.noise_plan(index as usize)?.clone();
    Some(RenderSpec::Upscale(UpscaleSpec {
        model: model.clone(),
        input: InputPicture {
            key: file.key.clone(),
            sha256: file.sha256.clone(),
            width: file.width,
            height: file.height,
        },
        scale: UPSCALE,
        origin,
    }))
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
        (RenderSpec::Upscale(_) | RenderSpec::Generate(_) | RenderSpec::Repaint(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::model::ModelProfile;
    use easel_domain::prompt::{PromptProfile, parse};
    use easel_domain::spec::Sampler;

    fn model() -> NewestModel {
        let profile = ModelProfile {
            id: "m".into(),
            native_width: 128,
            native_height: 128,
            max_side: 192,
            multiple: 16,
            default_steps: 20,
            default_guidance: 4.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 4,
            aliases: vec![],
        };
        NewestModel {
            reference: ModelRef {
                id: "m".into(),
                hash: "h".into(),
            },
            profile,
        }
    }

    fn generate(text: &str, seed: u32) -> GenerateSpec {
        let request = parse(text, &PromptProfile::EASEL, 1).unwrap();
        of(imagine(&request.jobs[0], &model(), seed))
    }

    fn of(spec: RenderSpec) -> GenerateSpec {
        match spec {
            RenderSpec::Generate(spec) => spec,
            RenderSpec::Upscale(_) | RenderSpec::Repaint(_) => panic!("not from words alone"),
        }
    }

    fn seeds(spec: &RenderSpec) -> Vec<u32> {
        let RenderSpec::Generate(spec) = spec else {
            panic!("not a grid")
        };
        spec.pictures.iter().map(NoisePlan::own_seed).collect()
    }

    #[test]
    fn a_prompt_decides_shape_steps_and_seeds() {
        let spec = generate("a boat --ar 16:9 --quality .5 --seed 4294967294", 7);
        assert_eq!(
            (spec.width, spec.height, spec.steps, spec.finish_scale),
            (176, 96, 10, 4)
        );
        assert_eq!(
            seeds(&RenderSpec::Generate(spec)),
            [4_294_967_294, 4_294_967_295, 0, 1]
        );
    }

    #[test]
    fn a_prompt_without_a_seed_gets_the_drawn_one() {
        assert_eq!(
            seeds(&RenderSpec::Generate(generate("a boat", 40))),
            [40, 41, 42, 43]
        );
    }

    #[test]
    fn variations_keep_their_parents_noise_and_have_their_own_seeds() {
        let grid = generate("a boat --seed 1", 0);
        let varied = vary(&grid, 2, &model(), 100).unwrap();
        assert_eq!(seeds(&varied), [100, 101, 102, 103]);
        let RenderSpec::Generate(varied) = varied else {
            panic!("not a grid")
        };
        assert!(
            varied
                .pictures
                .iter()
                .all(|plan| plan.seed == 3 && plan.mixes.len() == 1)
        );
        assert_eq!(vary(&grid, 4, &model(), 0), None);
    }

    #[test]
    fn what_was_drawn_by_other_weights_keeps_its_shape_and_takes_the_new_size_and_settings() {
        let grid = generate("a boat --ar 3:2 --seed 1", 0);
        let mut newer = model();
        newer.reference.hash = "other".into();
        (newer.profile.native_width, newer.profile.native_height) = (512, 512);
        (newer.profile.max_side, newer.profile.multiple) = (1024, 64);
        (newer.profile.default_steps, newer.profile.finish_scale) = (30, 1);
        for spec in [
            of(reroll(&grid, &newer, 9)),
            of(vary(&grid, 0, &newer, 9).unwrap()),
        ] {
            assert_eq!(spec.model, newer.reference);
            assert_eq!(
                (spec.width, spec.height, spec.steps, spec.finish_scale),
                (640, 448, 30, 1)
            );
        }
        assert_eq!(of(reroll(&grid, &model(), 9)).width, grid.width);
    }

    #[test]
    fn a_reroll_of_variations_varies_the_same_picture() {
        let grid = generate("a boat --seed 1", 0);
        let Some(RenderSpec::Generate(varied)) = vary(&grid, 0, &model(), 100) else {
            panic!()
        };
        let again = reroll(&varied, &model(), 200);
        assert_eq!(seeds(&again), [200, 201, 202, 203]);
        assert_eq!(again.noise_plan(0).unwrap().seed, 1);
        assert_eq!(seeds(&reroll(&grid, &model(), 9)), [9, 10, 11, 12]);
    }
}
