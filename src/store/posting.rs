//! What the ledger asks and writes for a batch of postings.
//!
//! Money moves through the ledger alone; what else changes an account locks and
//! tells by the same functions.
//!
//! Each function runs one statement, or the few that belong together, for all
//! postings of a batch at once. The texts stand in `posting_sqlite` and
//! `posting_postgres`; whatever is locked is given in ascending order.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use uuid::Uuid;

use super::{
    account::Account,
    audit::Act,
    card::Card,
    claim,
    operation::{NewOperation, Operation, ResultKind},
    posting_postgres as postgres,
    posting_rows::{
        Written, audit_rows, balance_rows, bill_rows, capture_rows, codes, entry_rows, event_rows,
        instants, ints, limit_rows, text_rows, texts, transaction_rows, unsealed_rows, uuids,
    },
    posting_sqlite as sqlite,
    savings::Savings,
    session::FactsRow,
};
use crate::{
    db::{
        error::DbError,
        query::Query,
        rows::{Column, Rows},
        session::Session,
    },
    domain::{
        account::{AccountKind, AccountStatus, Balance},
        bill::Bill,
        hold::Hold,
        limit::{CounterKey, LimitKind, Used},
        posting::Standing,
        session::Facts,
        user::full_name,
    },
    types::{
        clock::Instant,
        id::{AccountId, AuditId, BillId, HoldId, SessionId, TransactionId, UserId},
        money::{Currency, Minor},
    },
};

/// A customer's account under its lock, with what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The account.
    pub account: Account,
    /// What it has as a card.
    pub card: Option<Card>,
    /// What it has as a savings goal, where that was asked for.
    pub savings: Option<Savings>,
    /// Its owner's name.
    pub owner_name: String,
    /// When its last posting was; `None` before the first.
    pub last_posted_at: Option<Instant>,
}

impl Customer {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        Standing {
            status: self.account.status,
            balance: self.account.balance,
            last_posted_at: self.last_posted_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Claimed {
    result_id: Uuid,
}

/// Claims keys, given in ascending order, and waits for whoever claims one of them at
/// this moment; what comes back are the results of those that were not used before.
pub async fn claim(
    session: &mut Session,
    keys: &[&NewOperation],
    at: Instant,
) -> Result<Vec<Uuid>, DbError> {
    let rows = Rows::new(vec![
        uuids(keys, |key| Some(key.scope_id)),
        texts(keys, |key| Some(key.key.clone())),
        Column::Bytes(keys.iter().map(|key| key.fingerprint.clone()).collect()),
        codes(keys, |key| key.result_kind.code()),
        uuids(keys, |key| Some(key.result_id)),
        instants(keys, |_| at),
    ]);
    let query = session.query_either(sqlite::CLAIM, postgres::CLAIM).bind_rows(&rows);
    let claimed: Vec<Claimed> = query.all().await?;
    Ok(claimed.into_iter().map(|claimed| claimed.result_id).collect())
}

fn key_rows(keys: &[&NewOperation]) -> Rows {
    Rows::new(vec![uuids(keys, |key| Some(key.scope_id)), texts(keys, |key| Some(key.key.clone()))])
}

#[derive(sqlx::FromRow)]
struct FoundKey {
    scope_id: Uuid,
    idempotency_key: String,
    fingerprint: Vec<u8>,
    result_kind: ResultKind,
    result_id: Uuid,
    created_at: Instant,
}

/// What keys made before, with their scopes, in no particular order.
pub async fn lookup_keys(
    session: &mut Session,
    keys: &[&NewOperation],
) -> Result<Vec<(Uuid, String, Operation)>, DbError> {
    let query = session.query_either(sqlite::LOOKUP_KEYS, postgres::LOOKUP_KEYS);
    let found: Vec<FoundKey> = query.bind_rows(&key_rows(keys)).all().await?;
    let read = |found: FoundKey| {
        let operation = Operation {
            fingerprint: found.fingerprint,
            result_kind: found.result_kind,
            result_id: found.result_id,
            created_at: found.created_at,
        };
        (found.scope_id, found.idempotency_key, operation)
    };
    Ok(found.into_iter().map(read).collect())
}

/// Gives back keys whose postings were refused after all.
pub async fn release_keys(session: &mut Session, keys: &[&NewOperation]) -> Result<(), DbError> {
    let query = session.query_either(sqlite::RELEASE_KEYS, postgres::RELEASE_KEYS);
    query.bind_rows(&key_rows(keys)).execute().await?;
    Ok(())
}

/// The accounts of cards, by the keyed index of their numbers.
pub async fn by_number(
    session: &mut Session,
    indexes: &[&[u8]],
) -> Result<Vec<(Vec<u8>, AccountId)>, DbError> {
    let rows = Rows::new(vec![Column::Bytes(indexes.iter().map(|i| i.to_vec()).collect())]);
    let query = session.query_either(sqlite::BY_NUMBER, postgres::BY_NUMBER);
    query.bind_rows(&rows).all().await
}

#[derive(sqlx::FromRow)]
pub(super) struct CustomerRow {
    account_id: AccountId,
    owner_id: UserId,
    kind: AccountKind,
    #[sqlx(try_from = "String")]
    currency: Currency,
    created_at: Instant,
    status: AccountStatus,
    posted: Minor,
    held: Minor,
    overdraft_limit: Minor,
    version: i64,
    last_posted_at: Option<Instant>,
    /// The one call does nothing for a card that has a limit, and so tells none.
    #[sqlx(default)]
    spending_limit: Option<Minor>,
    legacy_id: Option<i64>,
    holder_first_name: Option<String>,
    holder_last_name: Option<String>,
    last4: Option<String>,
    expires_on: Option<NaiveDate>,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl CustomerRow {
    pub(super) fn read(self) -> Customer {
        let owner_name = full_name(self.first_name.as_deref(), self.last_name.as_deref());
        let balance = Balance {
            posted: self.posted,
            held: self.held,
            overdraft_limit: self.overdraft_limit,
            version: self.version,
            currency: self.currency,
        };
        let account_id = self.account_id;
        let account = Account {
            account_id,
            owner_id: self.owner_id,
            kind: self.kind,
            status: self.status,
            balance,
            spending_limit: self.spending_limit,
            created_at: self.created_at,
        };
        let card = match (self.legacy_id, self.last4, self.expires_on) {
            (Some(legacy_id), Some(last4), Some(expires_on)) => Some(Card {
                account_id,
                legacy_id,
                holder_first_name: self.holder_first_name.unwrap_or_default(),
                holder_last_name: self.holder_last_name.unwrap_or_default(),
                last4,
                expires_on,
            }),
            _ => None,
        };
        let last_posted_at = self.last_posted_at;
        Customer { account, card, savings: None, owner_name, last_posted_at }
    }
}

/// Locks customers' accounts, given in ascending order, and tells how they stand then.
pub async fn lock_accounts(
    session: &mut Session,
    ids: &[AccountId],
) -> Result<Vec<Customer>, DbError> {
    let rows = Rows::new(vec![uuids(ids, |id| Some(id.uuid()))]);
    let query = session.query_either(sqlite::LOCK_ACCOUNTS, postgres::LOCK_ACCOUNTS);
    let found: Vec<CustomerRow> = query.bind_rows(&rows).all().await?;
    Ok(found.into_iter().map(CustomerRow::read).collect())
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    session_id: SessionId,
    user_id: UserId,
    #[sqlx(flatten)]
    facts: FactsRow,
}

/// What is known of sessions, with their persons.
pub async fn sessions(
    session: &mut Session,
    ids: &[SessionId],
) -> Result<Vec<((SessionId, UserId), Facts)>, DbError> {
    let rows = Rows::new(vec![uuids(ids, |id| Some(id.uuid()))]);
    let query = session.query_either(sqlite::SESSIONS, postgres::SESSIONS);
    let found: Vec<SessionRow> = query.bind_rows(&rows).all().await?;
    let read = |row: SessionRow| ((row.session_id, row.user_id), row.facts.facts());
    Ok(found.into_iter().map(read).collect())
}

/// Locks bills, given in ascending order.
pub async fn lock_bills(session: &mut Session, ids: &[BillId]) -> Result<Vec<Bill>, DbError> {
    let rows = Rows::new(vec![uuids(ids, |id| Some(id.uuid()))]);
    let query = session.query_either(sqlite::LOCK_BILLS, postgres::LOCK_BILLS);
    query.bind_rows(&rows).all().await
}

/// Locks holds, given in ascending order.
pub async fn lock_holds(session: &mut Session, ids: &[HoldId]) -> Result<Vec<Hold>, DbError> {
    let rows = Rows::new(vec![uuids(ids, |id| Some(id.uuid()))]);
    let query = session.query_either(sqlite::LOCK_HOLDS, postgres::LOCK_HOLDS);
    query.bind_rows(&rows).all().await
}

/// Locks transactions that are to be reversed, given in ascending order.
pub async fn lock_transactions(
    session: &mut Session,
    ids: &[TransactionId],
) -> Result<(), DbError> {
    let rows = Rows::new(vec![uuids(ids, |id| Some(id.uuid()))]);
    let query = session.query_either(sqlite::LOCK_TRANSACTIONS, postgres::LOCK_TRANSACTIONS);
    let _: Vec<(TransactionId,)> = query.bind_rows(&rows).all().await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct CounterRow {
    subject_id: Uuid,
    kind: LimitKind,
    #[sqlx(try_from = "String")]
    currency: Currency,
    window_start: NaiveDate,
    used: Minor,
}

/// Locks the counters of limits, given in ascending order.
pub async fn lock_limits(
    session: &mut Session,
    keys: &[CounterKey],
) -> Result<Vec<(CounterKey, Used)>, DbError> {
    let rows = Rows::new(vec![
        uuids(keys, |key| Some(key.0)),
        codes(keys, |key| key.1.code()),
        texts(keys, |key| Some(key.2.code().to_owned())),
    ]);
    let query = session.query_either(sqlite::LOCK_LIMITS, postgres::LOCK_LIMITS);
    let found: Vec<CounterRow> = query.bind_rows(&rows).all().await?;
    let read = |row: CounterRow| {
        let used = Used { window_start: row.window_start, used: row.used };
        ((row.subject_id, row.kind, row.currency), used)
    };
    Ok(found.into_iter().map(read).collect())
}

/// A transfer between two cards for a client that is alone.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// Names the row of the audit log.
    pub audit_id: AuditId,
    /// Now.
    pub at: Instant,
    /// The client's key.
    pub key: NewOperation,
    /// Who asks.
    pub act: Act,
    /// Whose session it is, and whose card pays.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The card that pays.
    pub from: AccountId,
    /// The card that is paid.
    pub to: AccountId,
    /// What is noted.
    pub note: Option<String>,
    /// How much moves, and what the person may pay to others in a day, in each currency
    /// in which it could be: the card that pays says which.
    pub sums: Vec<(Currency, Minor, Minor)>,
    /// For the two entries.
    pub salts: [[u8; 16]; 2],
}

/// Does a transfer in one call on PostgreSQL, and tells how the two cards stand then: the
/// one that paid, and the one that was paid.
pub async fn transfer(session: &mut Session, asked: &Transfer) -> Result<Vec<Customer>, DbError> {
    let sums = Rows::new(vec![
        texts(&asked.sums, |sum| Some(sum.0.code().to_owned())),
        ints(&asked.sums, |sum| Some(sum.1.0)),
        ints(&asked.sums, |sum| Some(sum.2.0)),
    ]);
    let tag = session.tag();
    let found: Vec<CustomerRow> = session
        .query(postgres::TRANSFER)
        .bind(asked.transaction_id)
        .bind(asked.audit_id)
        .bind(asked.at)
        .bind(asked.at.date_naive())
        .bind(asked.key.scope_id)
        .bind(asked.key.key.as_str())
        .bind(asked.key.fingerprint.as_slice())
        .bind(asked.user_id)
        .bind(asked.session_id)
        .bind(asked.act.action)
        .bind(asked.act.ip_address.as_deref())
        .bind(asked.act.request_id.as_deref())
        .bind(asked.from)
        .bind(asked.to)
        .bind(asked.note.as_deref())
        .bind(asked.salts[0].as_slice())
        .bind(asked.salts[1].as_slice())
        .bind_rows(&sums)
        .bind(tag)
        .all()
        .await?;
    let both: Vec<Customer> = found.into_iter().map(CustomerRow::read).collect();
    session.ring(both.iter().map(|customer| customer.account.owner_id.uuid()).collect());
    Ok(both)
}

/// Writes all of a batch; what is told to people comes last, as its lock does.
pub async fn write(session: &mut Session, written: &Written) -> Result<(), DbError> {
    write_batch(session, written).await?;
    // Few movements have any.
    for (transaction_id, made) in &written.claims {
        claim::insert(session, *transaction_id, made).await?;
    }
    Ok(())
}

async fn write_batch(session: &mut Session, written: &Written) -> Result<(), DbError> {
    if session.is_sqlite() {
        write_sqlite(session, written).await
    } else {
        write_postgres(session, written).await
    }
}

async fn write_sqlite(session: &mut Session, written: &Written) -> Result<(), DbError> {
    let rows = [
        entry_rows(&written.entries),
        balance_rows(&written.balances),
        limit_rows(&written.limits),
        transaction_rows(&written.transactions),
        text_rows(&written.texts),
        audit_rows(&written.audit),
        unsealed_rows(written),
        capture_rows(&written.captures),
        event_rows(&written.events),
    ];
    let streams: BTreeSet<UserId> = written.events.iter().map(|event| event.owner_id).collect();
    let wanted = rows.iter().map(Rows::len).sum::<usize>() + streams.len();
    if wanted == 0 {
        return Ok(());
    }
    let concerned: Vec<Uuid> = streams.into_iter().map(UserId::uuid).collect();
    session.concern(&concerned);
    let query = rows.iter().fold(session.query(sqlite::WRITE), Query::bind_rows);
    if query.execute().await? != wanted as u64 {
        // A person without a stream: everything is given up rather than left untold.
        return Err(DbError::Vanished);
    }
    if !written.bills.is_empty() {
        let rows = bill_rows(&written.bills);
        session.query(sqlite::BILLS).bind_rows(&rows).execute().await?;
    }
    Ok(())
}

async fn write_postgres(session: &mut Session, written: &Written) -> Result<(), DbError> {
    if !written.entries.is_empty() {
        session
            .query(postgres::ENTRIES)
            .bind_rows(&entry_rows(&written.entries))
            .bind_rows(&balance_rows(&written.balances))
            .bind_rows(&limit_rows(&written.limits))
            .execute()
            .await?;
    }
    if !(written.transactions.is_empty() && written.audit.is_empty()) {
        session
            .query(postgres::TRANSACTIONS)
            .bind_rows(&transaction_rows(&written.transactions))
            .bind_rows(&text_rows(&written.texts))
            .bind_rows(&audit_rows(&written.audit))
            .bind_rows(&unsealed_rows(written))
            .execute()
            .await?;
    }
    if !written.bills.is_empty() {
        let rows = bill_rows(&written.bills);
        session.query(postgres::BILLS).bind_rows(&rows).execute().await?;
    }
    if !written.captures.is_empty() {
        let rows = capture_rows(&written.captures);
        session.query(postgres::HOLDS).bind_rows(&rows).execute().await?;
    }
    if written.events.is_empty() {
        return Ok(());
    }
    let concerned: BTreeSet<Uuid> = written.events.iter().map(|one| one.owner_id.uuid()).collect();
    let messages = session.concern(&Vec::from_iter(concerned));
    let messages = Rows::new(vec![texts(&messages, |message| Some(message.clone()))]);
    let events = event_rows(&written.events);
    let told = session.query(postgres::EVENTS).bind_rows(&events).bind_rows(&messages);
    if told.execute().await? != written.events.len() as u64 {
        // A person without a stream: everything is given up rather than left untold.
        return Err(DbError::Vanished);
    }
    Ok(())
}
