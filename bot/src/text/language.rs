//! The languages that Easel speaks.

/// A language that every text exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// What is spoken where nothing else is known.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::French];

    /// The language for a locale as Discord writes it (`de`, `en-GB`); English where we do not speak the member's own.
    pub fn of_locale(locale: &str) -> Self {
        let spoken = locale.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(spoken))
            .unwrap_or_default()
    }

    /// Its two letters, as they are stored and as Discord's locales begin.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
        }
    }

    /// What stands between the whole and the tenths of a number.
    pub fn decimal_mark(self) -> char {
        match self {
            Self::English => '.',
            Self::German | Self::French => ',',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locale_of_discord_has_a_language() {
        for (locale, language) in [
            ("de", Language::German),
            ("fr", Language::French),
            ("en-US", Language::English),
            ("en-GB", Language::English),
            ("FR_ca", Language::French),
            ("pt-BR", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
    }

    #[test]
    fn a_stored_code_is_read_back() {
        for language in Language::ALL {
            assert_eq!(Language::of_locale(language.code()), language);
        }
    }
}
