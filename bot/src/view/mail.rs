//! Pictures by direct message.

use easel_store::show::JobSnapshot;
use serde_json::json;
use uuid::Uuid;

use super::{FINISHED, Picture, alt, embed, file_suffix};
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::{FilePart, MessagePayload};
use crate::text::{self, Language};

/// The bot's reaction where somebody wants pictures and takes no direct messages.
pub const MAIL_CLOSED: &str = "📪";
const SECONDARY: u8 = 2;
/// At most this many characters of the prompt are shown, so that the escaped text fits a message.
const PROMPT_CHARS: usize = 700;

/// One picture of a job.
#[derive(Clone, PartialEq, Eq)]
pub struct SinglePicture {
    /// Its place, counted from 0.
    pub index: u32,
    /// Its own seed.
    pub seed: u32,
    /// Whether it stands behind a spoiler.
    pub is_hidden: bool,
    /// The picture.
    pub picture: Picture,
    /// Media type.
    pub content_type: String,
}

/// Pictures do not belong in logs.
impl std::fmt::Debug for SinglePicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SinglePicture({})", self.index)
    }
}

/// The pictures by themselves, with their seeds, the job's id, and where they come from.
pub fn mail(
    job: &JobSnapshot,
    pictures: &[SinglePicture],
    mailing: Uuid,
    link: Option<String>,
    language: Language,
) -> MessagePayload {
    let words = job.words.as_ref().map_or_else(
        || language.erased().to_owned(),
        |words| text::escape_markdown(&text::shortened(words.shown.trim(), PROMPT_CHARS)),
    );
    let seeds: Vec<String> = pictures
        .iter()
        .map(|one| format!("`{}`", one.seed))
        .collect();
    let mut small = vec![
        language.details_seeds(seeds.join(", ")),
        language.job_id(job.job),
    ];
    small.extend(link.map(|link| format!("[{}]({link})", language.its_message())));
    let mut payload = MessagePayload::text(format!("✉️ **{words}**\n-# {}", small.join(" · ")));
    for one in pictures {
        show(&mut payload, job, one);
    }
    let id = CustomId {
        action: ButtonAction::Mailed,
        job: easel_domain::JobId(mailing),
        index: 0,
    };
    let button = json!({"type": 2, "style": SECONDARY, "custom_id": id.to_string(),
        "label": language.button_mailed()});
    payload.components = vec![json!({"type": 1, "components": [button]})];
    payload
}

fn show(payload: &mut MessagePayload, job: &JobSnapshot, one: &SinglePicture) {
    match &one.picture {
        Picture::None | Picture::Missing => {}
        Picture::Link(url) => payload.embeds.push(embed(url, FINISHED)),
        Picture::File(bytes) | Picture::Lighter(bytes) => {
            let spoiler = if one.is_hidden { "SPOILER_" } else { "" };
            let suffix = file_suffix(&one.content_type);
            payload.files.push(FilePart {
                name: format!("{spoiler}easel-{}-{}.{suffix}", job.job, one.index + 1),
                content_type: one.content_type.clone(),
                alt: alt(job, Language::picture_of),
                bytes: bytes.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::queued;
    use bytes::Bytes;

    fn one(index: u32, picture: Picture) -> SinglePicture {
        SinglePicture {
            index,
            seed: 40 + index,
            is_hidden: index == 1,
            picture,
            content_type: "image/webp".into(),
        }
    }

    #[test]
    fn pictures_come_one_by_one_with_their_seeds_and_without_a_ping() {
        let file = || Picture::File(Bytes::from_static(b"x"));
        let pictures = [
            one(0, Picture::Link("https://cdn/0".into())),
            one(1, file()),
        ];
        let link = Some("https://discord.com/channels/1/2/3".to_owned());
        let payload = mail(&queued(), &pictures, Uuid::nil(), link, Language::English);
        assert_eq!(
            payload.content,
            "✉️ **a \\*red\\* sailboat --ar 1:1**\n\
             -# Seeds: `40`, `41` · job `00000000-0000-0000-0000-000000000007` · [its message](https://discord.com/channels/1/2/3)"
        );
        assert!(payload.mentions.is_empty());
        assert_eq!(payload.embeds[0]["image"]["url"], "https://cdn/0");
        let name = &payload.files[0].name;
        assert!(
            name.starts_with("SPOILER_easel-") && name.ends_with("-2.webp"),
            "{name}"
        );
        let id = payload.components[0]["components"][0]["custom_id"]
            .as_str()
            .unwrap();
        assert!(
            !id.contains(&queued().job.to_string()),
            "it is not the job's own message"
        );
    }

    #[test]
    fn the_longest_prompt_fits_in_every_language() {
        let mut job = queued();
        job.words.as_mut().unwrap().shown = "*".repeat(6_000);
        let pictures: Vec<_> = (0..10)
            .map(|n| one(n, Picture::Link("https://cdn/0".into())))
            .collect();
        for language in Language::ALL {
            let payload = mail(
                &job,
                &pictures,
                Uuid::nil(),
                Some("l".repeat(100)),
                language,
            );
            assert!(payload.content.chars().count() <= 2_000);
        }
    }
}
