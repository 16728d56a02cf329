//! What a job needs of a node, by name: the weights to draw with them, or that a node which has them can answer a question.
//!
//! To the policy these are models of their own, so nothing is placed where it cannot be done. A question takes no room and is
//! at home wherever a node says so: its engine loads the weights by itself.

use easel_domain::message::NodeModel;
use easel_domain::spec::Question;
use easel_store::waiting::WaitingJob;

/// The name of what a job needs.
pub(crate) fn needed(row: &WaitingJob) -> String {
    named(&row.model_hash, row.question)
}

/// The same for any name of the weights.
pub(crate) fn named(weights: &str, question: Option<Question>) -> String {
    let suffix = question.map_or("", Question::skill);
    format!("{weights}{suffix}")
}

/// The weights of a name.
pub(crate) fn weights(name: &str) -> &str {
    let mut suffixes = Question::ALL.into_iter().map(Question::skill);
    suffixes
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// The questions that a node answers about a model.
pub(crate) fn answered(model: &NodeModel) -> impl Iterator<Item = Question> {
    let able = |question: &Question| match question {
        Question::Words => model.weighs,
        Question::Pictures => model.describes,
    };
    Question::ALL.into_iter().filter(able)
}

/// The names of all that a node answers.
pub(crate) fn told(models: &[NodeModel]) -> impl Iterator<Item = String> {
    models
        .iter()
        .flat_map(|model| answered(model).map(|question| named(&model.hash, Some(question))))
}
