//! Work that waits, shared fairly between those whom it is for: pure.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// Items that wait in one line for each key. Of each key one is worked on at a time, and the keys take turns, so that
/// one with much to do, or one that is slow, holds up no other.
#[derive(Debug)]
pub(super) struct Lines<K, T> {
    waiting: HashMap<K, VecDeque<T>>,
    /// Keys of which something waits and nothing is worked on, the next one first.
    turns: VecDeque<K>,
    busy: HashSet<K>,
    known: HashSet<T>,
    at_once: usize,
}

impl<K: Copy + Eq + Hash, T: Copy + Eq + Hash> Lines<K, T> {
    /// Nothing waits; at most so many are worked on at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            busy: HashSet::new(),
            known: HashSet::new(),
            at_once,
        }
    }

    /// Whether this waits or is worked on.
    pub(super) fn knows(&self, item: &T) -> bool {
        self.known.contains(item)
    }

    /// Puts something at the end of its line; what is known already changes nothing.
    pub(super) fn push(&mut self, key: K, item: T) {
        if !self.known.insert(item) {
            return;
        }
        let line = self.waiting.entry(key).or_default();
        if line.is_empty() && !self.busy.contains(&key) {
            self.turns.push_back(key);
        }
        line.push_back(item);
    }

    /// What is to be worked on next; its key is busy until [`Self::done`].
    pub(super) fn begin(&mut self) -> Option<(K, T)> {
        if self.busy.len() >= self.at_once {
            return None;
        }
        let key = self.turns.pop_front()?;
        let item = self.waiting.get_mut(&key)?.pop_front()?;
        self.busy.insert(key);
        Some((key, item))
    }

    /// The work is over, however it went.
    pub(super) fn done(&mut self, key: K, item: &T) {
        self.busy.remove(&key);
        self.known.remove(item);
        match self.waiting.get(&key) {
            Some(line) if !line.is_empty() => self.turns.push_back(key),
            _ => {
                self.waiting.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_with_much_to_do_holds_up_nobody() {
        let mut lines = Lines::new(2);
        for item in 0..10 {
            lines.push('a', item);
        }
        lines.push('b', 20);
        lines.push('c', 30);
        assert_eq!(lines.begin(), Some(('a', 0)));
        assert_eq!(lines.begin(), Some(('b', 20)));
        assert_eq!(lines.begin(), None, "two at once");
        lines.done('b', &20);
        assert_eq!(lines.begin(), Some(('c', 30)), "of a key one at a time");
        lines.done('a', &0);
        lines.push('b', 21);
        assert_eq!(lines.begin(), Some(('a', 1)));
    }

    #[test]
    fn what_waits_or_is_worked_on_is_not_taken_in_twice() {
        let mut lines = Lines::new(1);
        lines.push('a', 1);
        lines.push('a', 1);
        assert_eq!(lines.begin(), Some(('a', 1)));
        lines.push('a', 1);
        lines.done('a', &1);
        assert_eq!((lines.begin(), lines.knows(&1)), (None, false));
        lines.push('a', 1);
        assert_eq!(lines.begin(), Some(('a', 1)), "it has come back");
    }

    proptest! {
        /// Whatever comes in whatever order: everything is worked on once, never two of a key, never too many.
        #[test]
        fn everything_is_worked_on_once(
            steps in prop::collection::vec((0_u8..5, any::<bool>()), 1..200), at_once in 1_usize..5,
        ) {
            let mut lines = Lines::new(at_once);
            let (mut pushed, mut finished) = (0_u32, Vec::new());
            let mut at_work: Vec<(u8, u32)> = Vec::new();
            let finish = |lines: &mut Lines<u8, u32>, at_work: &mut Vec<(u8, u32)>, finished: &mut Vec<u32>| {
                let (key, item) = at_work.remove(0);
                lines.done(key, &item);
                finished.push(item);
            };
            for (key, ends) in steps {
                lines.push(key, pushed);
                pushed += 1;
                while let Some(next) = lines.begin() {
                    prop_assert!(at_work.iter().all(|(key, _)| *key != next.0));
                    at_work.push(next);
                }
                prop_assert!(at_work.len() <= at_once && !at_work.is_empty());
                if ends {
                    finish(&mut lines, &mut at_work, &mut finished);
                }
            }
            while let Some(next) = lines.begin().or_else(|| at_work.first().copied()) {
                if !at_work.contains(&next) {
                    at_work.push(next);
                }
                finish(&mut lines, &mut at_work, &mut finished);
            }
            finished.sort_unstable();
            prop_assert_eq!(finished, (0..pushed).collect::<Vec<_>>());
            prop_assert!(lines.waiting.is_empty() && lines.known.is_empty());
        }
    }
}
