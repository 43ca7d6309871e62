//! Demo people: a year behind three of them, and one for the clients of each dialect.

use serde_json::{Value, json};
use teller::{
    bank::error::Failure,
    domain::refusal::Refusal,
    seed::{people::PASSWORD, run, run::Seeded},
    types::money::Currency,
};

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    cardbank, financelime,
    people::text,
    wire::Check,
};

/// Makes the demo people; tells how many are new.
async fn seed(bank: &TestBank) -> usize {
    let told = run::run(&bank.bank).await.expect("the demo people are made");
    assert_eq!(told.len(), 8);
    told.iter().filter(|(_, seeded)| *seeded == Seeded::Made).count()
}

/// Signs a demo person in by GraphQL; the token.
async fn enter(bank: &TestBank, email: &str) -> String {
    let asked = bank.login(email, PASSWORD).await;
    let code = bank.code(email).await;
    text(&bank.confirm_login(&text(&asked["challenge"]["id"]), &code).await["accessToken"])
}

const LIFE: &str = "{
    me { email emailVerified legacyAccess
         cards { balance { posted { amount } } }
         savings { name balance { posted { amount } } }
         wallet { balance { posted { amount } } } }
    sessions { current }
    paid: bills(status: PAID, first: 1) { totalCount }
    due: bills(status: DUE) { nodes { name } }
    overdue: bills(status: OVERDUE) { nodes { name } }
    history(last: 1) { totalCount nodes { kind postedAt } } }";

#[tokio::test]
async fn demo_people_have_a_year_behind_them_and_the_books_hold() {
    each_database(async |bank| {
        assert_eq!(seed(bank).await, 8);
        bank.audit().await;
        for email in ["ann@example.org", "bob@example.org", "cleo@example.org"] {
            let token = enter(bank, email).await;
            let life = bank.run(Some(&token), LIFE, Value::Null).await;
            assert_eq!(life["me"]["emailVerified"], true, "{life}");
            assert_eq!(life["me"]["legacyAccess"].as_array().map(Vec::len), Some(3), "{life}");
            assert_eq!(life["sessions"], json!([{ "current": true }]), "nobody else is signed in");
            let more_than = |value: &Value, least: f64| {
                let amount: f64 = text(&value["posted"]["amount"]).parse().expect("an amount");
                assert!(amount > least, "{life}");
            };
            more_than(&life["me"]["cards"][0]["balance"], 1_000.0);
            more_than(&life["me"]["savings"][0]["balance"], 1_000.0);
            more_than(&life["me"]["wallet"]["balance"], 300.0);
            assert_eq!(life["paid"]["totalCount"], 24, "{life}");
            assert_eq!(life["due"]["nodes"], json!([{ "name": "Rent" }]), "{life}");
            assert_eq!(life["overdue"]["nodes"], json!([{ "name": "Library" }]), "{life}");
            // What a friend paid stands in both histories, and what was put aside on both sides.
            assert_eq!(life["history"]["totalCount"], 102, "{life}");
            let first = text(&life["history"]["nodes"][0]["postedAt"]);
            assert!(first.starts_with("2025-11-21T"), "a year ago: {first}");
            kinds(bank, &token).await;
        }
    })
    .await;
}

/// There is something of each kind that a customer can do, in order, and nothing to come.
async fn kinds(bank: &TestBank, token: &str) {
    let query = "query ($after: Cursor) { history(first: 100, after: $after) {
        nodes { kind postedAt } pageInfo { endCursor hasNextPage } } }";
    let (mut after, mut all) = (Value::Null, Vec::new());
    loop {
        let page = bank.run(Some(token), query, json!({ "after": after })).await;
        let nodes = page["history"]["nodes"].as_array().expect("a page").clone();
        all.extend(nodes);
        if page["history"]["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["history"]["pageInfo"]["endCursor"].clone();
    }
    for kind in [
        "OPENING_CREDIT",
        "TOP_UP",
        "TRANSFER",
        "BILL_PAYMENT",
        "SAVINGS_TOP_UP",
        "SAVINGS_WITHDRAWAL",
        "BANK_TRANSFER",
    ] {
        assert!(all.iter().any(|entry| entry["kind"] == kind), "{kind}");
    }
    let times: Vec<&str> = all.iter().filter_map(|entry| entry["postedAt"].as_str()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "the newest is first: {times:?}");
    assert!(times[0] < "2026-11-21T10:00:00", "{}", times[0]);
    let months: std::collections::BTreeSet<&str> = times.iter().map(|at| &at[..7]).collect();
    assert!(months.len() >= 12, "{months:?}");
}

#[tokio::test]
async fn demo_people_are_left_as_they_are_when_made_again() {
    each_database(async |bank| {
        assert_eq!(seed(bank).await, 8);
        let token = enter(bank, "ann@example.org").await;
        let before = bank.run(Some(&token), LIFE, Value::Null).await;
        bank.wait(chrono::Duration::minutes(5));
        assert_eq!(seed(bank).await, 0);
        let after = bank.run(Some(&token), LIFE, Value::Null).await;
        assert_eq!(before, after);
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn each_dialects_client_signs_in_as_its_demo_person_at_once() {
    each_database(async |bank| {
        assert_eq!(seed(bank).await, 8);
        let form = |email: &str| json!({ "email": email, "password": PASSWORD }).to_string();
        let email = "accounts@example.org";
        Check::new("POST", "/api/auth/get-token/")
            .json(&form(email))
            .expect(bank, 200, r#"{"refresh":"{{jwt}}","access":"{{jwt}}"}"#)
            .await;
        let email = "ewallet@example.org";
        let got = Check::new("POST", "/token/auth")
            .json(&form(email))
            .expect(bank, 200, "{\"msg\":\"login success.\"}\n")
            .await;
        let cookie = format!("access_token_cookie={}", got.cookie("access_token_cookie"));
        Check::new("POST", "/api/transfer")
            .header("cookie", &cookie)
            .header("x-csrf-token", &got.cookie("csrf_access_token"))
            .header("ip-address", "192.0.2.7")
            .header("location", "Jakarta")
            .json(r#"{"amount":25,"code":"bni"}"#)
            .expect(bank, 200, "{\"msg\":\"transaction success.\"}\n")
            .await;
        let email = "financelime@example.org";
        financelime::create(email, PASSWORD).expect(bank, 200, financelime::TOKENS).await;
        let email = "fintract@example.org";
        let asked = json!({ "email": email, "password": PASSWORD, "otpType": "email" });
        let got = Check::new("POST", "/auth/login/")
            .json(&asked.to_string())
            .expect(bank, 200, r#"{"data":{"id":{{int}}}}"#)
            .await;
        let otp = json!({ "otp": bank.code(email).await }).to_string();
        let told = r#"{"message":"Successfully Logged In","id":{{int}},"customer_id":"{{digits:16}}","email":"fintract@example.org","username":"fintract","verification_status":true,"tokens":{"refresh":"{{jwt}}","access":"{{jwt}}"},"user_type":"{{text}}"}"#;
        Check::new("POST", &format!("/auth/login/{}/", got.part(0)))
            .json(&otp)
            .expect(bank, 200, told)
            .await;
        let email = "card-bank@example.org";
        let asked = Check::new("POST", "/auth/2fa/request").json(&form(email));
        asked.expect(bank, 200, &cardbank::message("Request sended")).await;
        let code = cardbank::code(bank, email).await;
        let code = json!({ "email": email, "twofa_code": code }).to_string();
        let got = Check::new("POST", "/auth/2fa/confirm")
            .json(&code)
            .expect(bank, 200, cardbank::GRANTED)
            .await;
        let told = r#"{"name":"Carla","surname":"Diaz","cards":[{"balance":2326.8,"last4":"{{digits:4}}"}]}"#;
        Check::new("GET", "/auth/me")
            .header("cookie", &format!("authorization={}", got.cookie("authorization")))
            .expect(bank, 200, told)
            .await;
        enter(bank, email).await;
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn demo_people_are_made_whatever_an_operator_has_set_and_never_in_production() {
    let mut strict = sandbox_rules();
    strict.funding_open = false;
    (strict.transfer_limit, strict.top_up_limit) = (1, 1);
    // One that has no hundredths.
    strict.currencies = vec![Currency::parse("JPY").expect("a code of ISO 4217")];
    each_database_with(strict, async |bank| {
        assert_eq!(seed(bank).await, 8);
        bank.audit().await;
    })
    .await;
    let production = teller::bank::context::Rules { sandbox: false, ..sandbox_rules() };
    each_database_with(production, async |bank| {
        let refused = run::run(&bank.bank).await;
        assert!(matches!(refused, Err(Failure::Refused(Refusal::Forbidden { .. }))));
        assert!(bank.audit_log().await.is_empty(), "nothing was done");
    })
    .await;
}
