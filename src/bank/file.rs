//! Files that people bring: taken, shown to whom they may be shown, and removed.
//!
//! A file's row is written before its bytes are kept, and deleted after they were
//! removed. So whatever breaks off half-way leaves a row that says what is still to be
//! removed, and the store never has to be searched.

use std::time::Duration;

use object_store::GetResult;

use super::{
    act,
    context::Bank,
    error::{Broken, Failure},
    permit::Permit,
    session, staff,
};
use crate::{
    crypto::{mac, seal, seal::Place},
    db::session::Session,
    domain::{
        file::{COUNTED_MIN, FileLimit, fits},
        refusal::Refusal,
        staff::Right,
    },
    files::{
        format,
        format::FileFormat,
        multipart::Part,
        objects::ObjectsError,
        picture::{Picture, PictureError},
    },
    store::{
        file,
        file::{File, Leaving, NewFile},
        user,
        user::User,
    },
    types::{
        entropy,
        id::{FileId, UserId},
    },
};

/// The field of a form that files come in.
pub const FIELD: &str = "file";
const ACCESS_KEY: &str = "files.access_key";
/// How long the store may take for one file.
const PUT_TIMEOUT: Duration = Duration::from_mins(1);
/// After this time a file that has not arrived never will.
const STRAY_AFTER: chrono::Duration = chrono::Duration::hours(1);
/// Files that are removed in one round of the sweep.
const ROUND: i64 = 100;
/// Names that are drawn before giving up; each has 32 bits.
const DRAWS_MAX: usize = 8;

/// What a door takes.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How many bytes a file may have.
    pub bytes_max: u64,
    /// Images alone.
    pub images_only: bool,
}

/// A file that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Names the file.
    pub file_id: FileId,
    /// Opens it for whoever has this URL.
    pub url: String,
}

/// A file that is being shown.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// The URL's key opened it, and no person.
    pub by_key: bool,
    /// What is in it.
    pub content: GetResult,
}

fn place(id: &FileId) -> Place<'_> {
    Place { column: ACCESS_KEY, row: id.as_bytes() }
}

fn url(bank: &Bank, name: &str, key: &[u8]) -> String {
    format!("{}/files/{name}?key={}", bank.files.public_url, hex::encode(key))
}

fn not_found(field: &'static str) -> Refusal {
    Refusal::NotFound { field, noun: "file" }
}

/// Takes a file for the caller.
pub async fn upload(
    bank: &Bank,
    permit: &Permit,
    part: Part,
    terms: Terms,
) -> Result<Taken, Failure> {
    let outcome = take(bank, permit, part, terms).await;
    act::audited(bank, permit.act("uploadFile"), outcome).await
}

/// Notes that a file was refused before there was one to look at.
pub async fn refuse(bank: &Bank, permit: &Permit, refusal: Refusal) -> Failure {
    let outcome: Result<(), Failure> = Err(refusal.into());
    match act::audited(bank, permit.act("uploadFile"), outcome).await {
        Err(failure) => failure,
        Ok(()) => Broken::Inconsistent("a refusal was not one").into(),
    }
}

async fn take(bank: &Bank, permit: &Permit, part: Part, terms: Terms) -> Result<Taken, Failure> {
    let picture = inspect(bank, part, terms).await?;
    let file_id = FileId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let key: [u8; 16] = entropy::bytes(bank.entropy.as_ref());
    let sealed = seal::seal(&bank.ring, bank.entropy.as_ref(), place(&file_id), &key);
    let name = announce(bank, permit, file_id, &picture, &sealed).await?;
    let kept = tokio::time::timeout(PUT_TIMEOUT, bank.files.objects.put(&name, picture.content));
    match kept.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            give_up(bank, &Leaving { file_id, name }).await;
            return Err(error.into());
        }
        Err(_) => {
            give_up(bank, &Leaving { file_id, name }).await;
            return Err(Refusal::Overloaded { retry_after_seconds: 2 }.into());
        }
    }
    let (act, now) = (&permit.act("uploadFile"), bank.now());
    let arrived: Result<bool, Failure> = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let kept = file::keep(s, file_id, now).await?;
                if kept {
                    act::done(bank, s, act.clone(), Some(file_id.uuid()), None).await?;
                }
                Ok(kept)
            })
        })
        .await;
    if arrived? {
        return Ok(Taken { file_id, url: url(bank, &name, &key) });
    }
    // The person has left in the meantime, and all that is theirs with them.
    give_up(bank, &Leaving { file_id, name }).await;
    Err(Refusal::SessionEnded.into())
}

/// Looks at what is in a file, and makes an image anew.
async fn inspect(bank: &Bank, part: Part, terms: Terms) -> Result<Picture, Failure> {
    if part.content.is_empty() {
        return Err(Refusal::invalid(FIELD, "must not be empty").into());
    }
    let too_large = Refusal::FileTooLarge(FileLimit::Bytes(terms.bytes_max));
    if part.content.len() as u64 > terms.bytes_max {
        return Err(too_large.into());
    }
    let (file_name, content_type) = (part.file_name.as_deref(), part.content_type.as_deref());
    let format = format::recognise(&part.content, file_name, content_type)
        .map_err(|not_taken| Refusal::FileNotTaken { reason: not_taken.0 })?;
    if terms.images_only && !format.is_image() {
        let reason = "must be a JPEG, PNG or WebP image";
        return Err(Refusal::FileNotTaken { reason }.into());
    }
    if !format.is_image() {
        return Ok(Picture { format, content: part.content });
    }
    let made = bank.files.studio.remake(format, part.content, terms.bytes_max).await;
    let made = made.map_err(|error| match error {
        PictureError::TooLarge { .. } => {
            let limit = FileLimit::Pixels(bank.rules.file_pixels_max);
            Failure::Refused(Refusal::FileTooLarge(limit))
        }
        PictureError::Unreadable => {
            let reason = "is cut off, or is no image of the kind that it begins as";
            Failure::Refused(Refusal::invalid(FIELD, reason))
        }
        PictureError::Stopped => Broken::Inconsistent("the pool of images has stopped").into(),
    })?;
    if made.content.len() as u64 > terms.bytes_max {
        return Err(too_large.into());
    }
    Ok(made)
}

/// Writes the row of a file whose bytes come next, if the person may keep so many.
async fn announce(
    bank: &Bank,
    permit: &Permit,
    file_id: FileId,
    picture: &Picture,
    sealed: &[u8],
) -> Result<String, Failure> {
    let (format, digest) = (picture.format, mac::sha256(&picture.content));
    let size = i64::try_from(picture.content.len())
        .map_err(|_| Broken::Inconsistent("a file larger than any memory"))?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                // Two that come at once would each count the other as nothing.
                user::lock(s, permit.user_id).await?;
                let now = bank.now();
                session::require_alive(bank, s, permit).await?;
                let used = file::used(s, permit.user_id, COUNTED_MIN).await?;
                let quota = bank.rules.file_quota;
                if !fits(used.unsigned_abs(), size.unsigned_abs(), quota) {
                    return Err(Refusal::FilesFull { quota }.into());
                }
                for _ in 0..DRAWS_MAX {
                    let name = draw_name(bank, format);
                    let new = NewFile {
                        file_id,
                        owner_id: permit.user_id,
                        name: &name,
                        format,
                        size,
                        access_key: sealed,
                        digest: &digest,
                        at: now,
                    };
                    if file::insert(s, &new).await? {
                        return Ok(name);
                    }
                }
                Err(Broken::Inconsistent("every name that was drawn for a file is taken").into())
            })
        })
        .await
}

/// "c3510aee.csv": a name of ours that says nothing of the file or of its owner.
fn draw_name(bank: &Bank, format: FileFormat) -> String {
    let drawn: [u8; 4] = entropy::bytes(bank.entropy.as_ref());
    format!("{}.{}", hex::encode(drawn), format.extension())
}

/// Shows a file to its owner, to staff, or to whoever has its key; to everybody else
/// there is no such file.
pub async fn open(
    bank: &Bank,
    permit: Option<&Permit>,
    name: &str,
    key: Option<&str>,
) -> Result<Opened, Failure> {
    let mut s = bank.db.read().await?;
    let found = file::named(&mut s, name).await?.ok_or_else(|| not_found("name"))?;
    let by_key = match key {
        Some(key) => is_its_key(bank, &found, key)?,
        None => false,
    };
    let by_owner = permit.is_some_and(|permit| permit.user_id == found.owner_id);
    if !by_key && !by_owner {
        let permit = permit.ok_or_else(|| not_found("name"))?;
        require_staff(&mut s, permit, found.owner_id).await?;
        drop(s);
        note_reading(bank, permit, found.file_id).await?;
    } else {
        // A store that is slow shall not hold a connection to the database.
        drop(s);
    }
    let content = bank.files.objects.get(&found.name).await?;
    let content = content.ok_or_else(|| {
        // An avatar that was replaced this very moment is not missed.
        tracing::warn!(file = %found.file_id.to_wire(), "a file that is kept has no bytes");
        not_found("name")
    })?;
    Ok(Opened { file: found, by_key: by_key && !by_owner, content })
}

/// The caller may see what is this person's; the files of staff are for those who make staff.
async fn require_staff(s: &mut Session, permit: &Permit, owner_id: UserId) -> Result<(), Failure> {
    let reader = user::lookup(s, permit.user_id).await?;
    let owner = user::lookup(s, owner_id).await?;
    let of_staff = owner.is_some_and(|owner| owner.role.is_staff());
    let right = if of_staff { Right::MakeStaff } else { Right::Read };
    let may = reader.is_some_and(|reader| reader.role.may(right));
    if may { Ok(()) } else { Err(not_found("name").into()) }
}

/// Staff who look at what is somebody else's leave a row behind.
async fn note_reading(bank: &Bank, permit: &Permit, file_id: FileId) -> Result<(), Failure> {
    let act = &permit.act("readFile");
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                staff::actor(bank, s, permit, Right::Read).await?;
                let subject = Some(file_id.uuid());
                act::done(bank, s, act.clone(), subject, None).await.map_err(Failure::from)
            })
        })
        .await
}

fn is_its_key(bank: &Bank, file: &File, key: &str) -> Result<bool, Failure> {
    let Ok(key) = hex::decode(key) else {
        return Ok(false);
    };
    let right = seal::open(&bank.ring, place(&file.file_id), &file.access_key)?;
    Ok(mac::same(&key, &right))
}

/// The URL of the image that a person is shown by.
pub async fn avatar_url(bank: &Bank, user_id: UserId) -> Result<Option<String>, Failure> {
    let mut s = bank.db.read().await?;
    let Some(avatar) = file::avatar_of(&mut s, user_id).await? else {
        return Ok(None);
    };
    let key = seal::open(&bank.ring, place(&avatar.file_id), &avatar.access_key)?;
    Ok(Some(url(bank, &avatar.name, &key)))
}

/// Shows the caller by one of their own images, or by none; the one before is removed.
pub async fn set_avatar(
    bank: &Bank,
    permit: &Permit,
    file_id: Option<&str>,
) -> Result<User, Failure> {
    let act = permit.act("setAvatar");
    let outcome = replace_avatar(bank, permit, file_id).await;
    let (user, before) = act::audited(bank, act, outcome).await?;
    if let Some(before) = before {
        give_up(bank, &before).await;
    }
    Ok(user)
}

async fn replace_avatar(
    bank: &Bank,
    permit: &Permit,
    file_id: Option<&str>,
) -> Result<(User, Option<Leaving>), Failure> {
    let wanted = match file_id {
        Some(text) => Some(FileId::from_wire(text).ok_or_else(|| not_found("fileId"))?),
        None => None,
    };
    let act = &permit.act("setAvatar");
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, permit.user_id).await?;
                session::require_alive(bank, s, permit).await?;
                let now = bank.now();
                if let Some(wanted) = wanted {
                    let found = file::lookup(s, wanted).await?;
                    let own = |file: &File| file.owner_id == permit.user_id;
                    found
                        .filter(|file| own(file) && file.format.is_image())
                        .ok_or_else(|| not_found("fileId"))?;
                }
                let before = file::avatar_of(s, permit.user_id).await?;
                let before = before.filter(|before| Some(before.file_id) != wanted);
                if let Some(before) = &before {
                    file::dismiss(s, before.file_id, now).await?;
                }
                if let Some(wanted) = wanted {
                    file::show_as_avatar(s, wanted, now).await?;
                }
                let user = user::lookup(s, permit.user_id).await?;
                let user = user.ok_or(Broken::Inconsistent("a live session has no person"))?;
                let subject = wanted.map(FileId::uuid);
                act::done(bank, s, act.clone(), subject, None).await?;
                let left = before.map(|file| Leaving { file_id: file.file_id, name: file.name });
                Ok((user, left))
            })
        })
        .await
}

/// Nobody sees any file of this person any more, in the transaction in which they leave;
/// the sweep removes the bytes.
pub async fn forget_all(bank: &Bank, s: &mut Session, user_id: UserId) -> Result<(), Failure> {
    file::dismiss_all(s, user_id, bank.now()).await?;
    Ok(())
}

/// Removes what never arrived and what has left, and tells how many files that were.
pub async fn sweep(bank: &Bank) -> Result<u64, Failure> {
    let now = bank.now();
    let dismissed: Result<u64, Failure> = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move { Ok(file::dismiss_strays(s, now - STRAY_AFTER, now).await?) })
        })
        .await;
    dismissed?;
    let mut swept = 0;
    loop {
        let mut s = bank.db.read().await?;
        let leaving = file::leaving(&mut s, ROUND).await?;
        drop(s);
        if leaving.is_empty() {
            return Ok(swept);
        }
        let mut failed = None;
        let before = swept;
        for one in &leaving {
            match remove(bank, one).await {
                Ok(()) => swept += 1,
                // One that cannot be removed keeps none of the others.
                Err(failure) => {
                    tracing::warn!(file = %one.file_id.to_wire(), %failure, "a file stays");
                    failed = Some(failure);
                }
            }
        }
        if let Some(failure) = failed.filter(|_| swept == before) {
            return Err(failure);
        }
    }
}

/// Removes a file's bytes, and then what is known of it.
async fn remove(bank: &Bank, leaving: &Leaving) -> Result<(), Failure> {
    bank.files.objects.remove(&leaving.name).await?;
    let file_id = leaving.file_id;
    bank.db.write_retrying(|s| Box::pin(async move { Ok(file::delete(s, file_id).await?) })).await
}

/// Removes a file now rather than at the next sweep, which does it where this fails.
async fn give_up(bank: &Bank, leaving: &Leaving) {
    let (file_id, now) = (leaving.file_id, bank.now());
    let dismissed: Result<(), Failure> = bank
        .db
        .write_retrying(|s| Box::pin(async move { Ok(file::dismiss(s, file_id, now).await?) }))
        .await;
    let removed = match dismissed {
        Ok(()) => remove(bank, leaving).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = removed {
        tracing::warn!(%failure, "a file is removed later");
    }
}

impl From<ObjectsError> for Failure {
    fn from(error: ObjectsError) -> Self {
        // A disk that is full and a bucket that is away are alike: it may work later.
        tracing::warn!(%error, "the store of files cannot be asked");
        Self::Refused(Refusal::Overloaded { retry_after_seconds: 2 })
    }
}
