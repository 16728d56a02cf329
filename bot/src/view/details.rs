//! What a job was made from.

use easel_domain::spec::NoisePlan;
use easel_store::show::JobSnapshot;

use super::lines::size;
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
    if let Some(before) = job.asked_size {
        lines.push(language.details_asked_size(size(before)));
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

#[cfg(test)]
mod tests {
    use easel_domain::job::{EndReason, JobState};

    use super::*;
    use crate::view::tests::queued;
    use crate::view::{Live, Picture, view};

    fn shrunk() -> JobSnapshot {
        let job = JobSnapshot {
            asked_size: Some((128, 128)),
            ..queued()
        };
        JobSnapshot {
            spec: job.spec.resized(96, 96).expect("a grid has any size"),
            ..job
        }
    }

    #[test]
    fn who_gets_smaller_pictures_is_told_in_his_language_and_in_the_details() {
        for (locale, told) in [
            (
                "en-US",
                "Drawn at 384×384 instead of 512×512, because memory",
            ),
            (
                "de",
                "Mit 384×384 statt 512×512 gezeichnet, weil der Speicher",
            ),
            ("fr", "Dessin en 384×384 au lieu de 512×512, car la mémoire"),
        ] {
            let job = JobSnapshot {
                locale: locale.to_owned(),
                ..shrunk()
            };
            let shown = view(&job, &Live::Unknown, &Picture::None).content;
            assert!(shown.contains(told), "{shown}");
        }
        let shown = details(&shrunk(), Language::English).content;
        let size = "Drawn in 96×96 pixels and 20 steps\nSmaller than the usual 128×128 pixels";
        assert!(shown.contains(size), "{shown}");
        let usual = details(&queued(), Language::English).content;
        assert!(!usual.contains("Smaller"), "{usual}");
    }

    #[test]
    fn a_job_of_which_nothing_came_speaks_of_no_size() {
        let failed = JobSnapshot {
            state: JobState::Failed,
            end_reason: Some(EndReason::OutOfMemory),
            ..shrunk()
        };
        let shown = view(&failed, &Live::Unknown, &Picture::None).content;
        assert!(!shown.contains("384"), "{shown}");
        assert!(shown.contains("enough free memory"), "{shown}");
    }
}
