//! What can go wrong below the statements.

use std::path::PathBuf;

/// A failure of the database floor.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL names no database that is known here.
    #[error("the database URL must start with sqlite: or postgres:")]
    UnknownScheme,

    /// SQLite would not keep what it acknowledged.
    #[error(
        "SQLite must run with {setting}={wanted}, but answers {found}: use a file on a local disk"
    )]
    Unsafe {
        /// The pragma.
        setting: &'static str,
        /// What durability needs.
        wanted: &'static str,
        /// What the database says.
        found: String,
    },

    /// SQLite would forget what was committed behind the page, without a word.
    #[error(
        "its log {} is damaged at page {page}, and what was committed after that would be lost: \
         nothing was touched; keep a copy of both files, and restore a backup",
        log.display()
    )]
    Rotten {
        /// The log's file.
        log: PathBuf,
        /// Which of its pages; 0 is what stands before the first.
        page: u64,
    },

    /// The server is a standby, which takes no writes.
    #[error("the database is a read-only standby: name the primary")]
    Standby,

    /// A statement got more or fewer values than it names.
    #[error("the statement names {wanted} values, {given} were bound")]
    Arity {
        /// The highest placeholder.
        wanted: usize,
        /// The values that were bound.
        given: usize,
    },

    /// A value could not be put into the form that the driver sends.
    #[error("a value could not be bound: {0}")]
    Bind(#[source] sqlx::error::BoxDynError),

    /// No answer came: the database is gone, or stuck, and nobody has told us.
    #[error("the database did not answer in time")]
    Silent,

    /// A commit broke off: it may have been done all the same.
    #[error("a commit broke off: {0}")]
    Unsure(#[source] Box<DbError>),

    /// A fault that a simulation planned.
    #[error("a fault that was planned")]
    Planned,

    /// A row was there a moment ago: somebody removed it between two statements.
    #[error("a row vanished between two statements")]
    Vanished,

    /// The schema could not be brought up to date.
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),

    /// The driver or the database said no.
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
}

impl DbError {
    fn code(&self) -> Option<String> {
        match self {
            Self::Driver(sqlx::Error::Database(error)) => error.code().map(Into::into),
            _ => None,
        }
    }

    /// The same where a commit gave it: only where the database says that it has refused is it
    /// known that nothing was done. A disk that fails while it is asked to keep, and a server
    /// that is going down, say nothing of the kind.
    #[must_use]
    pub(super) fn at_commit(self) -> Self {
        let unsure = match &self {
            Self::Driver(sqlx::Error::Database(_)) => {
                let code = self.code().unwrap_or_default();
                let fails = code.parse::<u32>().is_ok_and(|code| code & 0xff == 10);
                fails
                    || code == "58030"
                    || code == "40003"
                    || code.starts_with("57P")
                    || code.starts_with("08")
            }
            Self::Silent | Self::Driver(_) => true,
            Self::UnknownScheme
            | Self::Unsafe { .. }
            | Self::Rotten { .. }
            | Self::Standby
            | Self::Arity { .. }
            | Self::Bind(_)
            | Self::Unsure(_)
            | Self::Planned
            | Self::Vanished
            | Self::Migrate(_) => false,
        };
        if unsure { Self::Unsure(Box::new(self)) } else { self }
    }

    /// Nobody knows whether it was done.
    pub const fn is_unsure(&self) -> bool {
        matches!(self, Self::Unsure(_))
    }

    /// A UNIQUE or PRIMARY KEY rule refused the row.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::Database(e)) if e.is_unique_violation())
    }

    /// A CHECK rule refused the row.
    pub fn is_check(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::Database(e)) if e.is_check_violation())
    }

    /// A function of the database left everything as it was, because something is in
    /// the way that it does not judge.
    pub fn is_in_the_usual_way(&self) -> bool {
        self.code().as_deref() == Some("TL001")
    }

    /// The same transaction may succeed if it is run again from its start:
    /// serialization failure, deadlock (PostgreSQL), busy or locked (SQLite).
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Vanished)
            || matches!(self.code().as_deref(), Some("40001" | "40P01" | "5" | "6" | "517" | "261"))
    }

    /// Whoever answers is a standby: it says so, or refuses to write.
    pub fn is_of_a_standby(&self) -> bool {
        match self {
            Self::Standby => true,
            Self::Driver(sqlx::Error::Configuration(source)) => {
                matches!(source.downcast_ref::<Self>(), Some(Self::Standby))
            }
            error => error.code().as_deref() == Some("25006"),
        }
    }

    /// A row holds what the bank never writes, so that it cannot be read as what it is.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)))
    }

    /// The file itself is broken: `SQLITE_CORRUPT` with what it extends, and `SQLITE_NOTADB`.
    pub(super) fn is_of_the_file(&self) -> bool {
        let code = self.code().and_then(|code| code.parse::<u32>().ok());
        code.is_some_and(|code| code & 0xff == 11 || code == 26)
    }

    /// The disk is full or fails: `SQLITE_FULL`, `SQLITE_IOERR` with what it extends, and
    /// PostgreSQL's `disk_full` and `io_error`.
    fn is_of_the_disk(&self) -> bool {
        match self.code().as_deref() {
            Some("13" | "53100" | "58030") => true,
            Some(code) => code.parse::<u32>().is_ok_and(|code| code & 0xff == 10),
            None => false,
        }
    }

    /// The connection is gone, or leads to a server that is going or takes no writes any
    /// more; what had not been committed is rolled back. Another connection may do better.
    ///
    /// `57P01` to `57P05` are PostgreSQL's words for a server that stops, crashed or starts,
    /// `25P03` for a transaction that was idle for too long, and `08…` those of a pooler
    /// whose connection is gone; `25006` is what a primary says that became a standby.
    pub fn is_lost(&self) -> bool {
        match self {
            // What makes no sense comes from one that was cut while it was being made.
            Self::Driver(
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed,
            ) => true,
            error => error.code().is_some_and(|code| {
                code.starts_with("57P0")
                    || code.starts_with("08")
                    || ["25P03", "25006"].contains(&code.as_str())
            }),
        }
    }

    /// No answer comes any more from where it was asked.
    pub(super) fn is_gone(&self) -> bool {
        self.is_lost() || matches!(self, Self::Silent)
    }

    /// The database cannot be asked just now: no free connection, none at all, or a
    /// disk that is full or fails.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Standby | Self::Silent => true,
            error if error.is_of_the_disk() || error.is_lost() => true,
            Self::Driver(error) => matches!(
                error,
                sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::WorkerCrashed
            ),
            _ => false,
        }
    }
}

/// An error that knows whether the whole transaction is worth another try.
pub trait Transient {
    /// True where the same work may succeed when it is run again from its start.
    fn is_transient(&self) -> bool;
}

impl Transient for DbError {
    fn is_transient(&self) -> bool {
        Self::is_transient(self)
    }
}
