//! Letters: written into the outbox with what they are about, sent by a worker.

use std::time::Duration;

use tokio::{sync::watch, task::JoinSet};

use super::{
    context::Bank,
    error::{Broken, Failure},
};
use crate::{
    crypto::{mac, seal, seal::Place},
    db::session::Session,
    mail::{carrier::CarrierError, letter::Letter},
    store::{inbox, outbox, outbox::Waiting},
    types::{clock::Instant, id::LetterId},
};

const COLUMN: &str = "letter";
/// The column whose index finds a captured letter by its address.
pub(super) const RECIPIENT: &str = "inbox.recipient";
/// Letters that are sent at once.
const BATCH: i64 = 16;
/// How long a letter that is being sent is kept from others; a delivery takes less.
const LEASE: chrono::Duration = chrono::Duration::seconds(60);
/// How long the worker sleeps when nobody wakes it.
const POLL: Duration = Duration::from_secs(2);
/// The longest wait between two tries.
const WAIT_MAX: chrono::Duration = chrono::Duration::minutes(15);

/// The address of a letter that goes nowhere: written so that a stranger cannot tell by
/// the time of an answer that there is nobody to write to.
pub(super) const NOBODY: &str = "";
/// How long a notice is worth being sent.
const NOTICE_LIFE: chrono::Duration = chrono::Duration::days(3);

/// Where a sealed letter belongs, in the outbox and in the inbox alike.
pub(super) fn place(id: &LetterId) -> Place<'_> {
    Place { column: COLUMN, row: id.as_bytes() }
}

/// Writes a letter in the transaction of what it is about; it is sent after the commit.
///
/// After `expires_at` it is of no use to anybody, and is erased wherever it is.
pub async fn write(
    bank: &Bank,
    s: &mut Session,
    letter: &Letter,
    now: Instant,
    expires_at: Instant,
) -> Result<(), Failure> {
    let id = LetterId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let plain =
        serde_json::to_vec(letter).map_err(|_| Broken::Inconsistent("a letter of texts"))?;
    let sealed = seal::seal(&bank.ring, bank.entropy.as_ref(), place(&id), &plain);
    outbox::insert(s, id, &sealed, &recipient_index(bank, &letter.to), now, expires_at).await?;
    Ok(())
}

/// Writes a letter that tells of a change, in the transaction of the change.
pub(super) async fn notify(bank: &Bank, s: &mut Session, letter: &Letter) -> Result<(), Failure> {
    let now = bank.now();
    write(bank, s, letter, now, now + NOTICE_LIFE).await
}

/// Wakes the worker; called after the commit.
pub fn wake(bank: &Bank) {
    bank.post_office.wake.notify_one();
}

/// Sends letters until it is told to stop; what is on its way then is let go there.
pub async fn work(bank: Bank, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let wait = match drain(&bank).await {
            Ok(0) => true,
            Ok(_) => false,
            Err(failure) => {
                tracing::error!(%failure, "the outbox could not be read");
                true
            }
        };
        if wait {
            // Letters of other processes, and those whose turn comes later, wake nobody.
            tokio::select! {
                () = bank.post_office.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }
}

/// Sends the letters whose turn has come, and tells how many there were.
pub async fn drain(bank: &Bank) -> Result<usize, Failure> {
    let now = bank.now();
    let leased: Vec<Waiting> = bank
        .db
        .write_retrying(|s| Box::pin(outbox::lease(s, now, now + LEASE, BATCH)))
        .await
        .map_err(Failure::from)?;
    let count = leased.len();
    let mut sending = JoinSet::new();
    for waiting in leased {
        let bank = bank.clone();
        sending.spawn(async move {
            let id = waiting.letter_id;
            if let Err(failure) = send(&bank, waiting).await {
                tracing::error!(%failure, letter = id.to_wire(), "a letter could not be handled");
            }
        });
    }
    while sending.join_next().await.is_some() {}
    Ok(count)
}

async fn send(bank: &Bank, waiting: Waiting) -> Result<(), Failure> {
    let now = bank.now();
    let id = waiting.letter_id;
    if now >= waiting.expires_at {
        tracing::warn!(letter = id.to_wire(), "a letter expired before it could be sent");
        return erase(bank, id).await;
    }
    let plain = seal::open(&bank.ring, place(&id), &waiting.letter)?;
    let letter: Letter = serde_json::from_slice(&plain)
        .map_err(|_| Broken::Inconsistent("a sealed letter is not a letter"))?;
    if letter.to == NOBODY {
        return erase(bank, id).await;
    }
    if bank.post_office.captures {
        // Before it is sent, so that the inbox shows it whatever the server says.
        capture(bank, &letter, &waiting).await?;
    }
    if let Some(smtp) = &bank.post_office.smtp {
        match smtp.deliver(&letter).await {
            Ok(()) => {}
            Err(error @ CarrierError::Temporary(_)) => {
                tracing::warn!(%error, letter = id.to_wire(), tries = waiting.tries, "put off");
                return postpone(bank, &waiting, now).await;
            }
            Err(error @ CarrierError::Permanent(_)) => {
                tracing::error!(%error, letter = id.to_wire(), "given up");
            }
        }
    }
    erase(bank, id).await
}

async fn postpone(bank: &Bank, waiting: &Waiting, now: Instant) -> Result<(), Failure> {
    let doublings = u32::try_from(waiting.tries.clamp(0, 16)).unwrap_or(16);
    let wait = (chrono::Duration::seconds(1) * 2_i32.pow(doublings)).min(WAIT_MAX);
    let id = waiting.letter_id;
    bank.db.write_retrying(|s| Box::pin(outbox::postpone(s, id, now + wait))).await?;
    Ok(())
}

/// What finds the letters to an address.
pub(super) fn recipient_index(bank: &Bank, to: &str) -> [u8; 32] {
    mac::index(&bank.ring, RECIPIENT, &to.to_ascii_lowercase())
}

/// Keeps a letter in the sandbox's inbox; it has the instant at which it was written.
async fn capture(bank: &Bank, letter: &Letter, waiting: &Waiting) -> Result<(), Failure> {
    let index = &recipient_index(bank, &letter.to);
    let Waiting { letter_id, letter: sealed, created_at, expires_at, .. } = waiting;
    // What was sealed with an older secret when it was read must not be written with it.
    let renewed = seal::renew(&bank.ring, bank.entropy.as_ref(), place(letter_id), sealed)?;
    let sealed = renewed.as_ref().unwrap_or(sealed);
    bank.db
        .write_retrying(|s| {
            Box::pin(inbox::insert(s, *letter_id, index, sealed, *created_at, *expires_at))
        })
        .await?;
    Ok(())
}

/// Erases a letter that was sent or is of no use any more.
async fn erase(bank: &Bank, id: LetterId) -> Result<(), Failure> {
    bank.db.write_retrying(|s| Box::pin(outbox::remove(s, id))).await?;
    Ok(())
}
