//! The sandbox's captured letters, for whoever tries things out.

use super::{
    context::Bank,
    error::{Broken, Failure},
    outbox::{RECIPIENT, place},
};
use crate::{
    crypto::{mac, seal},
    mail::letter::Letter,
    store::inbox,
    types::{clock::Instant, id::LetterId},
};

/// Letters that are shown at once.
const SHOWN_MAX: i64 = 100;

/// A captured letter.
#[derive(Debug, Clone)]
pub struct Captured {
    /// Names the letter.
    pub letter_id: LetterId,
    /// The letter.
    pub letter: Letter,
    /// When it was sent.
    pub sent_at: Instant,
}

/// The newest hundred letters, of one address or of all, the oldest of them first.
pub async fn list(bank: &Bank, to: Option<&str>) -> Result<Vec<Captured>, Failure> {
    let index = to.map(|to| mac::index(&bank.ring, RECIPIENT, &to.trim().to_ascii_lowercase()));
    let mut s = bank.db.read().await?;
    let rows = inbox::list(&mut s, index.as_ref().map(<[u8; 32]>::as_slice), bank.now(), SHOWN_MAX);
    let mut letters = Vec::new();
    for row in rows.await? {
        let plain = seal::open(&bank.ring, place(&row.letter_id), &row.letter)?;
        let letter = serde_json::from_slice(&plain)
            .map_err(|_| Broken::Inconsistent("a captured letter is not a letter"))?;
        letters.push(Captured { letter_id: row.letter_id, letter, sent_at: row.sent_at });
    }
    Ok(letters)
}
