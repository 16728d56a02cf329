//! What a member keeps for his prompts.

use easel_store::member::MemberSettings;
use easel_store::preference::Preferences;
use serde_json::{Value, json};

use crate::rest::MessagePayload;
use crate::text::{self, Language};

/// Characters of what a name stands for in the list, so that twenty of them fit even when every one is escaped.
const SHOWN: usize = 64;
/// Choices that Discord shows.
const OFFERED: usize = 25;
/// Discord's limit for the name of a choice is 100 characters.
const CHOICE_CHARS: usize = 90;

/// All names and what they stand for, the suffix, and what is switched on.
pub fn listed(kept: &Preferences, settings: MemberSettings, language: Language) -> MessagePayload {
    let escaped = |text: &str| text::escape_markdown(text);
    let names = kept.options.iter().map(|(name, value)| {
        let value = escaped(&text::shortened(value, SHOWN));
        format!("**--{}** {value}", escaped(name))
    });
    let mut lines: Vec<String> = names.collect();
    if lines.is_empty() {
        lines.push(language.options_none().to_owned());
    }
    let suffix = kept.suffix.as_deref().map_or_else(
        || language.suffix_none().to_owned(),
        |suffix| language.suffix_is(escaped(suffix)),
    );
    let auto_dm = if settings.auto_dm {
        language.auto_dm_is_on()
    } else {
        language.auto_dm_is_off()
    };
    let remix = if settings.remix {
        language.remix_is_on()
    } else {
        language.remix_is_off()
    };
    let content = [language.options_title(), &suffix, auto_dm, remix].join("\n");
    MessagePayload {
        embeds: vec![json!({"description": lines.join("\n")})],
        ..MessagePayload::text(content)
    }
}

/// The names that hold what is typed, as choices.
pub fn offered(kept: &Preferences, typed: &str) -> Vec<Value> {
    let typed = typed.trim().trim_start_matches('-').to_lowercase();
    let fitting = kept
        .options
        .iter()
        .filter(|(name, _)| name.contains(&typed));
    fitting
        .take(OFFERED)
        .map(|(name, value)| {
            let shown = text::shortened(&format!("--{name}: {value}"), CHOICE_CHARS);
            json!({"name": shown, "value": name})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::prompt::shorthand::{MAX_KEPT_CHARACTERS, MAX_NAME_CHARACTERS, MAX_NAMES};

    #[test]
    fn the_longest_list_fits_in_every_language_and_choices_are_short() {
        let long = |n: usize| format!("{n:_<MAX_NAME_CHARACTERS$}");
        let value = format!("--no {}", "*".repeat(MAX_KEPT_CHARACTERS - 5));
        let kept = Preferences {
            options: (0..MAX_NAMES).map(|n| (long(n), value.clone())).collect(),
            suffix: Some(value.clone()),
        };
        for language in Language::ALL {
            let payload = listed(&kept, MemberSettings::default(), language);
            let list = payload.embeds[0]["description"].as_str().unwrap();
            assert!(list.chars().count() <= 4_096 && list.lines().count() == MAX_NAMES);
            assert!(payload.content.chars().count() <= 2_000);
        }
        let choices = offered(&kept, " --1");
        assert_eq!(choices.len(), 11, "1 and 10 to 19");
        let short = |choice: &Value| choice["name"].as_str().unwrap().chars().count() <= 100;
        assert!(choices.iter().all(short));
    }

    #[test]
    fn who_keeps_nothing_is_told_so() {
        let none = Preferences::default();
        for language in Language::ALL {
            let payload = listed(&none, MemberSettings::default(), language);
            assert_eq!(payload.embeds[0]["description"], language.options_none());
        }
    }
}
