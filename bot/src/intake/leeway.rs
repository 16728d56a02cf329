//! What of a job its member left open, so that it may be less where memory is short.

use easel_domain::prompt::shorthand::given;
use easel_domain::prompt::{Parameter, PromptProfile};
use easel_domain::spec::{Leeway, RenderSpec};
use easel_store::show::JobSnapshot;

use super::imagine::MAX_JOBS;

/// What nobody asked for, where `text` is all of the prompt. Only `--ar` says anything of the size.
pub(super) fn of_prompt(text: &str) -> Leeway {
    let given = given(text, &PromptProfile::EASEL, MAX_JOBS);
    Leeway {
        size: given.is_ok_and(|given| !given.contains(&Parameter::AspectRatio)),
    }
}

/// What a job would have drawn if memory had not been short: the next one may be luckier.
pub(super) fn in_full(job: &JobSnapshot) -> RenderSpec {
    let asked = job.asked_size;
    let asked = asked.and_then(|(width, height)| job.spec.resized(width, height));
    asked.unwrap_or_else(|| job.spec.clone())
}

/// A spec with the noise of `parent`, in the size of that: where memory was short for the size that both would have, there is
/// nothing in common otherwise.
pub(super) fn as_drawn(parent: &JobSnapshot, spec: RenderSpec) -> RenderSpec {
    let size = |spec: &RenderSpec| spec.generated().map(|spec| (spec.width, spec.height));
    let meant_alike = parent.asked_size.is_some() && parent.asked_size == size(&spec);
    let drawn = size(&parent.spec).filter(|_| meant_alike);
    let resized = drawn.and_then(|(width, height)| spec.resized(width, height));
    resized.unwrap_or(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::queued;

    #[test]
    fn a_size_is_open_until_somebody_names_a_shape() {
        assert!(of_prompt("a boat --q .5").size);
        assert!(!of_prompt("a boat --ar 3:2").size);
        assert!(!of_prompt("a boat --aspect 1:1").size, "even the usual one");
        assert!(!of_prompt("{a boat, a hill --ar 2:1}").size);
    }

    #[test]
    fn once_more_means_the_size_that_was_meant_at_first() {
        let job = JobSnapshot {
            asked_size: Some((256, 256)),
            ..queued()
        };
        let full = in_full(&job);
        assert_eq!(full.work_shape().0, 256);
        assert_eq!(in_full(&queued()), queued().spec);
    }

    #[test]
    fn other_words_for_smaller_pictures_are_as_small() {
        let small = |side| queued().spec.resized(side, side).unwrap();
        let parent = JobSnapshot {
            spec: small(96),
            asked_size: Some((128, 128)),
            ..queued()
        };
        assert_eq!(as_drawn(&parent, small(128)), small(96));
        assert_eq!(as_drawn(&parent, small(64)), small(64), "asked for");
        assert_eq!(as_drawn(&queued(), small(64)), small(64));
    }
}
