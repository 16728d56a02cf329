//! Prompts to what the network is told of them: tokenizers, text encoders, and a cache of their results.

use std::collections::HashMap;
use std::path::Path;

use tch::{Kind, Tensor};

use crate::checkpoint::{Checkpoint, TextPart};
use crate::clip::{ClipText, Layer};
use crate::error::{LoadError, TaskError};
use crate::placement::carried;
use crate::tokenizer::Tokenizer;
use crate::weighting::{self, Syntax};
use crate::weights::{Tensors, Weights};

/// Prompts whose states are kept: enough for all prompts of a busy moment, and of little size.
const CACHED_PROMPTS: usize = 256;

/// What the network is told of one prompt.
#[derive(Debug)]
pub struct Conditioning {
    /// One state for each token, `[1, tokens, features]`.
    pub states: Tensor,
    /// A summary, `[1, features]`, where the family has one.
    pub pooled: Option<Tensor>,
    /// Sizes, `[1, numbers]`, where the family is told them; set by whoever knows them.
    pub time_ids: Option<Tensor>,
}

impl Conditioning {
    pub fn shallow_clone(&self) -> Self {
        Self {
            states: self.states.shallow_clone(),
            pooled: self.pooled.as_ref().map(Tensor::shallow_clone),
            time_ids: self.time_ids.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// Zeros of the same shapes.
    pub fn zeros_like(&self) -> Self {
        Self {
            states: self.states.zeros_like(),
            pooled: self.pooled.as_ref().map(Tensor::zeros_like),
            time_ids: None,
        }
    }
}

/// How a prompt is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reading {
    /// How its text is understood.
    pub syntax: Syntax,
    /// Layers of the text encoder left out at the end, besides those that its family always leaves out.
    pub clip_skip: u32,
}

struct Encoder {
    tokenizer: Tokenizer,
    model: ClipText,
}

/// Gives weights and tokenizer of a part.
pub type Opener<'a> = dyn FnMut(&TextPart) -> Result<(Weights, Tokenizer), LoadError> + 'a;

/// The text encoders of a checkpoint.
pub struct TextEncoders {
    encoders: Vec<Encoder>,
    /// Whether raw states of the last layer but one are used.
    raw: bool,
    device: tch::Device,
    /// By prompt, reading and number of chunks.
    cache: HashMap<(String, Reading, usize), Conditioning>,
}

impl TextEncoders {
    /// Loads what the checkpoint names, from what `open` gives for each; the tensors of each encoder are registered under
    /// its name, for adapters. Also tells the number of parameters.
    pub fn load(
        checkpoint: &Checkpoint,
        device: tch::Device,
        tensors: &mut HashMap<&'static str, Tensors>,
        open: &mut Opener<'_>,
    ) -> Result<(Self, u64), LoadError> {
        let mut encoders = Vec::new();
        let mut parameters = 0;
        for part in checkpoint.text_parts() {
            let (weights, mut tokenizer) = open(part)?;
            tokenizer.number_learnt_from(part.config.vocab_size);
            encoders.push(Encoder {
                model: ClipText::load(&weights, &part.config, part.projected)?,
                tokenizer,
            });
            parameters += weights.stored().parameters;
            tensors.insert(part.name, weights.tensors());
        }
        let raw = checkpoint.is_xl();
        let found = Self {
            encoders,
            raw,
            device,
            cache: HashMap::new(),
        };
        Ok((found, parameters))
    }

    /// Forgets all results: the weights have changed.
    pub fn forget(&mut self) {
        self.cache.clear();
    }

    /// Adds a word whose embeddings were learnt: one row for each of the tokens that it stands for.
    pub fn learn(&mut self, encoder: usize, word: &str, rows: &Tensor) -> Result<(), LoadError> {
        self.cache.clear();
        let count = self.encoders.len();
        let Some(encoder) = self.encoders.get_mut(encoder) else {
            let message = format!("the checkpoint has {count} text encoders");
            return Err(LoadError::file(Path::new(word), message));
        };
        let features = encoder.model.token_embedding().size()[1];
        if rows.dim() != 2 || rows.size()[0] == 0 || rows.size()[1] != features {
            let message = format!("embeddings are {:?}, expected [_, {features}]", rows.size());
            return Err(LoadError::file(Path::new(word), message));
        }
        encoder.tokenizer.learn(word, rows.size()[0] as usize);
        let rows = rows.to_device(self.device);
        encoder.model.learn(&rows);
        Ok(())
    }

    /// What the network is told of a prompt and of one that is not wanted: as many states for either. Cached by content.
    pub fn encode(
        &mut self,
        prompt: &str,
        unwanted: Option<&str>,
        reading: Reading,
    ) -> Result<(Conditioning, Option<Conditioning>), TaskError> {
        let skipped = reading.clip_skip as usize;
        let layer = if self.raw {
            Layer::Raw { skipped }
        } else {
            Layer::Normalised { skipped }
        };
        let models = self.encoders.iter().map(|encoder| &encoder.model);
        let fewest = models.map(|model| model.skippable(layer)).min();
        let fewest = fewest.unwrap_or(0).max(1);
        if skipped >= fewest {
            let message = format!("must be below {fewest}, not {skipped}");
            return Err(TaskError::bad("clip skip", message));
        }
        for text in [Some(prompt), unwanted].into_iter().flatten() {
            self.check(text)?;
        }
        let count = |prompt: &str| self.chunk_count(prompt, reading.syntax);
        let count = count(prompt).max(unwanted.map_or(1, count));
        let found = self.cached(prompt, reading, layer, count);
        let unwanted = unwanted.map(|prompt| self.cached(prompt, reading, layer, count));
        Ok((found, unwanted))
    }

    /// Tokenizer and model come from different files: one may know tokens that the other does not.
    pub fn check(&self, text: &str) -> Result<(), TaskError> {
        for Encoder { tokenizer, model } in &self.encoders {
            let known = model.token_embedding().size()[0];
            let ids = tokenizer.encode(text);
            if let Some(id) = ids.iter().find(|id| **id >= known) {
                let message =
                    format!("token {id} is beyond the text encoder's vocabulary of {known}");
                return Err(TaskError::bad("prompt", message));
            }
        }
        Ok(())
    }

    fn cached(
        &mut self,
        prompt: &str,
        reading: Reading,
        layer: Layer,
        count: usize,
    ) -> Conditioning {
        let key = (prompt.to_owned(), reading, count);
        if let Some(found) = self.cache.get(&key) {
            return found.shallow_clone();
        }
        let found = tch::no_grad(|| self.compute(prompt, reading.syntax, layer, count));
        if self.cache.len() >= CACHED_PROMPTS {
            self.cache.clear();
        }
        self.cache.insert(key, found.shallow_clone());
        found
    }

    /// What each text says on the whole, `[texts, features]`: the mean of the states of its tokens, from the start to the
    /// end; padding says the same once more and would outweigh them. Each is read as it is.
    pub fn summaries(&self, texts: &[String]) -> Tensor {
        tch::no_grad(|| {
            let encoders = self.encoders.iter();
            let parts: Vec<Tensor> = encoders.map(|one| self.summary(one, texts)).collect();
            Tensor::cat(&parts, -1)
        })
    }

    fn summary(&self, encoder: &Encoder, texts: &[String]) -> Tensor {
        let layer = if self.raw {
            Layer::Raw { skipped: 0 }
        } else {
            Layer::Normalised { skipped: 0 }
        };
        let cut = |text: &String| weighting::pieces(text, &encoder.tokenizer);
        let cut: Vec<_> = texts.iter().map(cut).collect();
        let (empty, most) = (
            weighting::Chunk::empty(&encoder.tokenizer),
            cut.iter().map(Vec::len).max().unwrap_or(1),
        );
        let (mut sums, mut tokens) = (Vec::new(), Vec::new());
        for at in 0..most {
            let pieces = || cut.iter().map(|pieces| pieces.get(at));
            let ids = pieces().map(|piece| Tensor::from_slice(&piece.unwrap_or(&empty).ids));
            let ids = carried(&Tensor::stack(&ids.collect::<Vec<_>>(), 0), self.device);
            let counts = pieces().map(|piece| piece.map_or(0.0, |piece| piece.tokens as f32));
            let counts = carried(
                &Tensor::from_slice(&counts.collect::<Vec<_>>()),
                self.device,
            );
            let states = encoder.model.forward(&ids, layer).states;
            let places = Tensor::arange(ids.size()[1], (Kind::Float, self.device));
            let counted = places.unsqueeze(0).less_tensor(&counts.unsqueeze(-1));
            let counted = states.to_kind(Kind::Float) * counted.unsqueeze(-1);
            sums.push(sum(&counted, 1));
            tokens.push(counts);
        }
        let all = |parts: &[Tensor]| sum(&Tensor::stack(parts, 0), 0);
        all(&sums) / all(&tokens).unsqueeze(-1)
    }

    fn chunk_count(&self, prompt: &str, syntax: Syntax) -> usize {
        if syntax == Syntax::Plain {
            return 1;
        }
        let spans = weighting::read(prompt, syntax);
        let counts = self
            .encoders
            .iter()
            .map(|encoder| weighting::chunks(&spans, &encoder.tokenizer, syntax).len());
        counts.max().unwrap_or(1)
    }

    fn compute(&self, prompt: &str, syntax: Syntax, layer: Layer, count: usize) -> Conditioning {
        let spans = weighting::read(prompt, syntax);
        let (mut states, mut pooled) = (Vec::new(), None);
        for Encoder { tokenizer, model } in &self.encoders {
            let mut chunks = weighting::chunks(&spans, tokenizer, syntax);
            chunks.resize_with(count, || weighting::Chunk::empty(tokenizer));
            let mut parts = Vec::new();
            for (index, chunk) in chunks.iter().enumerate() {
                let ids = Tensor::from_slice(&chunk.ids).unsqueeze(0);
                let found = model.forward(&carried(&ids, self.device), layer);
                parts.push(weighting::apply(&found.states, &chunk.weights));
                if index == 0 {
                    pooled = found.pooled.or(pooled);
                }
            }
            states.push(Tensor::cat(&parts, 1));
        }
        Conditioning {
            states: Tensor::cat(&states, -1),
            pooled,
            time_ids: None,
        }
    }
}

/// Over one dimension.
fn sum(x: &Tensor, dimension: i64) -> Tensor {
    x.sum_dim_intlist([dimension].as_slice(), false, Kind::Float)
}
