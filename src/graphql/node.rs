//! Everything with an id, found by it.

use async_graphql::{Context, ID, Interface, Object, Result};

use super::{
    account,
    bill::Bill,
    card::Card,
    entry,
    entry::{Account, Entry, Transaction},
    errors,
    hold::Hold,
    request,
    savings::SavingsAccount,
    session,
    session::Session,
    user,
    user::User,
    viewer,
    wallet::Wallet,
};
use crate::{
    bank,
    types::{
        id,
        id::{AccountId, BillId, HoldId, SessionId, TransactionId, UserId},
    },
};

/// Everything with an id.
#[derive(Debug, Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Names it, among all things of the bank."))]
pub enum Node {
    /// A person.
    User(User),
    /// A session.
    Session(Session),
    /// A card.
    Card(Card),
    /// A savings goal.
    Savings(SavingsAccount),
    /// A wallet.
    Wallet(Wallet),
    /// A movement.
    Transaction(Transaction),
    /// One side of a movement.
    Entry(Entry),
    /// Money of a card that is reserved for a merchant.
    Hold(Hold),
    /// Something to be paid, once.
    Bill(Bill),
}

/// The query for anything with an id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything of the caller's by its id; null where there is no such thing or it is another's.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<Node>> {
        viewer::current(ctx)?;
        let Some((prefix, rest)) = id.rsplit_once('_') else {
            return Ok(None);
        };
        match prefix {
            UserId::PREFIX => {
                let me = user::find(ctx).await?;
                Ok((me.id == id).then_some(Node::User(me)))
            }
            SessionId::PREFIX => {
                let all = session::list(ctx).await?;
                Ok(all.into_iter().find(|session| session.id == id).map(Node::Session))
            }
            HoldId::PREFIX => find_hold(ctx, &id).await,
            BillId::PREFIX => find_bill(ctx, &id).await,
            TransactionId::PREFIX => Ok(entry::find(ctx, &id).await?.map(Node::Transaction)),
            entry::ENTRY_PREFIX => find_entry(ctx, rest).await,
            _ => find_account(ctx, &id).await,
        }
    }
}

async fn find_account(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let Some(named) = account::from_wire(id) else {
        return Ok(None);
    };
    let product = viewer::current(ctx)?.loaders.product(named.id).await?;
    // The prefix is part of the id: a wallet's does not find a card.
    Ok(product.and_then(|product| match Account::from(product) {
        Account::Card(card) => (card.id == *id).then_some(Node::Card(card)),
        Account::Savings(goal) => (goal.id == *id).then_some(Node::Savings(goal)),
        Account::Wallet(wallet) => (wallet.id == *id).then_some(Node::Wallet(wallet)),
    }))
}

async fn find_hold(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let Some(id) = HoldId::from_wire(id) else {
        return Ok(None);
    };
    let viewer = viewer::current(ctx)?;
    let found = bank::hold::own(request::bank(ctx), &viewer.permit, id).await;
    let found = found.map_err(|failure| errors::query(ctx, failure))?;
    Ok(found.map(|view| Node::Hold(view.into())))
}

async fn find_bill(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let Some(id) = BillId::from_wire(id) else {
        return Ok(None);
    };
    let (viewer, bank) = (viewer::current(ctx)?, request::bank(ctx));
    let found = bank::bill::find(bank, &viewer.permit, id).await;
    let found = found.map_err(|failure| errors::query(ctx, failure))?;
    Ok(found.map(|bill| Node::Bill(Bill::at(bill, bank.now()))))
}

async fn find_entry(ctx: &Context<'_>, rest: &str) -> Result<Option<Node>> {
    let Some((transaction, account)) = rest.split_at_checked(26) else {
        return Ok(None);
    };
    let (Some(transaction), Some(account)) = (id::decode(transaction), id::decode(account)) else {
        return Ok(None);
    };
    let ids = (TransactionId::from_uuid(transaction), AccountId::from_uuid(account));
    let viewer = viewer::current(ctx)?;
    let found = bank::entry::own_entry(request::bank(ctx), &viewer.permit, ids.0, ids.1).await;
    let found = found.map_err(|failure| errors::query(ctx, failure))?;
    Ok(found.map(|found| Node::Entry(Entry(found))))
}
