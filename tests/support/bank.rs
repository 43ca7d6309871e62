//! A whole bank on a fresh database: settable clock, seeded chance, captured
//! mail, and the router in memory.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::connect_info::MockConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use chrono::Duration;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::{Value, json};
use teller::{
    bank::{
        account,
        context::{Annexes, Bank, FileRoom, PostOffice, Rules},
        inbox, key_ring, outbox,
    },
    crypto::keyring::Keyring,
    db::pool::Db,
    domain::attempt::Allowances,
    files::objects::Objects,
    http::{router, web::Web},
    ledger::{engine::Capacity, sealer::Sealer},
    mail::letter::Letter,
    store,
    store::account::Account,
    types::{
        clock::SettableClock,
        entropy::Entropy,
        id::{self, AccountId},
        money::Currency,
        secret::Secret,
    },
};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::{databases, databases::Fresh, proof};

/// The secret of every bank of the tests.
pub const SECRET: &str = "tests only: 0123456789abcdefghijklmnopqrstuvwxyz";

/// Chance that comes out the same each time.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    /// Chance from a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("nobody panics while drawing").fill_bytes(bytes);
    }
}

/// An answer that was read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A bank to try things on.
pub struct TestBank {
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    /// The bank.
    pub bank: Bank,
    /// Its clock, which moves a millisecond with each request and when told.
    pub clock: Arc<SettableClock>,
    /// The database underneath.
    pub fresh: Fresh,
    router: Router,
}

/// What browsers may: pages of the bank itself and of one front end.
pub fn web() -> Web {
    Web::new(["http://127.0.0.1:8080", "http://localhost:3000"], false)
}

/// The rules of the sandbox.
pub fn sandbox_rules() -> Rules {
    let currency = |code| Currency::parse(code).expect("a code of ISO 4217");
    Rules {
        sandbox: true,
        currencies: vec![currency("USD"), currency("EUR")],
        funding_open: true,
        transfer_limit: 1_000_000,
        top_up_limit: 1_000_000,
        allowances: Allowances::SANDBOX,
        trusted_proxies: Vec::new(),
        file_bytes_max: 10 * 1024 * 1024,
        file_pixels_max: 25_000_000,
        file_quota: 100 * 1024 * 1024,
        events_kept: Duration::days(30),
        events_poll: std::time::Duration::from_secs(5),
    }
}

impl TestBank {
    /// A bank with these rules over a fresh database.
    pub async fn with_rules(fresh: Fresh, rules: Rules) -> Self {
        let db = fresh.open().await;
        let start = "2026-11-21T10:00:00Z".parse().expect("an instant");
        let clock = Arc::new(SettableClock::new(start));
        let mut bank = assemble(db, Arc::clone(&clock), proof::seed(), rules);
        bank.ring = key_ring::open(&bank).await.expect("a fresh database takes any secret");
        account::open_those_of_the_bank(&bank).await.expect("the bank's accounts open");
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let router = router::router(bank.clone(), web()).layer(MockConnectInfo(peer));
        Self { database: fresh.name, bank, clock, fresh, router }
    }

    /// Sends a request through the router.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.clock.advance(Duration::milliseconds(1));
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory is read");
        Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    /// The router of another process of the bank.
    pub fn router_over(bank: &Bank) -> Router {
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        router::router(bank.clone(), web()).layer(MockConnectInfo(peer))
    }

    /// Posts a GraphQL document to a router as nobody.
    pub fn post_to_anonymous(
        router: Router,
        query: &str,
        variables: Value,
    ) -> impl Future<Output = Answer> + use<> {
        let request = Self::request(Method::POST, "/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        let body = json!({ "query": query, "variables": variables }).to_string();
        Self::through(router, request.body(Body::from(body)).expect("a request"))
    }

    /// Sends a request through a router and reads its answer whole.
    async fn through(router: Router, request: Request<Body>) -> Answer {
        let response = router.oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory is read");
        Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    /// Posts a GraphQL document to a router.
    pub fn post_to(
        router: Router,
        token: &str,
        query: &str,
        variables: Value,
    ) -> impl Future<Output = Answer> + use<> {
        let request = Self::request(Method::POST, "/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let body = json!({ "query": query, "variables": variables }).to_string();
        Self::through(router, request.body(Body::from(body)).expect("a request"))
    }

    /// A request with a loopback Host, as a client of the sandbox sends it.
    pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080")
    }

    /// Posts a GraphQL document and gives the whole answer.
    pub async fn post(&self, token: Option<&str>, query: &str, variables: Value) -> Answer {
        let mut request = Self::request(Method::POST, "/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json")
            .header(header::USER_AGENT, "promises/1");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// Runs a GraphQL document that must succeed, and gives its data.
    pub async fn run(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let answer = self.post(token, query, variables).await;
        let mut body = answer.json();
        let fine = answer.status == StatusCode::OK && body.get("errors").is_none();
        assert!(fine, "{}: {} {body}", self.database, answer.status);
        body["data"].take()
    }

    /// Sends what waits in the outbox, and gives the letters to an address, oldest first.
    pub async fn letters(&self, to: &str) -> Vec<Letter> {
        while outbox::drain(&self.bank).await.expect("the outbox is read") > 0 {}
        let letters = inbox::list(&self.bank, Some(to)).await.expect("the inbox is read");
        letters.into_iter().map(|captured| captured.letter).collect()
    }

    /// The six digits of the newest letter to an address.
    pub async fn code(&self, to: &str) -> String {
        let letters = self.letters(to).await;
        let newest = letters.last().unwrap_or_else(|| panic!("no letter to {to}"));
        let code = newest
            .text
            .lines()
            .map(str::trim)
            .find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("no code in {}", newest.text)).to_owned()
    }

    /// Moves the clock.
    pub fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Every act with what came of it, as the audit log has them.
    pub async fn audit_log(&self) -> Vec<(String, String)> {
        let mut s = self.bank.db.read().await.expect("the database is read");
        let sql = "SELECT action, result FROM audit_log ORDER BY audit_id";
        s.query(sql).all().await.expect("the audit log is read")
    }

    /// A customer's account, as the database has it.
    pub async fn account(&self, wire: &str) -> Account {
        let (_, id) = id::split(wire).expect("an account's id");
        let mut s = self.bank.db.read().await.expect("the database is read");
        let found = store::account::lookup(&mut s, AccountId::from_uuid(id)).await;
        found.expect("the database is read").expect("the account is there")
    }

    /// The books must hold.
    pub async fn audit(&self) {
        let report = teller::bank::books::audit(&self.bank).await.expect("the books are read");
        assert!(report.holds(), "{}: {report:#?}", self.database);
    }

    /// The sealer of this bank.
    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.bank.db.clone(), Arc::clone(&self.bank.clock))
    }

    /// Seals all that waits, and tells how much it was.
    pub async fn seal(&self) -> usize {
        self.sealer().seal_all().await.expect("what waits is sealed")
    }

    /// All entries must sum to zero; raw movements have no texts, which the audit would miss.
    pub async fn audit_sums(&self) {
        let report = teller::bank::books::audit(&self.bank).await.expect("the books are read");
        let zero = report.totals.iter().all(|(_, total)| *total == 0);
        assert!(zero, "{}: {report:#?}", self.database);
    }

    /// Ends the bank and removes its database.
    pub async fn close(self) {
        self.bank.db.close().await;
        self.fresh.remove().await;
    }
}

/// A bank over an open database.
pub fn assemble(db: Db, clock: Arc<SettableClock>, seed: u64, rules: Rules) -> Bank {
    let entropy = Arc::new(SeededEntropy::new(seed));
    let ring = Keyring::from_secret(&Secret::new(SECRET)).expect("the tests' secret is long");
    let post_office = PostOffice {
        captures: true,
        smtp: None,
        frontend_url: None,
        wake: Arc::new(Notify::new()),
    };
    let files = FileRoom::new(Objects::in_memory(), &rules, "http://127.0.0.1:8080".to_owned());
    let annexes = Annexes { post_office, files };
    Bank::new(db, clock, entropy, ring, annexes, rules, Capacity::default())
}

/// Another process of the same bank: its own ledger and connections, the same clock.
pub fn reassemble(bank: &TestBank, db: Db, number: u64, capacity: Capacity) -> Bank {
    let entropy = Arc::new(SeededEntropy::new(proof::seed() + 1 + number));
    let Bank { ring, post_office, files, rules, .. } = bank.bank.clone();
    let annexes = Annexes { post_office, files };
    Bank::new(db, Arc::clone(&bank.clock) as _, entropy, ring, annexes, rules, capacity)
}

/// The test that runs: the name of its thread.
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("main").to_owned()
}

/// Tries a promise on SQLite and on PostgreSQL, each with a bank of its own.
pub async fn each_database(promise: impl AsyncFn(&TestBank)) {
    each_database_with(sandbox_rules(), promise).await;
}

/// The same with rules of the promise's own.
pub async fn each_database_with(rules: Rules, promise: impl AsyncFn(&TestBank)) {
    for fresh in databases::both().await {
        let bank = TestBank::with_rules(fresh, rules.clone()).await;
        promise(&bank).await;
        proof::tally(bank.database, &test_name());
        bank.close().await;
    }
}
