//! Which messages of a channel are still open, so that many can be acknowledged with one word.

use std::collections::BTreeSet;

/// Delivery tags of one channel, which count up from 1.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// Delivered, and neither given back nor done.
    open: BTreeSet<u64>,
    /// Done, and not acknowledged yet.
    done: BTreeSet<u64>,
}

impl Unsettled {
    /// A message was delivered.
    pub(super) fn came(&mut self, tag: u64) {
        self.open.insert(tag);
    }

    /// A message is done and wants its acknowledgement.
    pub(super) fn wants_ack(&mut self, tag: u64) {
        self.open.remove(&tag);
        self.done.insert(tag);
    }

    /// A message was given back.
    pub(super) fn settled(&mut self, tag: u64) {
        self.open.remove(&tag);
    }

    /// What to acknowledge now: tags, and whether each stands for all before it as well. Messages that are done before
    /// the oldest open one share one word.
    pub(super) fn acks(&mut self) -> Vec<(u64, bool)> {
        let mut done = std::mem::take(&mut self.done);
        let alone = match self.open.first() {
            Some(oldest) => done.split_off(oldest),
            None => BTreeSet::new(),
        };
        let together = done.last().map(|last| (*last, done.len() > 1));
        let alone = alone.into_iter().map(|tag| (tag, false));
        together.into_iter().chain(alone).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_done_before_the_oldest_open_message_shares_one_word() {
        let mut unsettled = Unsettled::default();
        (1..=6).for_each(|tag| unsettled.came(tag));
        for tag in [3, 1, 2, 5] {
            unsettled.wants_ack(tag);
        }
        assert_eq!(unsettled.acks(), [(3, true), (5, false)]);
        assert_eq!(unsettled.acks(), []);
        unsettled.settled(4);
        unsettled.wants_ack(6);
        assert_eq!(unsettled.acks(), [(6, false)]);
    }

    proptest! {
        /// The broker's side of it: what each word settles.
        #[test]
        fn every_done_message_is_acknowledged_once_and_no_open_one_ever(
            steps in proptest::collection::vec((0_u8..4, 0_usize..8), 1..200),
        ) {
            let mut unsettled = Unsettled::default();
            let (mut at_broker, mut handled) = (BTreeSet::new(), BTreeSet::new());
            let (mut open, mut last) = (Vec::new(), 0);
            for (step, which) in steps {
                match step {
                    0 => {
                        last += 1;
                        unsettled.came(last);
                        at_broker.insert(last);
                        open.push(last);
                    }
                    1 if !open.is_empty() => {
                        let tag = open.remove(which % open.len());
                        unsettled.wants_ack(tag);
                        handled.insert(tag);
                    }
                    2 if !open.is_empty() => {
                        let tag = open.remove(which % open.len());
                        prop_assert!(at_broker.remove(&tag));
                        unsettled.settled(tag);
                    }
                    _ => {
                        for (tag, multiple) in unsettled.acks() {
                            prop_assert!(at_broker.contains(&tag), "{tag} is settled already");
                            let settled: Vec<u64> = at_broker
                                .iter()
                                .copied()
                                .filter(|one| *one == tag || (multiple && *one < tag))
                                .collect();
                            for one in settled {
                                prop_assert!(handled.contains(&one), "{one} is not done");
                                at_broker.remove(&one);
                            }
                        }
                        prop_assert!(handled.iter().all(|tag| !at_broker.contains(tag)));
                    }
                }
            }
        }
    }
}
