//! Accounts: a person's own, and the bank's.

use uuid::Builder;

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    crypto::mac,
    db::session::Session,
    domain::{
        account::{AccountKind, AccountRef},
        refusal::Refusal,
    },
    ledger::posting::End,
    store::{account, account::Account, posting::Text},
    types::{id::AccountId, money::Currency},
};

/// The bank's own account of a kind and currency: the same in every process and database.
pub fn of_the_bank(kind: AccountKind, currency: Currency) -> AccountId {
    let name = format!("teller bank account {kind:?} {currency}");
    let hash = mac::sha256(name.as_bytes());
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    AccountId::from_uuid(Builder::from_custom_bytes(*first).into_uuid())
}

/// The bank's own account as an end of a movement.
pub fn bank_end(kind: AccountKind, currency: Currency) -> End {
    let account_id = of_the_bank(kind, currency);
    let label = kind.label().to_owned();
    let text = Text { account_id, label, last4: None, party: None };
    End { account_id, customer: false, text }
}

/// Opens the bank's own accounts in every currency of the settings.
pub async fn open_those_of_the_bank(bank: &Bank) -> Result<(), Failure> {
    let now = bank.now();
    let mut s = bank.db.write().await?;
    for &currency in &bank.rules.currencies {
        for kind in AccountKind::OF_THE_BANK {
            account::open_bank(&mut s, of_the_bank(kind, currency), kind, currency, now).await?;
        }
    }
    s.commit().await?;
    Ok(())
}

/// A person's own account; another's is as unknown as one that never was.
pub async fn own(
    s: &mut Session,
    permit: &Permit,
    named: Option<AccountRef>,
    field: &'static str,
) -> Result<Account, Failure> {
    let missing = || Failure::from(Refusal::NotFound { field, noun: "account" });
    let named = named.ok_or_else(missing)?;
    let found = account::lookup(s, named.id).await?;
    let own = |account: &Account| account.owner_id == permit.user_id && account.kind == named.kind;
    found.filter(own).ok_or_else(missing)
}
