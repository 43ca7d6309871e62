//! The e-wallet.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::{
    account,
    account::{AccountKind, AccountStatus},
    errors,
    money::Balance,
    request,
    scalars::{CurrencyCode, DateTime},
    viewer,
};
use crate::{bank::product, domain, store::account::Account, types::id::AccountId};

/// The e-wallet: one a person, opened when the email is verified.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Wallet {
    #[graphql(skip)]
    pub(super) account_id: AccountId,
    /// Names the wallet.
    #[graphql(owned)]
    pub(super) id: ID,
    /// Always WALLET.
    pub(super) kind: AccountKind,
    /// What may happen with it.
    pub(super) status: AccountStatus,
    /// How the person's own lists call it.
    pub(super) label: String,
    /// What it is counted in.
    pub(super) currency: CurrencyCode,
    /// When it was opened.
    pub(super) created_at: DateTime,
    /// Its money.
    pub(super) balance: Balance,
}

impl From<Account> for Wallet {
    fn from(wallet: Account) -> Self {
        Self {
            account_id: wallet.account_id,
            id: account::to_wire(AccountKind::Wallet, wallet.account_id),
            kind: AccountKind::Wallet,
            status: wallet.status.into(),
            label: domain::account::AccountKind::Wallet.label().to_owned(),
            currency: wallet.balance.currency.into(),
            created_at: DateTime(wallet.created_at),
            balance: (&wallet.balance).into(),
        }
    }
}

/// The query for the wallet.
#[derive(Default)]
pub struct WalletQuery;

#[Object]
impl WalletQuery {
    /// The same as me.wallet.
    async fn wallet(&self, ctx: &Context<'_>) -> Result<Option<Wallet>> {
        find(ctx).await
    }
}

/// The caller's wallet.
pub(super) async fn find(ctx: &Context<'_>) -> Result<Option<Wallet>> {
    let viewer = viewer::current(ctx)?;
    let wallet = product::wallet(request::bank(ctx), &viewer.permit).await;
    let wallet = wallet.map_err(|failure| errors::query(ctx, failure))?;
    Ok(wallet.map(Into::into))
}
