//! The subcommands: what `teller` does at a terminal.

use std::{ffi::OsString, io::Write, process::ExitCode};

use crate::{
    app,
    app::AppError,
    backup,
    backup::error::BackupError,
    bank::{books, file_check, rekey},
    bench,
    bench::options::Options,
    compat::openapi,
    config::{
        arguments,
        arguments::Command,
        checked::{Config, ConfigError},
    },
    graphql::schema,
    log,
    log::LogError,
    people,
    people::PeopleError,
    report,
    seed::{
        people::{PASSWORD, Purpose},
        run as seed,
        run::Seeded,
    },
    trace,
    types::entropy::SystemEntropy,
};

/// What ends a command early.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Backup(#[from] BackupError),
}

/// Runs the command that the arguments name.
pub async fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match arguments::read(&arguments) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let telling = trace::begin(&arguments.settings.watch);
    let _telling = match telling {
        Ok(telling) => telling,
        Err(error) => return fail(&error.to_string(), 2),
    };
    let mut out = std::io::stdout();
    let command = arguments.command.unwrap_or(Command::Serve);
    if command == Command::Schema {
        // The schema needs no database and no secret.
        return match out.write_all(schema::sdl().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot write to standard output: {error}"), 1),
        };
    }
    if let Command::Openapi { dialect } = command {
        // Nor does a document.
        return match out.write_all(openapi::text(dialect).as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot write to standard output: {error}"), 1),
        };
    }
    if let Command::Bench { json, quick, only, seconds } = command {
        // It makes its own folder, secret and databases.
        let options = Options { json, quick, only, seconds, settings: arguments.settings };
        return match bench::run::run(&options, &mut out).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string(), 1),
        };
    }
    let outcome = match arguments.settings.check(&SystemEntropy) {
        Ok(config) => act(command, &config, &mut out).await,
        Err(error) => return fail(&error.to_string(), 2),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => fail(&error.to_string(), 1),
    }
}

/// Says on standard error what went wrong.
fn fail(message: &str, code: u8) -> ExitCode {
    // Where even standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "teller: {message}");
    ExitCode::from(code)
}

async fn act(
    command: Command,
    config: &Config,
    out: &mut impl Write,
) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve => app::serve(config, out).await?,
        Command::Schema => out.write_all(schema::sdl().as_bytes())?,
        Command::Migrate => migrate(config, out).await?,
        Command::Seed => make_people(config, out).await?,
        Command::Rekey => reseal(config, out).await?,
        Command::Audit { files } => return audit(files, config, out).await,
        Command::Backup { file, replace } => {
            return Ok(code(backup::make::run(&file, replace, config, out).await?));
        }
        Command::Restore { file, check: true, .. } => {
            return Ok(code(backup::check::run(&file, config, out).await?));
        }
        Command::Restore { file, check: false, replace } => {
            return Ok(code(backup::restore::run(&file, replace, config, out).await?));
        }
        Command::Log(asked) => log::run(&asked, config, out).await?,
        Command::User(asked) => people::run(&asked, config, out).await?,
        Command::BenchTwin => bench::twin::serve(config, out).await?,
        Command::Openapi { .. } | Command::Bench { .. } => {
            unreachable!("it is run without checked settings")
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(config: &Config, out: &mut impl Write) -> Result<(), CliError> {
    let db = app::open_database(config).await?;
    let pending = db.pending_migrations().await.map_err(AppError::from)?;
    db.migrate().await.map_err(AppError::from)?;
    match pending.len() {
        0 => writeln!(out, "The schema is up to date.")?,
        1 => writeln!(out, "1 migration was made; the schema is up to date.")?,
        count => writeln!(out, "{count} migrations were made; the schema is up to date.")?,
    }
    db.close().await;
    Ok(())
}

async fn make_people(config: &Config, out: &mut impl Write) -> Result<(), CliError> {
    let bank = app::open(config).await?;
    for (demo, seeded) in seed::run(&bank).await.map_err(AppError::from)? {
        let email = demo.person.email;
        let became = match seeded {
            Seeded::Made => "was made",
            Seeded::Known => "was there before",
        };
        match demo.purpose {
            Purpose::Year { .. } => writeln!(out, "{email:<24} {became:<17} a year of history")?,
            Purpose::Dialect(name) => writeln!(out, "{email:<24} {became:<17} for {name}")?,
        }
    }
    writeln!(out, "The password of each is \"{PASSWORD}\"; codes come to the inbox.")?;
    bank.db.close().await;
    Ok(())
}

async fn reseal(config: &Config, out: &mut impl Write) -> Result<(), CliError> {
    let bank = app::open_existing(config).await?;
    let done = rekey::run(&bank).await.map_err(AppError::from)?;
    for (column, count) in &done.columns {
        writeln!(out, "{count} values of {column} were sealed anew")?;
    }
    writeln!(out, "Everything is sealed with the secret {}.", bank.ring.key_id_text())?;
    match done.dropped {
        0 => writeln!(out, "It was the only one before, too.")?,
        _ => writeln!(
            out,
            "The older secrets are of no use any more: take them out of the settings."
        )?,
    }
    bank.db.close().await;
    Ok(())
}

/// 0 where what was asked holds, else 1.
fn code(holds: bool) -> ExitCode {
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn audit(files: bool, config: &Config, out: &mut impl Write) -> Result<ExitCode, CliError> {
    // An audit changes nothing and makes nothing.
    let bank = app::assemble(config, app::open_existing_database(config).await?)?;
    let report = books::audit(&bank).await.map_err(AppError::from)?;
    let mut holds = report.holds();
    if files {
        let checked = file_check::run(&bank).await.map_err(AppError::from)?;
        match &checked.broken {
            None => writeln!(out, "ok     {} files are as they were brought", checked.count)?,
            Some(fault) => writeln!(out, "BROKEN every file is as it was brought: {fault}")?,
        }
        holds &= checked.broken.is_none();
    }
    report::show(out, &report)?;
    bank.db.close().await;
    Ok(code(holds))
}
