//! Computes the chain of seals again from the tables, page by page.

use uuid::Uuid;

use crate::{
    db::{error::DbError, session::Session},
    domain::seal::{self as domain, BEFORE_ALL, Place, SealKind},
    store::{seal, seal::Seal},
};

/// Seals that are computed at once: few enough to be held, many enough that the
/// statements for each page cost nothing.
const PAGE: i64 = 1_000;

/// The first seal that does not follow from its rows and the seal before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// Its number.
    pub sequence: i64,
    /// What it is of, with its id; none where there is no seal of that number, or none
    /// that can be read.
    pub subject: Option<(SealKind, Uuid)>,
}

/// Finds the first seal that is missing or wrong; `None` where the chain holds.
pub async fn first_break(s: &mut Session) -> Result<Option<Break>, DbError> {
    let (mut last, mut previous, mut page) = (0, BEFORE_ALL, PAGE);
    loop {
        let read = match seal::after(s, last, page).await {
            Ok(seals) => {
                let Some(through) = seals.last() else {
                    return Ok(None);
                };
                let through = through.sequence;
                seal::between(s, (last, through)).await.map(|rows| (seals, rows))
            }
            Err(error) => Err(error),
        };
        let (seals, (transactions, entries, rows)) = match read {
            Ok(read) => read,
            // One of them is written as the bank never does: the first such is wrong.
            Err(error) if error.is_unreadable() && page > 1 => {
                page = 1;
                continue;
            }
            Err(error) if error.is_unreadable() => {
                return Ok(Some(Break { sequence: last + 1, subject: None }));
            }
            Err(error) => return Err(error),
        };
        let subjects = domain::gather(transactions, &entries, rows);
        for Seal { sequence, kind, subject_id, hash, sealed_at } in seals {
            if sequence != last + 1 {
                return Ok(Some(Break { sequence: last + 1, subject: None }));
            }
            let place = Place { sequence, sealed_at };
            let subject = subjects.get(&subject_id).filter(|subject| subject.kind() == kind);
            let computed = subject.map(|subject| subject.seal(&previous, &place));
            if computed != Some(hash.0) {
                return Ok(Some(Break { sequence, subject: Some((kind, subject_id)) }));
            }
            (last, previous) = (sequence, hash.0);
        }
    }
}
