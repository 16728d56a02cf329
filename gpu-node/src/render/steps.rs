//! Steps of one's own on the command line.

use std::str::FromStr;

use easel_diffusion::OwnSteps;

/// Which steps a run takes, where the sampler is not to choose them.
#[derive(Debug, clap::Args)]
pub struct StepArgs {
    /// Training steps to take, noisiest first, such as 999,850,736,645,545,455,343,233,124,24; for euler, dpmpp-2m and lcm
    #[arg(long, value_name = "LIST", conflicts_with_all = ["steps", "sigmas"])]
    timesteps: Option<List<u32>>,
    /// Noise levels to take, noisiest first, such as 14.615,6.475,3.861,2.697,1.886; a 0 at the end may be left out; for euler
    #[arg(long, value_name = "LIST", conflicts_with = "steps")]
    sigmas: Option<List<f64>>,
}

impl StepArgs {
    /// The steps, if there are any.
    pub fn own(&self) -> Option<OwnSteps> {
        if let Some(List(steps)) = &self.timesteps {
            return Some(OwnSteps::Timesteps(steps.clone()));
        }
        self.sigmas.as_ref().map(|List(levels)| {
            // Lists of other programs name the end of the run, too.
            let end = levels
                .iter()
                .rposition(|level| *level != 0.0)
                .map_or(0, |at| at + 1);
            let is_end_named = end + 1 == levels.len();
            OwnSteps::Sigmas(if is_end_named {
                levels[..end].to_vec()
            } else {
                levels.clone()
            })
        })
    }
}

/// Numbers with commas between them.
#[derive(Debug, Clone, PartialEq)]
struct List<T>(Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |(at, piece): (usize, &str)| {
            let piece = piece.trim();
            piece
                .parse()
                .map_err(|_| format!("number {}, \"{piece}\", is none", at + 1))
        };
        text.split(',')
            .enumerate()
            .map(number)
            .collect::<Result<_, _>>()
            .map(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_what_is_no_number_is_named() {
        assert_eq!("999, 24,0".parse(), Ok(List(vec![999_u32, 24, 0])));
        let error = |text: &str| text.parse::<List<u32>>().unwrap_err();
        assert_eq!(error("9,x"), "number 2, \"x\", is none");
        assert_eq!(error(""), "number 1, \"\", is none");
        assert_eq!(error("9,-1"), "number 2, \"-1\", is none");
        assert_eq!(error("9,,1"), "number 2, \"\", is none");
    }

    #[test]
    fn the_end_of_a_run_over_noise_levels_may_be_named() {
        let own = |text: &str| StepArgs {
            timesteps: None,
            sigmas: Some(text.parse().unwrap()),
        };
        let levels = |levels: &[f64]| Some(OwnSteps::Sigmas(levels.to_vec()));
        assert_eq!(own("3,1").own(), levels(&[3.0, 1.0]));
        assert_eq!(own("3,1,0").own(), levels(&[3.0, 1.0]));
        assert_eq!(own("3,0,0").own(), levels(&[3.0, 0.0, 0.0]));
    }
}
