//! Loaders: what many objects of one answer ask for is read at once.
//!
//! They are made for each request and carry its caller, so that nothing of one
//! person ever reaches another. They batch and do not remember: a later mutation
//! of the same document shows what it left.

use std::{collections::HashMap, hash::Hash};

use async_graphql::{Error, Result};
use dataloader::{BatchFn, non_cached::Loader};

use super::errors::{INTERNAL, OVERLOADED, top_level};
use crate::{
    bank::{
        context::Bank, entry, entry::TransactionView, error::Failure, permit::Permit, product,
        product::Product,
    },
    domain::refusal::Refusal,
    types::id::{AccountId, TransactionId},
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
                tracing::error!(?failure, "a batch could not be read");
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

/// The loaders of one request.
#[derive(Clone)]
pub struct Loaders {
    products: Loader<AccountId, Read<Product>, Products>,
    transactions: Loader<TransactionId, Read<TransactionView>, Transactions>,
}

impl Loaders {
    /// Loaders for what this person asks.
    pub fn new(bank: &Bank, permit: &Permit) -> Self {
        Self {
            products: Loader::new(Products(bank.clone(), permit.clone())),
            transactions: Loader::new(Transactions(bank.clone(), permit.clone())),
        }
    }

    /// One of the person's own products; `None` for anything else.
    pub async fn product(&self, id: AccountId) -> Result<Option<Product>> {
        let read = self.products.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }

    /// A transaction that touches an account of the person; `None` for any other.
    pub async fn transaction(&self, id: TransactionId) -> Result<Option<TransactionView>> {
        let read = self.transactions.try_load(id).await;
        read.map_err(|error| Error::new(error.to_string()))?.map_err(Unread::told)
    }
}
