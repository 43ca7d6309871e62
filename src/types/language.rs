//! The languages that letters and pages are written in.

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Language {
    /// English, which is written to everybody who has not said another.
    #[default]
    En,
    /// Russian.
    Ru,
}

impl Language {
    /// The language of a code of ISO 639-1, by its very spelling.
    pub fn named(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::En),
            "ru" => Some(Self::Ru),
            _ => None,
        }
    }

    /// The text in this language.
    pub const fn choose<'t>(self, en: &'t str, ru: &'t str) -> &'t str {
        match self {
            Self::En => en,
            Self::Ru => ru,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_language_is_known_by_its_code_alone() {
        assert_eq!(Language::named("ru"), Some(Language::Ru));
        assert_eq!(Language::named("en"), Some(Language::En));
        for code in ["", "EN", "ne", "rr", "en-US", "de"] {
            assert_eq!(Language::named(code), None, "{code}");
        }
    }
}
