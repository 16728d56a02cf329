//! Prompts to token ids: the byte-pair encoding of CLIP.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer as Inner};

use crate::config::read_json;
use crate::error::LoadError;

/// What CLIP takes for one word: special tokens, English endings, runs of letters, single digits, runs of the rest.
const WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The usual special tokens.
const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// A CLIP tokenizer.
pub struct Tokenizer {
    inner: Inner,
    start: u32,
    end: u32,
    padding: u32,
    length: usize,
    learnt: Vec<Learnt>,
    next_id: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TokenizerConfig {
    bos_token: Option<Value>,
    eos_token: Option<Value>,
    pad_token: Option<Value>,
    unk_token: Option<Value>,
    model_max_length: Option<f64>,
}

/// A token is written as a string or as an object around it.
fn token_text(value: Option<&Value>) -> Option<String> {
    let value = value?;
    value
        .as_str()
        .or_else(|| value.get("content")?.as_str())
        .map(str::to_owned)
}

impl Tokenizer {
    /// Reads `tokenizer.json`, or builds the same from `vocab.json` and `merges.txt`. `longest` is what the text encoder
    /// takes at most, in tokens.
    pub fn load(directory: &Path, longest: usize) -> Result<Self, LoadError> {
        let optional = |name: &str| {
            let path = directory.join(name);
            if path.is_file() {
                read_json::<TokenizerConfig>(&path)
            } else {
                Ok(TokenizerConfig::default())
            }
        };
        let (config, map) = (
            optional("tokenizer_config.json")?,
            optional("special_tokens_map.json")?,
        );
        let named = |pick: fn(&TokenizerConfig) -> Option<&Value>, default: &str| {
            token_text(pick(&config))
                .or_else(|| token_text(pick(&map)))
                .unwrap_or_else(|| default.to_owned())
        };
        let start = named(|config| config.bos_token.as_ref(), START);
        let end = named(|config| config.eos_token.as_ref(), END);
        let padding = named(|config| config.pad_token.as_ref(), END);
        let unknown = named(|config| config.unk_token.as_ref(), END);
        let whole = directory.join("tokenizer.json");
        let mut inner = if whole.is_file() {
            read_whole(&whole)?
        } else {
            build(directory, &unknown)?
        };
        let special =
            [&start, &end, &unknown, &padding].map(|token| AddedToken::from(token.as_str(), true));
        inner.add_special_tokens(&special);
        let id = |token: &str| {
            let message = format!("special token {token:?} is not in the vocabulary");
            inner
                .token_to_id(token)
                .ok_or_else(|| LoadError::file(directory, message))
        };
        let (start, end, padding) = (id(&start)?, id(&end)?, id(&padding)?);
        // Absent limits are written as an astronomical number.
        let length = config
            .model_max_length
            .map_or(longest, |length| longest.min(length as usize));
        Ok(Self {
            inner,
            start,
            end,
            padding,
            length: length.max(2),
            learnt: Vec::new(),
            next_id: 0,
        })
    }

    /// A tokenizer that knows single bytes and no words, for checkpoints without files.
    pub(crate) fn of_bytes(longest: usize) -> Self {
        let letters = ByteLevel::alphabet();
        let mut letters: Vec<String> = letters.into_iter().map(String::from).collect();
        letters.sort();
        let ended = letters.iter().map(|letter| format!("{letter}</w>"));
        let tokens: Vec<String> = letters.iter().cloned().chain(ended).collect();
        let special = [START.to_owned(), END.to_owned()];
        let numbered = tokens.into_iter().chain(special).zip(0_u32..);
        let vocabulary: std::collections::HashMap<String, u32> = numbered.collect();
        let model = BPE::builder()
            .vocab_and_merges(
                vocabulary
                    .into_iter()
                    .collect::<tokenizers::models::bpe::Vocab>(),
                Vec::new(),
            )
            .unk_token(END.to_owned())
            .end_of_word_suffix("</w>".to_owned())
            .build()
            .expect("every byte has a token of its own");
        let inner = around(model).expect("the expressions are valid");
        let id = |token: &str| inner.token_to_id(token).unwrap_or_default();
        Self {
            start: id(START),
            end: id(END),
            padding: id(END),
            inner,
            length: longest.max(2),
            learnt: Vec::new(),
            next_id: 0,
        }
    }

    /// Start, the prompt's tokens, end, padding: always as many as the text encoder takes. What does not fit is cut.
    pub fn encode(&self, prompt: &str) -> Vec<i64> {
        self.frame(&self.tokens(prompt))
    }

    /// Tokens that fit between start and end.
    pub fn room(&self) -> usize {
        self.length - 2
    }

    /// The tokens of a text, without start and end.
    pub fn tokens(&self, text: &str) -> Vec<i64> {
        let mut tokens = Vec::new();
        let mut rest = text;
        // Learnt words stand outside the vocabulary: what is between them is encoded on its own.
        while let Some((at, word)) = self.next_learnt(rest) {
            tokens.extend(self.known_tokens(&rest[..at]));
            tokens.extend(word.tokens.clone());
            rest = &rest[at + word.text.len()..];
        }
        tokens.extend(self.known_tokens(rest));
        tokens
    }

    fn next_learnt(&self, text: &str) -> Option<(usize, &Learnt)> {
        let found = self.learnt.iter();
        let found = found.filter_map(|word| text.find(&word.text).map(|at| (at, word)));
        // Of those that begin together the longest.
        found.min_by_key(|(at, word)| (*at, std::cmp::Reverse(word.text.len())))
    }

    fn known_tokens(&self, text: &str) -> Vec<i64> {
        // Encoding cannot fail: every byte is in the alphabet, and unknown pieces have a token of their own.
        self.inner
            .encode_fast(text, false)
            .map(|encoding| encoding.get_ids().iter().copied().map(i64::from).collect())
            .unwrap_or_default()
    }

    /// A word that stands for `count` tokens of its own, numbered after all others.
    pub fn learn(&mut self, word: &str, count: usize) {
        let first = self.next_id;
        self.next_id += count as i64;
        self.learnt.push(Learnt {
            text: word.to_owned(),
            tokens: first..self.next_id,
        });
    }

    /// Where learnt words begin to be numbered: the size of the text encoder's own vocabulary.
    pub(crate) fn number_learnt_from(&mut self, id: i64) {
        self.next_id = id;
    }

    /// Start, these tokens, end, padding. What does not fit is cut.
    pub fn frame(&self, tokens: &[i64]) -> Vec<i64> {
        let mut row = vec![i64::from(self.start)];
        row.extend(tokens.iter().take(self.room()));
        row.push(i64::from(self.end));
        row.resize(self.length, i64::from(self.padding));
        row
    }
}

/// A word that stands for tokens outside the vocabulary.
struct Learnt {
    text: String,
    tokens: std::ops::Range<i64>,
}

fn read_whole(path: &Path) -> Result<Inner, LoadError> {
    let wrong = |error: tokenizers::Error| LoadError::file(path, format!("not valid: {error}"));
    let mut inner = Inner::from_file(path).map_err(wrong)?;
    inner.with_truncation(None).map_err(wrong)?;
    inner.with_padding(None);
    Ok(inner)
}

fn build(directory: &Path, unknown: &str) -> Result<Inner, LoadError> {
    let (vocabulary, merges) = (directory.join("vocab.json"), directory.join("merges.txt"));
    if let Some(missing) = [&vocabulary, &merges]
        .into_iter()
        .find(|path| !path.is_file())
    {
        return Err(LoadError::file(
            missing,
            "missing file, and there is no tokenizer.json",
        ));
    }
    let wrong =
        |error: tokenizers::Error| LoadError::file(&vocabulary, format!("not valid: {error}"));
    let model = BPE::from_file(&vocabulary.to_string_lossy(), &merges.to_string_lossy())
        .unk_token(unknown.to_owned())
        .end_of_word_suffix("</w>".to_owned())
        .build()
        .map_err(wrong)?;
    around(model).map_err(wrong)
}

/// What CLIP does to a text before the model sees it.
fn around(model: BPE) -> tokenizers::Result<Inner> {
    let spaces = Replace::new(ReplacePattern::Regex(r"\s+".to_owned()), " ")?;
    let words = Split::new(
        SplitPattern::Regex(WORDS.to_owned()),
        SplitDelimiterBehavior::Removed,
        true,
    );
    let mut inner = Inner::new(model);
    inner.with_normalizer(Some(Normalizers::new(vec![
        NFC.into(),
        spaces.into(),
        Lowercase.into(),
    ])));
    let bytes = ByteLevel::new(false, true, true);
    inner.with_pre_tokenizer(Some(PreTokenizers::new(vec![words?.into(), bytes.into()])));
    Ok(inner)
}
