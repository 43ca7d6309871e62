//! The settings of the legacy dialects, as they are typed.

use clap::ValueEnum;

use crate::{compat::wire::dialect::Dialect, types::clock::Instant};

/// A legacy dialect as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialectName {
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
    /// None of them.
    None,
}

impl DialectName {
    const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::CardBank => Some(Dialect::CardBank),
            Self::Fintract => Some(Dialect::Fintract),
            Self::Financelime => Some(Dialect::Financelime),
            Self::Accounts => Some(Dialect::Accounts),
            Self::Ewallet => Some(Dialect::Ewallet),
            Self::None => None,
        }
    }
}

/// Reads the name of one dialect.
pub fn dialect(name: &str) -> Result<Dialect, String> {
    Dialect::named(name).ok_or_else(|| {
        let names = Dialect::ALL.map(Dialect::name).join(", ");
        format!("there are these: {names}")
    })
}

/// Which legacy dialects answer, and since when they are called old.
#[derive(Debug, Clone, clap::Args)]
pub struct DialectSettings {
    /// The legacy dialects that answer, with commas; none switches all of them off.
    #[arg(
        long,
        global = true,
        env = "TELLER_DIALECTS",
        value_name = "DIALECTS",
        value_delimiter = ',',
        default_value = "card-bank,fintract,financelime,accounts,ewallet"
    )]
    pub dialects: Vec<DialectName>,

    /// Since when their answers call them deprecated.
    #[arg(
        long,
        global = true,
        env = "TELLER_DIALECTS_DEPRECATED",
        value_name = "INSTANT",
        default_value = "2026-11-26T00:00:00Z"
    )]
    pub dialects_deprecated: Instant,

    /// Whether signing up by financelime takes a code that invites; a code that is sent must be good either way.
    #[arg(
        long,
        global = true,
        env = "TELLER_INVITE_REQUIRED",
        action = clap::ArgAction::Set,
        value_name = "BOOL",
        default_value = "true",
        hide_possible_values = true,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub invite_required: bool,
}

impl DialectSettings {
    /// Those that answer, each once.
    pub fn open(&self, faults: &mut Vec<String>) -> Vec<Dialect> {
        if self.dialects.contains(&DialectName::None) && self.dialects.len() > 1 {
            faults.push("TELLER_DIALECTS names none beside others".to_owned());
        }
        let mut open: Vec<Dialect> = self.dialects.iter().filter_map(|one| one.dialect()).collect();
        open.sort_unstable();
        open.dedup();
        open
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::DialectSettings;
    use crate::compat::wire::{dialect::Dialect, doors::DEPRECATED_AT};

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        settings: DialectSettings,
    }

    fn open(texts: &[&str]) -> Result<Vec<Dialect>, Vec<String>> {
        let all = ["teller"].iter().chain(texts);
        let mut faults = Vec::new();
        let open = Alone::try_parse_from(all).unwrap().settings.open(&mut faults);
        if faults.is_empty() { Ok(open) } else { Err(faults) }
    }

    #[test]
    fn each_dialect_has_a_switch() {
        assert_eq!(open(&[]), Ok(Dialect::ALL.to_vec()));
        assert_eq!(open(&["--dialects", "none"]), Ok(Vec::new()));
        let two = open(&["--dialects", "ewallet,card-bank,ewallet"]);
        assert_eq!(two, Ok(vec![Dialect::CardBank, Dialect::Ewallet]));
        assert!(open(&["--dialects", "none,ewallet"]).is_err());
        let settings = Alone::try_parse_from(["teller"]).unwrap().settings;
        assert_eq!(settings.dialects_deprecated.timestamp(), DEPRECATED_AT);
    }
}
