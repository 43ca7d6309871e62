//! Files and folders that are whole or not there: written beside their place, brought to
//! the disk, and renamed.

use std::{
    ffi::OsString,
    fs,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::error::BackupError;

/// The same path with something behind its name.
pub fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Where the files of people are that belong to a backup.
pub fn files_of(backup: &Path) -> PathBuf {
    beside(backup, ".files")
}

/// Something is there, be it a link that leads nowhere.
pub fn is_there(file: &Path) -> bool {
    file.symlink_metadata().is_ok()
}

/// The folder has something in it.
pub fn is_full(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Makes an empty file for its owner alone; what is there from an earlier try is removed.
pub fn make_private(file: &Path) -> Result<File, BackupError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BackupError::at("cannot remove", file)(error));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(file).map_err(BackupError::at("cannot make", file))
}

/// Brings a file to the disk.
pub fn sync(file: &Path) -> Result<(), BackupError> {
    let synced = File::open(file).and_then(|file| file.sync_all());
    synced.map_err(BackupError::at("cannot write", file))
}

/// Brings the name of a file to the disk.
pub fn sync_folder_of(file: &Path) -> Result<(), BackupError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync(folder.unwrap_or(Path::new(".")))
}

/// Gives a file or a folder that is whole the name that it shall have.
pub fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(BackupError::at("cannot make", to))
}

/// Copies a file for its owner alone, and brings it to the disk.
pub fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut reader = File::open(from).map_err(BackupError::at("cannot read", from))?;
    let mut writer = make_private(to)?;
    io::copy(&mut reader, &mut writer).map_err(BackupError::at("cannot write", to))?;
    writer.sync_all().map_err(BackupError::at("cannot write", to))
}

/// Removes a folder of ours, if it is there.
pub fn remove_folder(folder: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::at("cannot remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Copies a folder and all below it; how many files that were. A file that goes meanwhile
/// is one that nobody keeps any more.
pub fn copy_folder(from: &Path, to: &Path) -> Result<usize, BackupError> {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700).create(to).map_err(BackupError::at("cannot make", to))?;
    let mut count = 0;
    let mut open = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        let entries = match fs::read_dir(&from) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(BackupError::at("cannot read", &from)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(BackupError::at("cannot read", &from))?;
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(BackupError::at("cannot read", &from)(error)),
            };
            if kind.is_dir() {
                builder.create(&to).map_err(BackupError::at("cannot make", &to))?;
                open.push((from, to));
            } else if kind.is_file() {
                match copy(&from, &to) {
                    Err(BackupError::Io { source, .. })
                        if source.kind() == io::ErrorKind::NotFound && !is_there(&from) => {}
                    copied => {
                        copied?;
                        count += 1;
                    }
                }
            }
        }
        sync(&to)?;
    }
    Ok(count)
}
