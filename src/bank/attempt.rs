//! Limits on tries, for each account and for each address: in time, and never for ever.
//!
//! Whatever a stranger can try or ask for is counted here before it is done. The counts
//! are in the database, so that restarts and other processes give no try more, and under
//! keyed hashes, so that they tell nobody who tried. An account that does not exist is
//! counted as any other, so a refusal tells nothing of who is a customer. A session that
//! is open is not concerned: nobody is locked out of it by what strangers try.

use std::net::IpAddr;

use super::{context::Bank, error::Failure, permit::Visitor};
use crate::{
    crypto::{mac, mac::Hash},
    db::session::Session,
    domain::{
        attempt::{Allowance, Attempt, SHORT_CODES, judge},
        challenge::{CODE_LIFE, GUESSES_ELSEWHERE_MAX},
        refusal::Refusal,
    },
    store::attempt,
    types::id::ChallengeId,
};

/// Rows that are kept at most; beyond them those go whose pause would be over first.
pub(super) const ROWS_MAX: i64 = 1_000_000;

/// What notes that a network asked for a code; it never changes.
const ASKER: &str = "attempts.guess.asker";
/// What counts the guesses at a code that come from other networks; it never changes.
const ELSEWHERE: &str = "attempts.guess.elsewhere";

/// What stands for the address of a visitor: one of IPv6 stands for its /64, as that is
/// what one subscriber has.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

fn of_account(bank: &Bank, attempt: Attempt, account: &str) -> Hash {
    mac::index(&bank.ring, attempt.of_account(), &account.trim().to_lowercase())
}

/// Counts a try for an account, by whatever names it, and for the visitor's address;
/// refuses it where either has none left.
///
/// What the address may not try is not counted for the account, so that one address
/// alone cannot keep others out for long.
pub async fn count(
    bank: &Bank,
    visitor: &Visitor,
    attempt: Attempt,
    account: &str,
) -> Result<(), Failure> {
    let account = of_account(bank, attempt, account);
    enter(bank, visitor, attempt, Some(account), None).await
}

/// The same, for whoever has just proven to be the person whom the tries before were
/// about: those are forgotten.
pub async fn count_after(
    bank: &Bank,
    visitor: &Visitor,
    (proven, name): (Attempt, &str),
    attempt: Attempt,
    account: &str,
) -> Result<(), Failure> {
    let (forgotten, account) = (of_account(bank, proven, name), of_account(bank, attempt, account));
    enter(bank, visitor, attempt, Some(account), Some(forgotten)).await
}

/// Counts a try for the visitor's address alone.
pub async fn count_address(
    bank: &Bank,
    visitor: &Visitor,
    attempt: Attempt,
) -> Result<(), Failure> {
    enter(bank, visitor, attempt, None, None).await
}

async fn enter(
    bank: &Bank,
    visitor: &Visitor,
    attempt: Attempt,
    account: Option<Hash>,
    forgotten: Option<Hash>,
) -> Result<(), Failure> {
    let now = bank.now();
    let network = network(&visitor.ip_address);
    let address = mac::index(&bank.ring, attempt.of_address(), &network);
    let allowed = bank.rules.allowances.of_address(attempt);
    let account = account.zip(bank.rules.allowances.of_account(attempt));
    // Committed whatever comes of it: a refused try is counted too. Everybody takes the
    // address before the account, so that nobody waits in a circle.
    let judged = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                if let Some(forgotten) = forgotten {
                    attempt::forget(s, &forgotten).await?;
                }
                let tried = attempt::count(s, &address, allowed, now).await?;
                if let (Ok(()), Some((account, allowed))) = (judge(allowed, tried, now), account) {
                    let tried = attempt::count(s, &account, allowed, now).await?;
                    return Ok::<_, Failure>(judge(allowed, tried, now));
                }
                Ok(judge(allowed, tried, now))
            })
        })
        .await?;
    judged.map_err(|retry_after_seconds| Refusal::RateLimited { retry_after_seconds }.into())
}

/// Refuses where an account or the visitor's address has no try left, and counts nothing:
/// for what is counted only once it has turned out to be a guess.
pub(super) async fn require_left(
    bank: &Bank,
    visitor: &Visitor,
    attempt: Attempt,
    account: &str,
) -> Result<(), Failure> {
    let now = bank.now();
    let allowances = &bank.rules.allowances;
    let account = of_account(bank, attempt, account);
    let address = mac::index(&bank.ring, attempt.of_address(), &network(&visitor.ip_address));
    let mut s = bank.db.alone().await?;
    let counted = attempt::of_two(&mut s, (&address, &account), now).await?;
    for (key, mut tried) in counted {
        let of_account = allowances.of_account(attempt).filter(|_| key == account);
        let allowed = of_account.unwrap_or_else(|| allowances.of_address(attempt));
        tried.tries += 1;
        judge(allowed, tried, now)
            .map_err(|retry_after_seconds| Refusal::RateLimited { retry_after_seconds })?;
    }
    Ok(())
}

/// Counts a code of four digits that is about to be made for a person, in the transaction
/// that makes it, which must be committed whatever comes of it.
pub(super) async fn short_code(
    bank: &Bank,
    s: &mut Session,
    account: &str,
) -> Result<Result<(), Refusal>, Failure> {
    let now = bank.now();
    for (name, allowed) in SHORT_CODES {
        let key = mac::index(&bank.ring, name, account);
        let tried = attempt::count(s, &key, allowed, now).await?;
        if let Err(retry_after_seconds) = judge(allowed, tried, now) {
            return Ok(Err(Refusal::RateLimited { retry_after_seconds }));
        }
    }
    Ok(Ok(()))
}

fn asker(bank: &Bank, visitor: &Visitor, id: ChallengeId) -> Hash {
    let told = format!("{} {}", id.to_wire(), network(&visitor.ip_address));
    mac::index(&bank.ring, ASKER, &told)
}

/// Notes from where a code was asked for, in the transaction that makes it.
pub(super) async fn note_asker(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    id: ChallengeId,
) -> Result<(), Failure> {
    let once = Allowance { tries: 1, window: CODE_LIFE };
    attempt::count(s, &asker(bank, visitor, id), once, bank.now()).await?;
    Ok(())
}

/// Counts a guess at a code that everybody can name, where it does not come from where the
/// code was asked for: of all its guesses those have a few, and the others stay for whoever
/// asked, whatever strangers try.
pub(super) async fn count_elsewhere(
    bank: &Bank,
    visitor: &Visitor,
    id: ChallengeId,
) -> Result<(), Failure> {
    let now = bank.now();
    let mut s = bank.db.read().await?;
    let asked = attempt::tries(&mut s, &asker(bank, visitor, id), now).await?.is_some();
    drop(s);
    if asked {
        return Ok(());
    }
    let key = &mac::index(&bank.ring, ELSEWHERE, &id.to_wire());
    let few = Allowance { tries: GUESSES_ELSEWHERE_MAX, window: CODE_LIFE };
    let counted = bank
        .db
        .write_retrying(|s| Box::pin(async move { attempt::count(s, key, few, now).await }))
        .await?;
    judge(few, counted, now).map_err(|_| Refusal::TooManyAttempts.into())
}

/// Forgets what was tried for an account: whoever knows the password has not guessed.
pub async fn forget(bank: &Bank, attempt: Attempt, account: &str) -> Result<(), Failure> {
    let key = of_account(bank, attempt, account);
    bank.db.write_retrying(|s| Box::pin(async move { attempt::forget(s, &key).await })).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_address_of_ipv6_stands_for_its_network() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
