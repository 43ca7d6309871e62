//! Sealing everything anew with the newest secret, while servers run.

use uuid::Uuid;

use super::{context::Bank, error::Failure, key_ring, key_ring::PLACE};
use crate::{
    crypto::{seal, seal::Place},
    db::session::Session,
    domain::refusal::Refusal,
    store::{key_ring as rings, rekey, rekey::Column},
};

/// Rows that are read and written in one transaction, so that nobody waits for long.
const BATCH: i64 = 100;

/// Rounds through one column before somebody must be sealing with an older secret.
const ROUNDS_MAX: u32 = 20;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// How many values of each column were sealed anew.
    pub columns: Vec<(&'static str, u64)>,
    /// How many older secrets are of no use to this database any more.
    pub dropped: u64,
}

/// Seals everything anew with the newest secret; after that the older ones may go.
///
/// Servers go on meanwhile, as long as each of them has both secrets, and the newest as
/// its own. What they write is sealed with that already; what they have read and write
/// again is found by another round. It can be stopped at any time and run again.
pub async fn run(bank: &Bank) -> Result<Rekeyed, Failure> {
    let mut done = Rekeyed::default();
    for column in rekey::COLUMNS {
        done.columns.push((column.name, renew_all(bank, column).await?));
    }
    done.dropped = bank.db.write_retrying(|s| Box::pin(finish(bank, s))).await?;
    Ok(done)
}

/// Goes through a column until a round finds nothing.
async fn renew_all(bank: &Bank, column: &Column) -> Result<u64, Failure> {
    let mut count = 0;
    for _ in 0..ROUNDS_MAX {
        match renew_column(bank, column).await? {
            0 => return Ok(count),
            round => count += round,
        }
    }
    let reason = "A server still seals with an older secret: start every server with the newest \
        one as its own, and run this again.";
    Err(Refusal::Conflict { reason }.into())
}

/// Goes once through a column, and tells how many values were not of the newest secret.
async fn renew_column(bank: &Bank, column: &Column) -> Result<u64, Failure> {
    let (mut after, mut count) = (Uuid::nil(), 0);
    loop {
        let mut s = bank.db.read().await?;
        let page = rekey::page(&mut s, column, after, BATCH).await?;
        drop(s);
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after = last.row_id;
        let mut renewed = Vec::new();
        for read in &page {
            let place = Place { column: column.place, row: read.row_id.as_bytes() };
            let again = seal::renew(&bank.ring, bank.entropy.as_ref(), place, &read.sealed)?;
            renewed.extend(again.map(|again| (read, again)));
        }
        count += renewed.len() as u64;
        if renewed.is_empty() {
            continue;
        }
        let renewed = &renewed;
        bank.db
            .write_retrying(|s| {
                Box::pin(async move {
                    for (read, again) in renewed {
                        rekey::put(s, column, read, again).await?;
                    }
                    Ok::<_, Failure>(())
                })
            })
            .await?;
    }
}

/// Seals the data key, and forgets the older secrets.
async fn finish(bank: &Bank, s: &mut Session) -> Result<u64, Failure> {
    let data_key = key_ring::data_key(&bank.ring, s).await?;
    let sealed = seal::seal(&bank.ring, bank.entropy.as_ref(), PLACE, &data_key.0);
    let newest = bank.ring.key_id_text();
    rings::seal_data_key(s, &newest, &sealed).await?;
    Ok(rings::remove_others(s, &newest).await?)
}
