//! Accounts and their balances.

use super::{limit, statements::statements};
use crate::{
    db::{error::DbError, session::Session},
    domain::account::{AccountKind, AccountStatus, Balance},
    types::{
        clock::Instant,
        id::{AccountId, UserId},
        money::{Currency, Minor},
    },
};

/// A customer's account with its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Names the account.
    pub account_id: AccountId,
    /// Whose it is.
    pub owner_id: UserId,
    /// What it is for.
    pub kind: AccountKind,
    /// What may happen with it.
    pub status: AccountStatus,
    /// Its money.
    pub balance: Balance,
    /// What may be spent from it in a day; only a card has such a limit.
    pub spending_limit: Option<Minor>,
    /// Since when.
    pub created_at: Instant,
}

#[derive(sqlx::FromRow)]
pub(super) struct AccountRow {
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
    spending_limit: Option<Minor>,
}

impl AccountRow {
    pub(super) fn read(self) -> Account {
        let balance = Balance {
            posted: self.posted,
            held: self.held,
            overdraft_limit: self.overdraft_limit,
            version: self.version,
            currency: self.currency,
        };
        Account {
            account_id: self.account_id,
            owner_id: self.owner_id,
            kind: self.kind,
            status: self.status,
            balance,
            spending_limit: self.spending_limit,
            created_at: self.created_at,
        }
    }
}

statements! {
    INSERT_BANK = "
        INSERT INTO accounts (account_id, customer, owner_id, kind, currency, created_at)
        VALUES ($1, FALSE, NULL, $2, $3, $4)
        ON CONFLICT DO NOTHING";

    /// None where the account was of another id before: what there is stays.
    INSERT_FOLD = "
        INSERT INTO bank_folds (account_id, through_sequence, sum)
        SELECT account_id, 0, 0 FROM accounts WHERE account_id = $1
        ON CONFLICT DO NOTHING";

    INSERT = "
        INSERT INTO accounts (account_id, customer, owner_id, kind, currency, created_at)
        VALUES ($1, TRUE, $2, $3, $4, $5)";

    INSERT_BALANCE = "
        INSERT INTO balances (account_id, status, posted, held, overdraft_limit, version)
        VALUES ($1, 'ACTIVE', 0, 0, 0, 0)";

    LOOKUP_MANY = "
        SELECT a.account_id, a.owner_id, a.kind, a.currency, a.created_at,
            b.status, b.posted, b.held, b.overdraft_limit, b.version, b.spending_limit
        FROM accounts a JOIN balances b ON b.account_id = a.account_id
        WHERE a.account_id IN ($1..)";

    OF_OWNER = "
        SELECT a.account_id, a.owner_id, a.kind, a.currency, a.created_at,
            b.status, b.posted, b.held, b.overdraft_limit, b.version, b.spending_limit
        FROM accounts a JOIN balances b ON b.account_id = a.account_id
        WHERE a.owner_id = $1
        ORDER BY a.created_at, a.account_id";

    KIND_OF_THE_BANK = "SELECT kind FROM accounts WHERE account_id = $1 AND NOT customer";

    HOLD = "UPDATE balances SET held = $2 WHERE account_id = $1";

    SET_OVERDRAFT_LIMIT = "UPDATE balances SET overdraft_limit = $2 WHERE account_id = $1";

    SET_STATUS = "UPDATE balances SET status = $2 WHERE account_id = $1";

    SET_SPENDING_LIMIT = "UPDATE balances SET spending_limit = $2 WHERE account_id = $1";

    COUNT_OPEN = "
        SELECT COUNT(*) FROM accounts a JOIN balances b ON b.account_id = a.account_id
        WHERE a.owner_id = $1 AND a.kind = $2 AND b.status <> 'CLOSED'";
}

/// Makes one of the bank's own accounts; one that exists stays as it is.
pub async fn open_bank(
    session: &mut Session,
    id: AccountId,
    kind: AccountKind,
    currency: Currency,
    at: Instant,
) -> Result<(), DbError> {
    let query = session.query(INSERT_BANK).bind(id).bind(kind);
    query.bind(currency.code().to_owned()).bind(at).execute().await?;
    session.query(INSERT_FOLD).bind(id).execute().await?;
    Ok(())
}

/// Makes a customer's account with nothing in it.
pub async fn open(
    session: &mut Session,
    id: AccountId,
    owner_id: UserId,
    kind: AccountKind,
    currency: Currency,
    at: Instant,
) -> Result<(), DbError> {
    let query = session.query(INSERT).bind(id).bind(owner_id).bind(kind);
    query.bind(currency.code().to_owned()).bind(at).execute().await?;
    session.query(INSERT_BALANCE).bind(id).execute().await?;
    limit::open(session, owner_id, currency).await?;
    Ok(())
}

/// Finds customers' accounts, in no particular order; the bank's own are not found.
pub async fn lookup_many(
    session: &mut Session,
    ids: &[AccountId],
) -> Result<Vec<Account>, DbError> {
    let rows: Vec<AccountRow> = session.query(LOOKUP_MANY).bind_list(ids).all().await?;
    Ok(rows.into_iter().map(AccountRow::read).collect())
}

/// Finds a customer's account.
pub async fn lookup(session: &mut Session, id: AccountId) -> Result<Option<Account>, DbError> {
    Ok(lookup_many(session, &[id]).await?.pop())
}

/// A person's accounts in the order of their making, closed ones too.
pub async fn of_owner(session: &mut Session, owner_id: UserId) -> Result<Vec<Account>, DbError> {
    let rows: Vec<AccountRow> = session.query(OF_OWNER).bind(owner_id).all().await?;
    Ok(rows.into_iter().map(AccountRow::read).collect())
}

/// How many accounts of a kind a person has that are not closed.
pub async fn count_open(
    session: &mut Session,
    owner_id: UserId,
    kind: AccountKind,
) -> Result<i64, DbError> {
    Ok(session.query(COUNT_OPEN).bind(owner_id).bind(kind).scalar().await?.unwrap_or(0))
}

/// What one of the bank's own accounts is for.
pub async fn kind_of_the_bank(
    session: &mut Session,
    id: AccountId,
) -> Result<Option<AccountKind>, DbError> {
    session.query(KIND_OF_THE_BANK).bind(id).scalar().await
}

/// Sets what holds reserve of an account that is locked.
pub async fn hold(session: &mut Session, id: AccountId, held: Minor) -> Result<(), DbError> {
    session.query(HOLD).bind(id).bind(held).execute().await?;
    Ok(())
}

/// Sets how far below zero an account that is locked may go.
pub async fn set_overdraft_limit(
    session: &mut Session,
    id: AccountId,
    limit: Minor,
) -> Result<(), DbError> {
    session.query(SET_OVERDRAFT_LIMIT).bind(id).bind(limit).execute().await?;
    Ok(())
}

/// Sets what may happen with an account that is locked.
pub async fn set_status(
    session: &mut Session,
    id: AccountId,
    status: AccountStatus,
) -> Result<(), DbError> {
    session.query(SET_STATUS).bind(id).bind(status).execute().await?;
    Ok(())
}

/// Sets what may be spent in a day from a card that is locked; `None` for as much as it has.
pub async fn set_spending_limit(
    session: &mut Session,
    id: AccountId,
    limit: Option<Minor>,
) -> Result<(), DbError> {
    session.query(SET_SPENDING_LIMIT).bind(id).bind(limit).execute().await?;
    Ok(())
}
