//! Checkers that are networks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use easel_diffusion::vision::Judge;
use easel_diffusion::{Checkpoint, LoadError, Picture as Pixels};

use super::{Checker, Checkers, Labels, Scores};
use crate::checkpoint;
use crate::config::NodeConfig;
use crate::engine::Picture;

/// Why a node has no checker.
#[derive(Debug, thiserror::Error)]
pub enum CheckerError {
    /// Its files are at fault.
    #[error("`node.checker`: {0}")]
    Load(#[source] LoadError),
    /// Its labels are.
    #[error("`node.checker`: {directory} {message}")]
    Labels {
        /// Its directory.
        directory: String,
        /// What of them.
        message: String,
    },
    /// There is none.
    #[error(
        "`node.models`: nothing checks what {model} draws, so none of it could be shown; set `node.checker.directory` to a \
         classifier, or put \"safe\": true into its easel.json if every picture of it may be seen by anybody"
    )]
    Nobody {
        /// The checkpoint's own name.
        model: String,
    },
    /// One that came with a checkpoint is at fault.
    #[error("`node.models`: {0}")]
    Own(#[source] LoadError),
}

/// A network in fp32 on the CPU: whatever the device does, its steps go on.
struct Network {
    id: String,
    judge: Mutex<Judge>,
    labels: Labels,
}

impl Network {
    fn new(id: String, judge: Judge, told: &BTreeMap<String, String>) -> Result<Self, String> {
        Ok(Self {
            id,
            labels: Labels::new(&judge.labels(), told)?,
            judge: Mutex::new(judge),
        })
    }
}

impl Checker for Network {
    fn id(&self) -> &str {
        &self.id
    }

    fn scores(&self, picture: &Picture) -> Result<Scores, String> {
        let picture = Pixels {
            width: picture.width,
            height: picture.height,
            rgb: picture.rgb.clone(),
        };
        let judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        let shares = judge.scores(&picture);
        if shares.is_empty() {
            return Err("the network gave no scores".to_owned());
        }
        Ok(self.labels.scores(shares.iter().map(|score| score.share)))
    }
}

/// A checkpoint whose pictures are to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Painter<'a> {
    /// Its directory.
    pub directory: &'a Path,
    /// Whether it is marked safe: nobody need look at what it draws from words. What it makes of pictures is looked at
    /// where it brings a checker.
    pub safe: bool,
}

/// Loads what the configuration names; without it, the checker that each of these checkpoints brings.
///
/// # Errors
///
/// See [`CheckerError`].
pub fn load(node: &NodeConfig, checkpoints: &[Painter<'_>]) -> Result<Checkers, CheckerError> {
    let Some(config) = &node.checker else {
        return own(checkpoints);
    };
    let judge = Judge::open(&config.directory).map_err(CheckerError::Load)?;
    let id = checkpoint::id(&config.directory);
    let network = Network::new(id, judge, &config.labels);
    let network = network.map_err(|message| CheckerError::Labels {
        directory: config.directory.display().to_string(),
        message,
    })?;
    Ok(Checkers::for_all(Arc::new(network)))
}

fn own(checkpoints: &[Painter<'_>]) -> Result<Checkers, CheckerError> {
    let mut own: BTreeMap<String, Arc<dyn Checker>> = BTreeMap::new();
    for Painter { directory, safe } in checkpoints {
        let found = Checkpoint::open(directory).map_err(CheckerError::Own)?;
        let judge = Judge::of_checkpoint(&found).map_err(CheckerError::Own)?;
        let judge = match judge {
            Some(judge) => judge,
            None if *safe => continue,
            None => {
                let model = checkpoint::id(directory);
                return Err(CheckerError::Nobody { model });
            }
        };
        let hash = checkpoint::hash(directory).map_err(|error| {
            CheckerError::Own(LoadError::file(directory, format!("hash: {error}")))
        })?;
        let id = format!("{}/safety_checker", checkpoint::id(directory));
        let network = Network::new(id, judge, &BTreeMap::new());
        let network = network.map_err(|message| {
            CheckerError::Own(LoadError::file(&directory.join("safety_checker"), message))
        })?;
        own.insert(hash, Arc::new(network));
    }
    Ok(Checkers::own(own))
}
