use std::collections::BTreeSet;

use super::*;
use easel_domain::prompt::{PromptProfile, parse};
use proptest::prelude::*;

fn entries() -> impl Iterator<Item = &'static table::Entry> {
    [
        answers::ENTRIES,
        buttons::ENTRIES,
        category::ENTRIES,
        details::ENTRIES,
        favourites::ENTRIES,
        help::ENTRIES,
        history::ENTRIES,
        instead::ENTRIES,
        keeping::ENTRIES,
        member::ENTRIES,
        message::ENTRIES,
        pictures::ENTRIES,
        prefer::ENTRIES,
        several::ENTRIES,
        shorten::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

/// The names between braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or_default())
        .collect()
}

#[test]
fn no_language_leaves_a_text_or_a_placeholder_out() {
    for entry in entries() {
        let expected: BTreeSet<_> = entry.placeholders.iter().copied().collect();
        for (language, text) in Language::ALL.into_iter().zip(entry.texts) {
            assert!(!text.trim().is_empty(), "{} {language:?}", entry.key);
            assert_eq!(placeholders(text), expected, "{} {language:?}", entry.key);
        }
    }
}

#[test]
fn every_text_fits_where_it_is_shown() {
    for entry in entries() {
        for (language, text) in Language::ALL.into_iter().zip(entry.texts) {
            let limit = if entry.key.starts_with("button_") {
                80
            } else {
                2000
            };
            assert!(
                text.chars().count() <= limit,
                "{} {language:?} has more than {limit} characters",
                entry.key
            );
        }
    }
}

#[test]
fn texts_call_commands_by_the_names_of_their_language() {
    for entry in entries() {
        for (language, text) in Language::ALL.into_iter().zip(entry.texts) {
            for command in text.split("`/").skip(1) {
                let name = command
                    .split(|c: char| c == '`' || c.is_whitespace())
                    .next()
                    .unwrap_or_default();
                let known = commands::commands().any(|row| {
                    let own = language
                        .named(row.path)
                        .map_or(row.path, |named| named.name);
                    !row.path.contains(' ') && own == name
                });
                assert!(known, "{} {language:?}: /{name}", entry.key);
            }
        }
    }
}

/// Source files of this crate outside tests, with what stands before their own test modules.
fn sources() -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                found.push((path, code.to_owned()));
            }
        }
    }
    found
}

#[test]
fn no_sentence_is_written_where_it_is_said() {
    // What a member reads goes through one of these; a literal behind them exists in one language only.
    let ways = [
        "MessagePayload::text(\"",
        "MessagePayload::whisper(\"",
        "\"label\": \"",
        "\"placeholder\": \"",
        "\"title\": \"",
        "\"description\": \"",
    ];
    let sources = sources();
    assert!(sources.len() > 40, "the sources were found");
    for (path, code) in sources {
        for way in ways {
            assert!(!code.contains(way), "{}: {way}", path.display());
        }
    }
}

#[test]
fn an_error_points_at_its_place() {
    let prompt = "a castle --ar 16:nine";
    let error = parse(prompt, &PromptProfile::EASEL, 1).unwrap_err();
    let text = Language::English.parse_error(prompt, &error);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[2], "a castle --ar 16:nine");
    assert_eq!(lines[3], "              ^^^^^^^");
    assert!(lines[0].starts_with("❌ "), "{text}");
}

#[test]
fn a_long_prompt_is_quoted_around_the_place() {
    let prompt = format!("{} --sead 4", "word ".repeat(300));
    let error = parse(&prompt, &PromptProfile::EASEL, 1).unwrap_err();
    let text = Language::English.parse_error(&prompt, &error);
    assert!(
        text.chars().count() < 600 && text.contains("--sead") && text.contains('…'),
        "{text}"
    );
}

#[test]
fn neither_mentions_nor_links_of_a_prompt_come_alive() {
    assert_eq!(
        escape_markdown("@everyone <@7> https://e.org/a.png discord.gg/x"),
        "\\@everyone \\<\\@7\\> https:\\/\\/e.org\\/a.png discord.gg\\/x"
    );
}

#[test]
fn times_are_rounded_for_people() {
    let texts: Vec<_> = [1, 12, 91, 600, 7_200]
        .map(|s| Language::English.about(Duration::from_secs(s)))
        .into();
    assert_eq!(texts, ["a second", "12 s", "2 min", "10 min", "2 h"]);
    assert_eq!(Language::German.tenths(4.25), "4,2");
}

proptest! {
    #[test]
    fn an_excerpt_of_any_place_in_any_text_has_its_mark_inside(text in "\\PC{0,200}", a in 0_usize..220, b in 0_usize..220) {
        let (line, mark) = excerpt(&text, a.min(b), a.max(b));
        prop_assert!(mark.chars().count() <= line.chars().count() + 1);
    }

    #[test]
    fn escaped_text_shows_what_was_typed_and_nothing_else(text in "(\\PC|[*_~`|<>@#/:\\\\\n\u{202e}]|@everyone|<@1>|https://e.org){0,40}") {
        let escaped = escape_markdown(&text);
        prop_assert!(!escaped.chars().any(char::is_control));
        let mut shown = String::new();
        let mut characters = escaped.chars();
        while let Some(c) = characters.next() {
            // A backslash takes the meaning of exactly the character behind it.
            if c == '\\' {
                let next = characters.next().expect("a character behind the backslash");
                prop_assert!(is_markup(next));
                shown.push(next);
            } else {
                prop_assert!(!is_markup(c));
                shown.push(c);
            }
        }
        let typed: String = text.chars().filter(|c| !('\u{202a}'..='\u{202e}').contains(c) && !('\u{2066}'..='\u{2069}').contains(c))
            .map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect();
        prop_assert_eq!(shown, typed);
    }

    #[test]
    fn no_sentence_about_a_prompt_outgrows_a_message_or_breaks_out_of_its_code_block(text in "(\\PC|[{}:,`@]|--|--ar |::|@everyone|```){0,60}") {
        if let Err(error) = parse(&text, &PromptProfile::EASEL, 1) {
            for language in Language::ALL {
                let sentence = language.parse_error(&text, &error);
                prop_assert!(sentence.chars().count() <= 2000);
                prop_assert_eq!(sentence.matches("```").count(), 2);
            }
        }
    }
}
