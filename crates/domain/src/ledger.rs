//! Money (Q6): reserve at submit, charge at most the quote once at completion, release what is not charged.
//!
//! Amounts are whole credits. The ledger is append-only: a settled job has one reservation and one settlement.

use serde::{Deserialize, Serialize};

/// A number of credits, never negative.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Credits(pub i64);

/// What a ledger row does to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Sets credits aside for a job.
    Reserve,
    /// Takes them: the job was delivered.
    Charge,
    /// Gives them back: the job was not.
    Release,
}

impl EntryKind {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Charge => "charge",
            Self::Release => "release",
        }
    }
}

/// The one settlement of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Charge or release.
    pub kind: EntryKind,
    /// Credits that leave the account for good; 0 for a release.
    pub charged: Credits,
}

/// Settles a job that was quoted `quote` for `wanted` pictures and delivered `delivered` of them.
///
/// A part that was withheld is not paid for, and rounding favours the member.
pub fn settle(quote: Credits, wanted: usize, delivered: usize) -> Settlement {
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX).max(1);
    let delivered = i64::try_from(delivered).unwrap_or(i64::MAX).min(wanted);
    if delivered == 0 {
        return Settlement {
            kind: EntryKind::Release,
            charged: Credits(0),
        };
    }
    let share = i128::from(quote.0.max(0)) * i128::from(delivered) / i128::from(wanted);
    Settlement {
        kind: EntryKind::Charge,
        charged: Credits(i64::try_from(share).unwrap_or(quote.0)),
    }
}

/// What a job of this price costs when `part` of its work is done instead of `whole`: rounding favours the member, and more
/// work costs no more.
pub fn in_proportion(price: Credits, part: u64, whole: u64) -> Credits {
    let share = i128::from(price.0.max(0)) * i128::from(part.min(whole)) / i128::from(whole.max(1));
    Credits(i64::try_from(share).unwrap_or(price.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_of_four_pictures_cost_three_quarters_rounded_down() {
        assert_eq!(
            settle(Credits(10), 4, 3),
            Settlement {
                kind: EntryKind::Charge,
                charged: Credits(7)
            }
        );
    }

    #[test]
    fn nothing_delivered_costs_nothing() {
        assert_eq!(
            settle(Credits(10), 4, 0),
            Settlement {
                kind: EntryKind::Release,
                charged: Credits(0)
            }
        );
    }

    #[test]
    fn nine_sixteenths_of_the_work_cost_as_much_rounded_down() {
        assert_eq!(in_proportion(Credits(10), 9, 16), Credits(5));
        assert_eq!(in_proportion(Credits(0), 9, 16), Credits(0));
    }

    proptest! {
        #[test]
        fn less_work_never_costs_more(price in 0..i64::MAX, part: u64, whole: u64) {
            let less = in_proportion(Credits(price), part, whole);
            prop_assert!(less >= Credits(0) && less <= Credits(price));
        }

        #[test]
        fn no_job_costs_more_than_its_quote(quote in 0..i64::MAX, wanted in 0..50_usize, delivered in 0..80_usize) {
            let settlement = settle(Credits(quote), wanted, delivered);
            prop_assert!(settlement.charged >= Credits(0) && settlement.charged <= Credits(quote));
        }
    }
}
