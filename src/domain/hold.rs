//! Money of a card that is reserved for a merchant.

use chrono::Duration;

use super::refusal::Refusal;
use crate::types::{
    clock::Instant,
    id::{AccountId, HoldId, TransactionId},
    money::Minor,
};

/// Open holds that a card may have.
pub const HOLDS_MAX: i64 = 20;
/// How long a hold waits for its capture where nothing else is said.
pub const LIFE: Duration = Duration::days(7);
/// How long a hold may wait at most.
pub const LIFE_MAX: Duration = Duration::days(31);

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HoldStatus {
    /// It reserves its amount.
    Open,
    /// It became a purchase, in whole or in part; the rest was released.
    Captured,
    /// It was given up.
    Released,
    /// Nobody captured it in time.
    Expired,
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Hold {
    /// Names the hold.
    pub hold_id: HoldId,
    /// The card.
    pub account_id: AccountId,
    /// Where it stands.
    pub status: HoldStatus,
    /// What it reserves, or reserved.
    pub amount: Minor,
    /// What became a purchase.
    pub captured: Minor,
    /// For whom.
    pub merchant: String,
    /// The purchase that captured it.
    pub transaction_id: Option<TransactionId>,
    /// Since when.
    pub created_at: Instant,
    /// Until when it can be captured.
    pub expires_at: Instant,
}

impl Hold {
    /// The hold becomes a purchase of this much.
    pub fn capture(&mut self, captured: Minor, transaction_id: TransactionId) {
        self.status = HoldStatus::Captured;
        self.captured = captured;
        self.transaction_id = Some(transaction_id);
    }

    /// The hold can still be captured or released.
    pub fn require_open(&self, now: Instant) -> Result<(), Refusal> {
        let reason = match self.status {
            HoldStatus::Open if now < self.expires_at => return Ok(()),
            HoldStatus::Open | HoldStatus::Expired => "The hold has expired.",
            HoldStatus::Captured => "The hold was captured before.",
            HoldStatus::Released => "The hold was released before.",
        };
        Err(Refusal::Conflict { reason })
    }
}

/// Until when a new hold waits, from what was asked for.
pub fn expires_at(asked: Option<Instant>, now: Instant) -> Result<Instant, Refusal> {
    let at = asked.unwrap_or(now + LIFE);
    if at <= now {
        return Err(Refusal::invalid("expiresAt", "must lie ahead"));
    }
    if at > now + LIFE_MAX {
        return Err(Refusal::invalid("expiresAt", "must lie within 31 days"));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use uuid::Uuid;

    use super::{Hold, HoldStatus, LIFE, LIFE_MAX, expires_at};
    use crate::types::{
        clock::Instant,
        id::{AccountId, HoldId},
        money::Minor,
    };

    fn now() -> Instant {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn only_an_open_hold_that_has_not_expired_can_be_used() {
        let hold = |status| Hold {
            hold_id: HoldId::from_uuid(Uuid::nil()),
            account_id: AccountId::from_uuid(Uuid::nil()),
            status,
            amount: Minor(5),
            captured: Minor(0),
            merchant: "Shop".to_owned(),
            transaction_id: None,
            created_at: now(),
            expires_at: now() + LIFE,
        };
        assert!(hold(HoldStatus::Open).require_open(now()).is_ok());
        assert!(hold(HoldStatus::Open).require_open(now() + LIFE).is_err());
        for status in [HoldStatus::Captured, HoldStatus::Released, HoldStatus::Expired] {
            assert!(hold(status).require_open(now()).is_err());
        }
    }

    #[test]
    fn a_hold_expires_in_time() {
        assert_eq!(expires_at(None, now()), Ok(now() + LIFE));
        assert!(expires_at(Some(now()), now()).is_err());
        assert!(expires_at(Some(now() + LIFE_MAX), now()).is_ok());
        assert!(expires_at(Some(now() + LIFE_MAX + Duration::seconds(1)), now()).is_err());
    }
}
