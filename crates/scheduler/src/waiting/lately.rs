//! Who has asked for something lately: those whom a lane is shared among.

use std::collections::VecDeque;

use easel_domain::admission::LATELY_S;

use crate::moment::Moment;

/// When somebody asked last, and whether he counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    last: Moment,
    counts: bool,
}

impl Asked {
    /// He asks. Returns whether he begins to count, and is to be listed.
    pub fn asks(&mut self, now: Moment) -> bool {
        self.last = now;
        !std::mem::replace(&mut self.counts, true)
    }

    /// Until when he counts, or that he does not any more.
    pub fn until(&mut self, now: Moment) -> Option<Moment> {
        let until = self.last.after(LATELY_S);
        self.counts = until > now;
        self.counts.then_some(until)
    }
}

/// Those who count, in the order in which they are to be looked at.
#[derive(Debug, Clone)]
pub(super) struct Lately<T>(VecDeque<(Moment, T)>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy> Lately<T> {
    /// Somebody counts, until then at least.
    pub fn list(&mut self, who: T, until: Moment) {
        self.0.push_back((until, who));
    }

    /// Those who count.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.0.iter().map(|(_, who)| *who)
    }

    /// How many count.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Somebody who may not count any more: he is taken off, and to be listed again if he does.
    pub fn due(&mut self, now: Moment) -> Option<T> {
        let (until, who) = self.0.front().copied()?;
        if until > now {
            return None;
        }
        self.0.pop_front();
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_again_counts_for_longer() {
        let at = |seconds: f64| Moment::from_secs(seconds);
        let (mut lately, mut known) = (Lately::default(), [Asked::default(); 2]);
        for who in [0, 1] {
            assert!(known[who].asks(at(0.0)));
            lately.list(who, at(LATELY_S));
        }
        assert!(!known[1].asks(at(500.0)));
        assert_eq!(lately.due(at(599.0)), None);
        assert_eq!(lately.due(at(601.0)), Some(0));
        assert_eq!(known[0].until(at(601.0)), None);
        assert_eq!(lately.due(at(601.0)), Some(1));
        assert_eq!(known[1].until(at(601.0)), Some(at(1_100.0)));
        assert!(known[0].asks(at(602.0)));
        assert_eq!(lately.len(), 0);
    }
}
