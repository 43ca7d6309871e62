//! Browsers: cookies, the proof that a page must bring, origins, and headers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chrono::Duration;
use serde_json::{Value, json};

use crate::support::{
    bank::{Answer, TestBank, each_database},
    databases,
    people::{PASSWORD, codes, proof as form, registration, text},
    programs::Pages,
    proof,
    server::{Server, teller},
};

/// The front end that the tests' bank allows.
const FRONT: &str = "http://localhost:3000";

const CONFIRM: &str = "mutation ($input: ConfirmLoginInput!) { confirmLogin(input: $input) {
    user { email } session { id } accessToken refreshToken csrfToken accessExpiresAt
    errors { code path } } }";
const REFRESH: &str = "mutation { refreshSession {
    accessToken refreshToken csrfToken errors { code path } } }";
const ME: &str = "{ me { email } }";
const CREATE: &str = "mutation { createCard { card { id } errors { code } } }";

/// What a page sends beside its document.
#[derive(Clone, Copy)]
struct Sent<'s> {
    origin: Option<&'s str>,
    csrf: Option<&'s str>,
    bearer: Option<&'s str>,
}

const PLAIN: Sent<'_> = Sent { origin: Some(FRONT), csrf: None, bearer: None };

/// A browser: it keeps the cookies that it is given, and sends them.
struct Browser<'b> {
    bank: &'b TestBank,
    jar: Mutex<BTreeMap<String, String>>,
}

impl<'b> Browser<'b> {
    fn new(bank: &'b TestBank) -> Self {
        Self { bank, jar: Mutex::default() }
    }

    fn cookies(&self) -> BTreeMap<String, String> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, name: &str, value: &str) {
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.insert(name.to_owned(), value.to_owned());
    }

    async fn send(&self, method: Method, path: &str, sent: Sent<'_>, body: Body) -> Answer {
        let jar: Vec<String> = self.cookies().iter().map(|(n, v)| format!("{n}={v}")).collect();
        let mut request = TestBank::request(method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if !jar.is_empty() {
            request = request.header(header::COOKIE, jar.join("; "));
        }
        let bearer = sent.bearer.map(|token| format!("Bearer {token}"));
        for (name, value) in [
            (header::ORIGIN.as_str(), sent.origin),
            ("x-csrf-token", sent.csrf),
            (header::AUTHORIZATION.as_str(), bearer.as_deref()),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = self.bank.send(request.body(body).expect("a request")).await;
        for line in set_cookies(&answer) {
            let (pair, attributes) = line.split_once("; ").expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if attributes.contains("Max-Age=0") {
                self.jar.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            } else {
                self.put(name, value);
            }
        }
        answer
    }

    async fn post(&self, query: &str, variables: Value, sent: Sent<'_>) -> Answer {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send(Method::POST, "/graphql", sent, Body::from(body)).await
    }

    /// Signs in with cookies; the answer.
    async fn sign_in(&self, email: &str) -> Answer {
        let asked = self.bank.login(email, PASSWORD).await;
        let code = self.bank.code(email).await;
        let id = &asked["challenge"]["id"];
        let input = json!({ "challengeId": id, "code": code, "useCookies": true });
        self.post(CONFIRM, json!({ "input": input }), PLAIN).await
    }
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    let values = answer.headers.get_all(header::SET_COOKIE).iter();
    let mut lines: Vec<String> =
        values.map(|value| value.to_str().expect("a cookie is text").to_owned()).collect();
    lines.sort();
    lines
}

fn csrf_of(answer: &Answer, field: &str) -> String {
    text(&answer.json()["data"][field]["csrfToken"])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_browser_stand_in_cookies_that_no_script_reads() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let browser = Browser::new(bank);
        // What stood in the browser before has no say in what it is given.
        browser.put("teller_access", "planted");
        browser.put("teller_csrf", "planted");
        let answer = browser.sign_in(&ann.email).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let payload = answer.json()["data"]["confirmLogin"].take();
        assert_eq!(
            (&payload["accessToken"], &payload["refreshToken"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(payload["user"]["email"], ann.email);
        let attributes: Vec<(String, String)> = set_cookies(&answer)
            .iter()
            .map(|line| {
                let (name, rest) = line.split_once('=').expect("a name");
                let (_, attributes) = rest.split_once("; ").expect("attributes");
                let mut attributes: Vec<&str> = attributes.split("; ").collect();
                attributes.sort_unstable();
                (name.to_owned(), attributes.join("; "))
            })
            .collect();
        let (short, long) = (10 * 60, 30 * 24 * 60 * 60);
        // The clock has moved by a millisecond or two since the tokens were made.
        let expected = [
            ("teller_access", format!("HttpOnly; Max-Age={short}; Path=/; SameSite=Lax")),
            ("teller_csrf", format!("Max-Age={long}; Path=/; SameSite=Lax")),
            ("teller_refresh", format!("HttpOnly; Max-Age={long}; Path=/; SameSite=Lax")),
        ]
        .map(|(name, attributes)| (name.to_owned(), attributes));
        assert_eq!(attributes, expected, "{}", bank.database);
        let csrf = text(&payload["csrfToken"]);
        assert_eq!(browser.cookies()["teller_csrf"], csrf);
        assert!(csrf != "planted" && browser.cookies()["teller_access"] != "planted");

        let sent = Sent { csrf: Some(&csrf), ..PLAIN };
        let read = browser.post(ME, json!({}), sent).await;
        assert_eq!(read.json()["data"]["me"]["email"], ann.email);
        let before = browser.cookies();
        let renewed = browser.post(REFRESH, json!({}), sent).await;
        assert_eq!(renewed.json()["data"]["refreshSession"]["errors"], json!([]));
        assert_eq!(renewed.json()["data"]["refreshSession"]["refreshToken"], Value::Null);
        assert_eq!(
            csrf_of(&renewed, "refreshSession"),
            csrf,
            "of the session, whatever its tokens"
        );
        assert_ne!(browser.cookies()["teller_refresh"], before["teller_refresh"]);
        let left = browser.post("mutation { logout { ok } }", json!({}), sent).await;
        assert_eq!(left.json()["data"]["logout"]["ok"], true);
        assert_eq!(browser.cookies(), BTreeMap::new(), "nothing is left behind");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_can_come_in_with_cookies_and_behind_tls_they_are_of_the_host() {
    each_database(async |bank| {
        let web = teller::http::web::Web::new([FRONT], true);
        let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 50_000));
        let router = teller::http::router::router(bank.bank.clone(), web)
            .layer(axum::extract::connect_info::MockConnectInfo(peer));
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let mut input = form("ann", &code);
        input["useCookies"] = json!(true);
        let query = "mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) {
            accessToken refreshToken csrfToken errors { code } } }";
        let body = json!({ "query": query, "variables": { "input": input } }).to_string();
        let request = TestBank::request(Method::POST, "/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .expect("a request");
        let response = tower::ServiceExt::oneshot(router, request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        assert_eq!(answer.json()["data"]["verifyEmail"]["accessToken"], Value::Null);
        let lines = set_cookies(&answer);
        assert_eq!(lines.len(), 3, "{lines:?}");
        for line in lines {
            assert!(line.starts_with("__Host-teller_"), "{line}");
            assert!(line.contains("; Secure") && line.contains("; Path=/"), "{line}");
            assert!(!line.contains("Domain"), "{line}");
            assert_eq!(
                line.contains("HttpOnly"),
                !line.starts_with("__Host-teller_csrf"),
                "{line}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_count_only_with_the_proof_of_their_own_session_and_an_allowed_origin() {
    each_database(async |bank| {
        let (ann, eve) = (bank.join("ann", 1).await, bank.join("eve", 2).await);
        let (browser, other) = (Browser::new(bank), Browser::new(bank));
        let csrf = csrf_of(&browser.sign_in(&ann.email).await, "confirmLogin");
        let foreign_csrf = csrf_of(&other.sign_in(&eve.email).await, "confirmLogin");
        let good = Sent { csrf: Some(&csrf), ..PLAIN };
        let table = [
            ("no header", Sent { csrf: None, ..good }),
            ("an empty header", Sent { csrf: Some(""), ..good }),
            ("of another session", Sent { csrf: Some(&foreign_csrf), ..good }),
            ("no origin", Sent { origin: None, ..good }),
            ("origin null", Sent { origin: Some("null"), ..good }),
            ("another port", Sent { origin: Some("http://localhost:3001"), ..good }),
            ("another scheme", Sent { origin: Some("https://localhost:3000"), ..good }),
            ("a longer host", Sent { origin: Some("http://localhost:3000.evil.example"), ..good }),
        ];
        for (what, sent) in table {
            for query in [CREATE, ME] {
                let answer = browser.post(query, json!({}), sent).await;
                assert_eq!(answer.status, 403, "{what}: {}", answer.text());
                let code = &answer.json()["errors"][0]["extensions"]["code"];
                assert_eq!(*code, "BAD_USER_INPUT", "{what}");
            }
            let answer = browser.post(REFRESH, json!({}), sent).await;
            assert_eq!(codes(&answer.json()["data"]["refreshSession"]), ["FORBIDDEN"], "{what}");
            assert!(set_cookies(&answer).is_empty(), "{what}");
        }
        // A csrf cookie that somebody planted, and the header that repeats it.
        let planted = Browser::new(bank);
        for (name, value) in browser.cookies() {
            planted.put(&name, &value);
        }
        planted.put("teller_csrf", &foreign_csrf);
        let sent = Sent { csrf: Some(&foreign_csrf), ..PLAIN };
        assert_eq!(planted.post(CREATE, json!({}), sent).await.status, 403);

        let own = Sent { origin: Some("http://127.0.0.1:8080"), ..good };
        for sent in [good, own] {
            let made = browser.post(CREATE, json!({}), sent).await;
            assert_eq!(made.json()["data"]["createCard"]["errors"], json!([]), "{}", made.text());
        }
        // What only reads comes by GET, with the cookies and without an Origin.
        let by_get = "/graphql?query=%7Bme%7Bemail%7D%7D";
        let none = Sent { origin: None, csrf: None, bearer: None };
        let read = browser.send(Method::GET, by_get, none, Body::empty()).await;
        assert_eq!(read.json()["data"]["me"]["email"], ann.email);
        let evil = Sent { origin: Some("http://evil.example"), ..none };
        assert_eq!(browser.send(Method::GET, by_get, evil, Body::empty()).await.status, 403);
        let data = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        assert_eq!(data["cards"].as_array().map(Vec::len), Some(2), "{}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_counts_alone_and_dead_cookies_keep_nobody_out() {
    each_database(async |bank| {
        let (ann, eve) = (bank.join("ann", 1).await, bank.join("eve", 2).await);
        let browser = Browser::new(bank);
        let csrf = csrf_of(&browser.sign_in(&ann.email).await, "confirmLogin");
        let sent = Sent { origin: None, csrf: None, bearer: Some(&eve.token) };
        let read = browser.post(ME, json!({}), sent).await;
        assert_eq!(read.json()["data"]["me"]["email"], eve.email);
        let answer = browser.post(REFRESH, json!({}), sent).await;
        assert_eq!(codes(&answer.json()["data"]["refreshSession"]), ["INVALID_INPUT"]);
        let answer = browser.post(ME, json!({}), Sent { bearer: Some("x"), ..sent }).await;
        assert_eq!(answer.status, 401, "a bad Bearer is not mended by good cookies");
        browser.post("mutation { logout { ok } }", json!({}), sent).await;
        assert_eq!(browser.cookies().len(), 3, "the cookies' session goes on");

        // Its access has expired, and the browser still has the cookie.
        bank.wait(Duration::minutes(11));
        let good = Sent { csrf: Some(&csrf), ..PLAIN };
        let late = browser.post(ME, json!({}), good).await;
        assert_eq!(late.status, 401);
        assert!(!browser.cookies().contains_key("teller_access"), "it is of no use any more");
        browser.put("teller_access", "x.y.z");
        let renewed = browser.post(REFRESH, json!({}), good).await;
        assert_eq!(renewed.json()["data"]["refreshSession"]["errors"], json!([]));
        assert_eq!(browser.post(ME, json!({}), good).await.status, 200);

        // Its session is ended elsewhere: the next refresh leaves a clean browser.
        let token = bank.sign_in(&ann).await;
        bank.run(Some(&token), "mutation { revokeOtherSessions { revoked } }", json!({})).await;
        assert_eq!(browser.post(ME, json!({}), good).await.status, 401);
        let refused = browser.post(REFRESH, json!({}), good).await;
        assert_eq!(codes(&refused.json()["data"]["refreshSession"]), ["BAD_CREDENTIALS"]);
        assert_eq!(browser.cookies(), BTreeMap::new(), "{}", bank.database);
        let again = browser.sign_in(&ann.email).await;
        assert_eq!(codes(&again.json()["data"]["confirmLogin"]), Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_for_good_leaves_no_cookie_behind() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let browser = Browser::new(bank);
        let csrf = csrf_of(&browser.sign_in(&ann.email).await, "confirmLogin");
        let good = Sent { csrf: Some(&csrf), ..PLAIN };
        let query = "mutation ($input: DeleteAccountInput!) {
            deleteAccount(input: $input) { ok errors { code } } }";
        let input = json!({ "input": { "password": PASSWORD } });
        let left = browser.post(query, input, good).await;
        let done = json!({ "ok": true, "errors": [] });
        assert_eq!(left.json()["data"]["deleteAccount"], done, "{}", bank.database);
        assert_eq!(browser.cookies(), BTreeMap::new(), "{}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_given_no_cookies() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let browser = Browser::new(bank);
        let asked = bank.login(&ann.email, PASSWORD).await;
        let code = bank.code(&ann.email).await;
        let id = &asked["challenge"]["id"];
        let input = json!({ "challengeId": id, "code": code, "useCookies": true });
        let variables = json!({ "input": input });
        for origin in ["http://evil.example", "null"] {
            let sent = Sent { origin: Some(origin), ..PLAIN };
            let refused = browser.post(CONFIRM, variables.clone(), sent).await;
            assert_eq!(codes(&refused.json()["data"]["confirmLogin"]), ["INVALID_INPUT"]);
            assert!(set_cookies(&refused).is_empty());
        }
        let entered = browser.post(CONFIRM, variables, PLAIN).await;
        assert_eq!(
            entered.json()["data"]["confirmLogin"]["errors"],
            json!([]),
            "no guess was lost"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_origins_are_named_and_none_is_reflected() {
    each_database(async |bank| {
        for (origin, allowed) in [
            (FRONT, true),
            ("http://127.0.0.1:8080", true),
            ("null", false),
            ("*", false),
            ("http://evil.example", false),
            ("http://localhost:3000.evil.example", false),
            ("https://localhost:3000", false),
            ("http://127.0.0.1:9", false),
        ] {
            for method in [Method::OPTIONS, Method::POST] {
                let mut request = TestBank::request(method.clone(), "/graphql")
                    .header(header::ORIGIN, origin)
                    .header(header::CONTENT_TYPE, "application/json");
                if method == Method::OPTIONS {
                    request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST").header(
                        header::ACCESS_CONTROL_REQUEST_HEADERS,
                        "content-type,x-csrf-token",
                    );
                }
                let body = Body::from(json!({ "query": "{ __typename }" }).to_string());
                let answer = bank.send(request.body(body).expect("a request")).await;
                assert_eq!(answer.status, 200, "{method} {origin}");
                let named = answer.header("access-control-allow-origin");
                assert_eq!(named, if allowed { origin } else { "" }, "{method}");
                let credentials = answer.header("access-control-allow-credentials");
                assert_eq!(credentials, if allowed { "true" } else { "" }, "{method} {origin}");
                let vary: Vec<String> = answer
                    .headers
                    .get_all(header::VARY)
                    .iter()
                    .flat_map(|value| value.to_str().expect("text").split(','))
                    .map(|name| name.trim().to_ascii_lowercase())
                    .collect();
                assert!(vary.contains(&"origin".to_owned()), "{method} {origin}: {vary:?}");
                if method == Method::POST {
                    assert!(vary.contains(&"authorization".to_owned()), "{vary:?}");
                } else {
                    let headers = answer.header("access-control-allow-headers");
                    assert!(headers.contains("x-csrf-token"), "{headers}");
                    assert!(!headers.contains('*'), "{headers}");
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it_and_none_says_what_made_it() {
    each_database(async |bank| {
        for (method, path, host) in [
            (Method::GET, "/graphql?query=%7B__typename%7D", "127.0.0.1"),
            (Method::POST, "/graphql", "127.0.0.1"),
            (Method::PUT, "/graphql", "127.0.0.1"),
            (Method::TRACE, "/graphql", "127.0.0.1"),
            (Method::TRACE, "/", "127.0.0.1"),
            (Method::OPTIONS, "/graphql", "127.0.0.1"),
            (Method::GET, "/nowhere", "127.0.0.1"),
            (Method::GET, "/dev/inbox", "127.0.0.1"),
            (Method::GET, "/graphql", "evil.example"),
        ] {
            let request = axum::http::Request::builder()
                .method(method.clone())
                .uri(path)
                .header(header::HOST, host)
                .header("x-planted", "echo me")
                .body(Body::empty())
                .expect("a request");
            let answer = bank.send(request).await;
            let what = format!("{method} {path} {host}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{what}");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
            for name in ["server", "x-powered-by", "via"] {
                assert_eq!(answer.header(name), "", "{what}");
            }
            assert!(!answer.text().contains("echo me"), "{what}");
            if method == Method::TRACE {
                assert!(answer.status.is_client_error(), "{what}: {}", answer.status);
            }
            let content_type = answer.header("content-type");
            if content_type.starts_with("text/") {
                assert!(content_type.ends_with("charset=utf-8"), "{what}: {content_type}");
            }
            if host == "evil.example" {
                assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_allowed_origin_works_with_cookies_and_another_can_do_nothing() {
    for fresh in databases::both().await {
        let mut pages = Pages::start("cookies.mjs");
        let origins = pages.told().await;
        let mut command = teller(fresh.folder(), &fresh.url);
        command.env("TELLER_FRONTEND_URL", text(&origins["allowed"]));
        let server = Server::start_with(&mut command).await;
        let email = join(&server).await;
        let asked = json!({ "api": server.url, "email": email, "password": PASSWORD });
        pages.tell(&asked).await;
        let done = pages.told().await;
        judge(&done, &email);
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &crate::support::bank::test_name());
        fresh.remove().await;
    }
}

/// Makes a customer on a server; their address.
async fn join(server: &Server) -> String {
    let query = "mutation ($input: RegisterInput!) { register(input: $input) { errors { code } } }";
    server.run(None, query, json!({ "input": registration("ann", 1) })).await;
    let letters = server.letters("ann@example.org", 0).await;
    let letter = text(&letters[0]["text"]);
    let code = letter.lines().map(str::trim).find(|line| line.len() == 6).expect("a code");
    let query = "mutation ($input: VerifyEmailInput!) {
        verifyEmail(input: $input) { accessToken errors { code } } }";
    let made = server.run(None, query, json!({ "input": form("ann", code) })).await;
    assert_eq!(made["verifyEmail"]["errors"], json!([]), "{made}");
    "ann@example.org".to_owned()
}

/// What the two pages could do.
fn judge(done: &Value, email: &str) {
    let data = |step: &str| &done[step]["body"]["data"];
    assert_eq!(done["auth"]["errors"], json!([]), "{done}");
    assert_eq!(done["auth"]["accessToken"], Value::Null);
    assert_eq!(data("made")["createCard"]["errors"], json!([]), "{done}");
    assert_eq!(data("read")["me"]["email"], email, "{done}");
    assert_eq!(data("refreshed")["refreshSession"]["errors"], json!([]), "{done}");
    assert_eq!(done["withoutHeader"]["status"], 403, "{done}");
    let script = text(&done["script"]);
    assert!(script.contains("teller_csrf="), "{script}");
    assert!(!script.contains("teller_access") && !script.contains("teller_refresh"), "{script}");
    let tries = &done["tries"];
    for blocked in ["readByPost", "moveByPost", "readByGet"] {
        assert_eq!(tries[blocked], json!({ "failed": "TypeError" }), "{blocked}: {tries}");
    }
    assert_eq!(tries["moveWithoutCors"], json!({ "type": "opaque", "body": "" }), "{tries}");
    assert_eq!(tries["form"], 415, "{tries}");
    assert_eq!(tries["visit"], 403, "{tries}");
    assert!(text(&tries["frame"]).starts_with("chrome-error:"), "{tries}");
    assert_eq!(data("cards")["cards"].as_array().map(Vec::len), Some(1), "nothing moved: {done}");
    assert_eq!(data("out")["logout"]["ok"], true, "{done}");
    assert_eq!(
        done["after"]["body"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "{done}"
    );
    assert_eq!(done["cookies"], json!([]), "{done}");
}
