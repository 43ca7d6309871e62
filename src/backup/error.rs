//! What ends a backup or a restore early.

use std::{io, path::Path};

use crate::{app::AppError, bank::error::Failure, db::error::DbError};

/// Why nothing was made, or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The bank does not open.
    #[error(transparent)]
    App(#[from] AppError),
    /// A file or a folder.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, and where.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// Something is there that must not be, or the other way round: a sentence that says
    /// what to do.
    #[error("{0}")]
    Refused(String),
}

impl BackupError {
    /// For what is done to a file.
    pub fn at(what: &str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{what} {}", file.display());
        move |source| Self::Io { what, source }
    }

    /// A reason of ours.
    pub fn refused<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::Refused(reason.into()))
    }
}

impl From<DbError> for BackupError {
    fn from(error: DbError) -> Self {
        Self::App(error.into())
    }
}

impl From<Failure> for BackupError {
    fn from(failure: Failure) -> Self {
        Self::App(failure.into())
    }
}
