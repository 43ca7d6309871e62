//! Loaders: what many objects of one answer ask for is read at once.
//!
//! They are made for each request and carry its caller, so that nothing of one
//! person ever reaches another. They batch and do not remember: a later mutation
//! of the same document shows what it left.

use std::{collections::HashMap, hash::Hash, sync::OnceLock};

use async_graphql::{Error, Result};
use dataloader::{BatchFn, non_cached::Loader};

use super::errors::{INTERNAL, OVERLOADED, top_level};
use crate::{
    bank::{
        bill,
        context::Bank,
        entry,
        entry::TransactionView,
        error::Failure,
        history,
        history::{Ask, Counted},
        hold,
        hold::HoldView,
        permit::Permit,
        product,
        product::Product,
        seal,
        seal::Receipt,
        session,
    },
    domain::{bill::Bill, refusal::Refusal},
    store::{
        entry::{Entry, Reversal},
        session::Session,
    },
    types::{
        clock::Instant,
        id::{AccountId, BillId, SessionId, TransactionId},
        money::Money,
        page::Page,
    },
};

/// Why a batch was not read; shared by all who waited for it.
#[derive(Debug, Clone, Copy)]
enum Unread {
    Overloaded,
    Broken,
}

type Read<T> = Result<Option<T>, Unread>;

impl Unread {
    /// The failure is logged here, once, as many resolvers will tell of it.
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Refused(Refusal::Overloaded { .. }) => Self::Overloaded,
            failure => {
                tracing::error!(%failure, "a batch could not be read");
                Self::Broken
            }
        }
    }

    fn told(self) -> Error {
        match self {
            Self::Overloaded => top_level(OVERLOADED, "Too much is waiting. Try again shortly."),
            Self::Broken => {
                top_level(INTERNAL, "Something went wrong on our side. Tell us the request id.")
            }
        }
    }
}

/// Gives every key its answer, found or not.
fn by_key<K: Copy + Eq + Hash, T: Clone>(
    keys: &[K],
    read: Result<Vec<T>, Failure>,
    key: impl Fn(&T) -> K,
) -> HashMap<K, Read<T>> {
    match read {
        Ok(found) => {
            let mut all: HashMap<K, Read<T>> = keys.iter().map(|&key| (key, Ok(None))).collect();
            for thing in found {
                all.insert(key(&thing), Ok(Some(thing)));
            }
            all
        }
        Err(failure) => {
            let unread = Unread::of(&failure);
            keys.iter().map(|&key| (key, Err(unread))).collect()
        }
    }
}

struct Products(Bank, Permit);

impl BatchFn<AccountId, Read<Product>> for Products {
    async fn load(&mut self, keys: &[AccountId]) -> HashMap<AccountId, Read<Product>> {
        let read = product::own_many(&self.0, &self.1, keys).await;
        by_key(keys, read, |product| product.account().account_id)
    }
}

struct Transactions(Bank, Permit);

impl BatchFn<TransactionId, Read<TransactionView>> for Transactions {
    async fn load(
        &mut self,
        keys: &[TransactionId],
    ) -> HashMap<TransactionId, Read<TransactionView>> {
        let read = entry::own_transactions(&self.0, &self.1, keys).await;
        by_key(keys, read, |view| view.transaction.transaction_id)
    }
}

struct Balances(Bank, Permit);

impl BatchFn<(AccountId, Instant), Read<Money>> for Balances {
    async fn load(
        &mut self,
        keys: &[(AccountId, Instant)],
    ) -> HashMap<(AccountId, Instant), Read<Money>> {
        let read = entry::balances_at(&self.0, &self.1, keys).await;
        let found = by_key(keys, read, |&(key, _)| key);
        found.into_iter().map(|(key, read)| (key, read.map(|one| one.map(|(_, m)| m)))).collect()
    }
}

/// Gives every key all of its answers, in order.
fn grouped<K: Copy + Eq + Hash, T: Clone>(
    keys: &[K],
    read: Result<Vec<T>, Failure>,
    key: impl Fn(&T) -> K,
) -> HashMap<K, Read<Vec<T>>> {
    match read {
        Ok(found) => {
            let of = |one: &K| found.iter().filter(|thing| key(thing) == *one).cloned().collect();
            keys.iter().map(|one| (*one, Ok(Some(of(one))))).collect()
        }
        Err(failure) => {
            let unread = Unread::of(&failure);
            keys.iter().map(|&key| (key, Err(unread))).collect()
        }
    }
}

struct Reversals(Bank);

impl BatchFn<TransactionId, Read<Vec<Reversal>>> for Reversals {
    async fn load(
        &mut self,
        keys: &[TransactionId],
    ) -> HashMap<TransactionId, Read<Vec<Reversal>>> {
        grouped(keys, entry::reversals(&self.0, keys).await, |reversal| reversal.reverses)
    }
}

struct Holds(Bank);

impl BatchFn<AccountId, Read<Vec<HoldView>>> for Holds {
    async fn load(&mut self, keys: &[AccountId]) -> HashMap<AccountId, Read<Vec<HoldView>>> {
        grouped(keys, hold::open_of(&self.0, keys).await, |view| view.hold.account_id)
    }
}

struct Histories(Bank);

impl BatchFn<(Counted, Ask), Read<Page<Entry>>> for Histories {
    async fn load(
        &mut self,
        keys: &[(Counted, Ask)],
    ) -> HashMap<(Counted, Ask), Read<Page<Entry>>> {
        match history::of_accounts(&self.0, keys).await {
            Ok(pages) => {
                let told = pages.into_iter().map(|page| Ok(Some(page)));
                keys.iter().cloned().zip(told).collect()
            }
            Err(failure) => {
                let unread = Unread::of(&failure);
                keys.iter().map(|key| (key.clone(), Err(unread))).collect()
            }
        }
    }
}

struct Receipts(Bank, Permit);

impl BatchFn<TransactionId, Read<Receipt>> for Receipts {
    async fn load(&mut self, keys: &[TransactionId]) -> HashMap<TransactionId, Read<Receipt>> {
        let read = seal::receipts(&self.0, &self.1, keys).await;
        by_key(keys, read, |receipt| receipt.transaction_id)
    }
}

struct Entries(Bank, Permit);

impl BatchFn<EntryKey, Read<Entry>> for Entries {
    async fn load(&mut self, keys: &[EntryKey]) -> HashMap<EntryKey, Read<Entry>> {
        let ids: Vec<TransactionId> = keys.iter().map(|key| key.0).collect();
        let read = entry::own_entries(&self.0, &self.1, &ids).await;
        by_key(keys, read, |entry| (entry.transaction_id, entry.account_id))
    }
}

struct Bills(Bank, Permit);

impl BatchFn<BillId, Read<Bill>> for Bills {
    async fn load(&mut self, keys: &[BillId]) -> HashMap<BillId, Read<Bill>> {
        by_key(keys, bill::own_many(&self.0, &self.1, keys).await, |bill| bill.bill_id)
    }
}

struct Sessions(Bank, Permit);

impl BatchFn<SessionId, Read<Session>> for Sessions {
    async fn load(&mut self, keys: &[SessionId]) -> HashMap<SessionId, Read<Session>> {
        let read = session::own_many(&self.0, &self.1, keys).await;
        by_key(keys, read, |session| session.session_id)
    }
}

/// What names an entry: its transaction and its account.
type EntryKey = (TransactionId, AccountId);

/// A loader that is made when it is first asked: most requests ask few of them.
type Late<K, T, F> = OnceLock<Loader<K, Read<T>, F>>;

/// The loaders of one request.
pub struct Loaders {
    bank: Bank,
    permit: Permit,
    products: Late<AccountId, Product, Products>,
    transactions: Late<TransactionId, TransactionView, Transactions>,
    balances: Late<(AccountId, Instant), Money, Balances>,
    reversals: Late<TransactionId, Vec<Reversal>, Reversals>,
    holds: Late<AccountId, Vec<HoldView>, Holds>,
    receipts: Late<TransactionId, Receipt, Receipts>,
    histories: Late<(Counted, Ask), Page<Entry>, Histories>,
    entries: Late<EntryKey, Entry, Entries>,
    bills: Late<BillId, Bill, Bills>,
    sessions: Late<SessionId, Session, Sessions>,
}

impl Loaders {
    /// Loaders for what this person asks.
    pub fn new(bank: &Bank, permit: &Permit) -> Self {
        Self {
            bank: bank.clone(),
            permit: permit.clone(),
            products: OnceLock::new(),
            transactions: OnceLock::new(),
            balances: OnceLock::new(),
            reversals: OnceLock::new(),
            holds: OnceLock::new(),
            receipts: OnceLock::new(),
            histories: OnceLock::new(),
            entries: OnceLock::new(),
            bills: OnceLock::new(),
            sessions: OnceLock::new(),
        }
    }

    /// One of the person's own products; `None` for anything else.
    pub async fn product(&self, id: AccountId) -> Result<Option<Product>> {
        let loader = self
            .products
            .get_or_init(|| Loader::new(Products(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// A transaction that touches an account of the person; `None` for any other.
    pub async fn transaction(&self, id: TransactionId) -> Result<Option<TransactionView>> {
        let loader = self
            .transactions
            .get_or_init(|| Loader::new(Transactions(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// Transactions that touch accounts of the person, in the order of their ids here.
    pub async fn transactions(&self, ids: Vec<TransactionId>) -> Result<Vec<TransactionView>> {
        let loader = self
            .transactions
            .get_or_init(|| Loader::new(Transactions(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load_many(ids.clone()).await;
        let mut read = read.map_err(|error| Error::new(error.to_string()))?;
        let found = ids.iter().filter_map(|id| read.remove(id)?.map_err(Unread::told).transpose());
        found.collect()
    }

    /// What one of the person's own accounts had at an instant; `None` before it was opened.
    pub async fn balance_at(&self, id: AccountId, at: Instant) -> Result<Option<Money>> {
        let loader = self
            .balances
            .get_or_init(|| Loader::new(Balances(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load((id, at)).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// What takes a transaction back that is known to be the person's.
    pub async fn reversals(&self, id: TransactionId) -> Result<Vec<Reversal>> {
        let loader = self.reversals.get_or_init(|| Loader::new(Reversals(self.bank.clone())));
        let read = loader.try_load(id).await;
        let read = read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)?;
        Ok(read.unwrap_or_default())
    }

    /// The open holds of a card that is known to be the person's.
    pub async fn holds(&self, id: AccountId) -> Result<Vec<HoldView>> {
        let loader = self.holds.get_or_init(|| Loader::new(Holds(self.bank.clone())));
        let read = loader.try_load(id).await;
        let read = read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)?;
        Ok(read.unwrap_or_default())
    }

    /// A page of the history of an account that is known to be the person's.
    pub async fn history(&self, account: Counted, ask: Ask) -> Result<Option<Page<Entry>>> {
        let loader = self.histories.get_or_init(|| Loader::new(Histories(self.bank.clone())));
        let read = loader.try_load((account, ask)).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// The receipt of a sealed transaction that touches an account of the person.
    pub async fn receipt(&self, id: TransactionId) -> Result<Option<Receipt>> {
        let loader = self
            .receipts
            .get_or_init(|| Loader::new(Receipts(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// One of the person's own entries.
    pub async fn entry(&self, key: (TransactionId, AccountId)) -> Result<Option<Entry>> {
        let loader = self
            .entries
            .get_or_init(|| Loader::new(Entries(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load(key).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// One of the person's own bills.
    pub async fn bill(&self, id: BillId) -> Result<Option<Bill>> {
        let loader =
            self.bills.get_or_init(|| Loader::new(Bills(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// One of the person's own sessions, open or not.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        let loader = self
            .sessions
            .get_or_init(|| Loader::new(Sessions(self.bank.clone(), self.permit.clone())));
        let read = loader.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }
}
