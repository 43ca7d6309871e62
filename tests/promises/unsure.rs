//! Where nobody knows whether something was done: it is said so, and nobody is told that it is
//! safe to send it again.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use serde_json::{Value, json};
use teller::{
    bank::permit::Visitor,
    compat::{
        router,
        wire::{
            call::{Arrival, Origin},
            door::ASK_BY_KEY,
            doors::{Doors, Settings},
        },
    },
};

use crate::support::{
    bank::{TestBank, each_database},
    cardbank::{Member, detail},
    people::{Person, text},
};

/// Doors at which every call that waits for anything takes too long.
async fn hurried(doors: &Doors, method: Method, path: &str, cookie: &str) -> (u16, String) {
    let visitor = Visitor {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: None,
        request_id: "one".to_owned(),
    };
    let arrival = Arrival { visitor, origin: Origin::Absent };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::COOKIE, cookie)
        .body(Body::empty());
    let response = router::serve(doors, arrival, request.expect("a request")).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory is read");
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_link_that_does_something_is_not_taken_for_a_read_when_it_takes_too_long() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let settings = Settings { time: Duration::ZERO, ..Settings::default() };
        let doors = Doors::new(bank.bank.clone(), settings);
        let cookie = format!("authorization={}", ann.cookie);
        for (path, status) in [
            ("/u/abcefghijkmnopqr", 504),
            ("/p/abcefghijkmnopqr", 504),
            ("/verify-email/?token=abcefghijkmnopqrabcefghijkmnopqr", 504),
            ("/api/auth/reset-password/?email=ann@example.org", 504),
            ("/card", 503),
            ("/savings", 503),
        ] {
            // The least time there is may be enough where the machine is slow to look at it.
            let mut late = false;
            for _ in 0..50 {
                let (said, body) = hurried(&doors, Method::GET, path, &cookie).await;
                let wrong = if status == 504 { 503 } else { 504 };
                assert_ne!(said, wrong, "{}: {path}: {body}", bank.database);
                late |= said == status;
                if late {
                    break;
                }
            }
            assert!(late, "{}: {path} is always in time", bank.database);
        }
        for _ in 0..50 {
            let (said, body) = hurried(&doors, Method::POST, "/card/create", &cookie).await;
            if said == 200 {
                continue;
            }
            assert_eq!((said, body), (504, detail(ASK_BY_KEY)), "{}", bank.database);
            return;
        }
        panic!("{}: a card is always made in time", bank.database);
    })
    .await;
}

/// Ends the connection of whoever commits a row of a table, before the commit is answered.
async fn break_off(bank: &TestBank, table: &str) {
    let sql = format!(
        "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION break_off()"
    );
    bank.fresh.raw(&sql).await.expect("the trigger is made");
}

async fn mend(bank: &TestBank, table: &str) {
    let sql = format!("DROP TRIGGER break_off ON {table}; DROP FUNCTION break_off()");
    bank.fresh.raw(&sql).await.expect("the trigger goes");
}

#[tokio::test]
async fn where_a_commit_breaks_off_nobody_is_told_that_it_is_safe_to_come_again() {
    each_database(async |bank| {
        if bank.database == "sqlite" {
            // There a commit breaks off where the disk does, which `tests/faults` tries.
            return;
        }
        let ann = Member::join(bank, "ann", 1).await;
        let (card, other) = (ann.card(bank).await, ann.card(bank).await);
        let unknown = detail(ASK_BY_KEY);
        break_off(bank, "bills").await;
        let bill = r#"{"name":"Rent","amount":3,"due_date":"2026-12-01"}"#;
        ann.send("POST", "/bills/create", bill)
            .gets_no("retry-after")
            .expect(bank, 504, &unknown)
            .await;
        mend(bank, "bills").await;
        let nobody = Person { email: ann.email.clone(), token: String::new(), id: String::new() };
        let token = bank.sign_in(&nobody).await;
        let cards = bank.run(Some(&token), "{ cards { id } }", Value::Null).await;
        break_off(bank, "transactions").await;
        let body = format!(
            r#"{{"from_card_number":"{}","to_card_number":"{}","amount":1}}"#,
            card.number, other.number
        );
        let pay =
            |key: &str| ann.send("POST", "/card/transfer", &body).header("idempotency-key", key);
        pay("k").gets_no("retry-after").expect(bank, 504, &unknown).await;
        let transfer = "mutation ($input: TransferInput!) { transfer(input: $input) {
            transaction { id } errors { code } } }";
        let input = json!({ "idempotencyKey": "g", "amount": "1.00",
            "fromAccountId": text(&cards["cards"][0]["id"]),
            "to": { "accountId": text(&cards["cards"][1]["id"]) } });
        let variables = json!({ "input": input });
        let answer = bank.post(Some(&token), transfer, variables.clone()).await;
        let error = &answer.json()["errors"][0];
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (504, ""), "{error}");
        assert_eq!(error["extensions"]["code"], "TIMEOUT", "{error}");
        mend(bank, "transactions").await;
        // What only reads may be asked again, even where it leaves a row behind.
        break_off(bank, "audit_log").await;
        ann.call("GET", "/card").gets("retry-after", "{{int}}").expect(bank, 503, "{{all}}").await;
        mend(bank, "audit_log").await;
        // The keys tell: each is done once.
        pay("k").expect(bank, 200, r#"["Transferred 1.0"]"#).await;
        pay("k").expect(bank, 200, r#"["Transferred 1.0"]"#).await;
        let answer = bank.post(Some(&token), transfer, variables).await.json();
        assert_eq!(answer["data"]["transfer"]["errors"], json!([]), "{answer}");
        let me = ann.call("GET", "/auth/me").expect(bank, 200, "{{all}}").await.answer.json();
        assert_eq!(me["cards"][0]["balance"], json!(48.0), "{me}");
        bank.audit().await;
    })
    .await;
}
