//! Sessions: listed, ended one by one or all at once, and told of.

use chrono::Duration;
use serde_json::{Value, json};
use teller::{
    bank::{
        error::Failure,
        permit::{Permit, Visitor},
        session,
    },
    domain::{refusal::Refusal, session::Facade},
    ledger::engine::Capacity,
    types::id::UserId,
};
use tokio::task::JoinSet;

use crate::support::{
    bank::{TestBank, each_database, reassemble},
    people::{PASSWORD, Person, codes, text},
};

const SESSIONS: &str = "{ sessions { id current facade platform userAgent ipAddress createdAt
    lastActiveAt expiresAt } }";
const REVOKE: &str = "mutation ($id: ID!) {
    revokeSession(input: { sessionId: $id }) { sessionId errors { code path } } }";
const REVOKE_OTHERS: &str = "mutation { revokeOtherSessions { revoked errors { code } } }";

async fn sessions(bank: &TestBank, token: &str) -> Vec<Value> {
    let mut data = bank.run(Some(token), SESSIONS, json!({})).await;
    serde_json::from_value(data["sessions"].take()).expect("a list")
}

async fn current(bank: &TestBank, token: &str) -> String {
    let all = sessions(bank, token).await;
    let own = all.iter().find(|session| session["current"] == true);
    text(&own.expect("one is the current one")["id"])
}

async fn revoke(bank: &TestBank, token: &str, id: &str) -> Value {
    bank.run(Some(token), REVOKE, json!({ "id": id })).await["revokeSession"].take()
}

async fn is_open(bank: &TestBank, token: &str) -> bool {
    let answer = bank.post(Some(token), "{ me { id } }", json!({})).await;
    assert!(answer.status == 200 || answer.status == 401, "{}", answer.status);
    answer.status == 200
}

/// What a person's stream tells of sessions, in its order.
async fn told(bank: &TestBank, person: &Person) -> Vec<(i64, String, String)> {
    let id = UserId::from_wire(&person.id).expect("a person's id");
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let sql = "SELECT number, kind, body FROM events
        WHERE owner_id = $1 AND kind IN ('SESSION_STARTED', 'SESSION_ENDED') ORDER BY number";
    s.query(sql).bind(id).all().await.expect("the events are read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_their_sessions_and_ends_any_of_them() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let second = bank.sign_in(&ann).await;
        let third = bank.sign_in(&ann).await;
        let all = sessions(bank, &third).await;
        let current_ones: Vec<&Value> = all.iter().map(|session| &session["current"]).collect();
        assert_eq!(current_ones, [true, false, false], "the newest first");
        assert_eq!(all[2]["platform"], "promises");
        assert_eq!(
            (&all[0]["userAgent"], &all[0]["ipAddress"]),
            (&json!("promises/1"), &json!("127.0.0.1"))
        );
        assert_eq!(all[0]["facade"], "GRAPHQL");

        let id = current(bank, &second).await;
        assert_eq!(revoke(bank, &third, &id).await, json!({ "sessionId": id, "errors": [] }));
        assert!(!is_open(bank, &second).await, "{}", bank.database);
        assert!(is_open(bank, &ann.token).await);
        assert_eq!(sessions(bank, &third).await.len(), 2);
        assert_eq!(revoke(bank, &third, &id).await["sessionId"], id, "ended once, and stays so");

        let answer = bank.run(Some(&third), REVOKE_OTHERS, json!({})).await;
        assert_eq!(answer["revokeOtherSessions"], json!({ "revoked": 1, "errors": [] }));
        assert!(!is_open(bank, &ann.token).await);
        let own = current(bank, &third).await;
        assert_eq!(revoke(bank, &third, &own).await["sessionId"], own, "this one");
        assert!(!is_open(bank, &third).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_session_is_not_found() {
    each_database(async |bank| {
        let (ann, eve) = (bank.join("ann", 1).await, bank.join("eve", 2).await);
        let id = current(bank, &ann.token).await;
        for wrong in [id.as_str(), "session_00000000000000000000000000", "nonsense", ""] {
            let refused = revoke(bank, &eve.token, wrong).await;
            assert_eq!(codes(&refused), ["NOT_FOUND"], "{wrong}");
            assert_eq!(refused["errors"][0]["path"], json!(["input", "sessionId"]));
        }
        assert!(is_open(bank, &ann.token).await);
        let log = bank.audit_log().await;
        let refused = ("revokeSession".to_owned(), "NOT_FOUND".to_owned());
        assert_eq!(log.iter().filter(|row| **row == refused).count(), 4, "{log:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_of_each_session_that_begins_or_is_ended() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let first = current(bank, &ann.token).await;
        let token = bank.sign_in(&ann).await;
        let second = current(bank, &token).await;
        bank.run(Some(&token), REVOKE_OTHERS, json!({})).await;
        bank.run(Some(&token), "mutation { logout { ok } }", json!({})).await;
        let told = told(bank, &ann).await;
        let kinds: Vec<(i64, &str)> =
            told.iter().map(|(number, kind, _)| (*number, kind.as_str())).collect();
        let expected = [
            (1, "SESSION_STARTED"),
            (2, "SESSION_STARTED"),
            (3, "SESSION_ENDED"),
            (4, "SESSION_ENDED"),
        ];
        assert_eq!(kinds, expected, "{}", bank.database);
        let uuid = |wire: &str| teller::types::id::split(wire).expect("an id").1.to_string();
        for ((_, _, body), wire) in told.iter().zip([&first, &second, &first, &second]) {
            assert_eq!(*body, format!("{{\"session\":\"{}\"}}", uuid(wire)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_and_what_ends_sessions_stand_in_the_audit_log() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        bank.login(&ann.email, "not the password").await;
        bank.login("nobody@example.org", PASSWORD).await;
        let asked = bank.login(&ann.email, PASSWORD).await;
        let id = text(&asked["challenge"]["id"]);
        let code = bank.code(&ann.email).await;
        let wrong = if code == "000000" { "111111" } else { "000000" };
        bank.confirm_login(&id, wrong).await;
        let token = text(&bank.confirm_login(&id, &code).await["accessToken"]);
        bank.run(Some(&token), REVOKE_OTHERS, json!({})).await;
        bank.run(Some(&token), "mutation { logout { ok } }", json!({})).await;
        let log = bank.audit_log().await;
        let log: Vec<(&str, &str)> = log.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        let expected = [
            ("register", "DONE"),
            ("verifyEmail", "DONE"),
            ("login", "BAD_CREDENTIALS"),
            ("login", "BAD_CREDENTIALS"),
            ("login", "DONE"),
            ("confirmLogin", "BAD_CODE"),
            ("confirmLogin", "DONE"),
            ("revokeOtherSessions", "DONE"),
            ("logout", "DONE"),
        ];
        assert_eq!(log, expected, "{}", bank.database);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_fifty_sessions_the_oldest_goes_and_is_told() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        assert!(is_open(bank, &ann.token).await);
        let mut token = String::new();
        for _ in 0..50 {
            bank.wait(Duration::seconds(1));
            token = bank.sign_in(&ann).await;
        }
        assert!(!is_open(bank, &ann.token).await, "{}", bank.database);
        assert_eq!(sessions(bank, &token).await.len(), 50);
        let told = told(bank, &ann).await;
        let kinds: Vec<&str> = told.iter().rev().take(2).map(|row| row.1.as_str()).collect();
        assert_eq!((told.len(), kinds), (52, vec!["SESSION_STARTED", "SESSION_ENDED"]));
    })
    .await;
}

/// The permit that a token stands for, or that it opens nothing.
fn opened(said: Result<Permit, Failure>) -> Option<String> {
    match said {
        Ok(permit) => Some(permit.user_id.to_wire()),
        Err(Failure::Refused(Refusal::SessionEnded)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_come_at_once_are_each_known_by_their_own_session_whoever_goes_away() {
    each_database(async |bank| {
        let mut tokens = Vec::new();
        for (index, name) in (0..).zip(["ann", "bob", "eve"]) {
            let person = bank.join(name, index).await;
            let ended = bank.sign_in(&person).await;
            bank.run(Some(&ended), "mutation { logout { ok } }", Value::Null).await;
            tokens.extend([(person.token, Some(person.id)), (ended, None)]);
        }
        let visitor = Visitor {
            ip_address: "127.0.0.1".to_owned(),
            user_agent: None,
            request_id: "sessions".to_owned(),
        };
        for round in 0..8 {
            // One that remembers nothing and has fewer connections than there are callers.
            let db = bank.fresh.open().await;
            let other = reassemble(bank, db, round, Capacity::default());
            let mut callers = JoinSet::new();
            for n in 0..90_usize {
                let (other, visitor) = (other.clone(), visitor.clone());
                let (token, wanted) = tokens[n % tokens.len()].clone();
                callers.spawn(async move {
                    let asks = session::authenticate(&other, Facade::Graphql, &token, &visitor);
                    if n % 3 == 1 {
                        let patience = std::time::Duration::from_micros(n as u64 * 20);
                        let said = tokio::time::timeout(patience, asks).await;
                        said.map_or_else(
                            |_| (wanted.clone(), wanted.clone()),
                            |said| (opened(said), wanted.clone()),
                        )
                    } else {
                        (opened(asks.await), wanted)
                    }
                });
            }
            for (told, wanted) in callers.join_all().await {
                assert_eq!(told, wanted, "{}", bank.database);
            }
            other.db.close().await;
            let shut = reassemble(bank, other.db, round, Capacity::default());
            let asks = session::authenticate(&shut, Facade::Graphql, &tokens[0].0, &visitor);
            let refused = asks.await.unwrap_err();
            let unasked = matches!(refused, Failure::Refused(Refusal::Overloaded { .. }));
            assert!(unasked, "{}: {refused:?}", bank.database);
        }
    })
    .await;
}
