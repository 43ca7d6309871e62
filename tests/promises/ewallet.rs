//! ewallet: what its clients send, and every byte that they get back.

use chrono::Duration;
use teller::{
    bank::{
        context::Rules,
        operator::{self, Made, NewPerson},
    },
    domain::{second_factor::PasswordDialect, user::UserRole},
    types::secret::Secret,
};

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    people::PASSWORD,
    wire::{Check, Got},
};

const LOGIN_FAILED: &str = "{\"msg\":\"login failed.\"}\n";
const LOGGED_IN: &str = "{\"msg\":\"login success.\"}\n";
const NOT_REFRESHED: &str = "{\"msg\":\"whether csrf token refresh or refresh token invalid\"}\n";
const FAILED: &str = "{\"msg\":\"transaction failed.\"}\n";
pub const DONE: &str = "{\"msg\":\"transaction success.\"}\n";
const COOKIES: &str = "access_token_cookie={{jwt}}; HttpOnly; Path=/api/; SameSite=Lax | csrf_access_token={{uuid}}; Path=/; SameSite=Lax | refresh_token_cookie={{jwt}}; HttpOnly; Path=/token/refresh; SameSite=Lax | csrf_refresh_token={{uuid}}; Path=/; SameSite=Lax";

/// Makes a person whom ewallet may sign in, as an operator does.
pub async fn admit(bank: &TestBank, email: &str) {
    let person = NewPerson {
        email: email.to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        password: Some(Secret::new(PASSWORD)),
        role: UserRole::Customer,
        legacy: PasswordDialect::ALL.to_vec(),
    };
    let made = operator::add(&bank.bank, &person).await.expect("the person is made");
    assert!(matches!(made, Made::New(..)));
}

fn log_in(email: &str, password: &str) -> Check {
    let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    Check::new("POST", "/token/auth").json(&body)
}

/// What a browser has after a sign-in.
pub struct Jar {
    access: String,
    of_access: String,
    refresh: String,
    of_refresh: String,
}

impl Jar {
    fn of(got: &Got) -> Self {
        let [access, of_access, refresh, of_refresh] = [
            "access_token_cookie",
            "csrf_access_token",
            "refresh_token_cookie",
            "csrf_refresh_token",
        ]
        .map(|name| got.cookie(name));
        Self { access, of_access, refresh, of_refresh }
    }

    pub async fn open(bank: &TestBank, email: &str) -> Self {
        Self::of(&log_in(email, PASSWORD).expect(bank, 200, LOGGED_IN).await)
    }

    /// What a browser sends of it below `/api/`.
    pub fn cookie(&self) -> String {
        format!("access_token_cookie={}", self.access)
    }

    /// What a page repeats there.
    pub fn csrf(&self) -> &str {
        &self.of_access
    }

    fn post(&self, path: &str) -> Check {
        Check::new("POST", path)
            .header("cookie", &self.cookie())
            .header("x-csrf-token", self.csrf())
    }

    pub fn money(&self, path: &str, body: &str) -> Check {
        self.post(path).header("location", "Jakarta").header("ip-address", "10.1.2.3").json(body)
    }
}

pub async fn posted(bank: &TestBank) -> Vec<(String, i64)> {
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let sql = "SELECT a.kind, CAST(SUM(e.amount) AS BIGINT) FROM entries e
        JOIN accounts a ON a.account_id = e.account_id GROUP BY a.kind ORDER BY a.kind";
    s.query(sql).all().await.expect("the entries are read")
}

#[tokio::test]
async fn ewallet_signs_in_by_cookies_only_whom_it_may() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        log_in("Ann@example.org", PASSWORD)
            .gets("content-type", "application/json")
            .gets("set-cookie", COOKIES)
            .gets("deprecation", "@1795651200")
            .expect(bank, 200, LOGGED_IN)
            .await;
        let below = COOKIES.replace("Path=/", "Path=/compat/ewallet/");
        Check::new("POST", "/compat/ewallet/token/auth/")
            .json(&format!(r#"{{"email":"ann@example.org","password":"{PASSWORD}"}}"#))
            .gets("set-cookie", &below)
            .expect(bank, 200, LOGGED_IN)
            .await;
        let failed = |check: Check| check.gets_no("set-cookie").expect(bank, 400, LOGIN_FAILED);
        failed(log_in("ann@example.org", "wrong")).await;
        failed(log_in("nobody@example.org", PASSWORD)).await;
        let bob = bank.join("bob", 2).await;
        failed(log_in(&bob.email, PASSWORD)).await;
        for body in
            ["", "{", "[]", "null", r#"{"email":"ann@example.org"}"#, r#"{"email":1,"password":2}"#]
        {
            failed(Check::new("POST", "/token/auth").json(body)).await;
        }
        let form = format!("email=ann%40example.org&password={PASSWORD}");
        failed(Check::new("POST", "/token/auth").body("application/x-www-form-urlencoded", form))
            .await;
        let body = format!(r#"{{"email":"ann@example.org","password":"{PASSWORD}"}}"#);
        failed(Check::new("POST", "/token/auth").body("text/plain", body)).await;
        let gone = "UPDATE users SET status = 'DEACTIVATED' WHERE email_key = 'ann@example.org'";
        bank.fresh.raw(gone).await.expect("the status is set");
        failed(log_in("ann@example.org", PASSWORD)).await;
        wrong_paths(bank).await;
    })
    .await;
}

async fn wrong_paths(bank: &TestBank) {
    let html = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n";
    let wrong = format!(
        "{html}<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n<p>The method is not allowed for the requested URL.</p>\n"
    );
    for path in ["/token/auth", "/token/refresh", "/token/remove", "/api/topup", "/api/transfer"] {
        Check::new("GET", path)
            .gets("allow", "OPTIONS, POST")
            .gets("content-type", "text/html; charset=utf-8")
            .expect(bank, 405, &wrong)
            .await;
        Check::new("OPTIONS", path).gets("allow", "OPTIONS, POST").expect(bank, 200, "").await;
    }
    let unknown = format!(
        "{html}<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>\n"
    );
    for path in ["/token/nothing", "/compat/ewallet/", "/compat/ewallet", "/compat/ewallet/card"] {
        Check::new("GET", path)
            .gets("content-type", "text/html; charset=utf-8")
            .expect(bank, 404, &unknown)
            .await;
    }
    Check::new("POST", "/token/auth")
        .json(&"x".repeat(256 * 1024 + 1))
        .expect(bank, 413, "{\"msg\":\"Content Too Large\"}\n")
        .await;
}

#[tokio::test]
async fn ewallet_refreshes_by_a_cookie_or_the_documented_header() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        let set = "access_token_cookie={{jwt}}; HttpOnly; Path=/api/; SameSite=Lax | csrf_access_token={{uuid}}; Path=/; SameSite=Lax";
        let refreshed = "{\"msg\":\"token refreshed.\"}\n";
        bank.wait(Duration::minutes(16));
        let by_cookie = Check::new("POST", "/token/refresh")
            .header("cookie", &format!("refresh_token_cookie={}", jar.refresh))
            .header("x-csrf-token", &jar.of_refresh)
            .gets("set-cookie", set)
            .expect(bank, 200, refreshed)
            .await;
        let fresh = Jar {
            access: by_cookie.cookie("access_token_cookie"),
            of_access: by_cookie.cookie("csrf_access_token"),
            ..Jar::of(&log_in("ann@example.org", PASSWORD).expect(bank, 200, LOGGED_IN).await)
        };
        jar.money("/api/topup", r#"{"amount":5}"#)
            .expect(bank, 401, "{\"msg\":\"Token has expired\"}\n")
            .await;
        fresh.money("/api/topup", r#"{"amount":5}"#).expect(bank, 200, DONE).await;
        Check::new("POST", "/token/refresh")
            .header("refresh_token_cookie", &jar.refresh)
            .header("x-csrf-token", &jar.of_refresh)
            .expect(bank, 200, refreshed)
            .await;
        let refused = |token: &str, csrf: &str| {
            Check::new("POST", "/token/refresh")
                .header("cookie", &format!("refresh_token_cookie={token}"))
                .header("x-csrf-token", csrf)
                .gets_no("set-cookie")
                .expect(bank, 401, NOT_REFRESHED)
        };
        refused(&jar.refresh, &jar.of_access).await;
        refused(&fresh.access, &fresh.of_access).await;
        refused("x", &jar.of_refresh).await;
        Check::new("POST", "/token/refresh").expect(bank, 401, NOT_REFRESHED).await;
        bank.wait(Duration::days(30));
        refused(&jar.refresh, &jar.of_refresh).await;
    })
    .await;
}

#[tokio::test]
async fn ewallet_ends_the_session_that_logs_out() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let cleared = "access_token_cookie=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; HttpOnly; Path=/api/; SameSite=Lax | csrf_access_token=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Path=/; SameSite=Lax | refresh_token_cookie=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; HttpOnly; Path=/token/refresh; SameSite=Lax | csrf_refresh_token=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Path=/; SameSite=Lax";
        let out = "{\"msg\":\"logout success.\"}\n";
        Check::new("POST", "/token/remove").gets("set-cookie", cleared).expect(bank, 200, out).await;
        for named in ["csrf_access_token", "csrf_refresh_token"] {
            let jar = Jar::open(bank, "ann@example.org").await;
            let other = Jar::open(bank, "ann@example.org").await;
            let value =
                if named == "csrf_access_token" { &jar.of_access } else { &jar.of_refresh };
            Check::new("POST", "/token/remove")
                .header("cookie", &format!("x=y; {named}={value}"))
                .gets("set-cookie", cleared)
                .expect(bank, 200, out)
                .await;
            jar.money("/api/topup", r#"{"amount":5}"#)
                .expect(bank, 401, "{\"msg\":\"Token has been revoked\"}\n")
                .await;
            Check::new("POST", "/token/refresh")
                .header("cookie", &format!("refresh_token_cookie={}", jar.refresh))
                .header("x-csrf-token", &jar.of_refresh)
                .expect(bank, 401, NOT_REFRESHED)
                .await;
            other.money("/api/topup", r#"{"amount":5}"#).expect(bank, 200, DONE).await;
        }
        // A value that is nobody's ends nothing.
        Check::new("POST", "/token/remove")
            .header("cookie", "csrf_access_token=00000000-0000-4000-8000-000000000000")
            .expect(bank, 200, out)
            .await;
    })
    .await;
}

#[tokio::test]
async fn ewallet_does_nothing_for_pages_of_other_origins() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        let not_ours = "{\"msg\":\"CSRF double submit tokens do not match\"}\n";
        let refresh = || {
            Check::new("POST", "/token/refresh")
                .header("cookie", &format!("refresh_token_cookie={}", jar.refresh))
                .header("x-csrf-token", &jar.of_refresh)
        };
        let remove = || {
            let value = &jar.of_access;
            Check::new("POST", "/token/remove")
                .header("cookie", &format!("csrf_access_token={value}"))
        };
        let top_up = || jar.money("/api/topup", r#"{"amount":5}"#);
        for (name, value) in [
            ("origin", "http://evil.127.0.0.1:8080"),
            ("origin", "http://127.0.0.1:9999"),
            ("origin", "null"),
            // A page that says no origin, of which the browser tells how far it is.
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
        ] {
            top_up().header(name, value).expect(bank, 401, not_ours).await;
            let check = refresh().header(name, value).gets_no("set-cookie");
            check.expect(bank, 401, NOT_REFRESHED).await;
            let check = remove().header(name, value).gets_no("set-cookie");
            check.expect(bank, 401, not_ours).await;
        }
        assert_eq!(posted(bank).await, []);
        for (name, value) in
            [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]
        {
            top_up().header(name, value).expect(bank, 200, DONE).await;
        }
        let refreshed = "{\"msg\":\"token refreshed.\"}\n";
        refresh().header("origin", "http://127.0.0.1:8080").expect(bank, 200, refreshed).await;
    })
    .await;
}

#[tokio::test]
async fn ewallet_says_in_its_order_why_a_token_opens_nothing() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        let bob = bank.join("bob", 2).await;
        for path in ["/api/topup", "/api/transfer"] {
            let call = |token: Option<&str>, csrf: Option<&str>| {
                let mut check = Check::new("POST", path);
                if let Some(token) = token {
                    check = check.header("cookie", &format!("access_token_cookie={token}"));
                }
                match csrf {
                    Some(csrf) => check.header("x-csrf-token", csrf),
                    None => check,
                }
            };
            let csrf = Some(jar.of_access.as_str());
            let (head, _) = jar.access.rsplit_once('.').expect("three parts");
            let forged = format!("{head}.AAAA");
            for (check, status, words) in [
                (call(None, None), 401, "Missing cookie \\\"access_token_cookie\\\""),
                (call(Some("x"), None), 401, "Missing CSRF token"),
                (call(Some("x"), csrf), 422, "Not enough segments"),
                (call(Some(&forged), csrf), 422, "Signature verification failed"),
                (call(Some(&jar.refresh), csrf), 422, "Only access tokens are allowed"),
                (call(Some(&bob.token), csrf), 422, "Only access tokens are allowed"),
                (
                    call(Some(&jar.access), Some(&jar.of_refresh)),
                    401,
                    "CSRF double submit tokens do not match",
                ),
            ] {
                check.expect(bank, status, &format!("{{\"msg\":\"{words}\"}}\n")).await;
            }
            jar.post(path).expect(bank, 400, FAILED).await;
        }
        // The Authorization header is another dialect's.
        Check::new("POST", "/api/topup")
            .header("authorization", &format!("Bearer {}", jar.access))
            .expect(bank, 401, "{\"msg\":\"Missing cookie \\\"access_token_cookie\\\"\"}\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn ewallet_moves_whole_units_and_nothing_else() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        jar.money("/api/topup", r#"{"amount":100}"#)
            .header("user-agent", &"u".repeat(60))
            .expect(bank, 200, DONE)
            .await;
        for code in ["bni", "bri", "mandiri"] {
            let body = format!(r#"{{"amount":10,"code":"{code}"}}"#);
            jar.money("/api/transfer", &body).expect(bank, 200, DONE).await;
        }
        let row = |kind: &str, amount| (kind.to_owned(), amount);
        let moved = [
            row("CASH_CLEARING", -10_000),
            row("OUTSIDE_BNI", 1_000),
            row("OUTSIDE_BRI", 1_000),
            row("OUTSIDE_MANDIRI", 1_000),
            row("WALLET", 7_000),
        ];
        assert_eq!(posted(bank).await, moved);
        for amount in [
            "0", "-5", "5.0", "0.5", "1e2", "\"5\"", "true", "null", "[]", "10000000000000", "00",
        ] {
            let body = format!(r#"{{"amount":{amount},"code":"bni"}}"#);
            for path in ["/api/topup", "/api/transfer"] {
                jar.money(path, &body).expect(bank, 400, FAILED).await;
            }
        }
        for body in [
            "", "{", "[]", "{}", r#"{"amount":5}"#, r#"{"amount":5,"code":"BNI"}"#,
            r#"{"amount":5,"code":"bca"}"#, r#"{"amount":5,"code":1}"#, r#"{"amount":71,"code":"bni"}"#,
        ] {
            jar.money("/api/transfer", body).expect(bank, 400, FAILED).await;
        }
        let bare = || jar.post("/api/topup").json(r#"{"amount":5}"#);
        bare().header("location", "Jakarta").expect(bank, 400, FAILED).await;
        bare().header("ip-address", "10.1.2.3").expect(bank, 400, FAILED).await;
        let blank = bare().header("location", " ").header("ip-address", "10.1.2.3");
        blank.expect(bank, 400, FAILED).await;
        assert_eq!(posted(bank).await, moved, "what failed moved nothing");
        let claims: Vec<(String, String, Option<String>)> = bank
            .bank
            .db
            .read()
            .await
            .expect("the database is read")
            .query("SELECT ip_address, location, user_agent FROM transaction_claims ORDER BY transaction_id")
            .all()
            .await
            .expect("the claims are read");
        assert_eq!(claims.len(), 4);
        let said = ("10.1.2.3".to_owned(), "Jakarta".to_owned(), Some("u".repeat(50)));
        assert!(claims.contains(&said), "{claims:?}");
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn ewallet_moves_money_once_for_a_key() {
    each_database(async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        let keyed = |path: &str, key: &str, body: &str| {
            jar.money(path, body).header("idempotency-key", key)
        };
        for _ in 0..3 {
            keyed("/api/topup", "salary", r#"{"amount":100}"#).expect(bank, 200, DONE).await;
            keyed("/api/transfer", "rent", r#"{"amount":30,"code":"bni"}"#)
                .expect(bank, 200, DONE)
                .await;
        }
        keyed("/api/topup", "salary", r#"{"amount":101}"#).expect(bank, 400, FAILED).await;
        keyed("/api/transfer", "rent", r#"{"amount":30,"code":"bri"}"#)
            .expect(bank, 400, FAILED)
            .await;
        keyed("/api/transfer", "salary", r#"{"amount":30,"code":"bri"}"#)
            .expect(bank, 400, FAILED)
            .await;
        keyed("/api/topup", "", r#"{"amount":100}"#).expect(bank, 400, FAILED).await;
        keyed("/api/topup", &"k".repeat(256), r#"{"amount":100}"#).expect(bank, 400, FAILED).await;
        let wallet = posted(bank).await.into_iter().find(|(kind, _)| kind == "WALLET");
        assert_eq!(wallet, Some(("WALLET".to_owned(), 7_000)));
        // Without a key each call is one of its own.
        for _ in 0..2 {
            jar.money("/api/topup", r#"{"amount":1}"#).expect(bank, 200, DONE).await;
        }
        let wallet = posted(bank).await.into_iter().find(|(kind, _)| kind == "WALLET");
        assert_eq!(wallet, Some(("WALLET".to_owned(), 7_200)));
    })
    .await;
}

#[tokio::test]
async fn ewallet_moves_nothing_for_whom_or_beyond_what_graphql_would_not() {
    let rules = Rules { transfer_limit: 20, top_up_limit: 50, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        jar.money("/api/topup", r#"{"amount":50}"#).expect(bank, 200, DONE).await;
        jar.money("/api/topup", r#"{"amount":1}"#).expect(bank, 400, FAILED).await;
        jar.money("/api/transfer", r#"{"amount":20,"code":"bni"}"#).expect(bank, 200, DONE).await;
        jar.money("/api/transfer", r#"{"amount":1,"code":"bni"}"#).expect(bank, 400, FAILED).await;
        // Somebody whose address nobody has proven has no wallet.
        let body = format!(
            r#"{{"email":"new@example.org","password":"{PASSWORD}","password2":"{PASSWORD}"}}"#
        );
        Check::new("POST", "/api/auth/signup/")
            .json(&body)
            .expect(bank, 201, r#"{"email":"new@example.org","phoneNumber":"+000000000"}"#)
            .await;
        let jar = Jar::open(bank, "new@example.org").await;
        jar.money("/api/topup", r#"{"amount":5}"#).expect(bank, 400, FAILED).await;
    })
    .await;
    let rules = Rules { funding_open: false, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        admit(bank, "ann@example.org").await;
        let jar = Jar::open(bank, "ann@example.org").await;
        jar.money("/api/topup", r#"{"amount":5}"#).expect(bank, 400, FAILED).await;
    })
    .await;
}

#[tokio::test]
async fn the_story_of_ewallet_from_the_first_sign_in_to_the_last_call() {
    each_database(async |bank| {
        // It documents no way to register: its people are those whom an operator lets in.
        admit(bank, "story@example.org").await;
        let mut jar = Jar::open(bank, "story@example.org").await;
        jar.money("/api/topup", r#"{"amount":250}"#).expect(bank, 200, DONE).await;
        bank.wait(Duration::minutes(20));
        let refreshed = Check::new("POST", "/token/refresh")
            .header("cookie", &format!("refresh_token_cookie={}", jar.refresh))
            .header("x-csrf-token", &jar.of_refresh)
            .expect(bank, 200, "{\"msg\":\"token refreshed.\"}\n")
            .await;
        jar.access = refreshed.cookie("access_token_cookie");
        jar.of_access = refreshed.cookie("csrf_access_token");
        jar.money("/api/transfer", r#"{"amount":200,"code":"mandiri"}"#)
            .expect(bank, 200, DONE)
            .await;
        jar.money("/api/transfer", r#"{"amount":51,"code":"mandiri"}"#)
            .expect(bank, 400, FAILED)
            .await;
        Check::new("POST", "/token/remove")
            .header("cookie", &format!("csrf_access_token={}", jar.of_access))
            .expect(bank, 200, "{\"msg\":\"logout success.\"}\n")
            .await;
        jar.money("/api/topup", r#"{"amount":1}"#)
            .expect(bank, 401, "{\"msg\":\"Token has been revoked\"}\n")
            .await;
        let wallet = posted(bank).await.into_iter().find(|(kind, _)| kind == "WALLET");
        assert_eq!(wallet, Some(("WALLET".to_owned(), 5_000)));
        bank.audit().await;
    })
    .await;
}
