//! Whose turn it is: batches that cannot share a model call share the device.
//!
//! Every key has a count of the device time that each of its pictures has had; the key with the least is next. That is
//! deficit round robin with the sign turned round and a quantum of one call (Shreedhar and Varghese 1995; Sheng et al.
//! 2024, arXiv 2401.00588, for the lift): no key gets ahead of another by more than its own longest call. One that comes,
//! or comes back, begins where the least served of the others stands: nobody saves time up by being away.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
struct Account {
    /// Seconds of the device for each picture.
    had: f64,
    /// Its last turn; 0 before the first.
    last: u64,
}

/// The accounts of the keys that have work.
#[derive(Debug)]
pub struct Turns<K> {
    accounts: HashMap<K, Account>,
    turn: u64,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self {
            accounts: HashMap::new(),
            turn: 0,
        }
    }
}

impl<K: Hash + Eq + Clone> Turns<K> {
    /// Who is next among the keys that have work now. Those that are not named lose their accounts.
    pub fn next(&mut self, runnable: &[K]) -> Option<K> {
        self.accounts.retain(|key, _| runnable.contains(key));
        let least = self.accounts.values().map(|account| account.had);
        let least = least.reduce(f64::min).unwrap_or(0.0);
        for key in runnable {
            self.accounts.entry(key.clone()).or_insert(Account {
                had: least,
                last: 0,
            });
        }
        let order = |key: &&K| self.accounts[*key];
        runnable
            .iter()
            .min_by(|a, b| {
                let (a, b) = (order(a), order(b));
                a.had.total_cmp(&b.had).then(a.last.cmp(&b.last))
            })
            .cloned()
    }

    /// A key had the device for so long, for so many pictures.
    pub fn took(&mut self, key: &K, time: Duration, pictures: usize) {
        self.turn += 1;
        if let Some(account) = self.accounts.get_mut(key) {
            account.had += time.as_secs_f64() / pictures.max(1) as f64;
            account.last = self.turn;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns_of(turns: &mut Turns<&'static str>, keys: &[(&'static str, u64)], n: usize) -> String {
        let names: Vec<_> = keys.iter().map(|(name, _)| *name).collect();
        let mut order = String::new();
        for _ in 0..n {
            let next = turns.next(&names).unwrap();
            let cost = keys.iter().find(|(name, _)| *name == next).unwrap().1;
            turns.took(&next, Duration::from_millis(cost), 1);
            order += next;
        }
        order
    }

    #[test]
    fn dear_calls_get_fewer_turns_and_the_same_time() {
        let mut turns = Turns::default();
        let order = turns_of(&mut turns, &[("a", 40), ("b", 10)], 50);
        assert_eq!(order.matches('a').count(), 10, "{order}");
        assert_eq!(order.matches('b').count(), 40, "{order}");
        assert!(
            !order.contains("bbbbbb") && !order.contains("aa"),
            "{order}"
        );
    }

    #[test]
    fn who_comes_late_is_next_and_has_saved_nothing_up() {
        let mut turns = Turns::default();
        turns_of(&mut turns, &[("a", 10)], 100);
        let order = turns_of(&mut turns, &[("a", 10), ("b", 10)], 10);
        assert_eq!(order, "bababababa");
    }

    #[test]
    fn more_pictures_get_more_of_the_device() {
        let mut turns = Turns::default();
        let mut had = [0; 2];
        for _ in 0..100 {
            let next = turns.next(&[0_usize, 1]).unwrap();
            had[next] += 1;
            turns.took(&next, Duration::from_millis(10), [1, 4][next]);
        }
        assert_eq!(had, [20, 80]);
    }
}
