//! `teller restore`: a backup becomes the database.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::{check, error::BackupError, place};
use crate::{
    config::checked::{Config, FileStore},
    db::{copy, wal},
    types::clock::{Clock as _, SystemClock},
};

/// What to do on PostgreSQL.
const POSTGRES: &str = "a backup of PostgreSQL is put back by its own tools: `pg_restore \
    --dbname=URL FILE` into an empty database (README, Backup and restore), then `teller audit`";

/// Puts a backup in the place of a database that is not there, or that may be replaced and
/// is kept beside. False where the backup does not hold, and nothing was done.
pub async fn run(
    file: &Path,
    replace: bool,
    config: &Config,
    out: &mut impl Write,
) -> Result<bool, BackupError> {
    let Some(database) = wal::file_of(&config.database.url) else {
        return BackupError::refused(POSTGRES);
    };
    let files = place::files_of(file);
    let files = files.is_dir().then_some(files);
    let store = match (&config.file_store, &files) {
        (FileStore::Folder(folder), Some(_)) => Some(folder.clone()),
        _ => None,
    };
    refuse_taken(&database, store.as_deref(), replace)?;
    let verdict = check::inspect(file, files.as_deref(), config).await?;
    verdict.show(out)?;
    if !verdict.holds() {
        writeln!(out, "The backup does not hold: nothing was done.")?;
        return Ok(false);
    }
    // Copied before anything that is there is moved, so that a full disk changes nothing.
    let draft = place::beside(&database, ".restoring");
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(BackupError::at("cannot make", folder))?;
    }
    place::copy(file, &draft)?;
    let draft_store = store.as_deref().map(|store| place::beside(store, ".restoring"));
    if let (Some(from), Some(to)) = (&files, &draft_store) {
        place::remove_folder(to)?;
        place::copy_folder(from, to)?;
    }
    let moved = put_aside(&database, store.as_deref()).await?;
    if let (Some(draft), Some(store)) = (&draft_store, &store) {
        place::rename(draft, store)?;
        place::sync_folder_of(store)?;
    }
    place::rename(&draft, &database)?;
    place::sync_folder_of(&database)?;
    for old in moved {
        writeln!(out, "What was there before is {} now.", old.display())?;
    }
    writeln!(out, "{} is restored: start `teller serve`.", database.display())?;
    Ok(true)
}

/// Refuses where something would have to give way.
fn refuse_taken(database: &Path, store: Option<&Path>, replace: bool) -> Result<(), BackupError> {
    if replace {
        return Ok(());
    }
    let mut taken = vec![database.to_owned(), wal::beside(database)];
    taken.retain(|file| place::is_there(file));
    taken.extend(store.filter(|store| place::is_full(store)).map(Path::to_owned));
    match taken.first() {
        None => Ok(()),
        Some(file) => BackupError::refused(format!(
            "{} is there: stop the server and say --replace, which keeps it beside the restored \
             one",
            file.display()
        )),
    }
}

/// Moves what is there out of the way, unless somebody has it open; where it is now.
async fn put_aside(database: &Path, store: Option<&Path>) -> Result<Vec<PathBuf>, BackupError> {
    let now = SystemClock.now().format("%Y%m%dT%H%M%S%6fZ");
    let ending = format!(".before-{now}");
    if database.is_file() {
        match copy::retire(database).await {
            Ok(true) => {}
            Ok(false) => {
                return BackupError::refused(format!(
                    "{} is in use: stop the server, and whatever else has it open",
                    database.display()
                ));
            }
            // It is replaced because it is broken: it goes aside as it is, with its log.
            Err(error) => tracing::warn!(%error, "the database that is replaced cannot be read"),
        }
    }
    let mut moved = Vec::new();
    for (file, behind) in [("", ""), ("-wal", "-wal"), ("-shm", "-shm")] {
        let from = place::beside(database, file);
        if place::is_there(&from) {
            let to = place::beside(database, &format!("{ending}{behind}"));
            place::rename(&from, &to)?;
            moved.push(to);
        }
    }
    if let Some(store) = store.filter(|store| place::is_there(store)) {
        let to = place::beside(store, &ending);
        place::rename(store, &to)?;
        moved.push(to);
    }
    Ok(moved)
}
