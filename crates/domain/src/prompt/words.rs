//! What an engine, a moderator and a listener are told of a prompt.
//!
//! Weights travel within the words, as engines of this kind read them: `(words:1.2)` counts 1.2 times. What people type in
//! this form themselves passes through as it is.

use super::Prompt;
use crate::spec::PromptText;

/// The weight at which a part counts as much as an item of `--no`.
const WEIGHT_OF_NO: f64 = -0.5;

/// Weights closer to 1 than this are 1: they are written with three digits.
const SAME: f64 = 5e-4;

impl Prompt {
    /// The words for the engine: parts of positive weight joined, and against them the items of `--no` and the parts of
    /// negative weight. Parts of weight 0 are left out.
    ///
    /// Only the relation of weights counts, so the mean of the positive ones becomes 1. With that mean, `::-.5` is as much
    /// as `--no`.
    pub fn words(&self) -> PromptText {
        let wanted = || self.parts.iter().filter(|part| part.weight > 0.0);
        let mean = wanted().map(|part| part.weight).sum::<f64>() / wanted().count().max(1) as f64;
        let positive: Vec<String> = wanted()
            .map(|part| weighted(&part.text, part.weight / mean))
            .collect();
        let unwanted = self.parts.iter().filter(|part| part.weight < 0.0);
        let unwanted = unwanted.map(|part| weighted(&part.text, part.weight / mean / WEIGHT_OF_NO));
        let negative: Vec<String> = self.negative.iter().cloned().chain(unwanted).collect();
        PromptText {
            positive: positive.join(", "),
            negative: negative.join(", "),
        }
    }

    /// The words for moderation: as they were typed, without weights, and whatever will be shown, so parts of weight 0
    /// too, which are not drawn.
    pub fn judged_words(&self) -> PromptText {
        let parts = |chosen: fn(f64) -> bool| {
            let parts = self.parts.iter().filter(move |part| chosen(part.weight));
            parts.map(|part| part.text.as_str())
        };
        let positive: Vec<&str> = parts(|weight| weight > 0.0)
            .chain(parts(|weight| weight == 0.0))
            .collect();
        let items = self.negative.iter().map(String::as_str);
        let negative: Vec<&str> = items.chain(parts(|weight| weight < 0.0)).collect();
        PromptText {
            positive: positive.join(", "),
            negative: negative.join(", "),
        }
    }
}

/// The words as they count `weight` times.
fn weighted(text: &str, weight: f64) -> String {
    if (weight - 1.0).abs() < SAME {
        return text.to_owned();
    }
    let weight = (weight * 1000.0).round() / 1000.0;
    format!("({}:{weight})", balanced(text))
}

/// Text that can stand in parentheses: brackets that do not match are made plain characters, all of them.
fn balanced(text: &str) -> String {
    let mut open = Vec::new();
    let mut characters = text.chars();
    let mut matching = true;
    while let Some(character) = characters.next() {
        match character {
            // What follows is a plain character. At the very end it would make one of the parenthesis's weight.
            '\\' => drop(characters.next()),
            '(' | '[' => open.push(character),
            ')' => matching &= open.pop() == Some('('),
            ']' => matching &= open.pop() == Some('['),
            _ => {}
        }
    }
    if matching && open.is_empty() {
        return text.to_owned();
    }
    let mut plain = String::new();
    for character in text.chars() {
        if matches!(character, '(' | ')' | '[' | ']' | '\\') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

impl PromptText {
    /// The words for those who hear, read or judge them: `(a boat:1.2)` is “a boat”.
    #[must_use]
    pub fn spoken(&self) -> Self {
        Self {
            positive: spoken(&self.positive),
            negative: spoken(&self.negative),
        }
    }
}

fn spoken(text: &str) -> String {
    let mut spoken = String::new();
    // Where the parentheses that are open begin.
    let mut open = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let next = characters.next_if(|next| r"()[]\".contains(*next));
                spoken.push(next.unwrap_or('\\'));
            }
            '(' => {
                open.push(spoken.len());
                spoken.push('(');
            }
            ')' => close(&mut spoken, open.pop()),
            other => spoken.push(other),
        }
    }
    spoken
}

/// Ends the parenthesis that began at `start`: without a trace where it had a weight.
fn close(spoken: &mut String, start: Option<usize>) {
    let weighted = start.and_then(|start| {
        let (words, weight) = spoken[start + 1..].rsplit_once(':')?;
        let weight: f64 = weight.trim().parse().ok()?;
        weight.is_finite().then(|| (start, words.to_owned()))
    });
    match weighted {
        Some((start, words)) => spoken.replace_range(start.., &words),
        None => spoken.push(')'),
    }
}
