//! What a backup must fulfil: asked of the copy itself, which is not touched.

use std::{io::Write, path::Path};

use super::{error::BackupError, place};
use crate::{
    app,
    bank::{books, books::Report, file_check, key_ring},
    config::checked::Config,
    db::{copy, copy::Depth, pool::Db, wal},
    files::objects::Objects,
    report,
};

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is wrong, a sentence each.
    pub faults: Vec<String>,
    /// The audit, where there was something to audit.
    pub report: Option<Report>,
    /// How many files of people are as they were brought.
    pub files: Option<usize>,
}

impl Verdict {
    /// Nothing is wrong.
    pub fn holds(&self) -> bool {
        self.faults.is_empty() && self.report.as_ref().is_some_and(Report::holds)
    }

    /// Shows it.
    pub fn show(&self, out: &mut impl Write) -> Result<(), BackupError> {
        if let Some(report) = &self.report {
            report::show(out, report)?;
        }
        if let Some(count) = self.files {
            writeln!(out, "ok     {count} files of people are as they were brought")?;
        }
        for fault in &self.faults {
            writeln!(out, "BROKEN {fault}")?;
        }
        Ok(())
    }
}

/// `teller restore FILE --check`: looks a backup over; false where it does not hold.
pub async fn run(file: &Path, config: &Config, out: &mut impl Write) -> Result<bool, BackupError> {
    let files = place::files_of(file);
    let verdict = inspect(file, files.is_dir().then_some(files.as_path()), config).await?;
    verdict.show(out)?;
    let holds = verdict.holds();
    let word = if holds { "The backup holds." } else { "The backup does not hold." };
    writeln!(out, "{word}")?;
    Ok(holds)
}

/// Looks a backup over, and its files where they are beside it.
pub async fn inspect(
    file: &Path,
    files: Option<&Path>,
    config: &Config,
) -> Result<Verdict, BackupError> {
    if !file.is_file() {
        return BackupError::refused(format!("{} is no file", file.display()));
    }
    let log = wal::beside(file);
    if log.metadata().is_ok_and(|about| about.len() > 0) {
        let reason = "has a log beside it: it is a database in use, or a copy of one that was made \
            by hand; make a backup of it by `teller backup`";
        return BackupError::refused(format!("{} {reason}", file.display()));
    }
    let mut verdict = Verdict::default();
    let opened = copy::open_still(file).await;
    let looked = match opened {
        Ok(db) => {
            let looked = look(&db, files, config, &mut verdict).await;
            db.close().await;
            looked
        }
        Err(error) => Err(error.into()),
    };
    if let Err(error) = looked {
        verdict.faults.push(format!("the backup can be read: {error}"));
    }
    Ok(verdict)
}

async fn look(
    db: &Db,
    files: Option<&Path>,
    config: &Config,
    verdict: &mut Verdict,
) -> Result<(), BackupError> {
    if let Some(damage) = db.damage(Depth::Whole).await? {
        verdict.faults.push(format!("the file is whole: {damage}"));
        return Ok(());
    }
    if let Some(version) = db.pending_migrations().await?.first() {
        verdict.faults.push(format!(
            "the schema is this program's: migration {version} is missing; restore it with the \
             teller that made it, then run `teller migrate` with this one"
        ));
        return Ok(());
    }
    let objects = match files {
        Some(folder) => Objects::in_folder(folder).map_err(app::AppError::from)?,
        None => Objects::in_memory(),
    };
    let bank = app::assemble_with(config, db.clone(), objects)?;
    if let Err(failure) = key_ring::check(&bank).await {
        let error = BackupError::from(failure);
        verdict.faults.push(format!("the secret of the settings opens it: {error}"));
    }
    verdict.report = Some(books::audit(&bank).await?);
    if files.is_some() {
        let checked = file_check::run(&bank).await?;
        verdict.files = checked.broken.is_none().then_some(checked.count);
        verdict.faults.extend(checked.broken.map(|fault| format!("every file is there: {fault}")));
    }
    Ok(())
}
