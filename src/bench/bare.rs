//! The bare transaction on SQLite: the same rows as a transfer of ours, statement by
//! statement, one transaction a transfer, in this process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    chance::Chance,
    error::{BenchError, unexpected},
    figures,
};
use crate::{
    db::{error::DbError, pool::Db, session::Session},
    types::{
        clock,
        clock::{Clock as _, SystemClock},
        entropy,
        entropy::SystemEntropy,
        id,
        id::{AccountId, SessionId, TransactionId, UserId},
        text::masked_card_number,
    },
};

const CARDS: &str = "
    SELECT a.account_id, a.owner_id, s.session_id, c.last4, u.first_name, u.last_name
    FROM accounts a
    JOIN cards c ON c.account_id = a.account_id
    JOIN users u ON u.user_id = a.owner_id
    JOIN sessions s ON s.user_id = a.owner_id
    ORDER BY a.account_id";

const CLAIM: &str = "
    INSERT INTO idempotency_keys (
        scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
    VALUES ($1, $2, $3, 'TRANSACTION', $4, $5)
    ON CONFLICT DO NOTHING";

const STANDING: &str = "
    SELECT posted - held + overdraft_limit, posted, version, last_posted_at
    FROM balances WHERE account_id = $1";

const WRITE: &str = "
    UPDATE balances SET posted = $2, version = $3, last_posted_at = $4 WHERE account_id = $1";

const ENTRY: &str = "
    INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
        posted_at, salt)
    VALUES ($1, $2, TRUE, $3, $4, $5, $6, $7)";

const TRANSACTION: &str = "
    INSERT INTO transactions (transaction_id, kind, posted_at) VALUES ($1, 'TRANSFER', $2)";

const TEXT: &str = "
    INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party)
    VALUES ($1, $2, $3, $4, $5, $6)";

const LIMIT: &str = "
    UPDATE limit_counters
    SET used = CASE WHEN window_start = $2 THEN used ELSE 0 END + 1, window_start = $2
    WHERE subject_id = $1 AND kind = 'TRANSFER' AND currency = 'USD'";

const LOG: &str = "
    INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id, ip_address,
        request_id, occurred_at)
    VALUES ($1, $2, $3, 'TRANSFER', 'DONE', $4, '127.0.0.1', $5, $6)";

const UNSEALED: &str = "INSERT INTO unsealed (subject_id, kind) VALUES ($1, $2)";

const STREAM: &str = "UPDATE streams SET last = last + 1 WHERE owner_id = $1 RETURNING last";

const EVENT: &str = "
    INSERT INTO events (owner_id, number, kind, body, occurred_at)
    VALUES ($1, $2, 'BALANCE_CHANGED', $3, $4)";

/// A card as the peer knows it.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Card {
    account_id: AccountId,
    owner_id: UserId,
    session_id: SessionId,
    last4: String,
    first_name: String,
    last_name: String,
}

/// How an account stands: what can be spent, posted, version, and its last posting.
type Standing = (i64, i64, i64, Option<clock::Instant>);

/// The peer with its own database open.
#[derive(Debug, Clone)]
pub struct Bare {
    db: Db,
    cards: Arc<Vec<Card>>,
}

impl Bare {
    /// Opens a copy of the product's database, with the product's own settings.
    pub async fn open(url: &str) -> Result<Self, BenchError> {
        let db = Db::open_existing(url, 4, false).await?;
        let cards = db.read().await?.query(CARDS).all().await?;
        Ok(Self { db, cards: Arc::new(cards) })
    }

    /// Transfers by so many tasks, which all wait for the one writer; how many a second.
    pub async fn run(
        &self,
        tasks: usize,
        lasts: Duration,
        hot: bool,
        seed: u64,
    ) -> Result<f64, BenchError> {
        let began = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for task in 0..tasks {
            let (bare, until) = (self.clone(), began + lasts);
            let place = u64::try_from(task).unwrap_or_default();
            let mut chance = Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(place));
            running.spawn(async move {
                let mut done = 0_u64;
                while Instant::now() < until {
                    let (from, to) = chance.pair(bare.cards.len(), hot);
                    bare.transfer(&bare.cards[from], &bare.cards[to]).await?;
                    done += 1;
                }
                Ok::<_, BenchError>(done)
            });
        }
        let mut all = 0;
        while let Some(ended) = running.join_next().await {
            all += ended.map_err(|_| unexpected("a task of the bare twin panicked"))??;
        }
        Ok(figures::a_second(all, began.elapsed()))
    }

    /// Closes its database.
    pub async fn close(&self) {
        self.db.close().await;
    }

    async fn transfer(&self, from: &Card, to: &Card) -> Result<(), BenchError> {
        let mut s = self.db.write().await?;
        let now = SystemClock.now();
        let transaction = TransactionId::generate(&SystemClock, &SystemEntropy);
        let key = id::encode(transaction.uuid());
        let print: [u8; 32] = entropy::bytes(&SystemEntropy);
        let claim = s.query(CLAIM).bind(from.owner_id).bind(key.as_str()).bind(print.as_slice());
        claim.bind(transaction).bind(now).execute().await?;
        let payer: Standing = s.query(STANDING).bind(from.account_id).one().await?;
        let taker: Standing = s.query(STANDING).bind(to.account_id).one().await?;
        if payer.0 < 1 {
            return Err(unexpected("the bare twin's people have nothing left to spend"));
        }
        let at = now.max(payer.3.unwrap_or(now)).max(taker.3.unwrap_or(now));
        for (card, standing, amount) in [(from, payer, -1), (to, taker, 1)] {
            let after = (standing.1 + amount, standing.2 + 1);
            entry(&mut s, transaction, card, (amount, after.0, after.1), at).await?;
        }
        s.query(TRANSACTION).bind(transaction).bind(at).execute().await?;
        for (card, side) in [(from, "FROM"), (to, "TO")] {
            let (label, party) = (
                masked_card_number(&card.last4),
                format!("{} {}", card.first_name, card.last_name),
            );
            let text = s.query(TEXT).bind(transaction).bind(side).bind(card.account_id);
            text.bind(label).bind(card.last4.as_str()).bind(party).execute().await?;
        }
        rest(&mut s, transaction, &key, from, at).await?;
        for (card, amount, posted) in [(from, -1, payer.1 - 1), (to, 1, taker.1 + 1)] {
            event(&mut s, transaction, card, (amount, posted), at).await?;
        }
        Ok(s.commit().await?)
    }
}

/// The balance and the entry of one side: amount, balance after, version.
async fn entry(
    s: &mut Session,
    transaction: TransactionId,
    card: &Card,
    (amount, posted, version): (i64, i64, i64),
    at: clock::Instant,
) -> Result<(), DbError> {
    let salt: [u8; 16] = entropy::bytes(&SystemEntropy);
    let write = s.query(WRITE).bind(card.account_id).bind(posted).bind(version);
    write.bind(at).execute().await?;
    let entry = s.query(ENTRY).bind(transaction).bind(card.account_id).bind(amount).bind(posted);
    entry.bind(version).bind(at).bind(salt.as_slice()).execute().await?;
    Ok(())
}

/// The limit, the audit log, and what is to be sealed.
async fn rest(
    s: &mut Session,
    transaction: TransactionId,
    key: &str,
    from: &Card,
    at: clock::Instant,
) -> Result<(), DbError> {
    s.query(LIMIT).bind(from.owner_id).bind(at.date_naive()).execute().await?;
    let log = id::fresh(&SystemClock, &SystemEntropy);
    let line = s.query(LOG).bind(log).bind(from.owner_id).bind(from.session_id);
    line.bind(transaction).bind(key).bind(at).execute().await?;
    s.query(UNSEALED).bind(transaction).bind("TRANSACTION").execute().await?;
    s.query(UNSEALED).bind(log).bind("AUDIT").execute().await?;
    Ok(())
}

/// The event of one side in its owner's stream: amount, balance after.
async fn event(
    s: &mut Session,
    transaction: TransactionId,
    card: &Card,
    (amount, posted): (i64, i64),
    at: clock::Instant,
) -> Result<(), DbError> {
    let last: Option<i64> = s.query(STREAM).bind(card.owner_id).scalar().await?;
    let last = last.ok_or(DbError::Vanished)?;
    let body = format!(
        "{{\"accountId\":\"{}\",\"transactionId\":\"{}\",\"amount\":{amount},\"posted\":{posted}}}",
        card.account_id.to_wire(),
        transaction.to_wire(),
    );
    s.query(EVENT).bind(card.owner_id).bind(last).bind(body).bind(at).execute().await?;
    Ok(())
}
