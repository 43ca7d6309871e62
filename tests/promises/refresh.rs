//! Refresh tokens: they rotate, and one that two have ends its session.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};
use teller::{
    crypto::{token, token::Access},
    domain::session::Facade,
    ledger::engine::Capacity,
    types::id::{SessionId, UserId},
};
use tower::ServiceExt as _;

use crate::support::{
    bank::{TestBank, each_database, reassemble, test_name},
    databases,
    people::{Person, codes, proof as form, registration, text},
    proof,
    server::Server,
};

const REFRESH: &str = "mutation ($token: String!) {
    refreshSession(input: { refreshToken: $token }) {
        user { id } session { id current lastActiveAt ipAddress }
        accessToken refreshToken csrfToken accessExpiresAt
        errors { __typename code message path } } }";

/// A person who has just joined, and their refresh token.
async fn join(bank: &TestBank, name: &str, index: u32) -> (Person, String) {
    bank.register(registration(name, index)).await;
    let email = format!("{name}@example.org");
    let code = bank.code(&email).await;
    let made = bank.verify_email(form(name, &code)).await;
    let person = Person { email, token: text(&made["accessToken"]), id: text(&made["user"]["id"]) };
    (person, text(&made["refreshToken"]))
}

async fn refresh(bank: &TestBank, token: &str) -> Value {
    bank.run(None, REFRESH, json!({ "token": token })).await["refreshSession"].take()
}

async fn is_open(bank: &TestBank, token: &str) -> bool {
    bank.post(Some(token), "{ me { id } }", json!({})).await.status == 200
}

/// Posts a document without a credential to a router; the data of the answer.
async fn post(router: Router, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri("/graphql")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .expect("a request");
    let response = router.oneshot(request).await.expect("the router never fails");
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory");
    let mut body: Value = serde_json::from_slice(&body).expect("an answer is JSON");
    assert!(body.get("errors").is_none(), "{body}");
    body["data"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_racing_refreshes_make_one_branch_and_all_get_it() {
    each_database(async |bank| {
        let (_, mut token) = join(bank, "ann", 1).await;
        let other = reassemble(bank, bank.fresh.open().await, 1, Capacity::default());
        let routers = [TestBank::router_over(&bank.bank), TestBank::router_over(&other)];
        let rounds = proof::sized(3, 200);
        for round in 0..rounds {
            let racers = (0..32).map(|racer| {
                let router = routers[racer % 2].clone();
                let variables = json!({ "token": token });
                tokio::spawn(async move { post(router, REFRESH, variables).await })
            });
            let mut successors = Vec::new();
            for answer in join_all(racers).await {
                let payload = answer.expect("a racer ends well")["refreshSession"].take();
                assert_eq!(payload["errors"], json!([]), "{}: {payload}", bank.database);
                assert!(is_open(bank, &text(&payload["accessToken"])).await);
                successors.push(text(&payload["refreshToken"]));
            }
            successors.dedup();
            assert_eq!(successors.len(), 1, "{}, round {round}: one branch", bank.database);
            let sql = "SELECT generation FROM sessions";
            let mut s = bank.bank.db.read().await.expect("the database is read");
            let generation: Option<i64> = s.query(sql).scalar().await.expect("one session");
            assert_eq!(generation, i64::try_from(round + 1).ok(), "{}", bank.database);
            token = successors.remove(0);
        }
        other.db.close().await;
        if proof::scale() == proof::Scale::Full {
            let figure = format!("1 branch, {rounds} of {rounds} rounds");
            let name = format!("32 racing refreshes, {}", bank.database);
            proof::record(&name, "1 branch, all 32 get it", &figure, true);
        }
    })
    .await;
}

/// Makes a customer of two servers; the refresh token.
async fn join_at(servers: &[Server]) -> String {
    let query = "mutation ($input: RegisterInput!) {
        register(input: $input) { errors { code } } }";
    servers[0].run(None, query, json!({ "input": registration("ann", 1) })).await;
    let letter = text(&servers[0].letters("ann@example.org", 0).await[0]["text"]);
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    let code = letter.lines().map(str::trim).find(digits).expect("a code");
    let query = "mutation ($input: VerifyEmailInput!) {
        verifyEmail(input: $input) { refreshToken errors { code } } }";
    let made = servers[1].run(None, query, json!({ "input": form("ann", code) })).await;
    text(&made["verifyEmail"]["refreshToken"])
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_that_race_at_two_servers_make_one_branch_that_ends_on_both() {
    for fresh in databases::both().await {
        let mut servers = Vec::new();
        for _ in 0..2 {
            servers.push(Server::start(fresh.folder(), &fresh.url).await);
        }
        let first = join_at(&servers).await;
        let (mut token, mut access) = (first.clone(), String::new());
        for round in 0..proof::sized(3, 50) {
            let racers = (0..32)
                .map(|racer| servers[racer % 2].run(None, REFRESH, json!({ "token": token })));
            let mut successors = Vec::new();
            for answer in join_all(racers).await {
                let payload = &answer["refreshSession"];
                assert_eq!(payload["errors"], json!([]), "{}: {payload}", fresh.name);
                successors.push(text(&payload["refreshToken"]));
                access = text(&payload["accessToken"]);
            }
            successors.dedup();
            assert_eq!(successors.len(), 1, "{}, round {round}: one branch", fresh.name);
            token = successors.remove(0);
        }
        let refused = async |server: &Server| {
            let answer = server.try_post(Some(&access), "{ me { id } }", json!({})).await;
            let answer = answer.expect("the server answers");
            answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        };
        assert!(!refused(&servers[0]).await && !refused(&servers[1]).await, "{}", fresh.name);
        let stolen = servers[0].run(None, REFRESH, json!({ "token": first })).await;
        assert_eq!(codes(&stolen["refreshSession"]), ["BAD_CREDENTIALS"], "{}", fresh.name);
        let ended = std::time::Instant::now();
        assert!(refused(&servers[0]).await, "{}: at once where it was seen", fresh.name);
        while !refused(&servers[1]).await {
            // A moment beyond the second for the machine to answer.
            let most = proof::within(std::time::Duration::from_secs(2));
            assert!(ended.elapsed() < most, "{}: and elsewhere", fresh.name);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let latest = servers[1].run(None, REFRESH, json!({ "token": token })).await;
        assert_eq!(codes(&latest["refreshSession"]), ["BAD_CREDENTIALS"], "{}", fresh.name);
        for server in servers {
            assert!(server.stop().await.success());
        }
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_whose_successor_was_used_ends_the_session_and_its_access() {
    each_database(async |bank| {
        let (ann, first) = join(bank, "ann", 1).await;
        let elsewhere = bank.sign_in(&ann).await;
        let second = refresh(bank, &first).await;
        let third = refresh(bank, &text(&second["refreshToken"])).await;
        let access = text(&third["accessToken"]);
        assert_eq!(third["session"]["current"], true);
        assert_eq!(third["user"]["id"], ann.id);
        assert!(is_open(bank, &access).await);

        let refused = refresh(bank, &first).await;
        assert_eq!(codes(&refused), ["BAD_CREDENTIALS"], "{}", bank.database);
        assert_eq!(refused["errors"][0]["path"], json!(["input", "refreshToken"]));
        assert_eq!(refused["accessToken"], Value::Null);
        for token in [&ann.token, &text(&second["accessToken"]), &access] {
            assert!(!is_open(bank, token).await, "{}: its access ends with it", bank.database);
        }
        let latest = refresh(bank, &text(&third["refreshToken"])).await;
        assert_eq!(codes(&latest), ["BAD_CREDENTIALS"], "and so does its successor");
        assert!(is_open(bank, &elsewhere).await, "another session goes on");

        let letters = bank.letters(&ann.email).await;
        let notices =
            letters.iter().filter(|l| l.subject == "We have ended one of your sessions").count();
        assert_eq!(notices, 1, "its person is told once");
        let log = bank.audit_log().await;
        let noted = ("refreshSession".to_owned(), "BAD_CREDENTIALS".to_owned());
        assert_eq!(log.iter().filter(|row| **row == noted).count(), 1, "{log:?}");
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT COUNT(*) FROM events WHERE kind = 'SESSION_ENDED'";
        let told: Option<i64> = s.query(sql).scalar().await.expect("the events are counted");
        assert_eq!(told, Some(1));
        drop(s);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_gets_the_same_successor_for_thirty_seconds() {
    each_database(async |bank| {
        let (_, first) = join(bank, "ann", 1).await;
        let second = refresh(bank, &first).await;
        bank.wait(Duration::seconds(29));
        let again = refresh(bank, &first).await;
        assert_eq!(again["errors"], json!([]));
        assert_eq!(again["refreshToken"], second["refreshToken"], "{}", bank.database);
        assert!(is_open(bank, &text(&again["accessToken"])).await);
        bank.wait(Duration::seconds(2));
        assert_eq!(codes(&refresh(bank, &first).await), ["BAD_CREDENTIALS"]);
        assert!(!is_open(bank, &text(&again["accessToken"])).await);
        assert_eq!(
            codes(&refresh(bank, &text(&second["refreshToken"])).await),
            ["BAD_CREDENTIALS"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_idleness_after_thirty_days_and_by_age_after_ninety() {
    each_database(async |bank| {
        let (_, idle) = join(bank, "ann", 1).await;
        let (_, mut token) = join(bank, "bob", 2).await;
        for days in [29, 29, 29] {
            bank.wait(Duration::days(days));
            let renewed = refresh(bank, &token).await;
            assert_eq!(renewed["errors"], json!([]), "{}", bank.database);
            token = text(&renewed["refreshToken"]);
        }
        assert_eq!(codes(&refresh(bank, &idle).await), ["BAD_CREDENTIALS"], "idle");
        bank.wait(Duration::days(3));
        assert_eq!(codes(&refresh(bank, &token).await), ["BAD_CREDENTIALS"], "old");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_it_was_made_for_and_nothing_else() {
    each_database(async |bank| {
        let (ann, refresh_token) = join(bank, "ann", 1).await;
        let data = bank.run(Some(&ann.token), "{ sessions { id } }", json!({})).await;
        let session_id = SessionId::from_wire(&text(&data["sessions"][0]["id"])).expect("an id");
        let user_id = UserId::from_wire(&ann.id).expect("an id");
        let (ring, now) = (&bank.bank.ring, bank.bank.now());
        let access = Access { user_id, session_id, expires_at: now + Duration::minutes(10) };
        let sign = |audience: &str, access: &Access, at| token::sign(ring, audience, access, at);
        let good = sign("graphql", &access, now);
        assert!(is_open(bank, &good).await, "as the bank itself signs it");

        let (head, rest) = good.split_once('.').expect("three parts");
        let (body, signature) = rest.split_once('.').expect("three parts");
        let with_head = |json: &str| {
            use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
            format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode(json))
        };
        let kid = ring.key_id_text();
        let stranger = UserId::from_uuid(session_id.uuid());
        let mut bad = vec![
            ("a refresh token", refresh_token.clone()),
            (
                "an expired one",
                sign("graphql", &Access { expires_at: now, ..access }, now - Duration::minutes(10)),
            ),
            ("one of the future", sign("graphql", &access, now + Duration::minutes(1))),
            ("of another person", sign("graphql", &Access { user_id: stranger, ..access }, now)),
            (
                "without an algorithm",
                with_head(&format!(r#"{{"alg":"none","typ":"at+jwt","kid":"{kid}"}}"#)),
            ),
            (
                "of another algorithm",
                with_head(&format!(r#"{{"alg":"HS512","typ":"at+jwt","kid":"{kid}"}}"#)),
            ),
            ("of another key", with_head(r#"{"alg":"HS256","typ":"at+jwt","kid":"00000000"}"#)),
            (
                "of another type",
                with_head(&format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#)),
            ),
            ("unsigned", format!("{head}.{body}.")),
            ("cut", good[..good.len() - 1].to_owned()),
        ];
        for facade in Facade::ALL.into_iter().filter(|facade| *facade != Facade::Graphql) {
            bad.push((facade.audience(), sign(facade.audience(), &access, now)));
        }
        for (what, token) in bad {
            let answer = bank.post(Some(&token), "{ me { id } }", json!({})).await;
            assert_eq!(answer.status, 401, "{what}: {token}");
        }
        for (what, token) in
            [("an access token", good.as_str()), ("nothing", ""), ("noise", "AAAA")]
        {
            assert_eq!(codes(&refresh(bank, token).await), ["BAD_CREDENTIALS"], "{what}");
        }
        let (other, _) = token::refresh(ring, SessionId::from_uuid(user_id.uuid()), 0);
        assert_eq!(codes(&refresh(bank, &other).await), ["BAD_CREDENTIALS"], "no such session");
        let (later, _) = token::refresh(ring, session_id, 7);
        assert_eq!(codes(&refresh(bank, &later).await), ["BAD_CREDENTIALS"], "never given out");
        assert!(is_open(bank, &good).await, "none of it has ended the session");
        assert_eq!(refresh(bank, &refresh_token).await["errors"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_revoked_in_one_process_is_refused_in_another_within_a_second() {
    each_database(async |bank| {
        let (ann, _) = join(bank, "ann", 1).await;
        let other = reassemble(bank, bank.fresh.open().await, 1, Capacity::default());
        let router = TestBank::router_over(&other);
        let there = async || {
            let query = "{ me { id } }";
            TestBank::post_to(router.clone(), &ann.token, query, json!({})).await.status
        };
        // It is known there as it was just before the end.
        assert_eq!(there().await, 200);
        bank.run(Some(&ann.token), "mutation { logout { ok } }", json!({})).await;
        let ended = std::time::Instant::now();
        assert!(!is_open(bank, &ann.token).await, "at once where it was ended");
        let refused = async {
            while there().await == 200 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), refused).await.expect("refused");
        // A moment beyond the second for the machine to answer.
        let (took, most) = (ended.elapsed(), proof::within(std::time::Duration::from_secs(2)));
        assert!(took < most, "{}: {took:?}", bank.database);
        other.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_database_cannot_be_asked_nobody_is_let_in() {
    each_database(async |bank| {
        let (ann, token) = join(bank, "ann", 1).await;
        let other = reassemble(bank, bank.fresh.open().await, 1, Capacity::default());
        other.db.close().await;
        let router = TestBank::router_over(&other);
        let asked = TestBank::post_to(router.clone(), &ann.token, "{ me { id } }", json!({})).await;
        assert_eq!(asked.status, 503, "{}", bank.database);
        assert!(!asked.header("retry-after").is_empty());
        let shown = teller::types::secret::Secret::new(token);
        let visitor = teller::bank::permit::Visitor {
            ip_address: "127.0.0.1".to_owned(),
            user_agent: None,
            request_id: "refresh".to_owned(),
        };
        let failed =
            teller::bank::refresh::refresh(&other, &visitor, Facade::Graphql, &shown).await;
        let told = format!("{:?}", failed.expect_err("it cannot be asked"));
        assert!(told.contains("Overloaded"), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_session_is_noted_once_in_five_minutes() {
    each_database(async |bank| {
        let (ann, _) = join(bank, "ann", 1).await;
        let other = reassemble(bank, bank.fresh.open().await, 1, Capacity::default());
        let router = TestBank::router_over(&other);
        let active = async || {
            let mut s = bank.bank.db.read().await.expect("the database is read");
            let sql = "SELECT last_active_at FROM sessions";
            let at: Option<teller::types::clock::Instant> =
                s.query(sql).scalar().await.expect("one session");
            at.expect("one session")
        };
        let began = active().await;
        // Another process, which knows nothing of the session yet and so asks.
        bank.wait(Duration::minutes(6));
        let query = "{ me { id } }";
        assert_eq!(
            TestBank::post_to(router.clone(), &ann.token, query, json!({})).await.status,
            200
        );
        let noted = async {
            while active().await == began {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), noted).await.expect("it is noted");
        let noted = active().await;
        assert!(noted - began >= Duration::minutes(6), "{}", bank.database);
        bank.wait(Duration::minutes(1));
        other.sessions.invalidate(&{
            let data = bank.run(Some(&ann.token), "{ sessions { id } }", json!({})).await;
            let id = SessionId::from_wire(&text(&data["sessions"][0]["id"])).expect("an id");
            (id, UserId::from_wire(&ann.id).expect("an id"))
        });
        assert_eq!(TestBank::post_to(router, &ann.token, query, json!({})).await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(active().await, noted, "{}: not for each request", bank.database);
        other.db.close().await;
    })
    .await;
}
