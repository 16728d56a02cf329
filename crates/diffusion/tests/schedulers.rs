//! Schedulers against the sums that diffusers' own scheduler tests assert.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::sync::{Mutex, PoisonError};

use easel_diffusion::schedulers::{Memory, Scheduler, SchedulerFile};
use easel_diffusion::{OwnSteps, Sampler};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

/// What all of them are configured with.
fn base() -> Value {
    json!({"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"})
}

fn with(mut config: Value, extra: &Value) -> Value {
    let entries = extra.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(entries);
    config
}

/// How each test goes about its loop.
#[derive(Clone, Copy)]
struct Loop {
    sampler: Sampler,
    steps: u32,
    /// Whether the network's input is what a step starts from, as in the tests of Euler's method.
    scaled_sample: bool,
}

static GENERATOR: Mutex<()> = Mutex::new(());

/// The sum and the mean at the end of a run of the sampler's own steps.
fn run(config: Value, run: Loop) -> (f64, f64) {
    let file = SchedulerFile::from_json(config);
    let scheduler = file.schedule(run.sampler, run.steps).unwrap();
    follow(scheduler.as_ref(), run.scaled_sample)
}

/// The closed-form model and sample of those tests; the sum and the mean of absolute values at the end. Noise is drawn
/// from seed 0.
fn follow(scheduler: &dyn Scheduler, scaled_sample: bool) -> (f64, f64) {
    let sample = Tensor::arange(768, (Kind::Float, Device::Cpu)).view([3, 8, 8, 4]) / 768.0;
    let mut sample = sample.permute([3, 0, 1, 2]) * scheduler.initial_deviation();
    let mut memory = Memory::default();
    // The generator is the process's own, and tests run side by side.
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(0);
    for (index, &timestep) in scheduler.timesteps().iter().enumerate() {
        let input = scheduler.scale_input(&sample, index);
        if scaled_sample {
            sample = input.shallow_clone();
        }
        let output = &input * (timestep / (timestep + 1.0));
        let noise = scheduler
            .draws_noise(index)
            .then(|| Tensor::randn(sample.size(), (Kind::Float, Device::Cpu)));
        let step = scheduler.step(&output, index, &sample, &mut memory, noise.as_ref());
        sample = step.next;
    }
    let sizes = sample.abs();
    (
        sizes.sum(Kind::Double).double_value(&[]),
        sizes.mean(Kind::Double).double_value(&[]),
    )
}

#[track_caller]
fn assert_sum(what: &str, found: (f64, f64), wanted: f64) {
    assert!(
        (found.0 - wanted).abs() < 1e-2,
        "{what}: {}, not {wanted}",
        found.0
    );
}

#[track_caller]
fn assert_mean(what: &str, found: (f64, f64), wanted: f64) {
    assert!(
        (found.1 - wanted).abs() < 1e-3,
        "{what}: {}, not {wanted}",
        found.1
    );
}

fn ten(sampler: Sampler) -> Loop {
    Loop {
        sampler,
        steps: 10,
        scaled_sample: false,
    }
}

#[test]
fn ddim() {
    let clip = json!({"clip_sample": true});
    let sum = |extra: Value| run(with(with(base(), &clip), &extra), ten(Sampler::Ddim));
    assert_sum("plain", sum(json!({})), 172.0067);
    assert_sum(
        "velocity",
        sum(json!({"prediction_type": "v_prediction"})),
        52.5302,
    );
    let late = |one: bool| sum(json!({"set_alpha_to_one": one, "beta_start": 0.01}));
    assert_sum("to one", late(true), 149.8295);
    assert_sum("not to one", late(false), 149.0784);
}

#[test]
fn pndm() {
    assert_sum("full loop", run(base(), ten(Sampler::Pndm)), 198.1318);
}

#[test]
fn euler() {
    let scaled = Loop {
        scaled_sample: true,
        ..ten(Sampler::Euler)
    };
    let long = with(base(), &json!({"num_train_timesteps": 1100}));
    assert_sum("plain", run(long.clone(), scaled), 10.0807);
    let karras = with(long, &json!({"use_karras_sigmas": true}));
    assert_sum("karras", run(karras, scaled), 124.5230);
}

#[test]
fn euler_ancestral() {
    let scaled = Loop {
        scaled_sample: true,
        ..ten(Sampler::EulerAncestral)
    };
    let long = with(base(), &json!({"num_train_timesteps": 1100}));
    assert_sum("plain", run(long.clone(), scaled), 152.3192);
    let velocity = with(long, &json!({"prediction_type": "v_prediction"}));
    assert_sum("velocity", run(velocity, scaled), 108.4439);
}

#[test]
fn dpm_plus_plus() {
    let config = json!({
        "solver_order": 2, "lower_order_final": false, "final_sigmas_type": "sigma_min",
        "sample_max_value": 1.0, "algorithm_type": "dpmsolver++", "solver_type": "midpoint",
    });
    let mean = |extra: Value| {
        let config = with(with(base(), &config), &extra);
        run(config, ten(Sampler::DpmPlusPlus2M))
    };
    assert_mean("plain", mean(json!({})), 0.3301);
    assert_mean(
        "thresholding",
        mean(json!({
            "thresholding": true, "dynamic_thresholding_ratio": 0.87, "sample_max_value": 0.5,
        })),
        1.1364,
    );
    assert_mean(
        "velocity",
        mean(json!({"prediction_type": "v_prediction"})),
        0.2251,
    );
    let both = json!({"prediction_type": "v_prediction", "use_karras_sigmas": true});
    assert_mean("velocity over karras", mean(both), 0.2096);
    let karras = with(
        with(base(), &config),
        &json!({"prediction_type": "v_prediction"}),
    );
    let found = run(karras, ten(Sampler::DpmPlusPlus2MKarras));
    assert_mean("by the sampler's name", found, 0.2096);
}

#[test]
fn uni_pc() {
    let config = json!({"solver_order": 2, "solver_type": "bh2", "final_sigmas_type": "sigma_min"});
    let mean = |extra: Value| {
        let config = with(with(base(), &config), &extra);
        run(config, ten(Sampler::UniPc))
    };
    assert_mean("plain", mean(json!({})), 0.2464);
    assert_mean("karras", mean(json!({"use_karras_sigmas": true})), 0.2925);
    assert_mean(
        "velocity",
        mean(json!({"prediction_type": "v_prediction"})),
        0.1014,
    );
    let both = json!({"prediction_type": "v_prediction", "use_karras_sigmas": true});
    assert_mean("velocity over karras", mean(both), 0.1966);
}

#[test]
fn deis() {
    let sum = |steps, extra: Value| {
        let run_of = Loop {
            steps,
            ..ten(Sampler::Deis)
        };
        run(with(base(), &extra), run_of)
    };
    assert_sum("plain", sum(10, json!({})), 183.6766);
    // Found with diffusers 0.42.1; its own tests have the first alone.
    let rows = [
        (10, json!({"solver_order": 1}), 172.2642),
        (10, json!({"solver_order": 3}), 185.5794),
        (
            20,
            json!({"solver_order": 3, "timestep_spacing": "trailing"}),
            196.2715,
        ),
        (10, json!({"prediction_type": "v_prediction"}), 69.9438),
        (
            10,
            json!({"solver_order": 3, "lower_order_final": false, "use_karras_sigmas": true}),
            200.1787,
        ),
        (
            20,
            json!({"use_exponential_sigmas": true, "timestep_spacing": "leading", "prediction_type": "v_prediction"}),
            81.4449,
        ),
        (
            10,
            json!({"prediction_type": "sample", "thresholding": true}),
            564.0883,
        ),
        // Keys of other classes.
        (
            10,
            json!({"algorithm_type": "dpmsolver++", "solver_type": "midpoint", "rescale_betas_zero_snr": true}),
            183.6766,
        ),
    ];
    for (steps, extra, wanted) in rows {
        assert_sum(&extra.to_string(), sum(steps, extra), wanted);
    }
}

#[test]
fn latent_consistency() {
    let config = json!({
        "beta_start": 0.00085, "beta_end": 0.0120, "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
    });
    let steps = |steps| Loop {
        steps,
        ..ten(Sampler::Lcm)
    };
    assert_sum("one step", run(config.clone(), steps(1)), 18.7097);
    assert_sum("ten steps", run(config, steps(10)), 197.7616);
}

#[test]
fn a_class_that_is_not_known_is_named() {
    let file = SchedulerFile::from_json(json!({"_class_name": "HeunDiscreteScheduler"}));
    let Err(error) = file.schedule(Sampler::Checkpoint, 10) else {
        panic!("an unknown class was accepted");
    };
    assert!(
        error.to_string().contains("HeunDiscreteScheduler"),
        "{error}"
    );
    for sampler in &Sampler::ALL[1..] {
        assert!(file.schedule(*sampler, 10).is_ok(), "{sampler:?}");
    }
}

#[test]
fn impossible_step_counts_are_refused_by_every_sampler() {
    let file = SchedulerFile::from_json(json!({"_class_name": "DDIMScheduler"}));
    for sampler in Sampler::ALL {
        for steps in [0, 1001, 1_000_000, u32::MAX] {
            assert!(
                file.schedule(sampler, steps).is_err(),
                "{sampler:?} with {steps}"
            );
        }
    }
}

/// "Align Your Steps" (Sabour et al. 2024, arXiv 2404.14507), for Stable Diffusion 1.5.
const ALIGNED_STEPS: [u32; 10] = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24];
const ALIGNED_LEVELS: [f64; 10] = [
    14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152,
];

fn stable() -> Value {
    json!({"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"})
}

fn aligned_steps() -> OwnSteps {
    OwnSteps::Timesteps(ALIGNED_STEPS.to_vec())
}

fn aligned_levels() -> OwnSteps {
    OwnSteps::Sigmas(ALIGNED_LEVELS.to_vec())
}

/// The sums are what `python -m fixtures.own_steps` prints in `training/`.
#[test]
fn steps_of_ones_own_are_taken_as_diffusers_takes_them() {
    let (trained, steps, levels) = (stable(), aligned_steps, aligned_levels);
    let sum = |sampler, own: &OwnSteps, extra: Value| {
        let file = SchedulerFile::from_json(with(trained.clone(), &extra));
        let scheduler = file.schedule_along(sampler, own).unwrap();
        assert_eq!(scheduler.timesteps().len(), own.count());
        follow(scheduler.as_ref(), false)
    };
    let (euler, dpm) = (Sampler::Euler, Sampler::DpmPlusPlus2M);
    assert_sum("euler, steps", sum(euler, &steps(), json!({})), 178.4175);
    assert_sum("euler, levels", sum(euler, &levels(), json!({})), 178.4079);
    let spread = json!({"prediction_type": "v_prediction", "timestep_spacing": "leading", "use_karras_sigmas": true});
    assert_sum("own levels", sum(euler, &levels(), spread), 65.1981);
    let told_levels = json!({"prediction_type": "v_prediction", "timestep_type": "continuous", "final_sigmas_type": "sigma_min"});
    assert_sum("told levels", sum(euler, &levels(), told_levels), 361.2406);
    assert_sum("dpm, steps", sum(dpm, &steps(), json!({})), 198.1649);
    let third = json!({"solver_order": 3});
    assert_sum("third order", sum(dpm, &steps(), third), 198.5478);
    let few = OwnSteps::Timesteps(vec![999, 779, 499, 259]);
    assert_sum("lcm", sum(Sampler::Lcm, &few, json!({})), 189.0037);
}

#[test]
fn steps_that_a_sampler_cannot_take_are_refused() {
    let (trained, steps, levels) = (stable(), aligned_steps, aligned_levels);
    let spread = json!({"use_karras_sigmas": true});
    let told_levels = json!({"prediction_type": "v_prediction", "timestep_type": "continuous"});
    let (euler, dpm) = (Sampler::Euler, Sampler::DpmPlusPlus2M);
    let refused = |sampler, own: &OwnSteps, extra: &Value| {
        let file = SchedulerFile::from_json(with(trained.clone(), extra));
        file.schedule_along(sampler, own).err().unwrap().to_string()
    };
    for (sampler, own, extra, told) in [
        (
            euler,
            steps(),
            &spread,
            "spreads noise levels in its own way",
        ),
        (euler, steps(), &told_levels, "is told noise levels"),
        (dpm, levels(), &json!({}), "dpmpp-2m takes timesteps only"),
        (
            dpm,
            steps(),
            &json!({"use_karras_sigmas": true}),
            "its own way",
        ),
        (
            Sampler::Lcm,
            levels(),
            &json!({}),
            "lcm takes timesteps only",
        ),
        (
            Sampler::Ddim,
            steps(),
            &json!({}),
            "ddim spreads its steps itself",
        ),
        (
            Sampler::EulerAncestral,
            levels(),
            &json!({}),
            "euler-a spreads",
        ),
        (
            euler,
            OwnSteps::Timesteps(vec![24, 999]),
            &json!({}),
            "number 2, 999",
        ),
    ] {
        let sentence = refused(sampler, &own, extra);
        assert!(sentence.contains(told), "{sentence}");
    }
}
