//! The macro that texts are written with.

/// A text as it was written, for the tests that compare languages.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Entry {
    /// Name of the method that says it.
    pub(super) key: &'static str,
    /// What is put into it.
    pub(super) placeholders: &'static [&'static str],
    /// In the order of [`Language::ALL`](super::Language::ALL).
    pub(super) texts: [&'static str; 3],
}

/// Makes one method of `Language` of each text: `texts! { hello(name) { en: …, de: …, fr: … } }` is
/// said by `language.hello(name)`. Texts without placeholders are `&'static str`, the others `String`.
///
/// A language that is missing and a placeholder that does not exist are compile errors; the tests of
/// `text` find placeholders that a language leaves out.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $(($($arg:ident),+))? { en: $en:literal, de: $de:literal, fr: $fr:literal $(,)? })+) => {
        impl $crate::text::Language {
            $($crate::text::table::texts!(@method $(#[$doc])* $name [$($($arg),+)?] $en, $de, $fr);)+
        }

        /// Every text of this file.
        #[cfg(test)]
        pub(super) const ENTRIES: &[$crate::text::table::Entry] = &[
            $($crate::text::table::Entry {
                key: stringify!($name),
                placeholders: &[$($(stringify!($arg)),+)?],
                texts: [$en, $de, $fr],
            }),+
        ];
    };
    (@method $(#[$doc:meta])* $name:ident [] $en:literal, $de:literal, $fr:literal) => {
        $(#[$doc])*
        pub fn $name(self) -> &'static str {
            match self {
                Self::English => $en,
                Self::German => $de,
                Self::French => $fr,
            }
        }
    };
    (@method $(#[$doc:meta])* $name:ident [$($arg:ident),+] $en:literal, $de:literal, $fr:literal) => {
        $(#[$doc])*
        pub fn $name(self, $($arg: impl std::fmt::Display),+) -> String {
            match self {
                Self::English => format!($en),
                Self::German => format!($de),
                Self::French => format!($fr),
            }
        }
    };
}
pub(super) use texts;
