//! A vocabulary that pictures are compared with: phrases by section, and how one of each becomes a prompt.
//!
//! ```text
//! # A comment.
//! pattern = {colours} {subject} {light}, {medium}
//!
//! [subject: a picture of a {}]
//! cat
//! ~nothing in particular
//! ```
//!
//! The text behind a section's colon is what is compared, with the phrase for `{}`; without one it is the phrase alone. A phrase behind
//! `~` is compared like the others, and says nothing in a prompt.

use std::path::Path;

use crate::error::LoadError;

/// Bounds of a file: in bytes, sections, phrases of a section, and characters of a phrase.
const LONGEST_BYTES: u64 = 1 << 20;
const MOST_SECTIONS: usize = 12;
const MOST_PHRASES: usize = 2_000;
const LONGEST_PHRASE: usize = 120;

/// One of a section's alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// What a prompt says; empty for nothing.
    pub said: String,
    /// What pictures are compared with.
    pub compared: String,
}

/// Alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What the pattern calls it.
    pub name: String,
    /// At least two.
    pub phrases: Vec<Phrase>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Section(usize),
}

/// A vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrases {
    sections: Vec<Section>,
    pattern: Vec<Piece>,
}

impl Phrases {
    /// Reads a vocabulary's file.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let length = std::fs::metadata(path)
            .map_err(|error| LoadError::file(path, format!("open: {error}")))?
            .len();
        if length > LONGEST_BYTES {
            let message = format!("{length} bytes of phrases are not read, only {LONGEST_BYTES}");
            return Err(LoadError::file(path, message));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| LoadError::file(path, format!("read: {error}")))?;
        Self::parse(&text).map_err(|(line, message)| match line {
            0 => LoadError::file(path, message),
            line => LoadError::key(path, format!("line {line}"), message),
        })
    }

    /// The sections, in the order of the file.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// A prompt from one phrase of each section.
    pub(crate) fn prompt(&self, chosen: &[usize]) -> String {
        let mut text = String::new();
        for piece in &self.pattern {
            match piece {
                Piece::Text(between) => text.push_str(between),
                Piece::Section(section) => {
                    let phrases = &self.sections[*section].phrases;
                    let phrase = chosen.get(*section).and_then(|at| phrases.get(*at));
                    text.push_str(phrase.map_or("", |phrase| phrase.said.as_str()));
                }
            }
        }
        tidied(&text)
    }

    /// `Err` holds the line, counted from 1, or 0 for the file as a whole.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut sections: Vec<(Section, Option<String>)> = Vec::new();
        let mut pattern = None;
        for (at, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
            } else if line.chars().any(char::is_control) {
                return Err((at, "control characters are no words".to_owned()));
            } else if let Some(heading) = line.strip_prefix('[') {
                let heading = heading
                    .strip_suffix(']')
                    .ok_or_else(|| (at, "a heading ends with ]".to_owned()))?;
                if sections.len() == MOST_SECTIONS {
                    return Err((at, format!("there are more than {MOST_SECTIONS} sections")));
                }
                sections.push(section(heading, &sections).map_err(|message| (at, message))?);
            } else if let Some((section, template)) = sections.last_mut() {
                let phrase = phrase(line, template.as_deref());
                add(section, phrase).map_err(|message| (at, message))?;
            } else if let Some(found) = line.strip_prefix("pattern").map(str::trim_start)
                && let Some(found) = found.strip_prefix('=')
            {
                pattern = Some((at, found.trim().to_owned()));
            } else {
                let message = "before the first [section] there is only `pattern = …`".to_owned();
                return Err((at, message));
            }
        }
        let sections: Vec<Section> = sections.into_iter().map(|(section, _)| section).collect();
        if let Some(few) = sections.iter().find(|section| section.phrases.len() < 2) {
            let message = format!("[{}] has less than two phrases to choose from", few.name);
            return Err((0, message));
        }
        let (at, pattern) = pattern.ok_or_else(|| (0, "`pattern = …` is missing".to_owned()))?;
        let pattern = pieces(&pattern, &sections).map_err(|message| (at, message))?;
        Ok(Self { sections, pattern })
    }
}

fn section(
    heading: &str,
    others: &[(Section, Option<String>)],
) -> Result<(Section, Option<String>), String> {
    let (name, template) = match heading.split_once(':') {
        None => (heading, None),
        Some((name, template)) => (name, Some(template.trim().to_owned())),
    };
    let name = name.trim().to_owned();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    if name.is_empty() || !name.chars().all(is_word) {
        return Err("a section is named by one word".to_owned());
    }
    if others.iter().any(|(section, _)| section.name == name) {
        return Err(format!("[{name}] is there twice"));
    }
    if template.as_ref().is_some_and(|text| !text.contains("{}")) {
        return Err("what is compared needs {} where the phrase goes".to_owned());
    }
    let phrases = Vec::new();
    Ok((Section { name, phrases }, template))
}

fn phrase(line: &str, template: Option<&str>) -> Phrase {
    let (words, is_silent) = match line.strip_prefix('~') {
        Some(words) => (words.trim(), true),
        None => (line, false),
    };
    Phrase {
        said: if is_silent {
            String::new()
        } else {
            words.to_owned()
        },
        compared: template.map_or(words.to_owned(), |text| text.replace("{}", words)),
    }
}

fn add(section: &mut Section, phrase: Phrase) -> Result<(), String> {
    let length = phrase.compared.chars().count();
    if length == 0 || length > LONGEST_PHRASE {
        return Err(format!("a phrase has 1 to {LONGEST_PHRASE} characters"));
    }
    let is_known = |known: &Phrase| known.compared == phrase.compared;
    if section.phrases.iter().any(is_known) {
        return Err(format!("this phrase is in [{}] already", section.name));
    }
    if section.phrases.len() == MOST_PHRASES {
        let message = format!("[{}] has more than {MOST_PHRASES} phrases", section.name);
        return Err(message);
    }
    section.phrases.push(phrase);
    Ok(())
}

fn pieces(pattern: &str, sections: &[Section]) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut used, mut rest) = (Vec::new(), vec![false; sections.len()], pattern);
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind
            .split_once('}')
            .ok_or_else(|| "a { is never closed".to_owned())?;
        let at = sections.iter().position(|section| section.name == name);
        let at = at.ok_or_else(|| format!("there is no section [{name}]"))?;
        if std::mem::replace(&mut used[at], true) {
            return Err(format!("{{{name}}} is there twice"));
        }
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Section(at));
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    match used.iter().position(|used| !used) {
        Some(at) => Err(format!("{{{}}} is not in it", sections[at].name)),
        None if sections.is_empty() => Err("there are no sections".to_owned()),
        None => Ok(pieces),
    }
}

/// Without what hangs over where a phrase said nothing: doubled spaces and commas, and those at the ends.
fn tidied(text: &str) -> String {
    let parts = text.split(',').map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ")
    });
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# Words.\npattern = {colours} {subject}, {medium}\n[subject: a {}]\ncat\n~nothing\n\n\
                        [colours]\nred\nblue\n[medium]\noil painting\n~plain\n";

    #[test]
    fn a_prompt_says_one_phrase_of_each_section_and_nothing_of_silent_ones() {
        let phrases = Phrases::parse(TEXT).unwrap();
        assert_eq!(phrases.sections()[0].phrases[0].compared, "a cat");
        assert_eq!(phrases.sections()[0].phrases[1].compared, "a nothing");
        assert_eq!(phrases.prompt(&[0, 1, 0]), "blue cat, oil painting");
        assert_eq!(phrases.prompt(&[1, 0, 0]), "red, oil painting");
        assert_eq!(phrases.prompt(&[0, 0, 1]), "red cat");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| Phrases::parse(text).unwrap_err();
        let with = |from: &str, to: &str| wrong(&TEXT.replace(from, to));
        assert_eq!(with("{medium}", "{style}").0, 2);
        assert!(with("{medium}", "").1.contains("{medium} is not in it"));
        assert!(with("{medium}", "{subject}").1.contains("twice"));
        assert!(with("{medium}", "{medium").1.contains("closed"));
        assert!(with("blue", "red").1.contains("already"));
        assert_eq!(with("blue", "red").0, 9);
        assert!(with("[medium]", "[colours]").1.contains("twice"));
        assert!(with("[medium]", "[a medium]").1.contains("one word"));
        assert!(with("a {}", "a thing").1.contains("{}"));
        assert!(with("blue\n", "").1.contains("[colours] has less than two"));
        assert!(wrong("[a]\nb\nc\n").1.contains("pattern"));
        assert!(wrong("pattern = x\n").1.contains("no sections"));
        assert!(wrong("cat\n").1.contains("before the first"));
        assert_eq!(with("cat", &"x".repeat(200)).0, 4);
        assert!(with("cat", "c\u{7}at").1.contains("control"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Phrases::open(Path::new("/nowhere/phrases.txt")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/phrases.txt: open:"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_prompts_never_hang_over(
            lines in prop::collection::vec("[a-c{}~ ,:\\[\\]=#]{0,12}", 0..12), chosen in prop::collection::vec(0_usize..4, 0..4)) {
            let text = format!("pattern = {{a}} , {{b}}\n[a]\nx\n~y\n[b]\nz\n~, w\n{}", lines.join("\n"));
            if let Ok(phrases) = Phrases::parse(&text) {
                let prompt = phrases.prompt(&chosen);
                prop_assert!(!prompt.starts_with([' ', ',']) && !prompt.ends_with([' ', ',']));
                prop_assert!(!prompt.contains("  ") && !prompt.contains(",,"));
            }
        }
    }
}
