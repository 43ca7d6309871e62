//! What every use case works with.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use tokio::sync::Notify;

use super::{
    heart::Pulse, live::registry::Live, session_cache::SessionCache, session_reads::SessionReads,
    session_touches::SessionTouches,
};
use crate::{
    crypto::{keyring::Keyring, password::Hasher},
    db::pool::Db,
    domain::attempt::Allowances,
    files::{desk::Desk, objects::Objects, picture::Studio},
    ledger::engine::{Capacity, Ledger},
    mail::carrier::Smtp,
    store::audit::Act,
    types::{
        clock::{Clock, Instant},
        entropy::Entropy,
        money::{Currency, Minor},
    },
};

/// What an operator can set of the bank's rules.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Opening credits, free top-ups and the captured inbox.
    pub sandbox: bool,
    /// What accounts may be counted in; the first is the default, and there is one at least.
    pub currencies: Vec<Currency>,
    /// Top-ups are free.
    pub funding_open: bool,
    /// Whole units of each currency that a person may pay to others in a day.
    pub transfer_limit: i64,
    /// Whole units of each currency that a person may bring in from outside in a day.
    pub top_up_limit: i64,
    /// How often strangers may try something.
    pub allowances: Allowances,
    /// Networks of proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes that a file may have.
    pub file_bytes_max: u64,
    /// Pixels that an image may have.
    pub file_pixels_max: u64,
    /// Bytes that all files of a person may have together.
    pub file_quota: u64,
    /// How long a client that was away finds what it missed.
    pub events_kept: chrono::Duration,
    /// How late an event may come that no process was told of.
    pub events_poll: Duration,
}

/// Whole units that a new card is given in the sandbox.
const OPENING_CREDIT_CARD: i64 = 50;
/// Whole units that a new savings goal is given in the sandbox.
const OPENING_CREDIT_SAVINGS: i64 = 200;

impl Rules {
    /// What is meant where no currency is named.
    pub fn default_currency(&self) -> Currency {
        *self.currencies.first().expect("the settings name one currency at least")
    }

    /// What a new card is given; nothing in production.
    pub fn opening_credit_card(&self, currency: Currency) -> Option<Minor> {
        self.sandbox.then(|| Minor(OPENING_CREDIT_CARD * 10_i64.pow(currency.digits())))
    }

    /// What a new savings goal is given; nothing in production.
    pub fn opening_credit_savings(&self, currency: Currency) -> Option<Minor> {
        self.sandbox.then(|| Minor(OPENING_CREDIT_SAVINGS * 10_i64.pow(currency.digits())))
    }
}

/// Where letters go.
#[derive(Debug, Clone)]
pub struct PostOffice {
    /// Every letter is kept for `/dev/inbox`.
    pub captures: bool,
    /// The server that takes letters, where there is one.
    pub smtp: Option<Smtp>,
    /// Where links in letters lead; without it a letter says the token itself.
    pub frontend_url: Option<String>,
    /// Wakes the worker when a letter was written.
    pub wake: Arc<Notify>,
}

/// Where files are.
#[derive(Debug, Clone)]
pub struct FileRoom {
    /// What keeps their bytes.
    pub objects: Objects,
    /// Where images are made anew.
    pub studio: Studio,
    /// Where they are handed in.
    pub desk: Desk,
    /// What stands before `/files/` in their URLs.
    pub public_url: String,
}

impl FileRoom {
    /// A room over a store, for a bank with these rules and this address.
    pub fn new(objects: Objects, rules: &Rules, public_url: String) -> Self {
        let studio = Studio::new(rules.file_pixels_max);
        Self { objects, studio, desk: Desk::default(), public_url }
    }
}

/// What a bank has beside its database.
#[derive(Debug, Clone)]
pub struct Annexes {
    /// Where letters go.
    pub post_office: PostOffice,
    /// Where files are.
    pub files: FileRoom,
}

/// The bank: everything that a use case works with.
#[derive(Debug, Clone)]
pub struct Bank {
    /// The database.
    pub db: Db,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Keys.
    pub ring: Keyring,
    /// Password hashing.
    pub hasher: Hasher,
    /// The one door through which money moves.
    pub ledger: Ledger,
    /// Where letters go.
    pub post_office: PostOffice,
    /// Where files are.
    pub files: FileRoom,
    /// What an operator has set.
    pub rules: Rules,
    /// What is known of sessions.
    pub sessions: SessionCache,
    /// Who waits for what the database says of sessions.
    pub session_reads: SessionReads,
    /// What is to be noted of sessions in use.
    pub session_touches: SessionTouches,
    /// Who waits for what happens.
    pub live: Live,
    /// How this process is.
    pub pulse: Pulse,
}

impl Bank {
    /// Puts a bank together; its ledger begins to work at once.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        ring: Keyring,
        annexes: Annexes,
        rules: Rules,
        capacity: Capacity,
    ) -> Self {
        let hasher = Hasher::new(entropy.as_ref());
        let (time, chance) = (Arc::clone(&clock), Arc::clone(&entropy));
        let ledger = Ledger::new(db.clone(), time, chance, rules.currencies.clone(), capacity);
        let Annexes { post_office, files } = annexes;
        let live = Live::new(db.clone(), rules.events_poll);
        Self {
            db,
            clock,
            entropy,
            ring,
            hasher,
            ledger,
            post_office,
            files,
            rules,
            sessions: SessionCache::new(),
            session_reads: SessionReads::default(),
            session_touches: SessionTouches::default(),
            live,
            pulse: Pulse::default(),
        }
    }

    /// Something that the bank does by itself, for the audit log.
    pub fn act(&self, action: &'static str) -> Act {
        Act { actor_id: None, session_id: None, action, ip_address: None, request_id: None }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }
}
