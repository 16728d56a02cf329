//! Lists of somebody's own jobs, and one of them.

use bytes::Bytes;
use easel_domain::JobId;
use easel_domain::job::JobState;
use easel_store::history::HistoryJob;
use easel_store::lineage::{Ancestor, Lineage};
use easel_store::show::JobSnapshot;
use serde_json::{Value, json};

use super::{Live, Picture, lines, view};
use crate::custom_id::{ButtonAction, CustomId};
use crate::intake::{ALL_PICTURES, FAVOURITES};
use crate::rest::{FilePart, MessagePayload};
use crate::text::{self, Language};

const PRIMARY: u8 = 1;
const SECONDARY: u8 = 2;
/// Characters of a prompt in a list, so that five of them fit even when every one is escaped.
const CHARS: usize = 110;
/// Discord's limit for the text of a message.
const MESSAGE: usize = 2_000;
/// Ancestors that are named.
const NAMED: usize = 6;

/// A job in a list, with what is shown of it.
#[derive(Debug, Clone)]
pub struct ListedJob {
    /// What its buttons carry: the job, or the mark that it is listed for.
    pub row: JobId,
    /// The job.
    pub job: HistoryJob,
    /// Its first picture, small.
    pub picture: Option<Thumbnail>,
    /// Address of its message.
    pub link: Option<String>,
}

/// A small picture.
#[derive(Clone, PartialEq, Eq)]
pub enum Thumbnail {
    /// By this address.
    Link(String),
    /// With the message.
    File(Bytes),
}

/// Pictures do not belong in logs.
impl std::fmt::Debug for Thumbnail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Thumbnail")
    }
}

/// What a list is, and what of it its page is.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// Number of the search, or that of the favourites.
    pub number: u32,
    /// Above the jobs.
    pub title: &'static str,
    /// In place of them, where there are none.
    pub empty: &'static str,
    /// Whether there are newer ones.
    pub has_newer: bool,
    /// Whether there are older ones.
    pub has_older: bool,
}

/// Where in a list a job was found.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Number of the search, or that of the favourites.
    pub number: u32,
    /// What its button in the list carried.
    pub row: JobId,
    /// Whether it is the reader's own.
    pub is_own: bool,
}

/// A page of jobs: one embed and one button for each, and the way to the pages beside it.
pub fn list(jobs: &[ListedJob], listing: &Listing, language: Language) -> MessagePayload {
    let (Some(first), Some(last)) = (jobs.first(), jobs.last()) else {
        return MessagePayload::text(listing.empty);
    };
    let mut payload = MessagePayload::text(listing.title);
    for (n, listed) in (1..).zip(jobs) {
        let mut embed = json!({"title": title(n, &listed.job, language), "description": about(listed, language)});
        match &listed.picture {
            Some(Thumbnail::Link(url)) => embed["thumbnail"] = json!({"url": url}),
            Some(Thumbnail::File(bytes)) => {
                let name = format!("{n}.png");
                embed["thumbnail"] = json!({"url": format!("attachment://{name}")});
                payload.files.push(FilePart {
                    name,
                    content_type: "image/png".into(),
                    alt: text::shortened(listed.job.shown.as_deref().unwrap_or_default(), 900),
                    bytes: bytes.clone(),
                });
            }
            None => {}
        }
        payload.embeds.push(embed);
    }
    let numbers = (1..).zip(jobs).map(|(n, listed): (u32, _)| {
        button(
            ButtonAction::Detail,
            listed.row,
            listing.number,
            &n.to_string(),
            PRIMARY,
            true,
        )
    });
    let newer = (
        ButtonAction::Newer,
        first,
        language.button_newer(),
        listing.has_newer,
    );
    let older = (
        ButtonAction::Older,
        last,
        language.button_older(),
        listing.has_older,
    );
    let ways = [newer, older].map(|(action, edge, label, enabled)| {
        let number = listing.number;
        button(action, edge.row, number, label, SECONDARY, enabled)
    });
    payload.components = vec![row(&numbers.collect::<Vec<_>>()), row(&ways)];
    payload
}

/// One job of a list: its message as it would be shown, where it comes from, and what can be done with it.
pub fn detail(
    job: &JobSnapshot,
    lineage: &Lineage,
    picture: &Picture,
    place: &Place,
    language: Language,
) -> MessagePayload {
    let mut payload = view(job, &Live::Unknown, picture);
    payload.mentions.clear();
    if let Some(line) = line(job, lineage, language) {
        let whole = format!("{}\n{line}", payload.content);
        if whole.chars().count() <= MESSAGE {
            payload.content = whole;
        }
    }
    let finished = job.state == JobState::Completed;
    let grid = job.spec.picture_count() > 1;
    let remixed = if grid { ALL_PICTURES } else { 0 };
    let own = |action, index, label: &str, enabled| {
        button(action, job.job, index, label, SECONDARY, enabled)
    };
    let to = |action, row, label: &str| button(action, row, place.number, label, SECONDARY, true);
    let mut last = vec![to(ButtonAction::Listed, place.row, language.button_back())];
    match job.parent {
        _ if place.number == FAVOURITES => {
            let mut unstar = own(ButtonAction::Unstar, 0, language.button_unstar(), true);
            unstar["emoji"] = json!({"name": "⭐"});
            last.push(unstar);
        }
        Some((parent, _)) => {
            let label = language.button_parent();
            last.push(to(ButtonAction::Detail, parent, label));
        }
        None => {}
    }
    payload.components = vec![
        row(&[
            own(
                ButtonAction::Exact,
                0,
                language.button_exact(),
                job.state.is_end(),
            ),
            own(
                ButtonAction::Remix,
                remixed,
                language.button_remix(),
                finished && !job.spec.is_question(),
            ),
            own(
                ButtonAction::Fetch,
                0,
                language.button_show(),
                finished && place.is_own,
            ),
        ]),
        row(&last),
    ];
    payload
}

/// Where a job comes from and how many came of it.
fn line(job: &JobSnapshot, lineage: &Lineage, language: Language) -> Option<String> {
    let skipped = lineage.ancestors.len().saturating_sub(NAMED);
    let mut steps: Vec<String> = lineage.ancestors[skipped..]
        .iter()
        .map(|ancestor: &Ancestor| lines::action(ancestor.action, ancestor.picture, language))
        .collect();
    if skipped > 0 {
        steps.insert(0, "…".to_owned());
    }
    let picture = job.parent.and_then(|(_, picture)| picture);
    let from = (!steps.is_empty()).then(|| {
        steps.push(lines::action(job.action, picture, language));
        format!("-# 🧬 {}", steps.join(" → "))
    });
    let children =
        (lineage.children > 0).then(|| format!("-# {}", language.descendants(lineage.children)));
    let parts: Vec<String> = from.into_iter().chain(children).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn title(n: u32, job: &HistoryJob, language: Language) -> String {
    let words = job.shown.as_deref().map_or_else(
        || language.erased().to_owned(),
        |shown| text::escape_markdown(&text::shortened(shown.trim(), CHARS)),
    );
    format!("{n} · {words}")
}

fn about(listed: &ListedJob, language: Language) -> String {
    let job = &listed.job;
    let picture = job.parent.and_then(|(_, picture)| picture);
    let mut parts = vec![lines::action(job.action, picture, language)];
    if !matches!(job.state, JobState::Completed) {
        parts.push(language.state(job.state).to_owned());
    }
    parts.push(format!("<t:{}:R>", job.submitted_at.unix_timestamp()));
    parts.push(text::escape_markdown(&job.model));
    parts.extend(
        listed
            .link
            .as_ref()
            .map(|link| format!("[{}]({link})", language.its_message())),
    );
    format!("{}\n-# `{}`", parts.join(" · "), job.job)
}

fn row(buttons: &[Value]) -> Value {
    json!({"type": 1, "components": buttons})
}

fn button(
    action: ButtonAction,
    job: JobId,
    index: u32,
    label: &str,
    style: u8,
    enabled: bool,
) -> Value {
    let id = CustomId { action, job, index };
    json!({"type": 2, "style": style, "custom_id": id.to_string(), "label": label, "disabled": !enabled})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::queued;
    use easel_domain::DiscordId;
    use easel_domain::spec::Action;
    use easel_store::submit::MessagePlace;
    use uuid::Uuid;

    fn listed(n: u128) -> ListedJob {
        let of = queued();
        ListedJob {
            row: JobId(Uuid::from_u128(u128::MAX - n)),
            job: HistoryJob {
                job: JobId(Uuid::from_u128(u128::MAX - n)),
                shown: Some("*".repeat(6_000)),
                action: Action::VaryStrong,
                parent: Some((of.job, Some(3))),
                model: "m".repeat(64),
                state: JobState::Shed,
                submitted_at: of.submitted_at,
                place: Some(MessagePlace {
                    guild: None,
                    channel: DiscordId(1),
                    message: None,
                }),
                thumbnail: None,
            },
            picture: Some(Thumbnail::File(Bytes::from_static(b"x"))),
            link: Some(format!("https://discord.com/channels/{}", "1".repeat(60))),
        }
    }

    #[test]
    fn a_page_of_the_longest_prompts_fits_in_every_language() {
        let jobs: Vec<ListedJob> = (0..5).map(listed).collect();
        for language in Language::ALL {
            let listing = Listing {
                number: u32::MAX,
                title: language.history_title(),
                empty: language.history_empty(),
                has_newer: true,
                has_older: false,
            };
            let payload = list(&jobs, &listing, language);
            assert_eq!((payload.embeds.len(), payload.files.len()), (5, 5));
            for embed in &payload.embeds {
                assert!(embed["title"].as_str().unwrap().chars().count() <= 256);
            }
            for row in &payload.components {
                for button in row["components"].as_array().unwrap() {
                    let id = button["custom_id"].as_str().unwrap();
                    assert!(id.len() <= 100 && id.parse::<CustomId>().is_ok(), "{id}");
                }
            }
            let ways = &payload.components[1]["components"];
            assert_eq!(
                (&ways[0]["disabled"], &ways[1]["disabled"]),
                (&json!(false), &json!(true))
            );
        }
    }

    #[test]
    fn a_long_line_of_ancestors_is_shortened_and_never_makes_a_message_too_long() {
        let ancestor = Ancestor {
            job: JobId(Uuid::nil()),
            action: Action::Vary,
            picture: Some(1),
        };
        let lineage = Lineage {
            ancestors: vec![ancestor; 12],
            children: 3,
        };
        let mut job = queued();
        job.parent = Some((JobId(Uuid::nil()), Some(1)));
        let place = Place {
            number: 1,
            row: job.job,
            is_own: true,
        };
        let short = detail(&job, &lineage, &Picture::None, &place, Language::English);
        assert!(
            short.content.contains("🧬 … → variations of picture 2"),
            "{}",
            short.content
        );
        assert!(short.content.contains("Jobs that came of it: 3"));
        job.words.as_mut().unwrap().shown = "*".repeat(6_000);
        for language in Language::ALL {
            let long = detail(&job, &lineage, &Picture::None, &place, language);
            assert!(long.content.chars().count() <= 2_000);
        }
    }
}
