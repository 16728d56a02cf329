//! Steps of a caller's own, in place of those that a checkpoint's file spreads over the run.

use super::Sampler;
use crate::error::TaskError;

/// Steps of a caller's own, noisiest first.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnSteps {
    /// Steps of training, each below their number.
    Timesteps(Vec<u32>),
    /// Noise levels: the noise's standard deviation beside that of the unscaled picture. After the last there is no noise.
    Sigmas(Vec<f64>),
}

impl OwnSteps {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Timesteps(steps) => steps.len(),
            Self::Sigmas(levels) => levels.len(),
        }
    }

    /// What they are called where something is wrong with them.
    pub(super) fn parameter(&self) -> &'static str {
        match self {
            Self::Timesteps(_) => "timesteps",
            Self::Sigmas(_) => "sigmas",
        }
    }

    /// Refuses what is no run: nothing, more than the `train` steps of training, what does not fall, and what no training
    /// step or noise level can be. Places are counted from 1.
    pub(super) fn check(&self, train: i64) -> Result<(), TaskError> {
        let bad = |message: String| Err(TaskError::bad(self.parameter(), message));
        let values: Vec<f64> = match self {
            Self::Timesteps(steps) => steps.iter().map(|&step| f64::from(step)).collect(),
            Self::Sigmas(levels) => levels.clone(),
        };
        if values.is_empty() || values.len() as i64 > train {
            return bad(format!(
                "must be 1 to {train} numbers, not {}",
                values.len()
            ));
        }
        for (at, &value) in values.iter().enumerate() {
            let place = at + 1;
            match self {
                Self::Timesteps(_) if value >= train as f64 => {
                    return bad(format!(
                        "number {place}, {value}, must be below the {train} steps of training"
                    ));
                }
                Self::Sigmas(_) if !(value.is_finite() && value > 0.0) => {
                    return bad(format!("number {place}, {value}, must be above 0"));
                }
                Self::Timesteps(_) | Self::Sigmas(_) => {}
            }
        }
        let rises = values.windows(2).position(|pair| pair[1] >= pair[0]);
        rises.map_or(Ok(()), |at| {
            let (before, after) = (values[at], values[at + 1]);
            bad(format!(
                "number {}, {after}, must be below the one before it, {before}",
                at + 2
            ))
        })
    }

    /// That they are training steps, for a sampler that takes no others.
    pub(super) fn training_steps(&self, sampler: Sampler) -> Result<Vec<f64>, TaskError> {
        match self {
            Self::Timesteps(steps) => Ok(steps.iter().map(|&step| f64::from(step)).collect()),
            Self::Sigmas(_) => {
                let message = format!("{} takes timesteps only; euler takes both", sampler.name());
                Err(TaskError::bad(self.parameter(), message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_run_is_told_with_its_place() {
        let told = |own: OwnSteps| match own.check(1000) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        let steps = |steps: &[u32]| told(OwnSteps::Timesteps(steps.to_vec()));
        let levels = |levels: &[f64]| told(OwnSteps::Sigmas(levels.to_vec()));
        assert_eq!(steps(&[999, 850, 24, 0]), "");
        assert_eq!(levels(&[14.615, 6.475, 0.152]), "");
        assert_eq!(steps(&[]), "timesteps: must be 1 to 1000 numbers, not 0");
        assert_eq!(
            steps(&[1000, 5]),
            "timesteps: number 1, 1000, must be below the 1000 steps of training"
        );
        assert_eq!(
            steps(&[9, 9]),
            "timesteps: number 2, 9, must be below the one before it, 9"
        );
        assert_eq!(
            levels(&[3.0, 2.0, 2.5]),
            "sigmas: number 3, 2.5, must be below the one before it, 2"
        );
        for broken in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                levels(&[3.0, broken]),
                format!("sigmas: number 2, {broken}, must be above 0")
            );
        }
        assert!(levels(&vec![1.0; 1001]).contains("not 1001"));
    }
}
