//! Noise that depends on nothing but seeds.
//!
//! Drawn on the CPU by libtorch's own generator, so it equals `torch.randn` with
//! `torch.Generator("cpu").manual_seed(seed)`, on whatever device the picture is then made.

use std::collections::VecDeque;
use std::sync::Mutex;

use tch::{Device, Kind, Tensor};

/// libtorch's bindings offer only the process-wide generator; whoever draws holds this.
static GENERATOR: Mutex<()> = Mutex::new(());

/// The initial noise of one picture: a seed's, mixed in turn with the noise of others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NoisePlan {
    /// Seed of the first draw.
    pub seed: u64,
    /// Later draws, oldest first.
    pub mixes: Vec<NoiseMix>,
}

/// Spherical interpolation from the noise so far towards a seed's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseMix {
    /// Seed of the other noise.
    pub seed: u64,
    /// 0 keeps the noise so far, 1 replaces it.
    pub strength: f64,
}

impl From<u64> for NoisePlan {
    fn from(seed: u64) -> Self {
        Self {
            seed,
            mixes: Vec::new(),
        }
    }
}

/// The first `count` normal draws of that shape after seeding, in fp32.
pub fn draw(seed: u64, shape: &[i64], count: usize) -> Vec<Tensor> {
    // The guarded state is reseeded before each use, so a poisoned lock harms nothing.
    let _generator = GENERATOR
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(seed as i64);
    (0..count)
        .map(|_| Tensor::randn(shape, (Kind::Float, Device::Cpu)))
        .collect()
}

/// Most memory that noise drawn ahead may take, in bytes.
const AHEAD_BYTES: i64 = 16 << 20;

/// One picture's own generator: tensors of one shape, each drawn after the other as from a generator of its seed.
///
/// The bindings cannot keep a generator's state, so draws are repeated from the seed, and many are made ahead.
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    shape: Vec<i64>,
    drawn: usize,
    ahead: VecDeque<Tensor>,
}

impl Generator {
    /// A generator that has drawn nothing yet; `expected` draws are made at the first.
    pub fn new(seed: u64, shape: &[i64], expected: usize) -> Self {
        let mut generator = Self {
            seed,
            shape: shape.to_vec(),
            drawn: 0,
            ahead: VecDeque::new(),
        };
        generator.fill(expected.clamp(1, generator.most()));
        generator
    }

    fn most(&self) -> usize {
        let bytes = 4 * self.shape.iter().product::<i64>().max(1);
        (AHEAD_BYTES / bytes).clamp(1, 256) as usize
    }

    fn fill(&mut self, count: usize) {
        let all = draw(self.seed, &self.shape, self.drawn + count);
        self.ahead = all.into_iter().skip(self.drawn).collect();
    }

    /// The next draw, on the CPU.
    pub fn next(&mut self) -> Tensor {
        if self.ahead.is_empty() {
            self.fill(self.most());
        }
        self.drawn += 1;
        self.ahead
            .pop_front()
            .expect("at least one draw was made ahead")
    }
}

/// `noise` mixed with the plan's later draws.
pub fn mix(noise: Tensor, plan: &NoisePlan) -> Tensor {
    let shape = noise.size();
    plan.mixes.iter().fold(noise, |noise, mix| {
        let other = draw(mix.seed, &shape, 1).swap_remove(0);
        slerp(&noise, &other, mix.strength)
    })
}

/// Spherical interpolation (Shoemake 1985, "Animating rotation with quaternion curves"): unlike a straight line it keeps
/// the length, and so the variance, of the noise.
fn slerp(from: &Tensor, to: &Tensor, share: f64) -> Tensor {
    let norm = |x: &Tensor| x.square().sum(Kind::Double).double_value(&[]).sqrt();
    let cosine = (from * to).sum(Kind::Double).double_value(&[]) / (norm(from) * norm(to));
    if cosine.abs() > 0.9995 {
        return from * (1.0 - share) + to * share;
    }
    let angle = cosine.acos();
    from * (((1.0 - share) * angle).sin() / angle.sin())
        + to * ((share * angle).sin() / angle.sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [i64; 4] = [1, 4, 8, 8];

    fn first(seed: u64) -> Tensor {
        draw(seed, &SHAPE, 1).swap_remove(0)
    }

    #[test]
    fn a_seed_always_gives_the_same_noise_and_draws_continue() {
        let pair = draw(7, &SHAPE, 2);
        assert_eq!(pair[0], first(7));
        assert_ne!(pair[0], pair[1]);
    }

    #[test]
    fn a_generator_draws_what_one_of_its_seed_draws() {
        let all = draw(9, &SHAPE, 300);
        let mut generator = Generator::new(9, &SHAPE, 2);
        for (number, wanted) in all.iter().enumerate() {
            assert_eq!(&generator.next(), wanted, "draw {number}");
        }
    }

    #[test]
    fn a_gentle_mix_stays_near_the_parent_and_keeps_its_variance() {
        let plan = |strength| NoisePlan {
            seed: 1,
            mixes: vec![NoiseMix { seed: 2, strength }],
        };
        let parent = first(1);
        let child = mix(parent.shallow_clone(), &plan(0.2));
        let spread = |x: &Tensor| x.std(false).double_value(&[]);
        assert!((spread(&child) - spread(&parent)).abs() < 0.1);
        assert!(spread(&(&child - &parent)) < 0.5);
        assert!(
            (mix(parent.shallow_clone(), &plan(1.0)) - first(2))
                .abs()
                .max()
                .double_value(&[])
                < 1e-5
        );
        assert!(
            (mix(parent.shallow_clone(), &plan(0.0)) - &parent)
                .abs()
                .max()
                .double_value(&[])
                < 1e-5
        );
    }
}
