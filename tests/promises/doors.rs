//! What holds at every legacy door when something goes wrong on the way of a call: it takes
//! too long, it panics, or nobody waits for its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use teller::{bank::context::Bank, compat::wire::doors::Settings, types::entropy::Entropy};
use tower::ServiceExt as _;

use crate::{
    dialects::with_doors,
    ewallet::{DONE, Jar, admit, posted},
    fintract,
    support::{
        bank::{Answer, TestBank, each_database},
        people::PASSWORD,
    },
};

async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let answer = router.clone().oneshot(request).await.expect("the router never fails");
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
}

fn json(method: &str, path: &str, body: String) -> Request<Body> {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let request = TestBank::request(method, path).header("content-type", "application/json");
    request.body(body.into()).expect("a request")
}

/// A sign-in of a dialect that knows a password alone.
fn sign_in(path: &str, email: &str, password: &str) -> Request<Body> {
    json("POST", path, format!(r#"{{"email":"{email}","password":"{password}"}}"#))
}

const LOST: &str = "{\"msg\":\"It took too long: it may or may not have been done. Sent again \
    with the same Idempotency-Key, it is done once.\"}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_that_may_have_been_made_is_not_told_to_be_sent_again() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        jar.money("/api/topup", r#"{"amount":100}"#).expect(bank, 200, DONE).await;
        let time = Duration::from_millis(500);
        let (hasty, _) = with_doors(bank, Settings { time, ..Settings::default() });
        // Somebody holds the wallet until the client has its answer.
        let mut holder = bank.bank.db.write().await.expect("a transaction begins");
        let hold = "UPDATE balances SET version = version";
        holder.query(hold).execute().await.expect("the accounts are locked");
        let body = r#"{"amount":30,"code":"bni"}"#;
        let request = TestBank::request(Method::POST, "/api/transfer")
            .header("content-type", "application/json")
            .header("cookie", jar.cookie())
            .header("x-csrf-token", jar.csrf())
            .header("location", "Jakarta")
            .header("ip-address", "10.1.2.3")
            .header("idempotency-key", "rent");
        let answer = ask(&hasty, request.body(body.into()).expect("a request")).await;
        holder.commit().await.expect("the locks are released");
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{}", answer.text());
        assert_eq!(answer.text(), LOST, "{}", bank.database);
        assert_eq!(answer.header("retry-after"), "");
        // What the ledger took it has done, and the key tells so.
        let again = jar.money("/api/transfer", body).header("idempotency-key", "rent");
        again.expect(bank, 200, DONE).await;
        let wallet = posted(bank).await.into_iter().find(|(kind, _)| kind == "WALLET");
        assert_eq!(wallet, Some(("WALLET".to_owned(), 7_000)), "{}", bank.database);
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn what_took_too_long_is_told_as_unknown_whatever_its_method() {
    each_database(async |bank| {
        let time = Duration::from_millis(300);
        let (hasty, _) = with_doors(bank, Settings { time, ..Settings::default() });
        // Nobody's tries are counted meanwhile, which is where all of these begin.
        let mut holder = bank.bank.db.write().await.expect("a transaction begins");
        if bank.database == "postgres" {
            let lock = "LOCK TABLE attempts IN EXCLUSIVE MODE";
            holder.query(lock).execute().await.expect("the table is locked");
        }
        let unknown = r#"{"detail":"It took too long: it may or may not have been done."}"#;
        let by_key = unknown
            .replace("done.", "done. Sent again with the same Idempotency-Key, it is done once.");
        for (method, path, unknown) in [
            ("POST", "/api/auth/get-token/", unknown),
            ("POST", "/auth/login/", unknown),
            ("POST", "/auth/2fa/request", by_key.as_str()),
            // It sends a code.
            ("GET", "/api/auth/reset-password/?email=a@b.org", unknown),
        ] {
            let body =
                format!(r#"{{"email":"a@b.org","password":"{PASSWORD}","otpType":"Email"}}"#);
            let body = if method == "GET" { String::new() } else { body };
            let answer = ask(&hasty, json(method, path, body)).await;
            assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{path}: {}", answer.text());
            assert_eq!((answer.text().as_str(), answer.header("retry-after")), (unknown, ""));
        }
        holder.commit().await.expect("the lock is let go");
    })
    .await;
}

/// Chance that panics, once it is told to, where it is asked for 16 bytes: of a salt, or of
/// what names a token.
#[derive(Debug)]
struct Panicking {
    inner: Arc<dyn Entropy>,
    armed: AtomicBool,
}

impl Entropy for Panicking {
    fn fill(&self, bytes: &mut [u8]) {
        let panics = bytes.len() == 16 && self.armed.load(Ordering::SeqCst);
        assert!(!panics, "a panic that is meant to be");
        self.inner.fill(bytes);
    }
}

#[tokio::test]
async fn a_panic_is_told_in_the_words_of_its_dialect() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let inner = Arc::clone(&bank.bank.entropy);
        let entropy = Arc::new(Panicking { inner, armed: AtomicBool::new(false) });
        let router =
            TestBank::router_over(&Bank { entropy: entropy.clone(), ..bank.bank.clone() });
        let register = || {
            let body = format!(
                r#"{{"username":"bob","email":"bob@example.org","phone":"1","password":"{PASSWORD}","password2":"{PASSWORD}"}}"#
            );
            json("POST", fintract::REGISTER, body)
        };
        let ann = |path| sign_in(path, "ann@example.org", PASSWORD);
        entropy.armed.store(true, Ordering::SeqCst);
        let detail = r#"{"detail":"Internal Server Error"}"#;
        for (request, told) in [
            (ann("/token/auth"), "{\"msg\":\"Internal Server Error\"}\n"),
            (ann("/api/auth/get-token/"), detail),
            (register(), detail),
        ] {
            let about = request.uri().path().to_owned();
            let answer = ask(&router, request).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{about}");
            assert_eq!(answer.text(), told, "{about}");
            assert_eq!(answer.header("x-request-id").len(), 26, "{about}");
        }
        entropy.armed.store(false, Ordering::SeqCst);
        for (request, status) in [
            (ann("/token/auth"), StatusCode::OK),
            (ann("/api/auth/get-token/"), StatusCode::OK),
            (register(), StatusCode::CREATED),
        ] {
            let answer = ask(&router, request).await;
            assert_eq!(answer.status, status, "{}", answer.text());
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_noted_as_any_other() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let before = bank.audit_log().await;
        let mut sent = Box::pin(bank.send(sign_in("/token/auth", "ann@example.org", "wrong")));
        tokio::select! {
            biased;
            _ = &mut sent => panic!("a password is not checked so fast"),
            () = tokio::task::yield_now() => {}
        }
        drop(sent);
        let noted = async {
            while bank.audit_log().await.len() == before.len() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let noted = tokio::time::timeout(Duration::from_secs(20), noted).await;
        assert!(noted.is_ok(), "{}: nothing is noted", bank.database);
        let log = bank.audit_log().await;
        let last = ("login".to_owned(), "BAD_CREDENTIALS".to_owned());
        assert_eq!(log.last(), Some(&last), "{log:?}");
    })
    .await;
}
