//! `teller backup`: a copy of everything, while servers run.

use std::{io::Write, path::Path};

use super::{check, error::BackupError, place};
use crate::{
    app,
    config::checked::{Config, FileStore},
    db::{pool::Db, wal},
};

/// What to do on PostgreSQL, which backs itself up.
const POSTGRES: &str = "PostgreSQL backs itself up while servers run: use `pg_dump \
    --format=custom --file=FILE URL`, or a base backup with its log for any moment in between \
    (README, Backup and restore); then run `teller audit` over what was restored";

/// Writes a backup into a file that is whole or not there; one that is there stays unless
/// it may be replaced. False where the copy does not hold.
pub async fn run(
    file: &Path,
    replace: bool,
    config: &Config,
    out: &mut impl Write,
) -> Result<bool, BackupError> {
    let files = place::files_of(file);
    if place::is_there(file) && !replace {
        let reason = "is there already: name another file, or say --replace";
        return BackupError::refused(format!("{} {reason}", file.display()));
    }
    if wal::file_of(&config.database.url).is_none() {
        return BackupError::refused(POSTGRES);
    }
    let db = app::open_existing_database(config).await?;
    let (draft, draft_files) = (place::beside(file, ".part"), place::beside(&files, ".part"));
    let made = copy(&db, &draft, &draft_files, config).await;
    db.close().await;
    let count = match made {
        Ok(count) => count,
        Err(error) => {
            clear(&draft, &draft_files);
            return Err(error);
        }
    };
    let kept = count.map(|_| draft_files.as_path());
    let verdict = match check::inspect(&draft, kept, config).await {
        Ok(verdict) => verdict,
        Err(error) => {
            clear(&draft, &draft_files);
            return Err(error);
        }
    };
    verdict.show(out)?;
    if !verdict.holds() {
        clear(&draft, &draft_files);
        writeln!(out, "The copy does not hold, so there is no backup: run `teller audit`.")?;
        return Ok(false);
    }
    // The files come first: without them a database would promise what is not there.
    if count.is_some() {
        place::remove_folder(&files)?;
        place::rename(&draft_files, &files)?;
    }
    place::rename(&draft, file)?;
    place::sync_folder_of(file)?;
    tell(file, count, config, out)?;
    Ok(true)
}

/// Copies the database and then the files: whatever it names was in the store by then.
async fn copy(
    db: &Db,
    draft: &Path,
    draft_files: &Path,
    config: &Config,
) -> Result<Option<usize>, BackupError> {
    drop(place::make_private(draft)?);
    db.copy_into(draft).await?;
    place::sync(draft)?;
    match &config.file_store {
        FileStore::Folder(folder) => {
            place::remove_folder(draft_files)?;
            place::copy_folder(folder, draft_files).map(Some)
        }
        FileStore::Bucket(_) => Ok(None),
    }
}

/// Removes what became no backup.
fn clear(draft: &Path, draft_files: &Path) {
    // Where this fails, the next try removes it, or says why it cannot.
    let _ = std::fs::remove_file(draft);
    let _ = place::remove_folder(draft_files);
}

fn tell(
    file: &Path,
    count: Option<usize>,
    config: &Config,
    out: &mut impl Write,
) -> Result<(), BackupError> {
    let files = place::files_of(file);
    writeln!(out, "{} is a backup.", file.display())?;
    match (count, &config.file_store) {
        (Some(count), _) => {
            writeln!(out, "{} has the files of people, {count} of them.", files.display())?;
        }
        (None, FileStore::Bucket(bucket)) => {
            let name = &bucket.name;
            writeln!(
                out,
                "The files of people are in the bucket {name}: copy it by its own tools."
            )?;
        }
        (None, FileStore::Folder(_)) => {}
    }
    writeln!(out, "Keep the secret elsewhere: without it nobody can read what is sealed.")?;
    Ok(())
}
