//! Noise levels as samplers over sigmas use them: how they are looked up, spread and ended.

use std::path::Path;

use serde::Deserialize;

use super::noise_schedule::{NoiseConfig, alphas_cumprod, linspace};
use crate::error::LoadError;

/// Shape of the Karras noise levels (Karras et al. 2022, arXiv 2206.00364, equation 5).
const KARRAS_RHO: f64 = 7.0;

/// Both parameters of the beta distribution that noise levels may follow (Lee et al. 2024, arXiv 2407.12173).
const BETA: f64 = 0.6;

/// Normalisation of that distribution: the beta function of 0.6 and 0.6.
const BETA_FUNCTION: f64 = 2.415_344_208_002_471;

/// What is left of the picture at the last step with zero SNR: not quite nothing, so that its noise level is finite.
const SMALLEST_ALPHA: f32 = 1.0 / 16_777_216.0;

/// The level after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalSigma {
    /// No noise.
    Zero,
    /// The least noise of training.
    SigmaMin,
}

/// Keys of `scheduler_config.json` that choose the spread of noise levels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SpreadConfig {
    pub use_karras_sigmas: Option<bool>,
    pub use_exponential_sigmas: Option<bool>,
    pub use_beta_sigmas: Option<bool>,
    pub use_flow_sigmas: Option<bool>,
    pub sigma_min: Option<f64>,
    pub sigma_max: Option<f64>,
}

/// How noise levels are spread between the largest and the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// As the visited training steps have them.
    Trained,
    /// Denser where there is little noise.
    Karras,
    /// By equal factors.
    Exponential,
    /// By a beta distribution: denser at both ends.
    Beta,
}

impl SpreadConfig {
    /// The one that is chosen; two at once are refused.
    pub fn spread(&self, path: &Path) -> Result<Spread, LoadError> {
        if self.use_flow_sigmas == Some(true) {
            return Err(LoadError::key(
                path,
                "use_flow_sigmas",
                "flow matching is not supported",
            ));
        }
        let chosen = [
            (self.use_karras_sigmas, Spread::Karras),
            (self.use_exponential_sigmas, Spread::Exponential),
            (self.use_beta_sigmas, Spread::Beta),
        ];
        let mut chosen = chosen.iter().filter(|(chosen, _)| *chosen == Some(true));
        match (chosen.next(), chosen.next()) {
            (None, _) => Ok(Spread::Trained),
            (Some((_, spread)), None) => Ok(*spread),
            (Some(_), Some(_)) => {
                let message = "only one of Karras, exponential and beta sigmas can be used";
                Err(LoadError::key(path, "use_karras_sigmas", message))
            }
        }
    }

    /// `count` levels between the ends that the file names, or else these.
    pub fn levels(&self, spread: Spread, largest: f64, smallest: f64, count: usize) -> Vec<f64> {
        let (smallest, largest) = (
            self.sigma_min.unwrap_or(smallest),
            self.sigma_max.unwrap_or(largest),
        );
        match spread {
            Spread::Trained => linspace(largest, smallest, count),
            Spread::Karras => {
                let root = |sigma: f64| sigma.powf(1.0 / KARRAS_RHO);
                let (low, high) = (root(smallest), root(largest));
                let ramp = linspace(0.0, 1.0, count).into_iter();
                ramp.map(|at| (high + at * (low - high)).powf(KARRAS_RHO))
                    .collect()
            }
            Spread::Exponential => {
                let logs = linspace(largest.ln(), smallest.ln(), count).into_iter();
                logs.map(f64::exp).collect()
            }
            Spread::Beta => {
                let ramp = linspace(0.0, 1.0, count).into_iter();
                ramp.map(|at| smallest + beta_quantile(1.0 - at) * (largest - smallest))
                    .collect()
            }
        }
    }
}

/// Noise levels of all training steps, least noisy first, in fp32 as in training.
pub fn trained(config: &NoiseConfig, path: &Path) -> Result<Vec<f32>, LoadError> {
    let mut alphas = alphas_cumprod(config, path)?;
    if let (true, Some(last)) = (config.rescale_betas_zero_snr, alphas.last_mut()) {
        *last = SMALLEST_ALPHA;
    }
    let sigma = |alpha: &f32| ((1.0 - alpha) / alpha).sqrt();
    Ok(alphas.iter().map(sigma).collect())
}

/// The noise level at, or between, training steps; at the nearest beyond them.
pub fn interpolate(trained: &[f32], timestep: f64) -> f64 {
    let timestep = timestep.clamp(0.0, (trained.len() - 1) as f64);
    let below = timestep.floor() as usize;
    let above = (below + 1).min(trained.len() - 1);
    let (low, high) = (f64::from(trained[below]), f64::from(trained[above]));
    low + (high - low) * (timestep - below as f64)
}

/// The training step, with fraction, that has this noise level.
pub fn timestep_of(trained: &[f32], sigma: f64) -> f64 {
    let log_sigma = sigma.max(1e-10).ln();
    let logs: Vec<f64> = trained.iter().map(|sigma| f64::from(sigma.ln())).collect();
    let below = logs
        .partition_point(|&log| log <= log_sigma)
        .saturating_sub(1)
        .min(logs.len().saturating_sub(2));
    let above = (below + 1).min(logs.len() - 1);
    let share = ((logs[below] - log_sigma) / (logs[below] - logs[above])).clamp(0.0, 1.0);
    (1.0 - share) * below as f64 + share * above as f64
}

/// Shares of picture and noise whose squares add up to 1 at this level.
pub fn alpha_sigma(sigma: f32) -> (f32, f32) {
    let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
    (alpha, sigma * alpha)
}

/// Half the logarithm of the signal-to-noise ratio at this level (Lu et al. 2022, arXiv 2206.00927).
pub fn lambda(sigma: f32) -> f32 {
    let (alpha, sigma) = alpha_sigma(sigma);
    alpha.ln() - sigma.ln()
}

/// The value below which a share of the beta distribution lies, by bisection.
fn beta_quantile(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return share.clamp(0.0, 1.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if beta_share(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Share of the beta distribution below `x`: the regularised incomplete beta function, by its power series (DLMF
/// 8.17.7), which converges quickly up to the middle; symmetry gives the rest.
fn beta_share(x: f64) -> f64 {
    if x > 0.5 {
        return 1.0 - beta_share(1.0 - x);
    }
    let (mut term, mut sum) = (1.0, 1.0 / BETA);
    for index in 1..200 {
        let index = f64::from(index);
        term *= x * (index - BETA) / index;
        let part = term / (BETA + index);
        sum += part;
        if part < 1e-17 {
            break;
        }
    }
    x.powf(BETA) * sum / BETA_FUNCTION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beta_quantiles_are_those_of_scipy() {
        let wanted = [
            (0.1, 0.039_584_4),
            (0.25, 0.175_680_4),
            (0.5, 0.5),
            (0.9, 0.960_415_6),
        ];
        for (share, value) in wanted {
            let found = beta_quantile(share);
            assert!((found - value).abs() < 1e-6, "{share}: {found}");
        }
        assert!((beta_share(0.5) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_level_is_found_at_its_own_step() {
        let levels = trained(&NoiseConfig::default(), Path::new("config")).unwrap();
        for step in [0.0, 1.0, 499.0, 999.0] {
            let found = timestep_of(&levels, interpolate(&levels, step));
            assert!((found - step).abs() < 1e-3, "{step}: {found}");
        }
    }

    #[test]
    fn two_spreads_at_once_are_refused() {
        let both = SpreadConfig {
            use_karras_sigmas: Some(true),
            use_beta_sigmas: Some(true),
            ..SpreadConfig::default()
        };
        assert!(both.spread(Path::new("config")).is_err());
    }
}
