//! What happens, as it happens: the subscriptions, and the same stream as pages.

use async_graphql::{
    ComplexObject, Context, ID, Interface, Object, Result, SimpleObject, Subscription as Root,
};
use futures_util::{Stream, StreamExt as _};

use super::{
    account,
    bill::Bill,
    entry::{Account, Entry},
    errors,
    money::Balance,
    request,
    scalars::{Cursor, DateTime},
    session::Session,
    source,
    source::Watch,
    viewer,
};
use crate::{
    bank::{
        event,
        event::{BalanceNews, What},
    },
    types::{
        id::{AccountId, BillId, SessionId, TransactionId},
        page::{PAGE_DEFAULT, PAGE_MAX},
    },
};

/// Something that happened to the caller. A member that a client does not know is to be skipped, never treated as an error.
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(
        name = "cursor",
        ty = "&Cursor",
        desc = "Where it stands: what comes after it is read from here."
    ),
    field(name = "occurred_at", ty = "&DateTime", desc = "When it happened.")
)]
pub enum UserEvent {
    /// Money came or went.
    EntryPosted(EntryPosted),
    /// An account was opened or changed.
    AccountChanged(AccountChanged),
    /// A bill was made, paid or cancelled.
    BillChanged(BillChanged),
    /// Somebody signed in as the caller.
    SessionStarted(SessionStarted),
    /// A session was ended.
    SessionEnded(SessionEnded),
    /// Too old a cursor.
    RefreshRequired(RefreshRequired),
}

/// Money came to an account of the caller, or went from it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct EntryPosted {
    #[graphql(skip)]
    key: (TransactionId, AccountId),
    /// Where it stands in the stream.
    cursor: Cursor,
    /// When it happened.
    occurred_at: DateTime,
    /// The account's money after it.
    balance: Balance,
}

/// The entry of a movement that was told.
async fn entry(ctx: &Context<'_>, key: (TransactionId, AccountId)) -> Result<Entry> {
    let found = viewer::current(ctx)?.loaders.entry(key).await?;
    found.map(Entry).ok_or_else(|| errors::lost("the entry of an event"))
}

#[ComplexObject]
impl EntryPosted {
    /// The entry.
    async fn entry(&self, ctx: &Context<'_>) -> Result<Entry> {
        entry(ctx, self.key).await
    }
}

/// An account of the caller was opened, or something of it changed that is no entry: its name, its state, what is held of it.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccountChanged {
    /// Where it stands in the stream.
    cursor: Cursor,
    /// When it happened.
    occurred_at: DateTime,
    /// The account.
    account: Box<Account>,
}

/// A bill of the caller was made, paid or cancelled.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct BillChanged {
    #[graphql(skip)]
    bill_id: BillId,
    /// Where it stands in the stream.
    cursor: Cursor,
    /// When it happened.
    occurred_at: DateTime,
}

#[ComplexObject]
impl BillChanged {
    /// The bill as it is now.
    async fn bill(&self, ctx: &Context<'_>) -> Result<Bill> {
        let found = viewer::current(ctx)?.loaders.bill(self.bill_id).await?;
        let bill = found.ok_or_else(|| errors::lost("the bill of an event"))?;
        Ok(Bill::at(bill, request::bank(ctx).now()))
    }
}

/// Somebody signed in as the caller.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct SessionStarted {
    #[graphql(skip)]
    started: SessionId,
    /// Where it stands in the stream.
    cursor: Cursor,
    /// When it happened.
    occurred_at: DateTime,
}

#[ComplexObject]
impl SessionStarted {
    /// The session, which may have ended since.
    async fn session(&self, ctx: &Context<'_>) -> Result<Session> {
        let viewer = viewer::current(ctx)?;
        let found = viewer.loaders.session(self.started).await?;
        let session = found.ok_or_else(|| errors::lost("the session of an event"))?;
        Ok(Session::show(session, viewer.permit.session_id))
    }
}

/// A session of the caller was ended, by them or for them; those that end by age are not told.
#[derive(Debug, Clone, SimpleObject)]
pub struct SessionEnded {
    /// Where it stands in the stream.
    cursor: Cursor,
    /// When it happened.
    occurred_at: DateTime,
    /// The session.
    session_id: ID,
}

/// The cursor is older than what is kept, or unreadable: load the state anew, then go on from this cursor.
#[derive(Debug, Clone, SimpleObject)]
pub struct RefreshRequired {
    /// Where to go on.
    cursor: Cursor,
    /// Now.
    occurred_at: DateTime,
}

impl From<event::Event> for UserEvent {
    fn from(event: event::Event) -> Self {
        let (cursor, occurred_at) = (Cursor(event.cursor), DateTime(event.occurred_at));
        match event.what {
            What::EntryPosted(transaction_id, product) => {
                let account = product.account();
                let (key, balance) =
                    ((transaction_id, account.account_id), (&account.balance).into());
                Self::EntryPosted(EntryPosted { key, cursor, occurred_at, balance })
            }
            What::AccountChanged(product) => {
                let account = Box::new((*product).into());
                Self::AccountChanged(AccountChanged { cursor, occurred_at, account })
            }
            What::BillChanged(bill_id) => {
                Self::BillChanged(BillChanged { bill_id, cursor, occurred_at })
            }
            What::SessionStarted(started) => {
                Self::SessionStarted(SessionStarted { started, cursor, occurred_at })
            }
            What::SessionEnded(ended) => {
                let session_id = ended.to_wire().into();
                Self::SessionEnded(SessionEnded { cursor, occurred_at, session_id })
            }
            What::RefreshRequired => Self::RefreshRequired(RefreshRequired { cursor, occurred_at }),
        }
    }
}

/// A part of the caller's events.
#[derive(Debug, Clone, SimpleObject)]
pub struct EventPage {
    /// The events, the oldest first.
    nodes: Vec<UserEvent>,
    /// Where the next page begins, and where a subscription goes on; null where nothing ever happened and no cursor was sent.
    end_cursor: Option<Cursor>,
    /// There are more now.
    has_next_page: bool,
}

/// The query for the caller's events.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The caller's events after a cursor, or from the oldest that is kept: the same stream that the subscription delivers; at most 100 a page.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only events after this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many; 25 where nothing is said.")] first: Option<i32>,
    ) -> Result<EventPage> {
        let viewer = viewer::current(ctx)?;
        let first = match first.map(usize::try_from) {
            None => PAGE_DEFAULT,
            Some(Ok(first)) if (1..=PAGE_MAX).contains(&first) => first,
            Some(_) => return Err(errors::argument("first", "must be 1 to 100")),
        };
        let after = after.map(|cursor| cursor.0);
        let page = event::page(request::bank(ctx), &viewer.permit, after.as_ref(), first).await;
        let page = page.map_err(|failure| errors::query(ctx, failure))?;
        Ok(EventPage {
            nodes: page.events.into_iter().map(Into::into).collect(),
            end_cursor: page.end.map(Cursor),
            has_next_page: page.has_next,
        })
    }
}

/// The balance of one of the caller's accounts.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct BalanceChanged {
    #[graphql(skip)]
    key: Option<(TransactionId, AccountId)>,
    /// Where it stands: with it a client that was cut off gets every change since.
    cursor: Cursor,
    /// The cursor that was sent was too old or unreadable, so this is the balance as it is now and what lies between is not told.
    reset: bool,
    /// The account.
    account: Account,
    /// Its money.
    balance: Balance,
}

#[ComplexObject]
impl BalanceChanged {
    /// The movement's side that changed it; null for the balance as it is now, and where it changed otherwise.
    async fn entry(&self, ctx: &Context<'_>) -> Result<Option<Entry>> {
        match self.key {
            Some(key) => entry(ctx, key).await.map(Some),
            None => Ok(None),
        }
    }
}

impl From<BalanceNews> for BalanceChanged {
    fn from(news: BalanceNews) -> Self {
        let account = news.product.account();
        let key = news.transaction_id.map(|id| (id, account.account_id));
        let balance = (&account.balance).into();
        let (cursor, reset) = (Cursor(news.cursor), news.reset);
        Self { key, cursor, reset, balance, account: (*news.product).into() }
    }
}

/// What can be waited for.
#[derive(Default)]
pub struct Subscription;

/// What can be waited for. Every message has a cursor, from which it goes on after a break.
#[Root]
impl Subscription {
    /// The balance of the named accounts, or of all the caller's: first as it is now (or, with a cursor, every change since), then at each change.
    async fn balance_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Accounts of the caller; all of them where nothing is said.")]
        account_ids: Option<Vec<ID>>,
        #[graphql(desc = "The cursor of the last message that the client has.")] after: Option<
            Cursor,
        >,
    ) -> Result<impl Stream<Item = BalanceChanged> + use<>> {
        let viewer = viewer::current(ctx)?;
        let named: Option<Vec<_>> =
            account_ids.map(|ids| ids.iter().map(account::from_wire).collect());
        let (bank, after) = (request::bank(ctx), source::after(ctx, after));
        let watch = event::watch_balances(bank, &viewer.permit, named.as_deref(), after.as_ref());
        // Boxed, because the library keeps what begins for as long as the stream lives.
        let watch = Box::pin(watch).await;
        let watch = watch.map_err(|failure| errors::query(ctx, failure))?;
        let items = source::open(ctx, |items| Watch::Balances(Box::new(watch), items))?;
        Ok(items.map(BalanceChanged::from))
    }

    /// Everything that happens to the caller's accounts, bills and sessions, without a gap, from the cursor on, or from now.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last event that the client has.")] after: Option<
            Cursor,
        >,
    ) -> Result<impl Stream<Item = UserEvent> + use<>> {
        let viewer = viewer::current(ctx)?;
        let (bank, after) = (request::bank(ctx), source::after(ctx, after));
        let watch = Box::pin(event::watch(bank, &viewer.permit, after.as_ref())).await;
        let watch = watch.map_err(|failure| errors::query(ctx, failure))?;
        let items = source::open(ctx, |items| Watch::Events(Box::new(watch), items))?;
        Ok(items.map(UserEvent::from))
    }
}
