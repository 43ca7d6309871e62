//! The command line: subcommands, and settings from flags, `TELLER_…` variables and a file, in this order of weight.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    dialects,
    people::{LogFilter, UserCommand},
    settings::Settings,
};
use crate::compat::wire::dialect::Dialect;

/// A GraphQL banking API server over a double-entry ledger.
///
/// Without any setting it runs as a sandbox: SQLite in ./data, captured mail at
/// /dev/inbox, a playground at /playground, opening credits and free top-ups.
#[derive(Debug, Clone, Parser)]
#[command(name = "teller", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What to do; serve where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The settings of all commands.
    #[command(flatten)]
    pub settings: Settings,
}

const AFTER_HELP: &str = "Each setting is taken from its flag, else from its TELLER_… variable, \
    else from the file of --config, else it has the default shown. The file is TOML with the \
    flags' names: listen = \"127.0.0.1:9000\".";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the API (the default).
    Serve,
    /// Bring the database's schema up to date, and stop.
    Migrate,
    /// Print the GraphQL schema.
    Schema,
    /// Print the OpenAPI document of a legacy dialect.
    Openapi {
        /// The dialect: card-bank, fintract, financelime, accounts or ewallet.
        #[arg(value_name = "DIALECT", value_parser = dialects::dialect)]
        dialect: Dialect,
    },
    /// Make demo people: three with a year of cards, savings, bills and payments, and one for each legacy dialect; sandbox only.
    ///
    /// They have one password, which is printed, and their codes come to the inbox. Everything
    /// that happened to them goes through the ledger, dated by a clock that is set. Who is there
    /// already is left as they are, so it can be run again.
    Seed,
    /// Seal everything anew with the newest secret, while servers run; the older ones can go afterwards.
    Rekey,
    /// Compute every sum and balance of the books again; exit 1 on a difference.
    Audit {
        /// Read the files of people as well, and compare each with what was brought.
        #[arg(long)]
        files: bool,
    },
    /// Write a backup of a SQLite database while servers run, with the folder of files beside it as FILE.files, and check it; PostgreSQL has tools of its own.
    Backup {
        /// Where to; for its owner alone.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Take the place of a backup that is there.
        #[arg(long)]
        replace: bool,
    },
    /// Make a backup the database again, in a place where there is none.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only look it over, and touch nothing: the file, its schema, the audit, the secret; exit 1 where it does not hold.
        #[arg(long)]
        check: bool,
        /// Take the place of a database that is there, which is kept beside; no server may run.
        #[arg(long, conflicts_with = "check")]
        replace: bool,
    },
    /// List the audit log: who did what, on what, from where, and what came of it; the newest last.
    Log(LogFilter),
    /// Make people, staff and invite codes, and say what they may do.
    #[command(subcommand)]
    User(UserCommand),
    /// Measure a server of its own against its peers: on SQLite in a temporary folder, or on databases that it makes on the server of a postgres:// URL and drops again.
    Bench {
        /// Print one JSON object with every round in place of the table.
        #[arg(long)]
        json: bool,
        /// Use tiny numbers, which show that it runs and judge nothing.
        #[arg(long)]
        quick: bool,
        /// Measure one group of rows alone: many, hot, me, history, memory or live.
        #[arg(long, value_name = "GROUP")]
        only: Option<String>,
        /// How long each load of each round lasts; 5 where nothing is said.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: Option<u64>,
    },
    /// Serve the plain JSON that `bench` compares with.
    #[command(hide = true)]
    BenchTwin,
}

/// Reads flags, variables and the file.
///
/// Help, versions and malformed flags come back as clap's own errors, which know
/// how to show themselves.
pub fn read(arguments: &[OsString]) -> Result<Arguments, clap::Error> {
    let command = without_empty_variables(Arguments::command());
    // The file's place is known before its settings can be; so flags are read twice.
    let first = command.clone().ignore_errors(true).try_get_matches_from(arguments)?;
    let file: Option<&PathBuf> = first.get_one("config");
    let plain = command.clone();
    let command = match file {
        Some(file) => with_file(command, file)?,
        None => command,
    };
    let (matches, unreadable) = matches_of(&plain, command, arguments)?;
    let mut read = Arguments::from_arg_matches(&matches)?;
    read.settings.unreadable = unreadable;
    Ok(read)
}

/// Reads flags, variables and the file's lines; a variable or line that cannot be read is
/// noted and left out, so that all of them are told at once with whatever else is wrong.
/// A flag that cannot be read is told by itself.
fn matches_of(
    plain: &clap::Command,
    mut command: clap::Command,
    arguments: &[OsString],
) -> Result<(ArgMatches, Vec<String>), clap::Error> {
    let mut unreadable = Vec::new();
    loop {
        let error = match command.clone().try_get_matches_from(arguments) {
            Ok(matches) => return Ok((matches, unreadable)),
            Err(error) => error,
        };
        // Only an argument that was built can say how an error shows it.
        let mut built = command.clone();
        built.build();
        let Some(argument) = faulty(&built, &error, arguments) else {
            return Err(error);
        };
        let (id, variable) = (argument.get_id().clone(), argument.get_env().is_some_and(is_set));
        let name = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        unreadable.push(format!("{}: {}", name.unwrap_or_else(|| id.to_string()), reason(&error)));
        let defaults = plain.get_arguments().find(|argument| *argument.get_id() == id);
        let defaults: Vec<clap::builder::OsStr> =
            defaults.map_or_else(Vec::new, |argument| argument.get_default_values().to_vec());
        command = command.mut_arg(id, |argument| {
            if variable {
                argument.env(Resettable::Reset)
            } else {
                argument.default_values(defaults)
            }
        });
    }
}

fn is_set(variable: &std::ffi::OsStr) -> bool {
    std::env::var_os(variable).is_some()
}

/// The setting whose variable or line an error is about; none where a flag is at fault.
fn faulty<'c>(
    command: &'c clap::Command,
    error: &clap::Error,
    arguments: &[OsString],
) -> Option<&'c clap::Arg> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let of_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    let found = command.get_arguments().find(|argument| argument.to_string() == *shown);
    let argument = found.filter(|_| of_value)?;
    let flag = format!("--{}", argument.get_long()?);
    let typed = arguments.iter().filter_map(|text| text.to_str()).any(|text| {
        text.strip_prefix(&flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    });
    let set = argument.get_env().is_some_and(is_set) || !argument.get_default_values().is_empty();
    (!typed && set).then_some(argument)
}

/// What is wrong with a value, in one line and without the value of a secret.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) if !words.is_empty() => {
            format!("{first}; it may be {}", words.join(", "))
        }
        _ => first,
    }
}

/// A variable that is set to nothing is as one that is not set: files that start
/// containers pass such for every setting that they leave alone.
fn without_empty_variables(mut command: clap::Command) -> clap::Command {
    let is_empty = |argument: &clap::Arg| {
        argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    let empty: Vec<clap::Id> =
        command.get_arguments().filter(|a| is_empty(a)).map(|a| a.get_id().clone()).collect();
    for id in empty {
        command = command.mut_arg(id, |argument| argument.env(Resettable::Reset));
    }
    command
}

/// Makes the values of a file the defaults of their flags.
fn with_file(mut command: clap::Command, file: &Path) -> Result<clap::Command, clap::Error> {
    let mut fail = |message: String| {
        let kind = ErrorKind::InvalidValue;
        command.error(kind, format!("{}: {message}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error| fail(format!("{error}")))?;
    for (name, value) in table {
        let id = name.replace('-', "_");
        let known = command.get_arguments().any(|argument| argument.get_id() == id.as_str());
        let plain = match value {
            toml::Value::String(text) => Some(text),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(flag) => Some(flag.to_string()),
            toml::Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(toml::Value::as_str).collect();
                texts.map(|texts| texts.join(","))
            }
            _ => None,
        };
        let mut fail = |message: String| {
            let kind = ErrorKind::UnknownArgument;
            command.error(kind, format!("{}: {message}", file.display()))
        };
        if !known || id == "config" {
            return Err(fail(format!("there is no setting {name}")));
        }
        let Some(plain) = plain else {
            return Err(fail(format!("{name} must be a text, a number, true or false, or a list")));
        };
        command = command.mut_arg(id, |argument| argument.default_value(plain));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::read;

    fn arguments(texts: &[&str]) -> Vec<OsString> {
        ["teller"].iter().chain(texts).map(OsString::from).collect()
    }

    #[test]
    fn a_file_stands_behind_flags() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teller.toml");
        let text = "listen = \"127.0.0.1:9000\"\ncurrencies = [\"EUR\", \"JPY\"]\n\
            database-connections = 3\nproduction = true\n";
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        let read = |more: &[&str]| {
            let texts = [&["--config", path], more].concat();
            read(&arguments(&texts)).unwrap().settings
        };
        let settings = read(&["audit"]);
        assert_eq!(settings.listen.port(), 9000);
        assert_eq!(settings.currencies, ["EUR", "JPY"]);
        assert_eq!(settings.database_connections, 3);
        assert!(settings.production);
        assert_eq!(read(&["serve", "--listen", "127.0.0.1:1"]).listen.port(), 1);
    }

    #[test]
    fn all_lines_that_cannot_be_read_are_told_at_once_with_what_else_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teller.toml");
        let text = "listen = \"nowhere\"\ndatabase-connections = 0\nfunding = \"all\"\n\
            smtp-url = \"mail.example.org\"\n";
        std::fs::write(&file, text).unwrap();
        let data = folder.path().join("data");
        let texts = ["--config", file.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
        let settings = read(&arguments(&texts)).unwrap().settings;
        assert_eq!(settings.listen.port(), 8080);
        let told = settings.check(&crate::types::entropy::SystemEntropy).unwrap_err().to_string();
        for needed in [
            "TELLER_LISTEN: ",
            "TELLER_DATABASE_CONNECTIONS: ",
            "TELLER_FUNDING: ",
            "open, staff",
            "TELLER_SMTP_URL must begin",
        ] {
            assert!(told.contains(needed), "{needed}: {told}");
        }
        assert!(read(&arguments(&["--listen", "nowhere"])).is_err(), "a flag by itself");
    }

    #[test]
    fn a_file_with_an_unknown_setting_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teller.toml");
        std::fs::write(&file, "lisen = \"127.0.0.1:9000\"\n").unwrap();
        let error = read(&arguments(&["--config", file.to_str().unwrap()])).unwrap_err();
        assert!(error.to_string().contains("there is no setting lisen"), "{error}");
    }

    #[test]
    fn a_switch_is_set_by_its_name_alone_or_by_a_word() {
        let production = |texts: &[&str]| read(&arguments(texts)).unwrap().settings.production;
        assert!(!production(&[]));
        assert!(production(&["--production"]));
        assert!(production(&["--production", "audit"]));
        assert!(production(&["--production=yes"]));
        assert!(!production(&["--production=0"]));
    }
}
