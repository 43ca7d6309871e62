//! Accounts, their histories and their transactions: the part of the schema whose
//! types refer to each other in a circle, and so stand in one file.

use async_graphql::{ComplexObject, Context, ID, Interface, Object, Result, SimpleObject};

use super::{
    account,
    card::Card,
    errors,
    history::{Asked, Direction, HistoryFilter, TransactionKind},
    hold::Hold,
    money::Money,
    request,
    savings::SavingsAccount,
    scalars::{BigInt, CurrencyCode, Cursor, DateTime},
    seal,
    seal::Receipt,
    viewer,
    wallet::Wallet,
};
use crate::{
    bank::{
        entry::TransactionView,
        history,
        history::{Ask, Scope},
        product::Product,
    },
    domain::posting,
    store::{entry as store, posting_rows::Side},
    types::{
        id,
        id::{AccountId, TransactionId},
        money,
        money::Minor,
        page,
        page::Page,
    },
};

/// What holds a person's money: a card, a savings goal or the e-wallet.
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Names the account."),
    field(name = "kind", ty = "&account::AccountKind", desc = "What it is."),
    field(name = "status", ty = "&account::AccountStatus", desc = "What may happen with it."),
    field(
        name = "label",
        ty = "&String",
        desc = "How the person's own lists call it: the masked number, the goal's name, or the wallet."
    ),
    field(name = "currency", ty = "&CurrencyCode", desc = "What it is counted in."),
    field(name = "created_at", ty = "&DateTime", desc = "When it was opened."),
    field(name = "balance", ty = "&super::money::Balance", desc = "Its money."),
    field(
        name = "balance_at",
        ty = "Option<Money>",
        desc = "The posted balance as it stood; null before the account was opened; an instant to come gives the balance now.",
        arg(name = "instant", ty = "DateTime", desc = "When.")
    ),
    field(
        name = "history",
        ty = "EntryConnection",
        desc = "Its entries, the newest first.",
        arg(
            name = "filter",
            ty = "Option<HistoryFilter>",
            desc = "Which entries; all where nothing is said."
        ),
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "How many from the newest on; at most 100."
        ),
        arg(name = "after", ty = "Option<Cursor>", desc = "Only entries older than this one."),
        arg(
            name = "last",
            ty = "Option<i32>",
            desc = "How many from the oldest back; at most 100."
        ),
        arg(name = "before", ty = "Option<Cursor>", desc = "Only entries newer than this one.")
    )
)]
pub enum Account {
    /// A card.
    Card(Card),
    /// A savings goal.
    Savings(SavingsAccount),
    /// The wallet.
    Wallet(Wallet),
}

impl From<Product> for Account {
    fn from(product: Product) -> Self {
        match product {
            Product::Card(view) => Self::Card(view.into()),
            Product::Savings(view) => Self::Savings(view.into()),
            Product::Wallet(account) => Self::Wallet(account.into()),
        }
    }
}

#[ComplexObject]
impl Card {
    /// What is reserved for merchants now, the oldest first.
    async fn holds(&self, ctx: &Context<'_>) -> Result<Vec<Hold>> {
        let holds = viewer::current(ctx)?.loaders.holds(self.account_id).await?;
        Ok(holds.into_iter().map(Into::into).collect())
    }

    /// The posted balance as it stood; null before the account was opened; an instant to come gives the balance now.
    async fn balance_at(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When.")] instant: DateTime,
    ) -> Result<Option<Money>> {
        balance_at(ctx, self.account_id, instant).await
    }

    /// Its entries, the newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries; all where nothing is said.")] filter: Option<
            HistoryFilter,
        >,
        #[graphql(desc = "How many from the newest on; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries older than this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the oldest back; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries newer than this one.")] before: Option<Cursor>,
    ) -> Result<EntryConnection> {
        let asked = Asked { filter, first, after, last, before };
        of_account(ctx, self.account_id, &self.currency, asked).await
    }
}

#[ComplexObject]
impl SavingsAccount {
    /// The posted balance as it stood; null before the account was opened; an instant to come gives the balance now.
    async fn balance_at(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When.")] instant: DateTime,
    ) -> Result<Option<Money>> {
        balance_at(ctx, self.account_id, instant).await
    }

    /// Its entries, the newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries; all where nothing is said.")] filter: Option<
            HistoryFilter,
        >,
        #[graphql(desc = "How many from the newest on; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries older than this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the oldest back; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries newer than this one.")] before: Option<Cursor>,
    ) -> Result<EntryConnection> {
        let asked = Asked { filter, first, after, last, before };
        of_account(ctx, self.account_id, &self.currency, asked).await
    }
}

#[ComplexObject]
impl Wallet {
    /// The posted balance as it stood; null before the account was opened; an instant to come gives the balance now.
    async fn balance_at(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When.")] instant: DateTime,
    ) -> Result<Option<Money>> {
        balance_at(ctx, self.account_id, instant).await
    }

    /// Its entries, the newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries; all where nothing is said.")] filter: Option<
            HistoryFilter,
        >,
        #[graphql(desc = "How many from the newest on; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries older than this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the oldest back; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries newer than this one.")] before: Option<Cursor>,
    ) -> Result<EntryConnection> {
        let asked = Asked { filter, first, after, last, before };
        of_account(ctx, self.account_id, &self.currency, asked).await
    }
}

/// What an account of the caller had at an instant.
async fn balance_at(ctx: &Context<'_>, id: AccountId, at: DateTime) -> Result<Option<Money>> {
    Ok(viewer::current(ctx)?.loaders.balance_at(id, at.0).await?.map(Into::into))
}

/// Reads a page of the history of one account of the caller.
async fn of_account(
    ctx: &Context<'_>,
    id: AccountId,
    currency: &CurrencyCode,
    asked: Asked,
) -> Result<EntryConnection> {
    let (window, filter) = asked.read()?;
    let currency = money::Currency::parse(&currency.0);
    let currency = currency.ok_or_else(|| errors::lost("an account's currency"))?;
    let account = (id, currency);
    let ask = history::read(account, window, filter);
    let ask = ask.map_err(|failure| errors::query(ctx, failure))?;
    let page = viewer::current(ctx)?.loaders.history(account, ask.clone()).await?;
    let page = page.ok_or_else(|| errors::lost("an account's history"))?;
    Ok(EntryConnection { scope: Scope::Account(id), ask, page })
}

/// Reads a page of the history of all accounts of the caller.
pub(super) async fn of_owner(ctx: &Context<'_>, asked: Asked) -> Result<EntryConnection> {
    let viewer = viewer::current(ctx)?;
    let (window, filter) = asked.read()?;
    let found = history::of_owner(request::bank(ctx), &viewer.permit, window, filter).await;
    let (ask, page) = found.map_err(|failure| errors::query(ctx, failure))?;
    Ok(EntryConnection { scope: Scope::Owner, ask, page })
}

/// One account's side of a transaction: what a history lists.
#[derive(Debug, Clone)]
pub struct Entry(pub store::Entry);

/// What stands before the underscore in the id of an entry.
pub(super) const ENTRY_PREFIX: &str = "entry";

impl Entry {
    fn wire_id(&self) -> ID {
        let (transaction, account) = (self.0.transaction_id.uuid(), self.0.account_id.uuid());
        format!("{ENTRY_PREFIX}_{}{}", id::encode(transaction), id::encode(account)).into()
    }

    fn money(&self, minor: Minor) -> Money {
        money::Money::new(minor, self.0.currency).into()
    }
}

/// One account's side of a transaction: what a history lists.
#[Object]
impl Entry {
    /// Names the entry.
    pub(super) async fn id(&self) -> ID {
        self.wire_id()
    }

    /// Whose side it is.
    async fn account(&self, ctx: &Context<'_>) -> Result<Account> {
        let product = viewer::current(ctx)?.loaders.product(self.0.account_id).await?;
        let product = product.ok_or_else(|| errors::lost("an entry's account"))?;
        Ok(product.into())
    }

    /// Which way the money went.
    async fn direction(&self) -> Direction {
        if self.0.amount.is_positive() { Direction::In } else { Direction::Out }
    }

    /// How much moved.
    async fn amount(&self) -> Result<Money> {
        let amount = self.0.amount.magnitude().ok_or_else(|| errors::lost("an entry's amount"))?;
        Ok(self.money(amount))
    }

    /// The account's balance after it.
    async fn balance_after(&self) -> Money {
        self.money(self.0.balance_after)
    }

    /// The account's version after it: grows by one with every entry.
    async fn account_version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// The other side.
    async fn counterparty(&self) -> Counterparty {
        Counterparty {
            label: self.0.counterparty_label.clone(),
            last4: self.0.counterparty_last4.clone(),
            account_id: self.0.counterparty_id,
        }
    }

    /// What the movement was.
    async fn kind(&self) -> TransactionKind {
        self.0.kind.into()
    }

    /// What was noted.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// When it was posted.
    async fn posted_at(&self) -> DateTime {
        DateTime(self.0.posted_at)
    }

    /// The movement as such.
    async fn transaction(&self, ctx: &Context<'_>) -> Result<Transaction> {
        let view = viewer::current(ctx)?.loaders.transaction(self.0.transaction_id).await?;
        Ok(Transaction(view.ok_or_else(|| errors::lost("an entry's transaction"))?))
    }
}

/// The other side of a movement.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Counterparty {
    /// What it is called: a masked number, or the name of one of the bank's own accounts.
    label: String,
    /// The last four digits; only for a card.
    last4: Option<String>,
    #[graphql(skip)]
    account_id: AccountId,
}

#[ComplexObject]
impl Counterparty {
    /// The account; only where it is the caller's own.
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(viewer::current(ctx)?.loaders.product(self.account_id).await?.map(Into::into))
    }
}

/// A movement as such: the same from every side.
#[derive(Debug, Clone)]
pub struct Transaction(pub TransactionView);

impl Transaction {
    fn side(&self, side: Side) -> Result<&store::SideText> {
        let found = self.0.sides.iter().find(|text| text.side == side);
        found.ok_or_else(|| errors::lost("a transaction's side"))
    }

    fn party(&self, side: Side) -> Result<Counterparty> {
        let text = self.side(side)?;
        let (label, last4) = (text.label.clone(), text.last4.clone());
        Ok(Counterparty { label, last4, account_id: text.account_id })
    }
}

/// A movement as such: the same from every side.
#[Object]
impl Transaction {
    /// Names the transaction.
    pub(super) async fn id(&self) -> ID {
        self.0.transaction.transaction_id.to_wire().into()
    }

    /// What it was.
    async fn kind(&self) -> TransactionKind {
        self.0.transaction.kind.into()
    }

    /// How much moved.
    async fn amount(&self) -> Money {
        money::Money::new(self.0.transaction.amount, self.0.transaction.currency).into()
    }

    /// Where the money left.
    async fn from(&self) -> Result<Counterparty> {
        self.party(Side::From)
    }

    /// Where it arrived.
    async fn to(&self) -> Result<Counterparty> {
        self.party(Side::To)
    }

    /// What was noted.
    async fn note(&self) -> Result<Option<&str>> {
        Ok(self.side(Side::From)?.note.as_deref())
    }

    /// When it was posted.
    async fn posted_at(&self) -> DateTime {
        DateTime(self.0.transaction.posted_at)
    }

    /// What it takes back.
    async fn reverses(&self, ctx: &Context<'_>) -> Result<Option<Transaction>> {
        let Some(id) = self.0.transaction.reverses else {
            return Ok(None);
        };
        Ok(viewer::current(ctx)?.loaders.transaction(id).await?.map(Transaction))
    }

    /// What takes it back, the oldest first.
    async fn reversals(&self, ctx: &Context<'_>) -> Result<Vec<Transaction>> {
        let viewer = viewer::current(ctx)?;
        let loaders = &viewer.loaders;
        let found = loaders.reversals(self.0.transaction.transaction_id).await?;
        let ids = found.iter().map(|reversal| reversal.transaction_id).collect();
        Ok(loaders.transactions(ids).await?.into_iter().map(Transaction).collect())
    }

    /// What may still be reversed; nothing of a reversal.
    async fn reversible_amount(&self, ctx: &Context<'_>) -> Result<Money> {
        let transaction = &self.0.transaction;
        let viewer = viewer::current(ctx)?;
        let taken = viewer.loaders.reversals(transaction.transaction_id).await?;
        let amounts = taken.iter().map(|reversal| reversal.amount);
        let left = posting::remaining(transaction.kind, transaction.amount, amounts);
        Ok(money::Money::new(left, transaction.currency).into())
    }

    /// Null until sealed, normally within a second.
    async fn receipt(&self, ctx: &Context<'_>) -> Result<Option<Receipt>> {
        seal::find(ctx, self.0.transaction.transaction_id).await
    }
}

/// Where a page stands in its list.
#[derive(Debug, Clone, SimpleObject)]
pub struct PageInfo {
    /// Rows follow behind the last one.
    pub(super) has_next_page: bool,
    /// Rows stand ahead of the first one.
    pub(super) has_previous_page: bool,
    /// The cursor of the first row.
    pub(super) start_cursor: Option<Cursor>,
    /// The cursor of the last row.
    pub(super) end_cursor: Option<Cursor>,
}

/// An entry with its place in the list.
#[derive(Debug, Clone, SimpleObject)]
pub struct EntryEdge {
    /// Its place.
    cursor: Cursor,
    /// The entry.
    node: Entry,
}

/// A page of a history.
#[derive(Debug, Clone)]
pub struct EntryConnection {
    scope: Scope,
    ask: Ask,
    page: Page<store::Entry>,
}

impl EntryConnection {
    fn cursor(&self, entry: &store::Entry) -> Cursor {
        let cursor: page::Cursor = history::cursor(self.scope, entry);
        Cursor(cursor)
    }
}

/// A page of a history; totalCount is counted only when asked for: exact without a filter, else null beyond 10,000.
#[Object]
impl EntryConnection {
    /// The entries with their places.
    async fn edges(&self) -> Vec<EntryEdge> {
        let edge = |entry: &store::Entry| EntryEdge {
            cursor: self.cursor(entry),
            node: Entry(entry.clone()),
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// The entries.
    async fn nodes(&self) -> Vec<Entry> {
        self.page.rows.iter().cloned().map(Entry).collect()
    }

    /// Where the page stands in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.rows.first().map(|entry| self.cursor(entry)),
            end_cursor: self.page.rows.last().map(|entry| self.cursor(entry)),
        }
    }

    /// How many entries the whole list has: exactly without a filter, else null beyond 10,000.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let viewer = viewer::current(ctx)?;
        let (bank, sieve) = (request::bank(ctx), &self.ask.sieve);
        let count = history::count(bank, &viewer.permit, self.scope, sieve).await;
        let count = count.map_err(|failure| errors::query(ctx, failure))?;
        Ok(count.and_then(|count| i32::try_from(count).ok()))
    }
}

/// The queries of the books.
#[derive(Default)]
pub struct EntryQuery;

#[Object]
impl EntryQuery {
    /// The same as me.history.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries; all where nothing is said.")] filter: Option<
            HistoryFilter,
        >,
        #[graphql(desc = "How many from the newest on; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries older than this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the oldest back; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries newer than this one.")] before: Option<Cursor>,
    ) -> Result<EntryConnection> {
        of_owner(ctx, Asked { filter, first, after, last, before }).await
    }

    /// A movement that touches one of the caller's accounts; null for any other.
    async fn transaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The transaction's id.")] id: ID,
    ) -> Result<Option<Transaction>> {
        find(ctx, &id).await
    }
}

/// The transaction that an id names, where the caller may see it.
pub(super) async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Transaction>> {
    viewer::current(ctx)?;
    let Some(id) = TransactionId::from_wire(id) else {
        return Ok(None);
    };
    Ok(viewer::current(ctx)?.loaders.transaction(id).await?.map(Transaction))
}
