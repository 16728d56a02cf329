//! Step times of one shape of one model on one kind of node, by the size of the batch.

use super::gain::BatchGain;

/// Sizes that are kept. A node makes no larger call than this by far; what reports more is not believed.
const MOST_SIZES: usize = 64;

/// Seconds of a step for each size of batch that was measured, the smallest first. Never empty.
#[derive(Debug, Clone)]
pub(super) struct StepTimes {
    least: (u32, f64),
    more: Vec<(u32, f64)>,
}

impl StepTimes {
    pub fn of(pictures: u32, seconds: f64) -> Self {
        Self {
            least: (pictures, seconds),
            more: Vec::new(),
        }
    }

    fn largest(&self) -> u32 {
        self.more.last().unwrap_or(&self.least).0
    }

    /// Moves the running mean of a size by a share of what is new; a size that was not measured yet begins with it.
    pub fn measured(&mut self, pictures: u32, seconds: f64, newest: f64) {
        if self.least.0 == pictures {
            self.least.1 += newest * (seconds - self.least.1);
            return;
        }
        if pictures < self.least.0 {
            let next = std::mem::replace(&mut self.least, (pictures, seconds));
            self.more.insert(0, next);
        } else {
            match self.more.binary_search_by_key(&pictures, |(size, _)| *size) {
                Ok(at) => self.more[at].1 += newest * (seconds - self.more[at].1),
                Err(at) => self.more.insert(at, (pictures, seconds)),
            }
        }
        self.more.truncate(MOST_SIZES);
    }

    /// Seconds of a step of so many pictures. Between two sizes that were measured lies a straight line. Beyond them the
    /// gain of batches is what was told of the kind of node; where nothing was, a batch gains nothing.
    pub fn at(&self, pictures: u32, told: Option<&BatchGain>) -> f64 {
        let pictures = pictures.max(1);
        let scaled = |(size, seconds): (u32, f64)| match told {
            Some(gain) => seconds * (gain.stretch(pictures) / gain.stretch(size)),
            None => seconds * f64::from(pictures) / f64::from(size),
        };
        if self.more.is_empty() || pictures <= self.least.0 {
            return scaled(self.least);
        }
        let above = self.more.partition_point(|(size, _)| *size < pictures);
        let below = above.checked_sub(1).map_or(self.least, |at| self.more[at]);
        match self.more.get(above) {
            None => scaled(below),
            Some((size, seconds)) => {
                let along = f64::from(pictures - below.0) / f64::from(size - below.0);
                below.1 + along * (seconds - below.1)
            }
        }
    }

    /// The largest batch that pays, as far as sizes were measured. Where the largest of them did, one of twice its size is
    /// worth a try.
    pub fn cap(&self) -> u32 {
        let largest = self.largest();
        let cap = self.gain().cap();
        if cap < largest { cap } else { 2 * largest }
    }

    /// What batches gain, as far as they were measured. Up to the smallest that was, each picture counts in full: that
    /// many belong to one job, and nobody had to choose to join them.
    fn gain(&self) -> BatchGain {
        let (least, alone_s) = self.least;
        let mut gains: Vec<f64> = (1..=least).map(f64::from).collect();
        for size in least + 1..=self.largest() {
            let stretch = self.at(size, None) / alone_s;
            gains.push(f64::from(size) / stretch.max(f64::MIN_POSITIVE));
        }
        BatchGain::new(gains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn between_sizes_lies_a_line_and_beyond_them_nothing_is_gained() {
        let mut times = StepTimes::of(4, 0.4);
        assert!(near(times.at(1, None), 0.1) && near(times.at(8, None), 0.8));
        times.measured(8, 0.5, 0.2);
        times.measured(1, 0.3, 0.2);
        for (pictures, seconds) in [(1, 0.3), (4, 0.4), (6, 0.45), (8, 0.5), (16, 1.0)] {
            assert!(near(times.at(pictures, None), seconds), "{pictures}");
        }
        times.measured(8, 1.0, 0.2);
        assert!(near(times.at(8, None), 0.6));
    }

    #[test]
    fn what_was_told_of_a_kind_of_node_holds_where_nothing_was_measured() {
        let told = BatchGain::new(vec![1.0, 1.6]);
        let times = StepTimes::of(1, 0.1);
        assert!(near(times.at(2, Some(&told)), 0.125));
    }

    #[test]
    fn a_batch_that_gained_nothing_is_not_joined_again_and_one_that_did_is() {
        let mut slow = StepTimes::of(4, 0.4);
        assert_eq!(slow.cap(), 8);
        slow.measured(8, 0.8, 0.2);
        assert_eq!(slow.cap(), 4);
        let mut quick = StepTimes::of(4, 0.4);
        quick.measured(8, 0.5, 0.2);
        assert_eq!(quick.cap(), 16);
        quick.measured(16, 1.0, 0.2);
        assert_eq!(quick.cap(), 8);
    }
}
