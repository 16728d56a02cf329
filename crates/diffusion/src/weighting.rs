//! Prompts with weights, and prompts longer than a text encoder takes.
//!
//! `(word:1.2)` weighs what is in parentheses, `(word)` by 1.1, `[word]` by 1/1.1; a backslash makes the next of these
//! characters a plain one. States are multiplied by their tokens' weights, and then scaled so that their mean is what it
//! was. A longer prompt is cut into chunks, each of which is encoded on its own; their states follow one another.

use tch::{Kind, Tensor};

use crate::placement::carried;
use crate::tokenizer::Tokenizer;

/// What one pair of parentheses does.
const EMPHASIS: f64 = 1.1;

/// Weights beyond this are cut: they would only destroy the picture.
const LARGEST_WEIGHT: f64 = 10.0;

/// Chunks that a prompt may have; what is left of a longer one is cut.
const MOST_CHUNKS: usize = 8;

/// How a prompt's text is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Syntax {
    /// Word for word, cut where the text encoder ends.
    #[default]
    Plain,
    /// With weights, and as long as need be.
    Weighted,
}

/// A piece of text and its weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub text: String,
    pub weight: f64,
}

/// What a text encoder reads at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    pub ids: Vec<i64>,
    /// One for each token.
    pub weights: Vec<f32>,
    /// Tokens from the start to the end, both included; what follows is padding.
    pub tokens: usize,
}

impl Chunk {
    /// No words at all.
    pub fn empty(tokenizer: &Tokenizer) -> Self {
        Self::new(tokenizer, &[])
    }

    fn new(tokenizer: &Tokenizer, tokens: &[(i64, f32)]) -> Self {
        let plain: Vec<i64> = tokens.iter().map(|(token, _)| *token).collect();
        let ids = tokenizer.frame(&plain);
        let mut weights = vec![1.0];
        weights.extend(tokens.iter().map(|(_, weight)| *weight));
        weights.resize(ids.len(), 1.0);
        let tokens = (plain.len() + 2).min(ids.len());
        Self {
            ids,
            weights,
            tokens,
        }
    }
}

/// The pieces of a prompt.
pub fn read(prompt: &str, syntax: Syntax) -> Vec<Span> {
    match syntax {
        Syntax::Plain => vec![Span {
            text: prompt.to_owned(),
            weight: 1.0,
        }],
        Syntax::Weighted => spans(prompt),
    }
}

/// One chunk of a plain prompt, cut at the end; as many as needed of a weighted one.
pub fn chunks(spans: &[Span], tokenizer: &Tokenizer, syntax: Syntax) -> Vec<Chunk> {
    let tokens: Vec<(i64, f32)> = spans
        .iter()
        .flat_map(|span| {
            let ids = tokenizer.tokens(&span.text);
            ids.into_iter().map(|token| (token, span.weight as f32))
        })
        .collect();
    let room = tokenizer.room();
    let most = match syntax {
        Syntax::Plain => 1,
        Syntax::Weighted => MOST_CHUNKS,
    };
    if tokens.is_empty() || room == 0 {
        return vec![Chunk::empty(tokenizer)];
    }
    let parts = tokens.chunks(room).take(most);
    parts.map(|part| Chunk::new(tokenizer, part)).collect()
}

/// As many chunks as a text needs that is read as it is.
pub fn pieces(text: &str, tokenizer: &Tokenizer) -> Vec<Chunk> {
    chunks(&read(text, Syntax::Plain), tokenizer, Syntax::Weighted)
}

/// Weighs states, `[1, tokens, features]`, and restores their mean.
pub fn apply(states: &Tensor, weights: &[f32]) -> Tensor {
    if weights.iter().all(|&weight| (weight - 1.0).abs() < 1e-6) {
        return states.shallow_clone();
    }
    let factors = Tensor::from_slice(weights).view([1, -1, 1]);
    let factors = carried(&factors, states.device()).to_kind(states.kind());
    let weighted = states * factors;
    let mean = |x: &Tensor| x.mean(Kind::Float).double_value(&[]);
    let (before, after) = (mean(states), mean(&weighted));
    if after.abs() < 1e-12 {
        return weighted;
    }
    weighted * (before / after)
}

/// A weighted prompt in which each word, counted from 0, weighs as often more as `factor` says.
pub fn reweighed(prompt: &str, factor: impl Fn(u32) -> f64) -> String {
    let spans = spans(prompt);
    let words = spans.iter().flat_map(|span| {
        let words = span.text.split_inclusive(char::is_whitespace);
        words.map(|word| (word, span.weight))
    });
    let (mut text, mut number, mut inside) = (String::new(), 0, false);
    for (word, weight) in words {
        let bare = word.trim_end();
        if !bare.is_empty() {
            // A word whose parts weigh differently is one word all the same.
            number += u32::from(!inside);
            let weight = weight * factor(number - 1);
            let plain: String = bare.chars().flat_map(escaped).collect();
            let weighed = format!("({plain}:{weight:.3})");
            text.push_str(&weighed);
        }
        inside = bare.len() == word.len();
        text.push_str(&word[bare.len()..]);
    }
    text
}

/// What stands for a character that may be a bracket.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let binds = r"()[]\".contains(character);
    binds.then_some('\\').into_iter().chain([character])
}

fn spans(prompt: &str) -> Vec<Span> {
    let mut reader = Reader::default();
    let mut characters = prompt.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next_if(|next| r"()[]\".contains(*next)) {
                Some(next) => reader.text.push(next),
                None => reader.text.push('\\'),
            },
            '(' | '[' => reader.open(character),
            ')' | ']' => reader.close(character),
            other => reader.text.push(other),
        }
    }
    reader.finish()
}

/// Text read so far, and the brackets that are open.
#[derive(Default)]
struct Reader {
    done: Vec<Span>,
    text: String,
    /// Each with the number of spans before it.
    open: Vec<(char, usize)>,
}

impl Reader {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.done.push(Span { text, weight: 1.0 });
        }
    }

    fn open(&mut self, bracket: char) {
        self.flush();
        self.open.push((bracket, self.done.len()));
    }

    fn close(&mut self, bracket: char) {
        let wanted = if bracket == ')' { '(' } else { '[' };
        match self.open.last() {
            Some(&(opened, start)) if opened == wanted => {
                let explicit = if bracket == ')' {
                    self.explicit()
                } else {
                    None
                };
                self.flush();
                self.open.pop();
                let usual = if bracket == ')' {
                    EMPHASIS
                } else {
                    1.0 / EMPHASIS
                };
                let factor = explicit.unwrap_or(usual);
                for span in &mut self.done[start..] {
                    span.weight = (span.weight * factor).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
                }
            }
            // One that closes nothing is a character like others.
            _ => self.text.push(bracket),
        }
    }

    /// The number after the last colon, taken from the text.
    fn explicit(&mut self) -> Option<f64> {
        let (before, number) = self.text.rsplit_once(':')?;
        let weight: f64 = number.trim().parse().ok()?;
        let length = before.len();
        weight.is_finite().then(|| {
            self.text.truncate(length);
            weight
        })
    }

    /// Brackets that were never closed weigh what follows them.
    fn finish(mut self) -> Vec<Span> {
        self.flush();
        for (bracket, start) in std::mem::take(&mut self.open) {
            let factor = if bracket == '(' {
                EMPHASIS
            } else {
                1.0 / EMPHASIS
            };
            for span in &mut self.done[start..] {
                span.weight = (span.weight * factor).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
            }
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prompt: &str) -> Vec<(String, f64)> {
        let rounded = |weight: f64| (weight * 1000.0).round() / 1000.0;
        spans(prompt)
            .into_iter()
            .map(|span| (span.text, rounded(span.weight)))
            .collect()
    }

    #[track_caller]
    fn assert_reads(prompt: &str, wanted: &[(&str, f64)]) {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(text, weight)| ((*text).to_owned(), *weight))
            .collect();
        assert_eq!(read(prompt), wanted, "{prompt:?}");
    }

    #[test]
    fn brackets_weigh_what_they_hold() {
        assert_reads("a boat", &[("a boat", 1.0)]);
        assert_reads("a (red) boat", &[("a ", 1.0), ("red", 1.1), (" boat", 1.0)]);
        assert_reads(
            "a ((red:1.5) big) boat",
            &[("a ", 1.0), ("red", 1.65), (" big", 1.1), (" boat", 1.0)],
        );
        assert_reads("[grey] sea", &[("grey", 0.909), (" sea", 1.0)]);
        assert_reads("(time 12:30 o'clock)", &[("time 12:30 o'clock", 1.1)]);
        assert_reads("(x:-99)", &[("x", -10.0)]);
    }

    #[test]
    fn characters_that_bind_nothing_are_plain() {
        assert_reads(r"a \(b\) c\", &[(r"a (b) c\", 1.0)]);
        assert_reads("a) b", &[("a) b", 1.0)]);
        assert_reads("a (b", &[("a ", 1.0), ("b", 1.1)]);
        assert_reads("", &[]);
    }

    #[test]
    fn each_word_is_weighed_once_more_and_nothing_else_changes() {
        let prompt = r"a ((red:1.5) big)  bo(a)t [\(b: c\\";
        let same = reweighed(prompt, |_| 1.0);
        let texts = |spans: Vec<(String, f64)>| -> String {
            spans.into_iter().map(|(text, _)| text).collect()
        };
        assert_eq!(texts(read(&same)), texts(read(prompt)));
        let weights = |prompt: &str| -> Vec<f64> {
            let words = read(prompt).into_iter();
            let words = words.filter(|(text, _)| !text.trim().is_empty());
            words.map(|(_, weight)| weight).collect()
        };
        let plain = [1.0, 1.65, 1.1, 1.0, 1.1, 1.0, 0.909, 0.909];
        assert_eq!(weights(&same), plain);
        // The fourth word has three parts.
        let doubled = reweighed(prompt, |word| if word == 3 { 2.0 } else { 1.0 });
        let doubled = weights(&doubled);
        assert_eq!(doubled, [1.0, 1.65, 1.1, 2.0, 2.2, 2.0, 0.909, 0.909]);
    }

    #[test]
    fn weighing_keeps_the_mean() {
        let states = Tensor::arange(24, (Kind::Float, tch::Device::Cpu)).view([1, 4, 6]);
        let weighted = apply(&states, &[1.0, 2.0, 1.0, 0.5]);
        let off = (weighted.mean(Kind::Float) - states.mean(Kind::Float)).abs();
        assert!(off.double_value(&[]) < 1e-4);
        assert_eq!(apply(&states, &[1.0; 4]), states);
    }
}
