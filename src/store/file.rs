//! Files that people brought: whose they are, and what they are called in the store.

use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::file::FileState,
    files::format::FileFormat,
    types::{
        clock::Instant,
        id::{FileId, UserId},
    },
};

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct File {
    /// Names the file.
    pub file_id: FileId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Our own name for it, which is also its name in the store.
    pub name: String,
    /// What it is.
    pub format: FileFormat,
    /// How many bytes it has.
    pub size: i64,
    /// The key of its URL, sealed.
    pub access_key: Vec<u8>,
    /// It is shown as its owner.
    pub avatar: bool,
}

/// A file that is kept, as it was when it was brought.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    /// Names the file.
    pub file_id: FileId,
    /// Its name in the store.
    pub name: String,
    /// How many bytes it has.
    pub size: i64,
    /// The SHA-256 of its bytes; none of those that were brought before it was kept.
    pub digest: Option<Vec<u8>>,
}

/// A file whose bytes are to be removed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Leaving {
    /// Names the file.
    pub file_id: FileId,
    /// Its name in the store.
    pub name: String,
}

statements! {
    INSERT = "
        INSERT INTO files (file_id, owner_id, name, format, size, access_key, state, avatar,
            created_at, changed_at, digest)
        VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8, $8, $9)
        ON CONFLICT (name) DO NOTHING";

    /// What a person keeps or is bringing, in bytes; each file counts as so many at least.
    USED = "
        SELECT CAST(COALESCE(SUM(CASE WHEN size < $2 THEN $2 ELSE size END), 0) AS BIGINT)
        FROM files
        WHERE owner_id = $1 AND state IN ('ARRIVING', 'KEPT')";

    KEEP = "
        UPDATE files SET state = 'KEPT', changed_at = $2
        WHERE file_id = $1 AND state = 'ARRIVING'";

    OF_ID = "
        SELECT file_id, owner_id, name, format, size, access_key, avatar FROM files
        WHERE file_id = $1 AND state = 'KEPT'";

    OF_NAME = "
        SELECT file_id, owner_id, name, format, size, access_key, avatar FROM files
        WHERE name = $1 AND state = 'KEPT'";

    KEPT_AFTER = "
        SELECT file_id, name, size, digest FROM files
        WHERE file_id > $1 AND state = 'KEPT' ORDER BY file_id LIMIT $2";

    AVATAR_OF = "
        SELECT file_id, owner_id, name, format, size, access_key, avatar FROM files
        WHERE owner_id = $1 AND avatar";

    SHOW_AS_AVATAR = "
        UPDATE files SET avatar = TRUE, changed_at = $2 WHERE file_id = $1 AND state = 'KEPT'";

    DISMISS = "
        UPDATE files SET state = 'LEAVING', avatar = FALSE, changed_at = $2 WHERE file_id = $1";

    DISMISS_ALL = "
        UPDATE files SET state = 'LEAVING', avatar = FALSE, changed_at = $2
        WHERE owner_id = $1 AND state <> 'LEAVING'";

    /// What never arrived.
    DISMISS_STRAYS = "
        UPDATE files SET state = 'LEAVING', changed_at = $2
        WHERE state = 'ARRIVING' AND changed_at <= $1";

    LEAVING = "
        SELECT file_id, name FROM files WHERE state = 'LEAVING'
        ORDER BY changed_at, file_id LIMIT $1";

    DELETE = "DELETE FROM files WHERE file_id = $1 AND state = 'LEAVING'";
}

/// A file that is about to be brought to the store.
#[derive(Debug)]
pub struct NewFile<'n> {
    /// Names the file.
    pub file_id: FileId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Our own name for it.
    pub name: &'n str,
    /// What it is.
    pub format: FileFormat,
    /// How many bytes it has.
    pub size: i64,
    /// The key of its URL, sealed.
    pub access_key: &'n [u8],
    /// The SHA-256 of its bytes.
    pub digest: &'n [u8],
    /// Now.
    pub at: Instant,
}

/// Writes a file that is on its way; false where the name is taken.
pub async fn insert(session: &mut Session, new: &NewFile<'_>) -> Result<bool, DbError> {
    let query = session.query(INSERT).bind(new.file_id).bind(new.owner_id).bind(new.name);
    let query = query.bind(new.format).bind(new.size).bind(new.access_key);
    let rows = query.bind(FileState::Arriving).bind(new.at).bind(new.digest).execute().await?;
    Ok(rows == 1)
}

/// How many bytes a person keeps or is bringing; each file counts as so many at least.
pub async fn used(
    session: &mut Session,
    owner_id: UserId,
    counted_min: u32,
) -> Result<i64, DbError> {
    Ok(session.query(USED).bind(owner_id).bind(i64::from(counted_min)).scalar().await?.unwrap_or(0))
}

/// Its bytes are in the store; false where it was given up meanwhile.
pub async fn keep(session: &mut Session, id: FileId, at: Instant) -> Result<bool, DbError> {
    Ok(session.query(KEEP).bind(id).bind(at).execute().await? == 1)
}

/// Finds a file that is kept.
pub async fn lookup(session: &mut Session, id: FileId) -> Result<Option<File>, DbError> {
    session.query(OF_ID).bind(id).maybe().await
}

/// Finds a file that is kept, by our name for it.
pub async fn named(session: &mut Session, name: &str) -> Result<Option<File>, DbError> {
    session.query(OF_NAME).bind(name).maybe().await
}

/// Files that are kept, in the order of their ids, behind this one.
pub async fn kept_after(
    session: &mut Session,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Kept>, DbError> {
    session.query(KEPT_AFTER).bind(after).bind(limit).all().await
}

/// The image that a person is shown by.
pub async fn avatar_of(session: &mut Session, owner_id: UserId) -> Result<Option<File>, DbError> {
    session.query(AVATAR_OF).bind(owner_id).maybe().await
}

/// Shows a person by this image; there must be no other.
pub async fn show_as_avatar(session: &mut Session, id: FileId, at: Instant) -> Result<(), DbError> {
    session.query(SHOW_AS_AVATAR).bind(id).bind(at).execute().await?;
    Ok(())
}

/// Nobody sees this file any more.
pub async fn dismiss(session: &mut Session, id: FileId, at: Instant) -> Result<(), DbError> {
    session.query(DISMISS).bind(id).bind(at).execute().await?;
    Ok(())
}

/// Nobody sees any file of this person any more.
pub async fn dismiss_all(
    session: &mut Session,
    owner_id: UserId,
    at: Instant,
) -> Result<u64, DbError> {
    session.query(DISMISS_ALL).bind(owner_id).bind(at).execute().await
}

/// Gives up what has been on its way since `before`.
pub async fn dismiss_strays(
    session: &mut Session,
    before: Instant,
    at: Instant,
) -> Result<u64, DbError> {
    session.query(DISMISS_STRAYS).bind(before).bind(at).execute().await
}

/// Files whose bytes are to be removed, those that left first.
pub async fn leaving(session: &mut Session, limit: i64) -> Result<Vec<Leaving>, DbError> {
    session.query(LEAVING).bind(limit).all().await
}

/// Forgets a file whose bytes were removed.
pub async fn delete(session: &mut Session, id: FileId) -> Result<(), DbError> {
    session.query(DELETE).bind(id).execute().await?;
    Ok(())
}
