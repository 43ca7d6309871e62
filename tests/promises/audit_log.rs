//! The audit log: a row for each act and each refusal, in the transaction of the act.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use teller::domain::user::UserRole;
use uuid::Uuid;

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, Person, codes, proof, registration, text},
};

/// Makes it impossible to write the audit log.
async fn break_the_log(bank: &TestBank) {
    let sql = if bank.database == "sqlite" {
        "CREATE TRIGGER fault BEFORE INSERT ON audit_log
            BEGIN SELECT RAISE(ABORT, 'a fault'); END"
    } else {
        "CREATE TRIGGER fault BEFORE INSERT ON audit_log
            FOR EACH STATEMENT EXECUTE FUNCTION refuse('a fault')"
    };
    bank.fresh.raw(sql).await.expect("raw");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_noted_is_not_done() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        break_the_log(bank).await;
        let before = (bank.account(&card.id).await.balance, bank.account(&to.id).await.balance);
        let paid = bank.pay_raw(&ann, "p", &card.id, &to.number, "1.00").await;
        assert_eq!(paid["errors"][0]["extensions"]["code"], "INTERNAL", "{paid}");
        let query = "mutation { requestDeactivation { errors { code } } }";
        let asked = bank.post(Some(&ann.token), query, Value::Null).await.json();
        assert_eq!(asked["errors"][0]["extensions"]["code"], "INTERNAL", "{asked}");
        let after = (bank.account(&card.id).await.balance, bank.account(&to.id).await.balance);
        assert_eq!(before, after, "{}: 0 cents moved", bank.database);
        let me = bank.run(Some(&ann.token), "{ me { status } }", Value::Null).await;
        assert_eq!(me["me"]["status"], "ACTIVE");
        let mended = "DROP TRIGGER fault";
        let on = if bank.database == "sqlite" { "" } else { " ON audit_log" };
        bank.fresh.raw(&format!("{mended}{on}")).await.expect("raw");
        let paid = bank.pay(&ann, "p", &card.id, &to.number, "1.00").await;
        assert_eq!(paid["errors"], json!([]), "the same key, once it can be noted: {paid}");
        bank.audit().await;
    })
    .await;
}

/// How many rows of the log say that something was done, by the request that asked for it.
async fn done_by_request(bank: &TestBank) -> BTreeMap<String, Vec<String>> {
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let sql = "SELECT request_id, action FROM audit_log
        WHERE result = 'DONE' AND request_id IS NOT NULL ORDER BY audit_id";
    let rows: Vec<(String, String)> = s.query(sql).all().await.expect("the log is read");
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (request, action) in rows {
        all.entry(request).or_default().push(action);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_and_what_is_noted_are_one_to_one_by_their_request() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let eve = bank.join("eve", 3).await;
        bank.promote(&eve, UserRole::BankAdmin).await;
        let transfer = "mutation ($input: TransferInput!) {
            transfer(input: $input) { replayed errors { code } } }";
        let mut acts: Vec<(String, &str)> = Vec::new();
        for n in 0..30 {
            // Every third repeats a key, every fifth asks for too much.
            let key = format!("p{}", n - n % 3 % 2);
            let amount = if n % 5 == 4 { "1000" } else { "0.50" };
            let input = json!({ "idempotencyKey": key, "fromAccountId": card.id,
                "to": { "cardNumber": to.number }, "amount": amount });
            let answer = bank.post(Some(&ann.token), transfer, json!({ "input": input })).await;
            let payload = answer.json()["data"]["transfer"].take();
            if payload["errors"] == json!([]) && payload["replayed"] == false {
                acts.push((answer.header("x-request-id").to_owned(), "transfer"));
            }
        }
        let deposit = "mutation ($id: ID!) { recordDeposit(input: { idempotencyKey: \"d\",
            accountId: $id, amount: \"1\", reference: \"r\" }) { errors { code } } }";
        for by in [&eve, &ann] {
            let variables = json!({ "id": card.id });
            let answer = bank.post(Some(&by.token), deposit, variables).await;
            if answer.json()["data"]["recordDeposit"]["errors"] == json!([]) {
                acts.push((answer.header("x-request-id").to_owned(), "recordDeposit"));
            }
        }
        let leave = bank.post(Some(&ann.token), "mutation { logout { ok } }", Value::Null).await;
        acts.push((leave.header("x-request-id").to_owned(), "logout"));
        assert!(acts.len() > 15, "{acts:?}");
        let noted = done_by_request(bank).await;
        for (request, action) in &acts {
            assert_eq!(noted.get(request).map(Vec::as_slice), Some(&[(*action).to_owned()][..]));
        }
        let watched = ["transfer", "recordDeposit", "logout"];
        let all = noted.values().flatten().filter(|one| watched.contains(&one.as_str())).count();
        assert_eq!(all, acts.len(), "{}: a row without its act", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_an_account_and_what_opens_nothing_is_noted_too() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        bank.register(registration("ann", 1)).await;
        bank.mutate(None, "resendVerification", "ok", json!({ "email": "ann@example.org" })).await;
        let code = bank.code("ann@example.org").await;
        let made = bank.verify_email(proof("ann", &code)).await;
        let ann = Person {
            email: "ann@example.org".to_owned(),
            token: text(&made["accessToken"]),
            id: text(&made["user"]["id"]),
        };
        // Who is a customer already is noted as anybody else.
        bank.register(registration("ann", 1)).await;
        let refused = bank.create_card(&ann, json!({ "currency": "XXX" })).await;
        assert_eq!(codes(&refused), ["INVALID_INPUT"]);
        let card = bank.card(&ann).await;
        bank.reveal(&ann, "card_x").await;
        let input = json!({ "refreshToken": made["refreshToken"] });
        let renewed = bank.mutate(None, "refreshSession", "refreshToken", input.clone()).await;
        assert_eq!(renewed["errors"], json!([]), "{renewed}");
        bank.mutate(None, "refreshSession", "refreshToken", input).await;
        let log = bank.audit_log().await;
        let acts: Vec<(&str, &str)> = log.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        let expected = [
            ("register", "DONE"),
            ("register", "DONE"),
            ("resendVerification", "DONE"),
            ("verifyEmail", "DONE"),
            ("register", "DONE"),
            ("createCard", "INVALID_INPUT"),
            ("createCard", "DONE"),
            ("revealCard", "DONE"),
            ("revealCard", "NOT_FOUND"),
            ("refreshSession", "DONE"),
            ("refreshSession", "DONE"),
        ];
        assert_eq!(acts, expected, "{}", bank.database);
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT actor_id, subject_id, request_id FROM audit_log
            WHERE action IN ('createCard', 'revealCard', 'refreshSession') ORDER BY audit_id";
        let rows: Vec<(Option<Uuid>, Option<Uuid>, Option<String>)> =
            s.query(sql).all().await.expect("the log is read");
        let (_, person) = teller::types::id::split(&ann.id).expect("an id");
        assert!(rows.iter().all(|row| row.0 == Some(person) && row.2.is_some()), "{rows:?}");
        let (_, card) = teller::types::id::split(&card.id).expect("an id");
        assert_eq!(rows[2].1, Some(card), "which card was shown");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_cannot_be_noted_nobody_is_written_to_and_no_token_is_spent() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let made = bank.verify_email(proof("ann", &code)).await;
        break_the_log(bank).await;
        let before = bank.letters("bob@example.org").await.len();
        let input = registration("bob", 2);
        let query =
            "mutation ($input: RegisterInput!) { register(input: $input) { errors { code } } }";
        let asked = bank.post(None, query, json!({ "input": input })).await.json();
        assert_eq!(asked["errors"][0]["extensions"]["code"], "INTERNAL", "{asked}");
        assert_eq!(bank.letters("bob@example.org").await.len(), before, "{}", bank.database);
        let input = json!({ "input": { "refreshToken": made["refreshToken"] } });
        let query = "mutation ($input: RefreshSessionInput) {
            refreshSession(input: $input) { accessToken errors { code } } }";
        let asked = bank.post(None, query, input).await.json();
        assert_eq!(asked["errors"][0]["extensions"]["code"], "INTERNAL", "{asked}");
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let generation: Option<i64> =
            s.query("SELECT generation FROM sessions").scalar().await.expect("one session");
        assert_eq!(generation, Some(0), "{}: nor is a token spent", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_leaves_its_rows() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        bank.top_up(&ann, "t", &card.id, "1").await;
        bank.login(&ann.email, "not the password").await;
        bank.login("nobody@example.org", PASSWORD).await;
        bank.confirm_login("challenge_x", "000000").await;
        let asked = bank.login(&ann.email, PASSWORD).await;
        assert_eq!(asked["errors"], json!([]));
        let code = bank.code(&ann.email).await;
        let id = asked["challenge"]["id"].as_str().expect("a challenge");
        assert_eq!(codes(&bank.confirm_login(id, &code).await), Vec::<String>::new());
        let long = "x".repeat(5_000);
        let refused = bank.transfer(
            &ann,
            json!({ "idempotencyKey": "p", "fromAccountId": card.id,
            "to": { "accountId": card.id }, "amount": "1", "note": long }),
        );
        assert_eq!(codes(&refused.await), ["INVALID_INPUT"]);
        bank.run(Some(&ann.token), "mutation { logout { ok } }", Value::Null).await;
        let rows = bank.audit_log().await;
        let acts: Vec<(&str, &str)> = rows.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        for wanted in [
            ("verifyEmail", "DONE"),
            ("createCard", "DONE"),
            ("topUp", "DONE"),
            ("login", "BAD_CREDENTIALS"),
            ("login", "DONE"),
            ("confirmLogin", "BAD_CODE"),
            ("confirmLogin", "DONE"),
            ("transfer", "INVALID_INPUT"),
            ("logout", "DONE"),
        ] {
            assert!(acts.contains(&wanted), "{}: {wanted:?} in {acts:?}", bank.database);
        }
        let failed = acts.iter().filter(|one| **one == ("login", "BAD_CREDENTIALS")).count();
        assert_eq!(failed, 2, "whoever it was");
    })
    .await;
}
