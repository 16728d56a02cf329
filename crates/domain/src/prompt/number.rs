//! Numbers as people type them.

/// A whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// From 0 to [`u32::MAX`].
    Fits(u32),
    /// Negative or larger.
    Beyond,
}

impl Whole {
    /// The number, if it fits.
    pub(super) fn fitting(self) -> Option<u32> {
        match self {
            Self::Fits(number) => Some(number),
            Self::Beyond => None,
        }
    }
}

/// Digits with an optional minus sign; `None` for anything else.
pub(super) fn whole(text: &str) -> Option<Whole> {
    let (negative, digits) = signed(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits
        .parse()
        .ok()
        .filter(|number| !negative || *number == 0);
    Some(number.map_or(Whole::Beyond, Whole::Fits))
}

/// A number written as `2`, `2.`, `.5`, `-0.5`; nothing else that Rust would read as one.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let (negative, digits) = signed(text);
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = before
        .bytes()
        .chain(after.bytes())
        .all(|byte| byte.is_ascii_digit());
    if !all_digits || (before.is_empty() && after.is_empty()) {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    Some(if negative { -number } else { number })
}

/// Whether a weight is exactly 1, and so need not be written.
pub(super) fn is_one(number: f64) -> bool {
    number.to_bits() == 1.0_f64.to_bits()
}

/// Phones turn the minus sign into a dash.
fn signed(text: &str) -> (bool, &str) {
    let unsigned = text.strip_prefix(['-', '\u{2212}', '\u{2013}']);
    (unsigned.is_some(), unsigned.unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_numbers() {
        assert_eq!(whole("007"), Some(Whole::Fits(7)));
        assert_eq!(whole("-0"), Some(Whole::Fits(0)));
        assert_eq!(whole("–3"), Some(Whole::Beyond));
        for text in ["", "-", "+1", "1.0", "1e3", "٣", "0x1"] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!((decimal("2."), decimal("-.5")), (Some(2.0), Some(-0.5)));
        for text in ["", ".", "-", "inf", "NaN", "1e3", "1_0", "--5", "1.2.3"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
