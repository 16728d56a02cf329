//! What a job needs of a node, by name: the weights to draw with them, or that it can tell what words count for them.
//!
//! To the policy these are two models, so nothing is placed where it cannot be done. The second takes no room and is
//! wherever a node says so: its engine loads the weights by itself.

use easel_domain::message::NodeModel;
use easel_store::waiting::WaitingJob;

/// Behind the hash of the weights; no hash holds a space.
const WORDS: &str = " words";

/// The name of what a job needs.
pub(crate) fn needed(row: &WaitingJob) -> String {
    if row.pictures == 0 {
        words(&row.model_hash)
    } else {
        row.model_hash.clone()
    }
}

/// The name of telling what words count for these weights.
pub(crate) fn words(hash: &str) -> String {
    format!("{hash}{WORDS}")
}

/// The weights of a name.
pub(crate) fn weights(name: &str) -> &str {
    name.strip_suffix(WORDS).unwrap_or(name)
}

/// The names of what a node can tell of words.
pub(crate) fn told(models: &[NodeModel]) -> impl Iterator<Item = String> {
    let able = models.iter().filter(|model| model.weighs);
    able.map(|model| words(&model.hash))
}
