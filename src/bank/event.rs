//! What happens to a person, as they are told: page by page, or as it happens.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    context::Bank,
    error::Failure,
    live::watcher::{Next, Watcher},
    permit::Permit,
    product,
    product::Product,
};
use crate::{
    domain::{
        account::{AccountRef, AccountStatus},
        event::{Body, Extent},
        refusal::Refusal,
    },
    store::{account, event as store},
    types::{
        clock::Instant,
        id::{AccountId, BillId, SessionId, TransactionId, UserId},
        page::Cursor,
        served,
    },
};

/// Marks the cursors of a person's stream.
const OF_STREAM: u8 = 4;
/// Marks those that stand before the last of several balances which belong together.
const OF_SOME: u8 = 5;
/// Accounts that may be named at once.
const ACCOUNTS_MAX: usize = 100;

/// The cursor of an event.
fn cursor(owner: UserId, number: i64) -> Cursor {
    Cursor::seal(OF_STREAM, &key(owner, number))
}

fn key(owner: UserId, number: i64) -> Vec<u8> {
    [&number.to_be_bytes()[..], owner.as_bytes()].concat()
}

/// The number that a cursor of the caller's stands for.
fn number(permit: &Permit, list: u8, cursor: &Cursor) -> Option<i64> {
    let key = cursor.open(list)?;
    let (number, owner) = key.split_first_chunk::<8>()?;
    (owner == permit.user_id.as_bytes()).then(|| i64::from_be_bytes(*number))
}

/// The number that a cursor stands for, where all that came after it is still there.
fn resumed(permit: &Permit, extent: &Extent, cursor: &Cursor) -> Option<i64> {
    let number = number(permit, OF_STREAM, cursor).or_else(|| number(permit, OF_SOME, cursor));
    number.filter(|number| extent.reaches_back_to(*number))
}

/// Something that happened to a person.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in their stream.
    pub number: i64,
    /// The same for clients.
    pub cursor: Cursor,
    /// When.
    pub occurred_at: Instant,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// Money came or went.
    EntryPosted(TransactionId, Box<Product>),
    /// An account was opened, or something of it changed that is not an entry.
    AccountChanged(Box<Product>),
    /// A bill was made, paid or cancelled.
    BillChanged(BillId),
    /// Somebody signed in as the person.
    SessionStarted(SessionId),
    /// A session of the person's was ended.
    SessionEnded(SessionId),
    /// What came before is not told any more: load everything anew.
    RefreshRequired,
}

impl Event {
    /// It happened to nobody else's copy of the stream: the reader's cursor was of no use.
    pub fn is_refresh(&self) -> bool {
        matches!(self.what, What::RefreshRequired)
    }

    /// What was swept away stands before this.
    fn refresh(owner: UserId, number: i64, now: Instant) -> Self {
        let (cursor, what) = (cursor(owner, number), What::RefreshRequired);
        Self { number, cursor, occurred_at: now, what }
    }
}

/// The account that an event is about, where it is about one.
fn concerns(body: &Body) -> Option<AccountId> {
    match body {
        Body::EntryPosted(posted) => Some(AccountId::from_uuid(posted.account)),
        Body::AccountChanged(changed) => Some(AccountId::from_uuid(changed.account)),
        Body::BillChanged(_) | Body::SessionStarted(_) | Body::SessionEnded(_) | Body::Unknown => {
            None
        }
    }
}

/// An event as it is shown, with the account that it is about as it was then; `None` for
/// one that this program does not know.
fn shown(owner: UserId, event: &store::Event, product: Option<Product>) -> Option<Event> {
    let left = |left: crate::domain::event::Left, product: Product| {
        let currency = product.account().balance.currency;
        Box::new(product.with_balance(left.balance(currency)))
    };
    let what = match (&event.body, product) {
        (Body::EntryPosted(posted), Some(product)) => {
            let id = TransactionId::from_uuid(posted.transaction);
            What::EntryPosted(id, left(posted.left, product))
        }
        (Body::AccountChanged(changed), Some(product)) => {
            What::AccountChanged(match changed.left {
                Some(balance) => left(balance, product),
                None => Box::new(product),
            })
        }
        (Body::BillChanged(id), _) => What::BillChanged(*id),
        (Body::SessionStarted(id), _) => What::SessionStarted(*id),
        (Body::SessionEnded(id), _) => What::SessionEnded(*id),
        (Body::EntryPosted(_) | Body::AccountChanged(_), None) | (Body::Unknown, _) => return None,
    };
    let (number, occurred_at) = (event.number, event.occurred_at);
    Some(Event { number, cursor: cursor(owner, number), occurred_at, what })
}

/// A part of a person's stream.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The events, the oldest first.
    pub events: Vec<Event>,
    /// Where the next page begins.
    pub end: Option<Cursor>,
    /// There is a next page now.
    pub has_next: bool,
}

/// The caller's events after a cursor, or from the oldest that is kept.
pub async fn page(
    bank: &Bank,
    permit: &Permit,
    after: Option<&Cursor>,
    first: usize,
) -> Result<EventPage, Failure> {
    let owner = permit.user_id;
    let mut s = bank.db.read().await?;
    let extent = store::extent(&mut s, owner).await?;
    let oldest = extent.first.map_or(extent.last, |first| first - 1);
    let number = match after {
        Some(cursor) => resumed(permit, &extent, cursor),
        None => Some(oldest),
    };
    let Some(number) = number else {
        let refresh = Event::refresh(owner, extent.last, bank.now());
        let end = Some(refresh.cursor.clone());
        return Ok(EventPage { events: vec![refresh], end, has_next: false });
    };
    let limit = i64::try_from(first).unwrap_or(0);
    let found = store::after(&mut s, owner, number, limit).await?;
    let ids: HashSet<AccountId> = found.iter().filter_map(|event| concerns(&event.body)).collect();
    let accounts = account::lookup_many(&mut s, &Vec::from_iter(ids)).await?;
    let products = product::of_accounts(&mut s, permit, accounts).await?;
    let products: HashMap<AccountId, Product> =
        products.into_iter().map(|product| (product.account().account_id, product)).collect();
    let show = |event: &store::Event| {
        let product = concerns(&event.body).and_then(|id| products.get(&id)).cloned();
        shown(owner, event, product)
    };
    let end = found.last().map(|last| cursor(owner, last.number)).or_else(|| after.cloned());
    let has_next = found.last().is_some_and(|last| last.number < extent.last);
    Ok(EventPage { events: found.iter().filter_map(show).collect(), end, has_next })
}

/// One who waits.
#[derive(Debug)]
struct Waiting {
    bank: Bank,
    permit: Permit,
    watcher: Watcher,
    known: Arc<Known>,
    /// Where this one began; what was read before may lack what changed until then.
    began: i64,
    /// Accounts that have changed since, each by which event.
    changed: HashMap<AccountId, i64>,
}

/// The accounts of a person as they are shown, read once for all who wait for that person.
#[derive(Debug, Default)]
struct Known {
    /// Each with the number of an event before it was read: what had changed until that one
    /// is in it. Locked while one is read, or each who waits would read it.
    products: tokio::sync::Mutex<HashMap<AccountId, (i64, Product)>>,
}

impl Known {
    /// Takes in what was read after an event, unless something newer is known.
    async fn learn(&self, number: i64, read: &[Product]) {
        let mut products = self.products.lock().await;
        for product in read {
            let id = product.account().account_id;
            if products.get(&id).is_none_or(|(at, _)| *at <= number) {
                products.insert(id, (number, product.clone()));
            }
        }
    }
}

impl Waiting {
    /// Joins the caller's stream; `begin` says where, given what there is.
    async fn join(bank: &Bank, permit: &Permit) -> Result<(Self, Extent), Failure> {
        let stream = bank.live.join(permit.user_id);
        let mut s = bank.db.alone().await?;
        let extent = store::extent(&mut s, permit.user_id).await?;
        stream.begin(extent.last);
        bank.live.wake(permit.user_id);
        let watcher = Watcher::new(bank.db.clone(), stream, extent.last);
        let (bank, permit) = (bank.clone(), permit.clone());
        let (known, began, changed) = (watcher.shared(), extent.last, HashMap::new());
        Ok((Self { bank, permit, watcher, known, began, changed }, extent))
    }

    /// Goes on after another event.
    fn go_to(&mut self, number: i64) {
        self.watcher.go_to(number);
        self.began = number;
        self.changed.clear();
    }

    /// The next event, or that there is a gap before it.
    async fn next(&mut self) -> Next {
        let next = self.watcher.next().await;
        if let Next::Event(event) = &next
            && let Body::AccountChanged(changed) = &event.body
        {
            self.changed.insert(AccountId::from_uuid(changed.account), event.number);
        }
        next
    }

    /// The account that an event is about, as far as it does not change with entries.
    async fn product(&mut self, event: &store::Event) -> Result<Option<Product>, Failure> {
        let Some(id) = concerns(&event.body) else { return Ok(None) };
        let since = self.changed.get(&id).copied().unwrap_or(self.began);
        let mut products = self.known.products.lock().await;
        if let Some((_, known)) = products.get(&id).filter(|(at, _)| *at >= since) {
            return Ok(Some(known.clone()));
        }
        let (bank, permit) = (self.bank.clone(), self.permit.clone());
        let reading =
            served::carried(async move { product::own_many(&bank, &permit, &[id]).await });
        let found = self.bank.db.home().serve(reading).await??.pop();
        match &found {
            Some(found) => products.insert(id, (event.number, found.clone())),
            None => products.remove(&id),
        };
        Ok(found)
    }
}

/// The caller's events as they happen.
#[derive(Debug)]
pub struct EventWatch {
    waiting: Waiting,
    /// The cursor was of no use, which is told first.
    refresh: bool,
    /// Taken, and not told yet, because its account could not be read.
    open: Option<Arc<store::Event>>,
}

/// Waits for what happens to the caller after a cursor, or from now on.
pub async fn watch(
    bank: &Bank,
    permit: &Permit,
    after: Option<&Cursor>,
) -> Result<EventWatch, Failure> {
    let (mut waiting, extent) = Waiting::join(bank, permit).await?;
    let resumed = after.map(|cursor| resumed(permit, &extent, cursor));
    if let Some(Some(number)) = resumed {
        waiting.go_to(number);
    }
    Ok(EventWatch { waiting, refresh: resumed == Some(None), open: None })
}

impl EventWatch {
    /// The next event, whenever it comes.
    ///
    /// # Errors
    ///
    /// Where something of it could not be read; asked again it is tried again.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let owner = self.waiting.permit.user_id;
            if self.refresh {
                let number = Box::pin(self.waiting.restart()).await?;
                self.refresh = false;
                return Ok(Event::refresh(owner, number, self.waiting.bank.now()));
            }
            let event = match self.open.clone() {
                Some(event) => event,
                None => match self.waiting.next().await {
                    Next::Event(event) => event,
                    Next::Gap => {
                        self.refresh = true;
                        continue;
                    }
                },
            };
            self.open = Some(event.clone());
            let product = Box::pin(self.waiting.product(&event)).await?;
            self.open = None;
            if let Some(shown) = shown(owner, &event, product) {
                return Ok(shown);
            }
        }
    }
}

impl Waiting {
    /// Goes on from the end of the stream, and tells its number.
    async fn restart(&mut self) -> Result<i64, Failure> {
        let mut s = self.bank.db.alone().await?;
        let extent = store::extent(&mut s, self.permit.user_id).await?;
        self.go_to(extent.last);
        Ok(extent.last)
    }
}

/// The balance of an account, and what made it.
#[derive(Debug, Clone)]
pub struct BalanceNews {
    /// The place in the stream of the event that made it; none for one as it is now.
    pub number: Option<i64>,
    /// The place of this balance, for clients.
    pub cursor: Cursor,
    /// What lies between this and the cursor that was sent is not told.
    pub reset: bool,
    /// The account with this balance.
    pub product: Box<Product>,
    /// The movement that made it; none for one as it is now, or that changed otherwise.
    pub transaction_id: Option<TransactionId>,
}

/// Balances as they change.
#[derive(Debug)]
pub struct BalanceWatch {
    waiting: Waiting,
    /// The accounts that are wanted; all where none is named.
    wanted: Option<HashSet<AccountId>>,
    /// Balances as they are now, to be told first.
    now: VecDeque<BalanceNews>,
    /// They are to be read, and told with this mark.
    snapshot: Option<bool>,
    open: Option<Arc<store::Event>>,
}

/// Waits for changes of the balances of some of the caller's accounts, or of all: first as
/// they are now, or, with a cursor, every change since.
pub async fn watch_balances(
    bank: &Bank,
    permit: &Permit,
    named: Option<&[Option<AccountRef>]>,
    after: Option<&Cursor>,
) -> Result<BalanceWatch, Failure> {
    let wanted = match named {
        Some(named) => Some(own(bank, permit, named).await?),
        None => None,
    };
    let (mut waiting, extent) = Waiting::join(bank, permit).await?;
    let resumed = after.map(|cursor| {
        // Of balances that belong together the client may have had only some.
        let whole = number(permit, OF_SOME, cursor).is_none();
        resumed(permit, &extent, cursor).filter(|_| whole)
    });
    let snapshot = match resumed {
        Some(Some(number)) => {
            waiting.go_to(number);
            None
        }
        Some(None) => Some(true),
        None => Some(false),
    };
    Ok(BalanceWatch { waiting, wanted, now: VecDeque::new(), snapshot, open: None })
}

/// The caller's own accounts; a name that is none of theirs is refused.
async fn own(
    bank: &Bank,
    permit: &Permit,
    named: &[Option<AccountRef>],
) -> Result<HashSet<AccountId>, Failure> {
    let refused = |reason| Failure::from(Refusal::invalid("accountIds", reason));
    if named.len() > ACCOUNTS_MAX {
        return Err(refused("must name at most 100 accounts"));
    }
    let strange = || refused("must name accounts of yours");
    let named: Option<Vec<AccountRef>> = named.iter().copied().collect();
    let named = named.ok_or_else(strange)?;
    let ids: Vec<AccountId> = named.iter().map(|one| one.id).collect();
    let found = account::lookup_many(&mut bank.db.read().await?, &ids).await?;
    for one in &named {
        let is_own = |account: &&account::Account| {
            account.account_id == one.id
                && account.kind == one.kind
                && account.owner_id == permit.user_id
        };
        found.iter().find(is_own).ok_or_else(strange)?;
    }
    Ok(ids.into_iter().collect())
}

impl BalanceWatch {
    /// The next balance, whenever it comes.
    ///
    /// # Errors
    ///
    /// Where something of it could not be read; asked again it is tried again.
    pub async fn next(&mut self) -> Result<BalanceNews, Failure> {
        loop {
            if let Some(reset) = self.snapshot {
                self.now = Box::pin(self.read_now(reset)).await?;
                self.snapshot = None;
            }
            if let Some(news) = self.now.pop_front() {
                return Ok(news);
            }
            let event = match self.open.clone() {
                Some(event) => event,
                None => match self.waiting.next().await {
                    Next::Event(event) => event,
                    Next::Gap => {
                        self.snapshot = Some(true);
                        continue;
                    }
                },
            };
            if !self.is_wanted(&event.body) {
                continue;
            }
            self.open = Some(event.clone());
            let product = Box::pin(self.waiting.product(&event)).await?;
            self.open = None;
            let owner = self.waiting.permit.user_id;
            if let Some(news) = shown(owner, &event, product).and_then(news) {
                return Ok(news);
            }
        }
    }

    /// The event says a balance of a wanted account.
    fn is_wanted(&self, body: &Body) -> bool {
        let account: Uuid = match body {
            Body::EntryPosted(posted) => posted.account,
            Body::AccountChanged(changed) if changed.left.is_some() => changed.account,
            Body::AccountChanged(_)
            | Body::BillChanged(_)
            | Body::SessionStarted(_)
            | Body::SessionEnded(_)
            | Body::Unknown => return false,
        };
        let id = AccountId::from_uuid(account);
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&id))
    }

    /// Reads the wanted accounts and the end of the stream in one snapshot.
    async fn read_now(&mut self, reset: bool) -> Result<VecDeque<BalanceNews>, Failure> {
        let owner = self.waiting.permit.user_id;
        let (bank, permit) = (self.waiting.bank.clone(), self.waiting.permit.clone());
        let wanted = self.wanted.clone();
        let reading =
            served::carried(async move { snapshot(&bank, &permit, wanted.as_ref()).await });
        let (last, products) = self.waiting.bank.db.home().serve(reading).await??;
        self.waiting.go_to(last);
        self.waiting.known.learn(last, &products).await;
        let count = products.len();
        let news = |(place, product): (usize, Product)| BalanceNews {
            number: None,
            cursor: if place + 1 == count {
                cursor(owner, last)
            } else {
                Cursor::seal(OF_SOME, &key(owner, last))
            },
            reset,
            product: Box::new(product),
            transaction_id: None,
        };
        Ok(products.into_iter().enumerate().map(news).collect())
    }
}

/// The end of a person's stream, and their wanted accounts, the oldest first; all that are
/// open where none is named.
async fn snapshot(
    bank: &Bank,
    permit: &Permit,
    wanted: Option<&HashSet<AccountId>>,
) -> Result<(i64, Vec<Product>), Failure> {
    let mut s = bank.db.read().await?;
    let last = store::extent(&mut s, permit.user_id).await?.last;
    let mut accounts = account::of_owner(&mut s, permit.user_id).await?;
    accounts.retain(|account| match wanted {
        Some(wanted) => wanted.contains(&account.account_id),
        None => account.status != AccountStatus::Closed,
    });
    let mut products = product::of_accounts(&mut s, permit, accounts).await?;
    products.sort_by_key(|one| (one.account().created_at, one.account().account_id));
    Ok((last, products))
}

/// The balance that an event tells of.
fn news(event: Event) -> Option<BalanceNews> {
    let Event { number, cursor, what, .. } = event;
    let (product, transaction_id) = match what {
        What::EntryPosted(id, product) => (product, Some(id)),
        What::AccountChanged(product) => (product, None),
        What::BillChanged(_)
        | What::SessionStarted(_)
        | What::SessionEnded(_)
        | What::RefreshRequired => return None,
    };
    Some(BalanceNews { number: Some(number), cursor, reset: false, product, transaction_id })
}
