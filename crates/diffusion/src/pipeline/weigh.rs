//! How much each word of a prompt counts for what the network is told: the prompt is read again without each of them.

use tch::Tensor;

use super::{Pipeline, guarded};
use crate::error::TaskError;

/// Nobody needs to know how many times more a word counts than all of them together.
const MOST: f64 = 2.0;

/// A prompt on its way to being weighed.
pub struct Weighing {
    words: Vec<String>,
    /// What the whole prompt says, `[1, features]`.
    whole: Tensor,
    /// How far that is from what no words say, `[1]`.
    distance: Tensor,
    influences: Vec<f32>,
}

impl Weighing {
    /// Words weighed so far, and words in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.influences.len(), self.words.len())
    }

    /// For each word weighed so far how far what the network is told moves without it, as a share of how far the whole
    /// prompt has moved it from no words: from 0 to 2.
    pub fn influences(&self) -> &[f32] {
        &self.influences
    }

    /// The prompts without each of the next words.
    fn next(&self, at_most: usize) -> Vec<String> {
        let (done, all) = self.progress();
        let without = |left_out: usize| {
            let others = self.words.iter().enumerate();
            let others = others.filter(|(at, _)| *at != left_out);
            let others: Vec<&str> = others.map(|(_, word)| word.as_str()).collect();
            others.join(" ")
        };
        (done..all.min(done + at_most)).map(without).collect()
    }
}

impl Pipeline {
    /// Reads a prompt, word by word, to weigh its words with [`Self::weigh`]. Words are taken as they are, without weights.
    pub fn begin_weighing(&mut self, words: Vec<String>) -> Result<Weighing, TaskError> {
        if words.is_empty() {
            return Err(TaskError::bad("prompt", "there are no words to weigh"));
        }
        let texts = &self.texts;
        guarded(|| {
            let prompt = words.join(" ");
            texts.check(&prompt)?;
            let both = texts.summaries(&[prompt, String::new()]);
            let (whole, nothing) = (both.narrow(0, 0, 1), both.narrow(0, 1, 1));
            Ok(Weighing {
                words,
                distance: length(&(&whole - nothing)).clamp_min(1e-6),
                whole,
                influences: Vec::new(),
            })
        })?
    }

    /// Weighs the next words, so many at most: each is one more row for the text encoders.
    pub fn weigh(&mut self, weighing: &mut Weighing, at_most: usize) -> Result<(), TaskError> {
        let prompts = weighing.next(at_most);
        if prompts.is_empty() {
            return Ok(());
        }
        let texts = &self.texts;
        let found = guarded(|| {
            let without = texts.summaries(&prompts);
            let moved: Tensor = length(&(&weighing.whole - without)) / &weighing.distance;
            Vec::<f32>::try_from(moved.clamp(0.0, MOST))
        })?;
        let found = found.map_err(|error| TaskError::Torch(error.to_string()))?;
        weighing.influences.extend(found);
        Ok(())
    }
}

/// Of each row.
fn length(rows: &Tensor) -> Tensor {
    rows.norm_scalaropt_dim(2, -1, false)
}
