//! From what a check found to what may be shown where.

use std::collections::BTreeMap;
use std::path::Path;

use easel_domain::picture::{PictureOutcome, PictureVerdict};
use serde::Deserialize;
use toml::Spanned;

use super::hash::{PictureHash, RgbPicture};
use crate::category::Category;
use crate::list::{ListError, ListFile, version};

/// The checker's name in verdicts on pictures of models that need no check.
pub const SAFE_MODEL: &str = "safe-model";
/// The checker's name where there was none.
pub const UNCHECKED: &str = "none";
/// The checker's name where a picture was on the block list.
pub const BLOCK_LIST: &str = "block-list";

/// What is known about a picture besides its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evidence<'a> {
    /// Its model is marked safe: it cannot draw what would need a check.
    SafeModel,
    /// A classifier has looked at it.
    Classified {
        /// The classifier's id.
        classifier: &'a str,
        /// Probability by category, each in `[0, 1]`.
        scores: &'a BTreeMap<Category, f32>,
    },
    /// Nobody has looked: the classifier is missing or broken.
    Unchecked,
}

/// Where a picture is about to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destination {
    /// The guild allows sexual content *and* the channel is age-gated.
    pub adult: bool,
}

/// Scores from which on a category is hidden, held or blocked.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    spoiler: f32,
    hold: f32,
    block: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    category: Category,
    spoiler: Spanned<f32>,
    hold: f32,
    block: f32,
    #[serde(default)]
    adult: Option<Spanned<Thresholds>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Blocked {
    id: String,
    hash: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_distance")]
    hash_distance: Spanned<u32>,
    #[serde(default)]
    limits: Vec<Limits>,
    #[serde(default)]
    blocked: Vec<Blocked>,
}

fn default_distance() -> Spanned<u32> {
    Spanned::new(0..0, 20)
}

/// Hashes farther apart than this say nothing; a block list with it would hit unrelated pictures.
const LARGEST_DISTANCE: u32 = 48;

/// Thresholds by category and a block list of perceptual hashes.
#[derive(Debug)]
pub struct PicturePolicy {
    limits: BTreeMap<Category, (Thresholds, Thresholds)>,
    hash_distance: u32,
    blocked: Vec<(String, PictureHash)>,
    version: String,
}

impl PicturePolicy {
    /// Reads a TOML file.
    pub fn load(path: &Path) -> Result<Self, ListError> {
        Self::from_file(&ListFile::read(path)?)
    }

    /// The thresholds that come with Easel; its block list is empty.
    pub fn built_in() -> Result<Self, ListError> {
        let text = include_str!("../../pictures.toml").to_owned();
        Self::from_file(&ListFile {
            name: "pictures.toml".to_owned(),
            text,
        })
    }

    /// Reads and checks a list file.
    pub fn from_file(file: &ListFile) -> Result<Self, ListError> {
        let parsed: File = file.parse()?;
        let mut limits = BTreeMap::new();
        for entry in parsed.limits {
            let at = entry.spoiler.span().start;
            let usual = Thresholds {
                spoiler: entry.spoiler.into_inner(),
                hold: entry.hold,
                block: entry.block,
            };
            check_thresholds(file, at, usual)?;
            let adult = match entry.adult {
                Some(adult) => {
                    check_thresholds(file, adult.span().start, *adult.get_ref())?;
                    adult.into_inner()
                }
                None => usual,
            };
            if limits.insert(entry.category, (usual, adult)).is_some() {
                return Err(file.invalid(at, format!("{} has limits already", entry.category)));
            }
        }
        if *parsed.hash_distance.get_ref() > LARGEST_DISTANCE {
            let problem = format!("hash_distance is at most {LARGEST_DISTANCE} of 256 bits");
            return Err(file.invalid(parsed.hash_distance.span().start, problem));
        }
        let mut blocked = Vec::with_capacity(parsed.blocked.len());
        for entry in parsed.blocked {
            let hash = entry.hash.get_ref().parse();
            let hash =
                hash.map_err(|problem: &str| file.invalid(entry.hash.span().start, problem))?;
            blocked.push((entry.id, hash));
        }
        let hash_distance = parsed.hash_distance.into_inner();
        Ok(Self {
            limits,
            hash_distance,
            blocked,
            version: version(std::slice::from_ref(file)),
        })
    }

    /// SHA-256 in hex of the file.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Id of the block-list entry that looks like this picture: the nearest, if near enough.
    pub fn blocked_as(&self, picture: RgbPicture<'_>) -> Option<&str> {
        if self.blocked.is_empty() {
            return None;
        }
        let hash = PictureHash::of(picture)?;
        self.blocked
            .iter()
            .map(|(id, blocked)| (blocked.distance(hash), id.as_str()))
            .filter(|(distance, _)| *distance <= self.hash_distance)
            .min()
            .map(|(_, id)| id)
    }

    /// The verdict to store with a picture. Its outcome is that of an ordinary channel.
    ///
    /// The block list counts for every model. A score that is not a number counts as 1.
    pub fn judge(&self, picture: RgbPicture<'_>, evidence: Evidence<'_>) -> PictureVerdict {
        let mut scores = BTreeMap::new();
        let checker = match evidence {
            _ if self.blocked_as(picture).is_some() => BLOCK_LIST,
            Evidence::SafeModel => SAFE_MODEL,
            Evidence::Classified {
                classifier,
                scores: found,
            } => {
                scores = found
                    .iter()
                    .map(|(category, score)| (category.as_str().to_owned(), usable(*score)))
                    .collect();
                classifier
            }
            Evidence::Unchecked => UNCHECKED,
        };
        let mut verdict = PictureVerdict {
            outcome: PictureOutcome::Hold,
            checker: checker.to_owned(),
            scores,
        };
        verdict.outcome = self.outcome(&verdict, Destination::default());
        verdict
    }

    /// What may be done with a picture at a destination: asked anew at every delivery, by the policy in use then.
    ///
    /// A verdict that names no known check is held. Scores of categories that have no limits here are held too.
    pub fn outcome(&self, verdict: &PictureVerdict, destination: Destination) -> PictureOutcome {
        match verdict.checker.as_str() {
            BLOCK_LIST => return PictureOutcome::Block,
            SAFE_MODEL => return PictureOutcome::Pass,
            UNCHECKED | "" => return PictureOutcome::Hold,
            _ if verdict.scores.is_empty() => return PictureOutcome::Hold,
            _ => {}
        }
        let outcomes = verdict
            .scores
            .iter()
            .map(|(category, score)| self.scored(category, *score, destination));
        outcomes
            .max_by_key(|outcome| rank(*outcome))
            .unwrap_or(PictureOutcome::Hold)
    }

    /// The category whose score decided, for the reason that a user is given.
    pub fn decisive_category(
        &self,
        verdict: &PictureVerdict,
        destination: Destination,
    ) -> Option<Category> {
        let judged = verdict
            .scores
            .iter()
            .map(|(category, score)| (self.scored(category, *score, destination), category));
        let (outcome, category) = judged.max_by_key(|(outcome, _)| rank(*outcome))?;
        if outcome == PictureOutcome::Pass {
            None
        } else {
            Category::from_name(category)
        }
    }

    fn scored(&self, category: &str, score: f32, destination: Destination) -> PictureOutcome {
        let Some((usual, adult)) =
            Category::from_name(category).and_then(|category| self.limits.get(&category))
        else {
            return PictureOutcome::Hold;
        };
        let limits = if destination.adult { adult } else { usual };
        match usable(score) {
            score if score >= limits.block => PictureOutcome::Block,
            score if score >= limits.hold => PictureOutcome::Hold,
            score if score >= limits.spoiler => PictureOutcome::Spoiler,
            _ => PictureOutcome::Pass,
        }
    }
}

/// Thresholds lie in (0, 1] in order; above 1 an outcome never happens.
fn check_thresholds(file: &ListFile, at: usize, limits: Thresholds) -> Result<(), ListError> {
    let ordered =
        0.0 < limits.spoiler && limits.spoiler <= limits.hold && limits.hold <= limits.block;
    if ordered && limits.block.is_finite() {
        return Ok(());
    }
    Err(file.invalid(
        at,
        "limits go up from spoiler over hold to block, all above 0",
    ))
}

/// A classifier that answers nonsense has not cleared the picture.
fn usable(score: f32) -> f32 {
    if score.is_nan() {
        1.0
    } else {
        score.clamp(0.0, 1.0)
    }
}

fn rank(outcome: PictureOutcome) -> u8 {
    match outcome {
        PictureOutcome::Pass => 0,
        PictureOutcome::Spoiler => 1,
        PictureOutcome::Hold => 2,
        PictureOutcome::Block => 3,
    }
}

#[cfg(test)]
mod tests;
