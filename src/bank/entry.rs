//! Histories and single transactions, as their person sees them.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    db::session::Session,
    domain::refusal::Refusal,
    ledger::posting::Moved,
    store::{
        entry,
        entry::{Entry, Position, Reversal, SideText, Transaction},
        posting_rows::{Side, Text},
    },
    types::{
        clock::Instant,
        id::{AccountId, TransactionId},
        money::Money,
        page::{Cursor, Page, Window},
    },
};

/// Marks the cursors of a person's history.
const OF_OWNER: u8 = 1;
/// Marks the cursors of an account's history.
const OF_ACCOUNT: u8 = 2;

/// Whose history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All accounts of the caller.
    Owner,
    /// One account, which must be known to be the caller's.
    Account(AccountId),
}

/// The cursor of an entry in a history.
pub fn cursor(scope: Scope, entry: &Entry) -> Cursor {
    match scope {
        Scope::Owner => {
            let position = Position::of(entry);
            let micros = position.posted_at.timestamp_micros().to_be_bytes();
            let transaction = position.transaction_id.as_bytes();
            let key = [&micros[..], transaction, position.account_id.as_bytes()];
            Cursor::seal(OF_OWNER, &key.concat())
        }
        Scope::Account(id) => {
            let key = [&entry.version.to_be_bytes()[..], id.as_bytes()];
            Cursor::seal(OF_ACCOUNT, &key.concat())
        }
    }
}

fn position(cursor: &Cursor) -> Option<Position> {
    let key = cursor.open(OF_OWNER)?;
    let (micros, rest) = key.split_first_chunk::<8>()?;
    let (transaction, rest) = rest.split_first_chunk::<16>()?;
    let account: [u8; 16] = rest.try_into().ok()?;
    let posted_at = Instant::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    // Beyond these the two databases do not agree on what an instant is.
    let known = Position::OLDEST.posted_at..=Position::NEWEST.posted_at;
    known.contains(&posted_at).then_some(Position {
        posted_at,
        transaction_id: TransactionId::from_uuid(Uuid::from_bytes(*transaction)),
        account_id: AccountId::from_uuid(Uuid::from_bytes(account)),
    })
}

fn version(cursor: &Cursor, id: AccountId) -> Option<i64> {
    let key = cursor.open(OF_ACCOUNT)?;
    let (version, account) = key.split_first_chunk::<8>()?;
    (account == id.as_bytes()).then(|| i64::from_be_bytes(*version))
}

/// Reads both cursors of a window; the newest stands at the list's head.
fn bounds<T>(
    window: &Window,
    newest: T,
    oldest: T,
    open: impl Fn(&Cursor) -> Option<T>,
) -> Result<(T, T), Failure> {
    let read = |cursor: &Option<Cursor>, field, otherwise| match cursor {
        None => Ok(otherwise),
        Some(cursor) => open(cursor)
            .ok_or_else(|| Refusal::invalid(field, "must be a cursor that this list gave")),
    };
    Ok((read(&window.after, "after", newest)?, read(&window.before, "before", oldest)?))
}

/// A page of a history, the newest entry first.
pub async fn history(
    bank: &Bank,
    permit: &Permit,
    scope: Scope,
    window: &Window,
) -> Result<Page<Entry>, Failure> {
    let limit = i64::try_from(window.size).unwrap_or(0) + 1;
    let rows = match scope {
        Scope::Owner => {
            let between = bounds(window, Position::NEWEST, Position::OLDEST, position)?;
            let mut s = bank.db.read().await?;
            entry::of_owner(&mut s, permit.user_id, between, window.reading, limit).await?
        }
        Scope::Account(id) => {
            let between = bounds(window, i64::MAX, i64::MIN, |cursor| version(cursor, id))?;
            let mut s = bank.db.read().await?;
            entry::of_account(&mut s, id, between, window.reading, limit).await?
        }
    };
    Ok(Page::from_read(rows, window))
}

/// One entry of one of the caller's accounts.
pub async fn own_entry(
    bank: &Bank,
    permit: &Permit,
    transaction_id: TransactionId,
    account_id: AccountId,
) -> Result<Option<Entry>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(entry::one(&mut s, transaction_id, account_id, permit.user_id).await?)
}

/// How many entries a history has.
pub async fn count(bank: &Bank, permit: &Permit, scope: Scope) -> Result<i64, Failure> {
    let mut s = bank.db.read().await?;
    Ok(match scope {
        Scope::Owner => entry::count_of_owner(&mut s, permit.user_id).await?,
        Scope::Account(id) => entry::count_of_account(&mut s, id).await?,
    })
}

/// What some of the caller's accounts had at instants; `None` where one was opened later.
///
/// An instant to come gives what they have now. One look-up an account, however long
/// its history is.
pub async fn balances_at(
    bank: &Bank,
    permit: &Permit,
    keys: &[(AccountId, Instant)],
) -> Result<Vec<((AccountId, Instant), Money)>, Failure> {
    let mut by_instant: BTreeMap<Instant, Vec<AccountId>> = BTreeMap::new();
    for &(id, at) in keys {
        by_instant.entry(at).or_default().push(id);
    }
    let mut s = bank.db.read().await?;
    let mut all = Vec::with_capacity(keys.len());
    for (at, ids) in by_instant {
        // Beyond these the two databases do not agree on what an instant is.
        let known = at.clamp(Position::OLDEST.posted_at, Position::NEWEST.posted_at);
        for found in entry::balances_at(&mut s, permit.user_id, &ids, known).await? {
            all.push(((found.account_id, at), Money::new(found.posted, found.currency)));
        }
    }
    Ok(all)
}

/// What takes these transactions back, the oldest first; they must be known to be the caller's.
pub async fn reversals(bank: &Bank, ids: &[TransactionId]) -> Result<Vec<Reversal>, Failure> {
    Ok(entry::reversals(&mut bank.db.read().await?, ids).await?)
}

/// A transaction with what its sides are called.
#[derive(Debug, Clone)]
pub struct TransactionView {
    /// The transaction.
    pub transaction: Transaction,
    /// Both sides.
    pub sides: Vec<SideText>,
}

impl TransactionView {
    /// A movement that was made just now.
    pub fn of(moved: Moved) -> Self {
        let Moved { transaction_id, kind, reverses, posted_at, amount, note, from, to } = moved;
        let Money { minor: amount, currency } = amount;
        let transaction =
            Transaction { transaction_id, kind, reverses, posted_at, amount, currency };
        let side = |side, text: Text| SideText {
            transaction_id,
            side,
            account_id: text.account_id,
            label: text.label,
            last4: text.last4,
            note: note.clone(),
        };
        Self { transaction, sides: vec![side(Side::From, from.text), side(Side::To, to.text)] }
    }
}

/// The transactions among these that touch an account of the caller, in no particular order.
pub async fn own_transactions(
    bank: &Bank,
    permit: &Permit,
    ids: &[TransactionId],
) -> Result<Vec<TransactionView>, Failure> {
    let mut s = bank.db.read().await?;
    let own = entry::touching(&mut s, permit.user_id, ids).await?;
    views(&mut s, &own).await
}

/// Transactions as staff see them who have just made them.
pub(super) async fn of_staff(
    bank: &Bank,
    ids: &[TransactionId],
) -> Result<Vec<TransactionView>, Failure> {
    views(&mut bank.db.read().await?, ids).await
}

async fn views(s: &mut Session, ids: &[TransactionId]) -> Result<Vec<TransactionView>, Failure> {
    let found = entry::transactions(s, ids).await?;
    let sides = entry::sides(s, ids).await?;
    let view = |transaction: Transaction| {
        let of_it = |side: &&SideText| side.transaction_id == transaction.transaction_id;
        let sides = sides.iter().filter(of_it).cloned().collect();
        TransactionView { transaction, sides }
    };
    Ok(found.into_iter().map(view).collect())
}

#[cfg(test)]
mod tests {
    use super::{Scope, cursor, position, version};
    use crate::{
        domain::posting::TransactionKind,
        store::entry::{Entry, Position},
        types::{
            clock::SystemClock,
            entropy::SystemEntropy,
            id::{AccountId, TransactionId},
            money::{Currency, Minor},
        },
    };

    #[test]
    fn a_cursor_gives_back_the_place_of_its_entry() {
        let account = || AccountId::generate(&SystemClock, &SystemEntropy);
        let (one, other) = (account(), account());
        let entry = Entry {
            transaction_id: TransactionId::generate(&SystemClock, &SystemEntropy),
            account_id: one,
            amount: Minor(1),
            currency: Currency::parse("USD").unwrap(),
            balance_after: Minor(1),
            version: 7,
            posted_at: "2026-11-21T19:27:01.680936Z".parse().unwrap(),
            kind: TransactionKind::TopUp,
            counterparty_id: other,
            counterparty_label: "Cash".to_owned(),
            counterparty_last4: None,
            note: None,
        };
        assert_eq!(position(&cursor(Scope::Owner, &entry)), Some(Position::of(&entry)));
        let of_account = cursor(Scope::Account(one), &entry);
        assert_eq!(version(&of_account, one), Some(7));
        assert_eq!(version(&of_account, other), None, "a cursor of another account");
        assert_eq!(position(&of_account), None, "a cursor of another list");
    }
}
