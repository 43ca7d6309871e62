//! Holds: money of a card that is reserved for a merchant.

use async_graphql::{Enum, ID, SimpleObject};

use super::{money::Money, scalars::DateTime};
use crate::{bank::hold::HoldView, domain, types::money};

/// Where a hold stands. It is captured once, in whole or in part; the rest is released with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum HoldStatus {
    /// It reserves its amount.
    Open,
    /// It became a purchase.
    Captured,
    /// It was given up.
    Released,
    /// Nobody captured it in time.
    Expired,
}

impl From<domain::hold::HoldStatus> for HoldStatus {
    fn from(status: domain::hold::HoldStatus) -> Self {
        match status {
            domain::hold::HoldStatus::Open => Self::Open,
            domain::hold::HoldStatus::Captured => Self::Captured,
            domain::hold::HoldStatus::Released => Self::Released,
            domain::hold::HoldStatus::Expired => Self::Expired,
        }
    }
}

/// Money of a card that is reserved for a merchant.
#[derive(Debug, Clone, SimpleObject)]
pub struct Hold {
    /// Names the hold.
    #[graphql(owned)]
    pub(super) id: ID,
    /// Where it stands.
    status: HoldStatus,
    /// What it reserves, or reserved.
    amount: Money,
    /// What became a purchase.
    captured: Money,
    /// For whom.
    merchant: String,
    /// Since when.
    created_at: DateTime,
    /// Until when it can be captured.
    expires_at: DateTime,
}

impl From<HoldView> for Hold {
    fn from(HoldView { hold, currency }: HoldView) -> Self {
        let money = |minor| money::Money::new(minor, currency).into();
        Self {
            id: hold.hold_id.to_wire().into(),
            status: hold.status.into(),
            amount: money(hold.amount),
            captured: money(hold.captured),
            merchant: hold.merchant,
            created_at: DateTime(hold.created_at),
            expires_at: DateTime(hold.expires_at),
        }
    }
}
