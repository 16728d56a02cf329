use super::*;
use easel_domain::clock::EntropyExt;
use easel_domain::clock::SeededEntropy;
use easel_domain::job::EndReason;
use easel_domain::ledger::Credits;
use easel_domain::model::ModelRef;
use easel_domain::picture::StorageClass;
use easel_domain::spec::{
    Action, GenerateSpec, InputPicture, Leeway, NoisePlan, PromptText, RenderSpec, Sampler,
    UpscaleSpec,
};
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, JobId, UserId};
use easel_store::show::{JobWords, SnapshotPicture};
use time::macros::datetime;
use uuid::Uuid;

/// A queued `/imagine` of four pictures.
pub(crate) fn queued() -> JobSnapshot {
    let model = ModelRef {
        id: "easel-tiny".into(),
        hash: "00".into(),
    };
    JobSnapshot {
        job: JobId(Uuid::from_u128(7)),
        user: UserId(SeededEntropy::new(1).random_uuid()),
        owner: Some(DiscordId(42)),
        guild: Some(GuildKey(1)),
        action: Action::Imagine,
        parent: None,
        spec: RenderSpec::Generate(GenerateSpec {
            model,
            width: 128,
            height: 128,
            steps: 20,
            guidance: 4.0,
            sampler: Sampler::Default,
            pictures: (7..11).map(NoisePlan::from_seed).collect(),
            finish_scale: 4,
            stop: 100,
            seamless: false,
        }),
        words: Some(JobWords {
            shown: "a *red* sailboat --ar 1:1".into(),
            pictured: None,
            text: PromptText {
                positive: "a *red* sailboat".into(),
                negative: String::new(),
            },
        }),
        storage_class: StorageClass::Public,
        class: ServiceClass::Standard,
        price: Credits(0),
        leeway: Leeway { size: true },
        asked_size: None,
        state: JobState::Queued,
        attempt: 1,
        removed: false,
        cancel_requested: false,
        submitted_at: datetime!(2026-01-01 12:00 UTC),
        quoted_wait: None,
        started_at: None,
        ended_at: None,
        end_reason: None,
        pictures: Vec::new(),
        files: Vec::new(),
        answer: None,
        place: None,
        locale: "en-US".into(),
    }
}

fn finished() -> JobSnapshot {
    let file = |role, index, key: &str| SnapshotFile {
        role,
        index,
        key: key.into(),
        sha256: "00".into(),
        size_bytes: 9,
        content_type: "image/png".into(),
        width: 512,
        height: 512,
    };
    let mut job = queued();
    job.state = JobState::Completed;
    job.started_at = Some(datetime!(2026-01-01 12:00:01 UTC));
    job.ended_at = Some(datetime!(2026-01-01 12:00:05.5 UTC));
    job.pictures = (0..4)
        .map(|index| SnapshotPicture {
            index,
            seed: 7 + index,
            outcome: PictureOutcome::Pass,
        })
        .collect();
    job.files = (0..4)
        .map(|index| file(FileRole::Full, index, "public/full"))
        .collect();
    job.files.push(file(FileRole::Grid, 0, "public/grid"));
    job
}

fn enlarged() -> JobSnapshot {
    let mut job = finished();
    job.action = Action::Upscale;
    job.parent = Some((JobId(Uuid::from_u128(6)), Some(1)));
    job.spec = RenderSpec::Upscale(UpscaleSpec {
        model: job.spec.model().clone(),
        input: InputPicture {
            key: "k".into(),
            sha256: "00".into(),
            width: 512,
            height: 512,
        },
        scale: 2,
        origin: NoisePlan::from_seed(8),
        seamless: false,
    });
    job.pictures.truncate(1);
    job.files.truncate(1);
    job
}

/// The message as a member sees it: lines of text, pictures, buttons.
fn seen(payload: &MessagePayload) -> String {
    let mut lines = vec![payload.content.clone()];
    for embed in &payload.embeds {
        lines.push(format!("<{}>", embed["image"]["url"].as_str().unwrap()));
    }
    for file in &payload.files {
        lines.push(format!("({}: {})", file.name, file.alt));
    }
    for row in &payload.components {
        let buttons = row["components"].as_array().unwrap().iter().map(|button| {
            let parts = [button["emoji"]["name"].as_str(), button["label"].as_str()];
            let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            if button["disabled"] == true {
                format!("[({text})]")
            } else {
                format!("[{text}]")
            }
        });
        lines.push(buttons.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

#[test]
fn a_queued_job_shows_position_time_and_price() {
    let live = Live::Queued {
        position: 3,
        eta: Some(Duration::from_secs(12)),
    };
    assert_eq!(
        seen(&view(&queued(), &live, &Picture::None)),
        "**a \\*red\\* sailboat --ar 1:1** — <@42>\n\
         ⏳ Queued: position 3 · starts in about 12 s · free\n\
         -# job `00000000-0000-0000-0000-000000000007`\n\
         [❌ Cancel]"
    );
}

#[test]
fn a_message_speaks_the_language_of_whoever_started_the_job() {
    let live = Live::Queued {
        position: 3,
        eta: Some(Duration::from_secs(12)),
    };
    let german = JobSnapshot {
        locale: "de".into(),
        ..queued()
    };
    assert_eq!(
        seen(&view(&german, &live, &Picture::None)),
        "**a \\*red\\* sailboat --ar 1:1** — <@42>\n\
         ⏳ In der Warteschlange: Platz 3 · beginnt in etwa 12 s · kostenlos\n\
         -# Auftrag `00000000-0000-0000-0000-000000000007`\n\
         [❌ Abbrechen]"
    );
    let french = JobSnapshot {
        locale: "fr".into(),
        ..finished()
    };
    let text = seen(&view(&french, &Live::Unknown, &Picture::Link("u".into())));
    assert!(
        text.contains("512×512 · seed 7 · 20 étapes · 4,5 s · tâche"),
        "{text}"
    );
}

#[test]
fn a_running_job_counts_up_with_a_preview() {
    let mut job = queued();
    let begun = Live::Running {
        percent: 0,
        preview: None,
    };
    assert!(seen(&view(&job, &begun, &Picture::None)).contains("🎨 Generation started"));
    job.state = JobState::Leased;
    assert!(seen(&view(&job, &Live::Unknown, &Picture::None)).contains("🎨 Generation started"));
    let live = Live::Running {
        percent: 35,
        preview: Some(Bytes::from_static(b"png")),
    };
    assert_eq!(
        seen(&view(&job, &live, &Picture::None)),
        "**a \\*red\\* sailboat --ar 1:1** — <@42>\n\
         🎨 ▰▰▰▱▱▱▱▱▱▱ 35 %\n\
         -# job `00000000-0000-0000-0000-000000000007`\n\
         <attachment://preview.png>\n\
         (preview.png: Blurred preview of a *red* sailboat)\n\
         [❌ Cancel]"
    );
}

#[test]
fn a_finished_job_shows_its_grid_and_its_buttons() {
    let picture = Picture::Link("http://cdn/public/grid".into());
    assert_eq!(
        seen(&view(&finished(), &Live::Unknown, &picture)),
        "**a \\*red\\* sailboat --ar 1:1** — <@42>\n\
         -# 512×512 · seed 7 · 20 steps · 4.5 s · job `00000000-0000-0000-0000-000000000007`\n\
         <http://cdn/public/grid>\n\
         [U1] [U2] [U3] [U4] [🔄]\n\
         [V1] [V2] [V3] [V4] [✏️]\n\
         [⭐ Favourite] [✉️ Send to me] [❌ Delete]"
    );
}

#[test]
fn late_progress_does_not_disturb_a_finished_message() {
    let picture = Picture::Link("http://cdn/public/grid".into());
    let live = Live::Running {
        percent: 99,
        preview: Some(Bytes::from_static(b"png")),
    };
    assert_eq!(
        view(&finished(), &live, &picture),
        view(&finished(), &Live::Unknown, &picture)
    );
}

#[test]
fn a_withheld_picture_has_no_working_buttons() {
    let mut job = finished();
    job.pictures[2].outcome = PictureOutcome::Block;
    let text = seen(&view(&job, &Live::Unknown, &Picture::Link("u".into())));
    assert!(text.contains("withheld 1 of 4 pictures"), "{text}");
    assert!(
        text.contains("[U1] [U2] [(U3)] [U4]") && text.contains("[(V3)]"),
        "{text}"
    );
}

#[test]
fn an_enlarged_picture_can_be_opened_and_varied() {
    assert_eq!(
        seen(&view(
            &enlarged(),
            &Live::Unknown,
            &Picture::Link("http://cdn/k".into())
        )),
        "**a \\*red\\* sailboat --ar 1:1** — <@42> · picture 2 in large\n\
         -# 1024×1024 · seed 8 · 4.5 s · job `00000000-0000-0000-0000-000000000007`\n\
         <http://cdn/k>\n\
         [⏫ Upscale (Subtle)] [⏫ Upscale (Creative)]\n\
         [🪄 Vary (Subtle)] [🪄 Vary (Strong)] [🖌️ Vary (Region)]\n\
         [🔍 Zoom Out 2x] [🔍 Zoom Out 1.5x] [🔍 Custom Zoom] [(◼️ Make Square)]\n\
         [⬅️] [➡️] [⬆️] [⬇️]\n\
         [✏️ Remix] [⭐ Favourite] [✉️ Send to me] [❌ Delete] [Open]"
    );
}

#[test]
fn around_a_seamless_picture_there_is_nothing_to_go_on_with() {
    let mut job = enlarged();
    let RenderSpec::Upscale(spec) = &mut job.spec else {
        panic!("not enlarged")
    };
    spec.seamless = true;
    let text = seen(&view(&job, &Live::Unknown, &Picture::None));
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(
        rows[2],
        "[(🔍 Zoom Out 2x)] [(🔍 Zoom Out 1.5x)] [(🔍 Custom Zoom)] [(◼️ Make Square)]"
    );
    assert_eq!(rows[3], "[(⬅️)] [(➡️)] [(⬆️)] [(⬇️)]");
    assert!(!rows[0].contains("[(") && !rows[1].contains("[("), "{text}");
}

#[test]
fn a_delicate_picture_stands_behind_a_spoiler() {
    let mut job = finished();
    job.pictures[0].outcome = PictureOutcome::Spoiler;
    let payload = view(
        &job,
        &Live::Unknown,
        &Picture::File(Bytes::from_static(b"png")),
    );
    assert!(payload.embeds.is_empty());
    assert!(payload.files[0].name.starts_with("SPOILER_"));
}

#[test]
fn every_end_has_its_reason_its_id_and_a_way_on() {
    let ends = [
        (
            JobState::Failed,
            Some(EndReason::AttemptsExhausted),
            "❌ Failed: every try went wrong.",
        ),
        (
            JobState::Failed,
            Some(EndReason::ModelGone),
            "❌ Failed: the model is not served any more.",
        ),
        (JobState::Failed, None, "❌ Failed."),
        (
            JobState::Cancelled,
            Some(EndReason::CancelledByUser),
            "🛑 Cancelled.",
        ),
        (
            JobState::Rejected,
            Some(EndReason::PicturesBlocked),
            "🚫 The image check withheld every picture.",
        ),
        (JobState::Shed, Some(EndReason::Overload), "🌊 Dropped"),
    ];
    for (state, reason, start) in ends {
        let mut job = queued();
        (job.state, job.end_reason) = (state, reason);
        let text = seen(&view(&job, &Live::Unknown, &Picture::None));
        assert!(text.lines().nth(1).unwrap().starts_with(start), "{text}");
        assert!(
            text.contains("job `00000000") && text.ends_with("[🔄 Try again]"),
            "{text}"
        );
    }
}

#[test]
fn cancelling_is_shown_and_cannot_be_pressed_again() {
    let mut job = queued();
    job.cancel_requested = true;
    let text = seen(&view(&job, &Live::Unknown, &Picture::None));
    assert!(
        text.contains("🛑 Cancelling…") && text.ends_with("[(❌ Cancel)]"),
        "{text}"
    );
}

#[test]
fn parameters_without_effect_are_named_with_what_does_their_work() {
    let mut job = queued();
    job.words.as_mut().unwrap().shown = "a boat --weird 100".into();
    let text = seen(&view(&job, &Live::Unknown, &Picture::None));
    assert!(
        text.contains("-# `--weird` has no effect here yet: `--chaos 50` draws"),
        "{text}"
    );
    job.words.as_mut().unwrap().shown =
        "a --weird 1 --chaos 1 --stylize 50 --exp 5 --raw --tile --video".into();
    let text = seen(&view(&job, &Live::Unknown, &Picture::None));
    assert!(
        text.contains("-# understood, but without effect so far: `--exp`, `--video`"),
        "{text}"
    );
}

#[test]
fn a_shape_and_a_picture_that_the_model_cannot_draw_are_told() {
    let mut job = queued();
    job.words.as_mut().unwrap().shown = "a boat --ar 20:1 --repeat 3".into();
    let text = seen(&view(&job, &Live::Unknown, &Picture::None));
    assert!(
        text.contains(
            "-# drawn at 512×512 (1:1): the nearest to `--ar 20:1` that this model can draw"
        ),
        "{text}"
    );
    job.words.as_mut().unwrap().shown = "https://e.org/a.png a boat".into();
    let text = seen(&view(&job, &Live::Unknown, &Picture::None));
    assert!(
        text.contains("-# pictures in the prompt have no effect"),
        "{text}"
    );
    job.words.as_mut().unwrap().shown = "a boat --ar 1:1".into();
    assert!(!seen(&view(&job, &Live::Unknown, &Picture::None)).contains("nearest"));
}

#[test]
fn the_longest_prompt_fits_a_message() {
    let mut job = queued();
    job.words.as_mut().unwrap().shown = "*".repeat(5_999);
    let payload = view(&job, &Live::Unknown, &Picture::None);
    assert!(payload.content.chars().count() <= 2_000);
}
