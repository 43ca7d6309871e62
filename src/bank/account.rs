//! Accounts: a person's own, and the bank's.

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    db::session::Session,
    domain::{
        account::{AccountKind, AccountRef},
        refusal::Refusal,
    },
    ledger::bank_account,
    store::{account, account::Account},
};

/// Opens the bank's own accounts in every currency of the settings.
pub async fn open_those_of_the_bank(bank: &Bank) -> Result<(), Failure> {
    let now = bank.now();
    let mut s = bank.db.write().await?;
    for &currency in &bank.rules.currencies {
        for kind in AccountKind::OF_THE_BANK {
            account::open_bank(&mut s, bank_account::id(kind, currency), kind, currency, now)
                .await?;
        }
    }
    s.commit().await?;
    Ok(())
}

/// The caller's wallet; none before their address is verified.
pub async fn wallet(bank: &Bank, permit: &Permit) -> Result<Option<AccountRef>, Failure> {
    let mut s = bank.db.read().await?;
    let all = account::of_owner(&mut s, permit.user_id).await?;
    let wallet = all.into_iter().find(|account| account.kind == AccountKind::Wallet);
    Ok(wallet.map(|wallet| AccountRef { kind: wallet.kind, id: wallet.account_id }))
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
