//! A member's settings, his limits, and the jobs that he may stop.

use easel_domain::JobId;
use easel_domain::tier::{ServiceClass, Tier};
use easel_store::member::{
    MemberOverview, MemberSettings, SettingsChange, UnfinishedJob, Variation,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::custom_id::{ButtonAction, CustomId};
use crate::intake::{ALL_JOBS, LATELY_DAYS};
use crate::rest::MessagePayload;
use crate::text::{self, Language};

const SECONDARY: u8 = 2;
const SUCCESS: u8 = 3;
/// Discord's limit for the name of a choice is 100 characters.
const CHOICE_CHARS: usize = 90;
/// Characters of each prompt that `/info` shows; escaped, those of ten jobs fit a message.
const INFO_CHARS: usize = 50;

/// What each button of the panel changes, row by row; its index goes into the button, so new ones are added at the end.
const CHANGES: [SettingsChange; 12] = [
    SettingsChange::Speed(None),
    SettingsChange::Speed(Some(ServiceClass::Turbo)),
    SettingsChange::Speed(Some(ServiceClass::Fast)),
    SettingsChange::Speed(Some(ServiceClass::Relax)),
    SettingsChange::Variation(Variation::Subtle),
    SettingsChange::Variation(Variation::Gentle),
    SettingsChange::Variation(Variation::Strong),
    SettingsChange::Remix(true),
    SettingsChange::Remix(false),
    SettingsChange::AutoDm(true),
    SettingsChange::AutoDm(false),
    SettingsChange::Reset,
];

/// What a button of the panel changes.
pub fn change_of(index: u32) -> Option<SettingsChange> {
    CHANGES.get(usize::try_from(index).ok()?).copied()
}

/// The panel: a row of buttons for each setting, what holds now in green, what the tier forbids, or what would change
/// nothing, not to be pressed.
pub fn panel(settings: MemberSettings, tier: &Tier, language: Language) -> MessagePayload {
    let button = |(index, change): (usize, &SettingsChange)| {
        let (label, holds, forbidden) = match *change {
            SettingsChange::Speed(None) => {
                let own = language.lane(tier.service_class);
                let label = language.button_own_speed(own);
                (label, settings.speed.is_none(), false)
            }
            SettingsChange::Speed(Some(class)) => (
                language.lane(class).to_owned(),
                settings.speed == Some(class),
                class < tier.service_class,
            ),
            SettingsChange::Variation(variation) => (
                language.variation(variation).to_owned(),
                settings.variation == variation,
                false,
            ),
            SettingsChange::Remix(remix) => {
                let label = if remix {
                    language.button_remix_on()
                } else {
                    language.button_remix_off()
                };
                (label.to_owned(), settings.remix == remix, false)
            }
            SettingsChange::AutoDm(auto_dm) => {
                let label = if auto_dm {
                    language.button_auto_dm_on()
                } else {
                    language.button_auto_dm_off()
                };
                (label.to_owned(), settings.auto_dm == auto_dm, false)
            }
            SettingsChange::Reset => {
                let nothing_to_do = settings == MemberSettings::default();
                (language.button_reset().to_owned(), false, nothing_to_do)
            }
        };
        let id = CustomId {
            action: ButtonAction::Setting,
            job: JobId(Uuid::nil()),
            index: u32::try_from(index).unwrap_or(u32::MAX),
        };
        let style = if holds { SUCCESS } else { SECONDARY };
        json!({"type": 2, "style": style, "custom_id": id.to_string(), "label": label, "disabled": forbidden})
    };
    let buttons: Vec<Value> = CHANGES.iter().enumerate().map(button).collect();
    let row = |range: std::ops::Range<usize>| json!({"type": 1, "components": buttons[range]});
    MessagePayload {
        components: vec![row(0..4), row(4..7), row(7..9), row(9..11), row(11..12)],
        ..MessagePayload::text(language.settings_title(&tier.name))
    }
}

/// Tier, limits and numbers of jobs, and those under way with their words and ids.
pub fn info(of: &MemberOverview, jobs: &[UnfinishedJob], language: Language) -> MessagePayload {
    let tier = &of.tier;
    let lane = of.settings.speed.map_or(tier.service_class, |speed| {
        // A tier may have changed since he chose.
        speed.max(tier.service_class)
    });
    let kept = tier.retention.map(|time| time.as_secs().div_ceil(86_400));
    let mut lines = vec![
        language.info_tier(&tier.name, language.lane(lane)),
        language.info_under_way(
            of.running,
            tier.running_limit,
            of.waiting,
            tier.waiting_limit,
        ),
        match tier.permutation_limit {
            0 | 1 => language.info_one_job().to_owned(),
            limit => language.info_several_jobs(limit),
        },
        kept.map_or_else(
            || language.info_kept_for_ever().to_owned(),
            |days| language.info_kept(days),
        ),
        language.info_balance(language.credits(of.balance)),
        language.info_made(of.ever, of.lately, LATELY_DAYS),
    ];
    lines.extend(jobs.iter().map(|job| {
        let words = text::shortened(words(job, language), INFO_CHARS);
        format!(
            "{} {} · `{}`",
            mark(job),
            text::escape_markdown(&words),
            job.job
        )
    }));
    MessagePayload::text(lines.join("\n"))
}

/// Whether it waits or runs.
fn mark(job: &UnfinishedJob) -> &'static str {
    if job.waits { "⏳" } else { "▶️" }
}

fn words(job: &UnfinishedJob, language: Language) -> &str {
    let shown = job.shown.as_deref().map(str::trim);
    shown.unwrap_or_else(|| language.erased_words())
}

/// The jobs that hold what is typed, as choices; first of all, all of them.
pub fn choices(jobs: &[UnfinishedJob], typed: &str, language: Language) -> Vec<Value> {
    let typed = typed.trim().to_lowercase();
    let fits = |job: &&UnfinishedJob| {
        let shown = job.shown.as_deref().unwrap_or_default();
        shown.to_lowercase().contains(&typed) || job.job.to_string().contains(&typed)
    };
    let mut choices: Vec<Value> = jobs
        .iter()
        .filter(fits)
        .map(|job| {
            let name = format!("{} {}", mark(job), words(job, language));
            let name = text::shortened(&name, CHOICE_CHARS);
            json!({"name": name, "value": job.job.to_string()})
        })
        .collect();
    if jobs.len() > 1 && typed.is_empty() {
        let all =
            json!({"name": language.choice_all_jobs(jobs.len()), "value": ALL_JOBS.to_string()});
        choices.insert(0, all);
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::tier::shipped_tiers;

    fn buttons(payload: &MessagePayload) -> Vec<&Value> {
        let rows = payload.components.iter();
        rows.flat_map(|row| row["components"].as_array().unwrap())
            .collect()
    }

    #[test]
    fn a_lane_beyond_the_tier_cannot_be_pressed_and_what_holds_is_green() {
        let settings = MemberSettings {
            speed: Some(ServiceClass::Relax),
            remix: true,
            ..MemberSettings::default()
        };
        let [free, _, _, enterprise] = shipped_tiers();
        for language in Language::ALL {
            let shown = panel(settings, &free, language);
            let all = buttons(&shown);
            let barred: Vec<_> = all.iter().map(|b| b["disabled"] == true).collect();
            assert_eq!(barred[..5], [false, true, true, false, false]);
            let green = (0..).zip(&all).filter(|(_, b)| b["style"] == SUCCESS);
            let green: Vec<i32> = green.map(|(n, _)| n).collect();
            assert_eq!(green, [3, 5, 7, 10]);
            let shown = panel(settings, &enterprise, language);
            assert!(buttons(&shown).iter().all(|b| b["disabled"] == false));
            let untouched = panel(MemberSettings::default(), &enterprise, language);
            let barred = buttons(&untouched);
            assert_eq!(barred.last().unwrap()["disabled"], true);
        }
        assert_eq!(change_of(12), None);
    }

    #[test]
    fn info_names_the_jobs_under_way_and_fits_a_message_whatever_they_say() {
        let job = |n: u128, shown: Option<&str>| UnfinishedJob {
            job: JobId(Uuid::from_u128(n)),
            waits: n > 1,
            shown: shown.map(str::to_owned),
        };
        let [_, standard, ..] = shipped_tiers();
        let overview = MemberOverview {
            tier: standard,
            settings: MemberSettings::default(),
            running: 1,
            waiting: 9,
            ever: 10,
            lately: 10,
            balance: easel_domain::ledger::Credits(0),
        };
        let long = "@everyone **".repeat(500);
        let mut jobs = vec![job(1, Some("a *red* boat ")), job(2, None)];
        jobs.extend((3..=10).map(|n| job(n, Some(&long))));
        for language in Language::ALL {
            let told = info(&overview, &jobs, language).content;
            let first = format!("▶️ a \\*red\\* boat · `{}`", jobs[0].job);
            assert!(told.contains(&first), "{told}");
            let erased = format!(
                "⏳ {} · `{}`",
                text::escape_markdown(language.erased_words()),
                jobs[1].job
            );
            assert!(told.contains(&erased), "{told}");
            assert!(told.chars().count() <= 2_000, "{}", told.chars().count());
        }
    }

    #[test]
    fn choices_are_short_and_only_those_that_hold_what_is_typed() {
        let job = |n, shown: &str| UnfinishedJob {
            job: JobId(Uuid::from_u128(n)),
            waits: n == 1,
            shown: Some(shown.to_owned()),
        };
        let jobs = [job(1, &"a long boat ".repeat(50)), job(2, "A Train")];
        for language in Language::ALL {
            let all = choices(&jobs, "", language);
            assert_eq!(all.len(), 3);
            assert_eq!(all[0]["value"], ALL_JOBS.to_string());
            let short = |choice: &Value| choice["name"].as_str().unwrap().chars().count() <= 100;
            assert!(all.iter().all(short));
            let found = choices(&jobs, " train", language);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0]["name"], "▶️ A Train");
        }
    }
}
