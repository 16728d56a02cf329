//! What a batch does against one picture.

/// Least picture-per-step speed that one more picture must add, as a share of what one alone does.
const WORTH: f64 = 0.15;
/// A batch makes each of its pictures at most this much slower than alone.
const LONGEST_STRETCH: f64 = 2.0;

/// The throughput of a batch against that of one picture, by size.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchGain(Vec<f64>);

impl BatchGain {
    /// `gains[n - 1]` is what a batch of `n` does against one picture alone.
    pub fn new(gains: Vec<f64>) -> Self {
        Self(gains)
    }

    /// Pictures per step time against one alone. Beyond what was measured, nothing more is gained.
    pub fn of(&self, pictures: u32) -> f64 {
        let index = (pictures.max(1) as usize - 1).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or(1.0)
    }

    /// How much longer a step of a batch takes than one of one picture.
    pub fn stretch(&self, pictures: u32) -> f64 {
        f64::from(pictures.max(1)) / self.of(pictures)
    }

    /// The largest batch whose last picture is worth its place, and that nobody waits too long for.
    pub fn cap(&self) -> u32 {
        let mut cap = 1;
        for size in 2..=u32::try_from(self.0.len()).unwrap_or(u32::MAX) {
            let added = self.of(size) - self.of(size - 1);
            if added < WORTH || self.stretch(size) > LONGEST_STRETCH {
                break;
            }
            cap = size;
        }
        cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_grows_while_its_last_picture_is_worth_its_place() {
        let cap = |gains: &[f64]| BatchGain::new(gains.to_vec()).cap();
        // Measured on an H200 at 512 and at 1024 pixels.
        assert_eq!(cap(&[1.0, 1.82, 2.69, 2.77, 2.9, 3.0, 3.1, 3.13]), 3);
        assert_eq!(cap(&[1.0, 1.02]), 1);
        assert_eq!(cap(&[1.0, 1.9, 2.8, 3.7]), 4);
        assert_eq!(cap(&[1.0]), 1);
    }
}
