//! Cards: what an account of that kind has beyond its money.

use chrono::NaiveDate;

use super::{
    account::{Account, AccountRow},
    statements::statements,
};
use crate::{
    db::{error::DbError, session::Session},
    domain::user::full_name,
    types::id::{AccountId, UserId},
};

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Card {
    /// The account that it is.
    pub account_id: AccountId,
    /// Its number for clients that know integers only.
    pub legacy_id: i64,
    /// The holder's first name as it was.
    pub holder_first_name: String,
    /// The holder's last name as it was.
    pub holder_last_name: String,
    /// The last four digits.
    pub last4: String,
    /// The last day on which it is good.
    pub expires_on: NaiveDate,
}

impl Card {
    /// The holder's name as it was.
    pub fn holder_name(&self) -> String {
        full_name(Some(&self.holder_first_name), Some(&self.holder_last_name))
    }
}

/// A card that is about to be written.
#[derive(Debug, Clone)]
pub struct NewCard {
    /// The account that it is.
    pub account_id: AccountId,
    /// The holder's first name.
    pub holder_first_name: String,
    /// The holder's last name.
    pub holder_last_name: String,
    /// The number, sealed.
    pub number: Vec<u8>,
    /// What finds it.
    pub number_index: Vec<u8>,
    /// The last four digits.
    pub last4: String,
    /// The last day on which it is good.
    pub expires_on: NaiveDate,
}

statements! {
    INSERT = "
        INSERT INTO cards (account_id, holder_first_name, holder_last_name, number, number_index,
            last4, expires_on)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";

    NUMBER_TAKEN = "SELECT 1 FROM cards WHERE number_index = $1";

    NUMBER = "SELECT number FROM cards WHERE account_id = $1";

    NUMBERS = "SELECT account_id, number FROM cards WHERE account_id IN ($1..)";

    BY_LEGACY_ID = "SELECT account_id FROM cards WHERE legacy_id = $1";

    LOOKUP_MANY = "
        SELECT account_id, legacy_id, holder_first_name, holder_last_name, last4, expires_on
        FROM cards WHERE account_id IN ($1..)";

    /// In the order of the numbers, which are given one after the other: two cards may be
    /// made in the same instant.
    OPEN_OF_OWNER = "
        SELECT a.account_id, a.owner_id, a.kind, a.currency, a.created_at,
            b.status, b.posted, b.held, b.overdraft_limit, b.version, b.spending_limit,
            c.legacy_id, c.holder_first_name, c.holder_last_name, c.last4, c.expires_on
        FROM accounts a
            JOIN balances b ON b.account_id = a.account_id
            JOIN cards c ON c.account_id = a.account_id
        WHERE a.owner_id = $1 AND a.kind = 'CARD' AND b.status <> 'CLOSED'
        ORDER BY c.legacy_id";
}

#[derive(sqlx::FromRow)]
struct OwnedRow {
    #[sqlx(flatten)]
    account: AccountRow,
    #[sqlx(flatten)]
    card: Card,
}

/// Writes a card.
pub async fn insert(session: &mut Session, new: &NewCard) -> Result<(), DbError> {
    session
        .query(INSERT)
        .bind(new.account_id)
        .bind(new.holder_first_name.as_str())
        .bind(new.holder_last_name.as_str())
        .bind(new.number.as_slice())
        .bind(new.number_index.as_slice())
        .bind(new.last4.as_str())
        .bind(new.expires_on)
        .execute()
        .await?;
    Ok(())
}

/// A card has the number that this index finds.
pub async fn number_taken(session: &mut Session, index: &[u8]) -> Result<bool, DbError> {
    Ok(session.query(NUMBER_TAKEN).bind(index).scalar::<i32>().await?.is_some())
}

/// The sealed number of a card.
pub async fn number(session: &mut Session, id: AccountId) -> Result<Option<Vec<u8>>, DbError> {
    session.query(NUMBER).bind(id).scalar().await
}

/// The sealed numbers of cards, in no particular order.
pub async fn numbers(
    session: &mut Session,
    ids: &[AccountId],
) -> Result<Vec<(AccountId, Vec<u8>)>, DbError> {
    session.query(NUMBERS).bind_list(ids).all().await
}

/// The account of the card with this integer for an id, whoever's it is.
pub async fn by_legacy_id(
    session: &mut Session,
    legacy_id: i64,
) -> Result<Option<AccountId>, DbError> {
    session.query(BY_LEGACY_ID).bind(legacy_id).scalar().await
}

/// Finds cards, in no particular order.
pub async fn lookup_many(session: &mut Session, ids: &[AccountId]) -> Result<Vec<Card>, DbError> {
    session.query(LOOKUP_MANY).bind_list(ids).all().await
}

/// A person's cards that are not closed, with their money, in the order of their making.
pub async fn open_of_owner(
    session: &mut Session,
    owner_id: UserId,
) -> Result<Vec<(Account, Card)>, DbError> {
    let rows: Vec<OwnedRow> = session.query(OPEN_OF_OWNER).bind(owner_id).all().await?;
    Ok(rows.into_iter().map(|row| (row.account.read(), row.card)).collect())
}
