//! What holds a person's money, whatever its kind.

use super::{
    card, card::CardView, context::Bank, error::Failure, permit::Permit, savings,
    savings::SavingsView,
};
use crate::{
    db::session::Session,
    domain::account::{AccountKind, AccountStatus, Balance},
    store::{account, account::Account, posting::Customer},
    types::id::AccountId,
};

/// An account with what its kind has beyond its money.
#[derive(Debug, Clone)]
pub enum Product {
    /// A card.
    Card(CardView),
    /// A savings goal.
    Savings(SavingsView),
    /// A wallet.
    Wallet(Account),
}

impl Product {
    /// What a customer's account is; `None` for a kind that is shown nowhere yet.
    pub fn of(customer: &Customer) -> Option<Self> {
        let account = customer.account;
        match (account.kind, &customer.card) {
            (AccountKind::Card, Some(card)) => {
                Some(Self::Card(CardView { account, card: card.clone() }))
            }
            (AccountKind::Savings, _) => {
                let savings = customer.savings.clone()?;
                Some(Self::Savings(SavingsView { account, savings }))
            }
            (AccountKind::Wallet, _) => Some(Self::Wallet(account)),
            _ => None,
        }
    }

    /// The same with another balance: as it was, or will be.
    #[must_use]
    pub fn with_balance(mut self, balance: Balance) -> Self {
        match &mut self {
            Self::Card(view) => view.account.balance = balance,
            Self::Savings(view) => view.account.balance = balance,
            Self::Wallet(account) => account.balance = balance,
        }
        self
    }

    /// The account that it is.
    pub fn account(&self) -> &Account {
        match self {
            Self::Card(view) => &view.account,
            Self::Savings(view) => &view.account,
            Self::Wallet(account) => account,
        }
    }
}

/// The caller's own products among these accounts, in no particular order.
pub async fn own_many(
    bank: &Bank,
    permit: &Permit,
    ids: &[AccountId],
) -> Result<Vec<Product>, Failure> {
    let mut s = bank.db.read().await?;
    let found = account::lookup_many(&mut s, ids).await?;
    of_accounts(&mut s, permit, found).await
}

/// The caller's own products among accounts that were read, in no particular order.
pub(super) async fn of_accounts(
    s: &mut Session,
    permit: &Permit,
    found: Vec<Account>,
) -> Result<Vec<Product>, Failure> {
    let own = found.into_iter().filter(|account| account.owner_id == permit.user_id);
    let (cards, others): (Vec<Account>, Vec<Account>) =
        own.partition(|account| account.kind == AccountKind::Card);
    let (goals, others): (Vec<Account>, Vec<Account>) =
        others.into_iter().partition(|account| account.kind == AccountKind::Savings);
    let cards = card::join(s, cards).await?.into_iter().map(Product::Card);
    let goals = savings::join(s, goals).await?.into_iter().map(Product::Savings);
    let wallets = others.into_iter().filter(|account| account.kind == AccountKind::Wallet);
    Ok(cards.chain(goals).chain(wallets.map(Product::Wallet)).collect())
}

/// The caller's wallet.
pub async fn wallet(bank: &Bank, permit: &Permit) -> Result<Option<Account>, Failure> {
    let mut s = bank.db.read().await?;
    let all = account::of_owner(&mut s, permit.user_id).await?;
    let open = |account: &Account| account.status != AccountStatus::Closed;
    Ok(all.into_iter().filter(open).find(|account| account.kind == AccountKind::Wallet))
}
