//! The dialects by name.

use crate::domain::session::Facade;

/// One of the five legacy APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// card-bank.
    CardBank,
    /// fintract.
    Fintract,
    /// financelime.
    Financelime,
    /// accounts.
    Accounts,
    /// ewallet.
    Ewallet,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::CardBank, Self::Fintract, Self::Financelime, Self::Accounts, Self::Ewallet];

    /// What it is called in settings, paths and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardBank => "card-bank",
            Self::Fintract => "fintract",
            Self::Financelime => "financelime",
            Self::Accounts => "accounts",
            Self::Ewallet => "ewallet",
        }
    }

    /// Where its paths stand by themselves.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::CardBank => "/compat/card-bank",
            Self::Fintract => "/compat/fintract",
            Self::Financelime => "/compat/financelime",
            Self::Accounts => "/compat/accounts",
            Self::Ewallet => "/compat/ewallet",
        }
    }

    /// The door that its sessions came in by.
    pub const fn facade(self) -> Facade {
        match self {
            Self::CardBank => Facade::CardBank,
            Self::Fintract => Facade::Fintract,
            Self::Financelime => Facade::Financelime,
            Self::Accounts => Facade::Accounts,
            Self::Ewallet => Facade::Ewallet,
        }
    }

    /// The dialect of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    #[test]
    fn a_dialect_is_known_by_its_name_and_stands_below_it() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::named(dialect.name()), Some(dialect));
            assert_eq!(dialect.prefix(), format!("/compat/{}", dialect.name()));
            assert_eq!(dialect.facade().audience(), dialect.name());
        }
        assert_eq!(Dialect::named("cardbank"), None);
    }
}
