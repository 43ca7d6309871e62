//! The inner parts, each by itself: what one request costs before and after the
//! database. Run them by `cargo bench`; what they are is in README.md beside this.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use async_graphql::{Variables, parser::parse_query};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use divan::{Bencher, black_box};
use http_body_util::BodyExt as _;
use teller::{
    bank::context::{Annexes, Bank, FileRoom, PostOffice, Rules},
    crypto::{keyring::Keyring, seal, seal::Place, token, token::Access},
    db::pool::Db,
    domain::{
        account::{AccountStatus, Balance},
        attempt::Allowances,
        posting,
        posting::{Leg, Standing},
    },
    files::objects::Objects,
    graphql::{
        guard::{check, cost, limits::Limits},
        schema,
        shape::check::Shapes,
    },
    http::{router, web::Web},
    ledger::engine::Capacity,
    types::{
        clock::{Clock as _, SystemClock},
        entropy::SystemEntropy,
        id::{AccountId, SessionId, UserId},
        money::{Currency, Minor},
        secret::Secret,
    },
};
use tokio::{runtime::Runtime, sync::Notify};
use tower::ServiceExt as _;

fn main() {
    divan::main();
}

/// What a client sends to pay.
const TRANSFER: &str = "mutation ($input: TransferInput!) { transfer(input: $input) {
    transaction { id } replayed errors { code message } } }";

const INPUT: &str = r#"{"input": {"idempotencyKey": "lunch-1", "amount": "12.50",
    "fromAccountId": "card_01h455vb4pex5vsknk084sn02q",
    "to": {"accountId": "card_01h455vb4pex5vsknk084sn02r"}}}"#;

fn ring() -> Keyring {
    let secret = Secret::new("0123456789abcdef0123456789abcdef");
    Keyring::from_secret(&secret).expect("32 bytes are enough")
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a currency of ISO 4217")
}

/// A document as a text becomes one that may run.
#[divan::bench]
fn parse_and_guard() {
    let document = parse_query(black_box(TRANSFER)).expect("the document is GraphQL");
    assert!(check::check(&document, None, &Limits::default()).is_ok());
    assert!(cost::of(&document, None, &Variables::default()).units > 0);
}

/// The inputs of a document are walked for their shapes.
#[divan::bench]
fn shape_of_the_inputs(bencher: Bencher<'_, '_>) {
    let shapes = Shapes::from_sdl(&schema::sdl()).expect("our own schema is read back");
    let document = parse_query(TRANSFER).expect("the document is GraphQL");
    let input: serde_json::Value = serde_json::from_str(INPUT).expect("the input is JSON");
    let variables = Variables::from_json(input);
    bencher.bench(|| shapes.faults(black_box(&document), None, black_box(&variables)).len());
}

/// An access token is checked.
#[divan::bench]
fn verify_a_token(bencher: Bencher<'_, '_>) {
    let (ring, now) = (ring(), SystemClock.now());
    let access = Access {
        user_id: UserId::generate(&SystemClock, &SystemEntropy),
        session_id: SessionId::generate(&SystemClock, &SystemEntropy),
        expires_at: now + chrono::Duration::minutes(10),
    };
    let token = token::sign(&ring, "graphql", &access, now);
    bencher.bench(|| token::verify(&ring, "graphql", black_box(&token), now).is_ok());
}

/// A transfer is decided on the facts under its locks.
#[divan::bench]
fn decide_a_transfer(bencher: Bencher<'_, '_>) {
    let now = SystemClock.now();
    let balance = Balance {
        posted: Minor(5_000),
        held: Minor(0),
        overdraft_limit: Minor(0),
        version: 7,
        currency: usd(),
    };
    let standing = Standing { status: AccountStatus::Active, balance, last_posted_at: Some(now) };
    let leg = |amount| Leg {
        account_id: AccountId::generate(&SystemClock, &SystemEntropy),
        customer: true,
        currency: usd(),
        amount: Minor(amount),
        frees: Minor::ZERO,
    };
    let legs = [leg(-1_250), leg(1_250)];
    let standings: BTreeMap<_, _> = legs.iter().map(|leg| (leg.account_id, standing)).collect();
    bencher
        .bench(|| posting::decide(black_box(&legs), |id| standings.get(&id).copied(), now).is_ok());
}

/// A card's number is sealed and opened again.
#[divan::bench]
fn seal_and_open(bencher: Bencher<'_, '_>) {
    let ring = ring();
    let place = Place { column: "cards.number", row: b"0123456789abcdef" };
    bencher.bench(|| {
        let sealed = seal::seal(&ring, &SystemEntropy, place, black_box(b"4000001234567899"));
        seal::open(&ring, place, &sealed).is_ok()
    });
}

/// A whole server over an empty SQLite file, without sockets.
async fn server(folder: &std::path::Path) -> Router {
    let url = format!("sqlite://{}", folder.join("teller.db").display());
    let db = Db::open(&url, 2).await.expect("a fresh database opens");
    db.migrate().await.expect("the migrations run");
    let post_office = PostOffice {
        captures: true,
        smtp: None,
        frontend_url: None,
        wake: Arc::new(Notify::new()),
    };
    let rules = Rules {
        sandbox: true,
        currencies: vec![usd()],
        funding_open: true,
        transfer_limit: 1_000_000,
        top_up_limit: 1_000_000,
        allowances: Allowances::SANDBOX,
        trusted_proxies: Vec::new(),
        file_bytes_max: 10 * 1024 * 1024,
        file_pixels_max: 25_000_000,
        file_quota: 100 * 1024 * 1024,
        events_kept: chrono::Duration::days(30),
        events_poll: std::time::Duration::from_secs(5),
    };
    let files = FileRoom::new(Objects::in_memory(), &rules, String::new());
    let annexes = Annexes { post_office, files };
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let bank = Bank::new(db, clock, entropy, ring(), annexes, rules, Capacity::default());
    router::router(bank, Web::default())
}

/// A small request through the whole server, but for sockets and statements.
#[divan::bench]
fn answer_without_a_statement(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(server(folder.path()));
    let body = r#"{"query":"{ serverInfo { version sandbox currencies } }"}"#;
    let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000)));
    bencher.bench_local(|| {
        let request = Request::post("/graphql")
            .header(header::HOST, "127.0.0.1")
            .header(header::CONTENT_TYPE, "application/json")
            .extension(peer)
            .body(Body::from(body))
            .expect("a request");
        runtime.block_on(async {
            let answer = server.clone().oneshot(request).await.expect("the router answers");
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.expect("a body").to_bytes().len()
        })
    });
}
