//! Histories of one account or of all, as their person sees them.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{behind, context::Bank, error::Failure, permit::Permit};
use crate::{
    db::session::Session,
    domain::{
        history::{COUNTED_MAX, Filter, SEARCHED_MAX, Sieve},
        refusal::Refusal,
    },
    store::{
        account,
        account::Account,
        entry::{Entry, Position},
        history,
        history::Stretch,
    },
    types::{
        clock::Instant,
        id::AccountId,
        money::Currency,
        page::{Cursor, PAGE_DEFAULT, Page, Reading, Window},
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

/// A part of a history that was asked for, and read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Which page.
    pub window: Window,
    /// Which entries.
    pub sieve: Sieve,
}

/// An account with what it is counted in.
pub type Counted = (AccountId, Currency);

/// The cursor of an entry in a history.
pub fn cursor(scope: Scope, entry: &Entry) -> Cursor {
    let position = Position::of(entry);
    let micros = position.posted_at.timestamp_micros().to_be_bytes();
    let version = position.version.to_be_bytes();
    let key = [&micros[..], position.account_id.as_bytes(), &version].concat();
    Cursor::seal(list(scope), &key)
}

const fn list(scope: Scope) -> u8 {
    match scope {
        Scope::Owner => OF_OWNER,
        Scope::Account(_) => OF_ACCOUNT,
    }
}

fn position(cursor: &Cursor, scope: Scope) -> Option<Position> {
    let key = cursor.open(list(scope))?;
    let (micros, rest) = key.split_first_chunk::<8>()?;
    let (account, version) = rest.split_first_chunk::<16>()?;
    let version = i64::from_be_bytes(version.try_into().ok()?);
    let posted_at = Instant::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    let account_id = AccountId::from_uuid(Uuid::from_bytes(*account));
    // Beyond these the two databases do not agree on what an instant is.
    let known = (Position::FIRST..=Position::LAST).contains(&posted_at);
    let fits = match scope {
        Scope::Owner => true,
        Scope::Account(id) => id == account_id,
    };
    (known && fits).then_some(Position { posted_at, account_id, version })
}

/// The cursors of a window: what lies between them is meant.
type Bounds = (Option<Position>, Option<Position>);

fn bounds(window: &Window, scope: Scope, own: &[Counted]) -> Result<Bounds, Refusal> {
    let read = |cursor: &Option<Cursor>, field| match cursor {
        None => Ok(None),
        Some(cursor) => {
            let position = position(cursor, scope);
            let own = |at: &Position| own.iter().any(|(id, _)| *id == at.account_id);
            let position = position.filter(own);
            let refused = || Refusal::invalid(field, "must be a cursor that this list gave");
            position.map(Some).ok_or_else(refused)
        }
    };
    Ok((read(&window.after, "after")?, read(&window.before, "before")?))
}

/// Reads what is asked of the history of one account of the caller.
pub fn read(account: Counted, window: Window, filter: Filter) -> Result<Ask, Failure> {
    let sieve = filter.read(&[account.1])?;
    bounds(&window, Scope::Account(account.0), &[account])?;
    Ok(Ask { window, sieve })
}

/// The part of an account's history that is meant; none where nothing can be in it.
fn stretch((id, currency): Counted, sieve: &Sieve, (after, before): Bounds) -> Option<Stretch> {
    let mut newest = (Position::LAST, i64::MAX);
    let mut oldest = (Position::FIRST, 0);
    if let Some(at) = after {
        // At the cursor's instant the accounts stand in the order of their ids.
        newest = match id.cmp(&at.account_id) {
            std::cmp::Ordering::Less => (at.posted_at, i64::MAX),
            std::cmp::Ordering::Equal => (at.posted_at, at.version),
            std::cmp::Ordering::Greater => (at.posted_at, 0),
        };
    }
    if let Some(at) = before {
        oldest = match id.cmp(&at.account_id) {
            std::cmp::Ordering::Less => (at.posted_at, i64::MAX),
            std::cmp::Ordering::Equal => (at.posted_at, at.version),
            std::cmp::Ordering::Greater => (at.posted_at, 0),
        };
    }
    let known = |at: Instant| at.clamp(Position::FIRST, Position::LAST);
    if let Some(before) = sieve.before {
        newest = newest.min((known(before), 0));
    }
    if let Some(from) = sieve.from {
        oldest = oldest.max((known(from), 0));
    }
    let amounts = sieve.amounts(currency);
    (oldest < newest).then_some(Stretch { account_id: id, newest, oldest, amounts })
}

/// One more than a page has, to know whether more follow.
fn one_more(window: &Window) -> i64 {
    i64::try_from(window.size).unwrap_or(0) + 1
}

/// A page of what accounts have together.
async fn merged(
    s: &mut Session,
    accounts: &[Counted],
    scope: Scope,
    ask: &Ask,
) -> Result<Page<Entry>, Failure> {
    let between = bounds(&ask.window, scope, accounts)?;
    if ask.sieve.text.is_some() {
        let found = search(s, accounts, &ask.sieve).await?;
        return Ok(cut(found, between, &ask.window));
    }
    let stretches = accounts.iter().filter_map(|&one| stretch(one, &ask.sieve, between));
    let stretches: Vec<Stretch> = stretches.collect();
    let limit = one_more(&ask.window);
    let rows = match stretches.as_slice() {
        [] => Vec::new(),
        some => history::page(s, some, &ask.sieve, ask.window.reading, (limit, limit)).await?,
    };
    Ok(Page::from_read(rows, &ask.window))
}

/// The entries in which a text stands, among the newest that the rest of the sieve leaves.
async fn search(
    s: &mut Session,
    accounts: &[Counted],
    sieve: &Sieve,
) -> Result<Vec<Entry>, Failure> {
    let stretches = accounts.iter().filter_map(|&one| stretch(one, sieve, (None, None)));
    let stretches: Vec<Stretch> = stretches.collect();
    let most = (SEARCHED_MAX, SEARCHED_MAX);
    let mut found = match stretches.as_slice() {
        [] => Vec::new(),
        some => history::page(s, some, sieve, Reading::Forward, most).await?,
    };
    found.retain(|entry| sieve.reads(entry.note.as_deref(), &entry.counterparty_label));
    Ok(found)
}

/// The page of a list that is whole in memory, the newest first.
fn cut(mut all: Vec<Entry>, (after, before): Bounds, window: &Window) -> Page<Entry> {
    all.retain(|entry| {
        let at = Position::of(entry);
        after.is_none_or(|after| at < after) && before.is_none_or(|before| at > before)
    });
    if window.reading == Reading::Backward {
        all.reverse();
    }
    all.truncate(window.size + 1);
    Page::from_read(all, window)
}

fn counted(accounts: &[Account]) -> Vec<Counted> {
    accounts.iter().map(|one| (one.account_id, one.balance.currency)).collect()
}

/// A page of the history of all of the caller's accounts, closed ones too, newest first.
pub async fn of_owner(
    bank: &Bank,
    permit: &Permit,
    window: Window,
    filter: Filter,
) -> Result<(Ask, Page<Entry>), Failure> {
    let mut s = bank.db.read().await?;
    let known = account::of_owner(&mut s, permit.user_id).await?;
    let accounts = counted(&known);
    let mut currencies: Vec<Currency> = accounts.iter().map(|&(_, currency)| currency).collect();
    currencies.push(bank.rules.default_currency());
    let ask = Ask { window, sieve: filter.read(&currencies)? };
    if is_long(&ask)
        && let Some(mut far) = behind::caught_up(bank, &known).await
        && let Some(page) =
            behind::read(bank, merged(&mut far, &accounts, Scope::Owner, &ask)).await
    {
        return Ok((ask, page));
    }
    let page = merged(&mut s, &accounts, Scope::Owner, &ask).await?;
    Ok((ask, page))
}

/// So much is to be read that a replica is worth asking whether it is behind.
fn is_long(ask: &Ask) -> bool {
    ask.window.size > PAGE_DEFAULT || ask.sieve.text.is_some()
}

/// Pages of the histories of accounts that must be known to be the caller's, newest first.
///
/// One statement for all that are read in the same way, however many accounts they are.
pub async fn of_accounts(
    bank: &Bank,
    asks: &[(Counted, Ask)],
) -> Result<Vec<Page<Entry>>, Failure> {
    let mut s = bank.db.read().await?;
    if bank.db.has_replica() && asks.iter().any(|(_, ask)| is_long(ask)) {
        let ids: BTreeSet<AccountId> = asks.iter().map(|((id, _), _)| *id).collect();
        let ids: Vec<AccountId> = ids.into_iter().collect();
        let known = account::lookup_many(&mut s, &ids).await?;
        if let Some(mut far) = behind::caught_up(bank, &known).await
            && let Some(pages) = behind::read(bank, pages(&mut far, asks)).await
        {
            return Ok(pages);
        }
    }
    pages(&mut s, asks).await
}

/// The pages, wherever they are read.
async fn pages(s: &mut Session, asks: &[(Counted, Ask)]) -> Result<Vec<Page<Entry>>, Failure> {
    let empty = |ask: &Ask| Page::from_read(Vec::new(), &ask.window);
    let mut pages: Vec<Page<Entry>> = asks.iter().map(|(_, ask)| empty(ask)).collect();
    let mut waiting: Vec<usize> = (0..asks.len()).collect();
    while let Some(&first) = waiting.first() {
        let (account, ask) = &asks[first];
        if ask.sieve.text.is_some() {
            let scope = Scope::Account(account.0);
            pages[first] = merged(s, &[*account], scope, ask).await?;
            waiting.remove(0);
            continue;
        }
        // All that are like the first one, but each account once.
        let mut round: HashMap<AccountId, usize> = HashMap::new();
        waiting.retain(|&place| {
            let ((id, _), other) = &asks[place];
            let (one, other, sieve) = (&ask.window, &other.window, &other.sieve);
            let alike = (one.size, one.reading) == (other.size, other.reading);
            let taken = alike && *sieve == ask.sieve && !round.contains_key(id);
            if taken {
                round.insert(*id, place);
            }
            !taken
        });
        for (place, page) in together(s, asks, &round, ask).await? {
            pages[place] = page;
        }
    }
    Ok(pages)
}

/// One round: one page for each of these accounts.
async fn together(
    s: &mut Session,
    asks: &[(Counted, Ask)],
    round: &HashMap<AccountId, usize>,
    like: &Ask,
) -> Result<Vec<(usize, Page<Entry>)>, Failure> {
    let mut stretches = Vec::with_capacity(round.len());
    for &place in round.values() {
        let (account, ask) = &asks[place];
        let between = bounds(&ask.window, Scope::Account(account.0), &[*account])?;
        stretches.extend(stretch(*account, &ask.sieve, between));
    }
    let limits = (one_more(&like.window), i64::MAX);
    let rows = match stretches.as_slice() {
        [] => Vec::new(),
        some => history::page(s, some, &like.sieve, like.window.reading, limits).await?,
    };
    let mut by_account: HashMap<AccountId, Vec<Entry>> = HashMap::new();
    for row in rows {
        by_account.entry(row.account_id).or_default().push(row);
    }
    let page = |(id, &place): (&AccountId, &usize)| {
        let rows = by_account.remove(id).unwrap_or_default();
        (place, Page::from_read(rows, &asks[place].1.window))
    };
    Ok(round.iter().map(page).collect())
}

/// How many entries a history has: exactly without a filter, else none beyond 10,000.
pub async fn count(
    bank: &Bank,
    permit: &Permit,
    scope: Scope,
    sieve: &Sieve,
) -> Result<Option<i64>, Failure> {
    let mut s = bank.db.read().await?;
    let accounts = match scope {
        Scope::Owner => account::of_owner(&mut s, permit.user_id).await?,
        Scope::Account(id) => account::lookup_many(&mut s, &[id]).await?,
    };
    if !sieve.is_open()
        && let Some(mut far) = behind::caught_up(bank, &accounts).await
        && let Some(count) =
            behind::read(bank, count_in(&mut far, &counted(&accounts), sieve)).await
    {
        return Ok(count);
    }
    count_in(&mut s, &counted(&accounts), sieve).await
}

/// The count, wherever it is made.
async fn count_in(
    s: &mut Session,
    accounts: &[Counted],
    sieve: &Sieve,
) -> Result<Option<i64>, Failure> {
    if sieve.is_open() {
        let ids: Vec<AccountId> = accounts.iter().map(|&(id, _)| id).collect();
        return Ok(Some(history::total(s, &ids).await?));
    }
    if sieve.text.is_some() {
        let found = search(s, accounts, sieve).await?.len();
        return Ok(i64::try_from(found).ok());
    }
    let stretches = accounts.iter().filter_map(|&one| stretch(one, sieve, (None, None)));
    let stretches: Vec<Stretch> = stretches.collect();
    if stretches.is_empty() {
        return Ok(Some(0));
    }
    let count = history::count(s, &stretches, sieve, COUNTED_MAX + 1).await?;
    Ok((count <= COUNTED_MAX).then_some(count))
}

#[cfg(test)]
mod tests {
    use super::{Scope, cursor, position};
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
        let place = Some(Position::of(&entry));
        assert_eq!(position(&cursor(Scope::Owner, &entry), Scope::Owner), place);
        let of_account = cursor(Scope::Account(one), &entry);
        assert_eq!(position(&of_account, Scope::Account(one)), place);
        let elsewhere = position(&of_account, Scope::Account(other));
        assert_eq!(elsewhere, None, "a cursor of another account");
        assert_eq!(position(&of_account, Scope::Owner), None, "a cursor of another list");
    }
}
