//! What a job was made from.

use easel_domain::spec::NoisePlan;
use easel_store::show::JobSnapshot;

use crate::rest::MessagePayload;
use crate::text::{self, Language};

/// At most this many characters of the prompt, so that the escaped text fits a message.
const PROMPT_CHARS: usize = 700;

/// Words, model, size, seeds, lane, state and id.
pub fn details(job: &JobSnapshot, language: Language) -> MessagePayload {
    let words = job.words.as_ref();
    let words = words.map_or_else(
        || language.erased().to_owned(),
        |words| text::escape_markdown(&text::shortened(words.shown.trim(), PROMPT_CHARS)),
    );
    let model = text::escape_markdown(&job.spec.model().id);
    let seeds: Vec<String> = (0..job.spec.picture_count())
        .filter_map(|index| job.spec.noise_plan(index))
        .map(|plan: &NoisePlan| format!("`{}`", plan.own_seed()))
        .collect();
    let asked = format!("<t:{}:f>", job.submitted_at.unix_timestamp());
    let mut lines = vec![
        language.details_title(format!("`{}`", job.job)),
        format!("> {words}"),
        language.details_model(model),
    ];
    if let Some(spec) = job.spec.generated() {
        lines.push(language.details_size(spec.width, spec.height, spec.steps));
    }
    if !seeds.is_empty() {
        lines.push(language.details_seeds(seeds.join(", ")));
    }
    lines.push(language.details_state(language.state(job.state), language.lane(job.class), asked));
    if let Some(owner) = job.owner {
        lines.push(language.details_owner(format!("<@{owner}>")));
    }
    MessagePayload::text(lines.join("\n"))
}
