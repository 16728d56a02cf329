//! Pictures that others follow.

use std::path::PathBuf;
use std::str::FromStr;

use easel_diffusion::{Control, Picture, Pipeline};

use super::{Interval, input, scaled};
use crate::cli::CommandError;

/// Which networks, and what they see.
#[derive(Debug, clap::Args)]
pub struct ControlArgs {
    /// A network to follow a picture by: its directory, with a scale after a colon where it is not 1; may be given several times
    #[arg(long, value_name = "DIR[:SCALE]", requires = "control_image")]
    controlnet: Vec<ControlNetArg>,
    /// What it sees: a picture of edges, depths or whatever it was trained on; one for each, in their order
    #[arg(long, value_name = "FILE", requires = "controlnet")]
    control_image: Vec<PathBuf>,
    /// Shares of the run between which they count, as FROM-TO; by default 0-1
    #[arg(long, value_name = "FROM-TO", requires = "controlnet")]
    control_interval: Option<Interval>,
    /// Let them guess what the pictures show: they count for what is wanted alone, and outer layers less
    #[arg(long, requires = "controlnet")]
    guess_mode: bool,
}

/// A network's directory and scale.
#[derive(Debug, Clone, PartialEq)]
struct ControlNetArg {
    directory: PathBuf,
    scale: f64,
}

impl FromStr for ControlNetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (directory, scale) = scaled(text)?;
        Ok(Self { directory, scale })
    }
}

impl ControlArgs {
    /// The pictures, as they are in their files.
    pub fn pictures(&self) -> Result<Vec<Picture>, CommandError> {
        let (networks, pictures) = (self.controlnet.len(), self.control_image.len());
        if networks != pictures {
            let message = format!("--control-image: {pictures} given for {networks} ControlNets");
            return Err(CommandError::Bad(message));
        }
        let read = |path: &PathBuf| input::read(path, "--control-image");
        self.control_image.iter().map(read).collect()
    }

    /// Reads the networks, each for its picture.
    pub fn read(
        &self,
        pipeline: &mut Pipeline,
        pictures: Vec<Picture>,
    ) -> Result<Vec<Control>, CommandError> {
        let control = |(argument, picture): (&ControlNetArg, Picture)| {
            let net = pipeline
                .read_controlnet(&argument.directory)
                .map_err(|error| CommandError::Bad(format!("--controlnet: {error}")))?;
            Ok(Control {
                net,
                picture,
                scale: argument.scale,
                interval: self
                    .control_interval
                    .map_or((0.0, 1.0), |interval| interval.0),
                guess: self.guess_mode,
            })
        };
        self.controlnet.iter().zip(pictures).map(control).collect()
    }
}
