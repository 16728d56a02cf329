//! What parameters hold once they are known to be right.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::number::is_one;
use super::problem::AddressFault;

/// Width to height of the picture, as typed: `16:9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AspectRatio {
    width: u32,
    height: u32,
}

impl AspectRatio {
    /// 1:1.
    pub const SQUARE: Self = Self {
        width: 1,
        height: 1,
    };

    /// `width:height`, neither of them 0.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        (width > 0 && height > 0).then_some(Self { width, height })
    }

    /// The shape of a picture of this size in numbers that people use: within a hundredth of it, and as small as that
    /// allows. 4032 × 3023 is 4:3.
    pub fn of_size(width: u32, height: u32) -> Option<Self> {
        const CLOSE: f64 = 0.01;
        // With this many parts even the worst shape is met.
        const MOST_PARTS: u32 = 50;
        let exact = Self::new(width, height)?;
        let (long, short) = (width.max(height), width.min(height));
        let wanted = f64::from(long) / f64::from(short);
        let simple = (1..=MOST_PARTS).find_map(|parts| {
            let whole = (wanted * f64::from(parts)).round();
            let off = (whole / f64::from(parts) / wanted - 1.0).abs();
            // A ratio of two such numbers times fifty is beyond them only for pictures of a few pixels' height.
            (off <= CLOSE && whole <= f64::from(u32::MAX)).then_some((whole as u32, parts))
        });
        let (long, short) = simple.unwrap_or((exact.reduced().width, exact.reduced().height));
        if simple.is_some() && width < height {
            Self::new(short, long)
        } else {
            Self::new(long, short)
        }
    }

    /// The number before the colon.
    pub fn width(self) -> u32 {
        self.width
    }

    /// The number after the colon.
    pub fn height(self) -> u32 {
        self.height
    }

    /// The same shape in the smallest numbers: 32:18 is 16:9.
    #[must_use]
    pub fn reduced(self) -> Self {
        let (mut a, mut b) = (self.width, self.height);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self {
            width: self.width / a,
            height: self.height / a,
        }
    }

    /// Whether the long side is at most `limit` times the short one.
    pub fn within(self, limit: u32) -> bool {
        let (width, height, limit) = (self.width.into(), self.height.into(), u64::from(limit));
        let fits = |long: u64, short: u64| long <= short.saturating_mul(limit);
        fits(width, height) && fits(height, width)
    }
}

impl Default for AspectRatio {
    fn default() -> Self {
        Self::SQUARE
    }
}

impl fmt::Display for AspectRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

impl FromStr for AspectRatio {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (width, height) = text.split_once(':').ok_or(())?;
        Self::new(width.parse().map_err(drop)?, height.parse().map_err(drop)?).ok_or(())
    }
}

impl Serialize for AspectRatio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AspectRatio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| de::Error::custom("not an aspect ratio"))
    }
}

/// How much of the full number of steps is taken, in hundredths: `--quality .5` is 50.
///
/// Quality changes GPU time, never resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quality(pub u16);

impl Quality {
    /// The full number of steps.
    pub const FULL: Self = Self(100);

    /// Steps to take where the model takes `full` at quality 1: `full` × quality, rounded up, at least 1.
    pub fn steps(self, full: u32) -> u32 {
        full.saturating_mul(u32::from(self.0)).div_ceil(100).max(1)
    }

    /// The number that the user types.
    pub fn as_number(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self::FULL
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_number())
    }
}

impl Serialize for Quality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_number())
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if !(0.0..=100.0).contains(&number) {
            return Err(de::Error::custom("not a quality"));
        }
        Ok(Self((number * 100.0).round() as u16))
    }
}

/// Which lane the user asks for, by job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// `--fast`.
    Fast,
    /// `--relax`.
    Relax,
    /// `--turbo`.
    Turbo,
}

/// Who may see the pictures, by job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// `--stealth`.
    Stealth,
    /// `--public`.
    Public,
}

/// Where a style, a character or an object is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceSource {
    /// A picture.
    Picture(Url),
    /// A numbered style.
    Code(u32),
    /// A style that is drawn by lot when the job is made, anew for every job.
    Random,
}

/// One of `--sref`'s, `--cref`'s or `--oref`'s values: `https://…/a.png::2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// What is referred to.
    pub source: ReferenceSource,
    /// Its share among the references of the same parameter.
    pub weight: f64,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may itself hold “::”; then the weight is written even if it is 1.
        let ambiguous = match &self.source {
            ReferenceSource::Picture(url) => {
                write!(f, "{url}")?;
                url.as_str().contains("::")
            }
            ReferenceSource::Code(code) => {
                write!(f, "{code}")?;
                false
            }
            ReferenceSource::Random => {
                f.write_str("random")?;
                false
            }
        };
        if is_one(self.weight) && !ambiguous {
            Ok(())
        } else {
            write!(f, "::{}", self.weight)
        }
    }
}

/// A direct address of a picture: http or https, a host, no credentials, and a path that ends in a picture's suffix.
///
/// Whether it may be fetched (private addresses, redirects, size) is decided where it is fetched.
pub(super) fn picture_url(text: &str) -> Result<Url, AddressFault> {
    const SUFFIXES: [&str; 5] = [".png", ".gif", ".webp", ".jpg", ".jpeg"];
    let text = text
        .strip_prefix('<')
        .map_or(text, |inner| inner.strip_suffix('>').unwrap_or(inner));
    let url = Url::parse(text).map_err(|_| AddressFault::Invalid)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressFault::Scheme);
    }
    if !url.has_host() || !url.username().is_empty() || url.password().is_some() {
        return Err(AddressFault::Credentials);
    }
    let path = url.path().to_ascii_lowercase();
    if !SUFFIXES.iter().any(|suffix| path.ends_with(suffix)) {
        return Err(AddressFault::Suffix);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shape_of_a_picture_is_said_in_numbers_that_people_use() {
        for (width, height, shape) in [
            (64, 64, "1:1"),
            (1024, 1023, "1:1"),
            (4032, 3024, "4:3"),
            (3023, 4032, "3:4"),
            (1365, 768, "16:9"),
            (768, 1365, "9:16"),
            (1080, 1350, "4:5"),
            (1200, 628, "19:10"),
            (2520, 1080, "7:3"),
            (3000, 2000, "3:2"),
            (8000, 100, "80:1"),
            (1, 8000, "1:8000"),
        ] {
            let found = AspectRatio::of_size(width, height).map(|ratio| ratio.to_string());
            assert_eq!(found.as_deref(), Some(shape), "{width}×{height}");
        }
        assert_eq!(AspectRatio::of_size(0, 5), None);
    }

    proptest! {
        #[test]
        fn any_shape_is_met_within_a_hundredth(width in 1..10_000_u32, height in 1..10_000_u32) {
            let ratio = AspectRatio::of_size(width, height).unwrap();
            let wanted = f64::from(width) / f64::from(height);
            let found = f64::from(ratio.width()) / f64::from(ratio.height());
            prop_assert!((found / wanted).ln().abs() <= 0.0102, "{} for {}×{}", ratio, width, height);
            prop_assert!(ratio.width().min(ratio.height()) <= 50);
        }

        #[test]
        fn no_size_panics(width: u32, height: u32) {
            prop_assert_eq!(AspectRatio::of_size(width, height).is_some(), width > 0 && height > 0);
        }
    }
}
