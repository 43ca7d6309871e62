//! What strangers cannot do at the door of fintract: fill the memory, ask without end who is a
//! customer, write to anybody, or guess away the code of somebody else.

use std::time::Duration as Time;

use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
};
use chrono::Duration;
use futures_util::stream;
use serde_json::Value;
use teller::{
    bank::context::Rules,
    domain::attempt::{Allowance, Allowances},
    types::id::UserId,
};
use uuid::Uuid;

use crate::{
    fintract::{
        BAD_TOKEN, DENIED, INVALID, LOGIN, NO_CREDENTIALS, REGISTER, answer, enter, join, link,
        post, register, with,
    },
    support::{
        bank::{TestBank, each_database, each_database_with, sandbox_rules},
        people::{PASSWORD, Person},
        uploads::{form, form_type},
        wire::Check,
    },
};

const THROTTLED: &str = r#"{"detail":"Request was throttled."}"#;
const UPDATED: &str = r#"{"message":"Updated Successfully"}"#;
/// How soon an answer must be there that waits for no body: sooner than a body may take.
const AT_ONCE: Time = Time::from_secs(8);

/// A file whose body never ends to come.
fn held_back(path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = TestBank::request(Method::POST, path)
        .header("content-type", form_type())
        .header("content-length", 5 * 1024 * 1024);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = stream::pending::<Result<Bytes, std::io::Error>>();
    request.body(Body::from_stream(body)).expect("a request")
}

#[tokio::test]
async fn fintract_reads_no_file_before_it_knows_whose_it_is() {
    each_database(async |bank| {
        let (ann, _) = join(bank, "ann").await;
        let (_, bob) = join(bank, "bob").await;
        let avatar = format!("/auth/avatar/{ann}/");
        for (path, token, status, told) in [
            ("/auth/upload/", None, 401, NO_CREDENTIALS),
            ("/compat/fintract/auth/upload", None, 401, NO_CREDENTIALS),
            ("/auth/upload/", Some("x"), 401, BAD_TOKEN),
            ("/auth/avatar/1/", None, 401, NO_CREDENTIALS),
            (avatar.as_str(), Some(bob.as_str()), 403, DENIED),
        ] {
            let sent = tokio::time::timeout(AT_ONCE, bank.send(held_back(path, token))).await;
            let answer = sent.unwrap_or_else(|_| panic!("{path}: the body is waited for"));
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, told), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn fintract_takes_files_at_the_desk_of_everybody() {
    each_database(async |bank| {
        let (ann, token) = join(bank, "ann").await;
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT user_id FROM users WHERE email_key = 'ann@example.org'";
        let id: Option<UserId> = s.query(sql).scalar().await.expect("the person is read");
        drop(s);
        let (desk, id) = (&bank.bank.files.desk, id.expect("a person").uuid());
        let take = |whose: Uuid| desk.enter(whose).expect("a free place");
        let avatar = format!("/auth/avatar/{ann}/");
        let upload = |path: &str| {
            let body = form("file", "a.csv", "text/csv", b"a,b\n1,2\n");
            with(&token, "POST", path).body(&form_type(), body)
        };
        let own = [take(id), take(id)];
        for path in ["/auth/upload/", &avatar] {
            upload(path).gets("retry-after", "1").expect(bank, 429, THROTTLED).await;
        }
        drop(own);
        let others: Vec<_> = (0..8).map(|number| take(Uuid::from_u128(number / 2))).collect();
        let busy = r#"{"detail":"Service Unavailable"}"#;
        for path in ["/auth/upload/", &avatar] {
            upload(path).gets("retry-after", "1").expect(bank, 503, busy).await;
        }
        drop(others);
        // Whoever is sending has a place until it is done, or the client goes away.
        let mut sent = Box::pin(bank.send(held_back("/auth/upload/", Some(&token))));
        let filled = async {
            while let (Ok(one), Ok(two)) = (desk.enter(id), desk.enter(id)) {
                drop((one, two));
                tokio::time::sleep(Time::from_millis(10)).await;
            }
        };
        tokio::select! {
            answer = &mut sent => panic!("nothing was sent: {}", answer.text()),
            filled = tokio::time::timeout(AT_ONCE, filled) => filled.expect("a place is filled"),
        }
        drop(sent);
        drop([take(id), take(id)]);
        upload("/auth/upload/").expect(bank, 201, r#"{"url":"{{text}}"}"#).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_for_another_address_is_dead_once_the_session_is_that_asked_for_it() {
    each_database(async |bank| {
        let (ann, token) = join(bank, "ann").await;
        with(&token, "PATCH", &format!("/auth/update/usr/{ann}/"))
            .json(r#"{"email":"thief@example.org"}"#)
            .expect(bank, 200, UPDATED)
            .await;
        let path = link(bank, "thief@example.org").await;
        // The owner comes in elsewhere, and ends what is not theirs.
        let owner =
            Person { email: "ann@example.org".to_owned(), token: String::new(), id: String::new() };
        let own = bank.sign_in(&owner).await;
        let end = "mutation { revokeOtherSessions { errors { code } } }";
        bank.run(Some(&own), end, Value::Null).await;
        let wrong = "This link is wrong, was used, or has expired. Ask for a new letter.\n";
        Check::new("GET", &path).expect(bank, 404, wrong).await;
        let me = bank.run(Some(&own), "{ me { email } }", Value::Null).await;
        assert_eq!(me["me"]["email"], "ann@example.org", "{}", bank.database);
    })
    .await;
}

fn limited(registration: &str, registration_address: &str) -> Rules {
    let allowance = |text: &str| text.parse::<Allowance>().expect("an allowance");
    let allowances = Allowances {
        registration: allowance(registration),
        registration_address: allowance(registration_address),
        ..Allowances::SANDBOX
    };
    Rules { allowances, ..sandbox_rules() }
}

#[tokio::test]
async fn fintract_writes_to_a_new_address_and_from_one_place_only_so_often() {
    each_database_with(limited("3/1h", "8/1h"), async |bank| {
        let (ann, token) = join(bank, "ann").await;
        let path = format!("/auth/update/usr/{ann}/");
        let update = |member: &str, value: &str| {
            with(&token, "PATCH", &path).json(&format!(r#"{{"{member}":"{value}"}}"#))
        };
        let throttled = async |check: Check| {
            check.gets("retry-after", "{{int}}").expect(bank, 429, THROTTLED).await;
        };
        let letters = async |to: &str| bank.letters(to).await.len();
        for _ in 0..3 {
            update("email", "bob@example.org").expect(bank, 200, UPDATED).await;
        }
        throttled(update("email", "Bob@example.org")).await;
        assert_eq!(letters("bob@example.org").await, 3);
        // What stays as it is tells nothing, and counts for nothing.
        for _ in 0..5 {
            update("email", "Ann@example.org").expect(bank, 200, UPDATED).await;
            update("username", "ANN").expect(bank, 200, UPDATED).await;
        }
        // Five are counted for the address: the registration, and four above.
        for name in ["c", "d", "e"] {
            let email = format!("{name}@example.org");
            update("email", &email).expect(bank, 200, UPDATED).await;
            assert_eq!(letters(&email).await, 1);
        }
        throttled(update("email", "f@example.org")).await;
        assert_eq!(letters("f@example.org").await, 0);
        // A name that is new is asked for as seldom.
        bank.wait(Duration::minutes(61));
        let token = enter(bank, "ann", &ann).await;
        let rename = |name: &str| {
            let body = format!(r#"{{"username":"{name}","name":"Ann Lee"}}"#);
            with(&token, "PUT", "/auth/user-update/").json(&body)
        };
        for name in ["ann1", "ann2", "ann3"] {
            rename(name).expect(bank, 200, r#"{"msg":"Account Successfully Updated"}"#).await;
        }
        throttled(rename("ann4")).await;
    })
    .await;
}

/// A registration of which only these members are right.
fn half(members: &str) -> Check {
    post(REGISTER, &format!(r#"{{{members},"password":"x","password2":"x","phone":"1"}}"#))
}

#[tokio::test]
async fn fintract_tells_who_is_a_customer_only_so_often() {
    each_database_with(limited("5/1h", "6/1h"), async |bank| {
        register(bank, "ann", r#","customer_id":"123456789012""#).await;
        let taken = r#""username":"ann","customer_id":"123456789012""#;
        // Who names no address is told nothing, and is counted.
        let missing = r#"{"email":["This field is required."]}"#;
        half(taken).expect(bank, 400, missing).await;
        let wrong = r#"{"email":["Enter a valid email address."]}"#;
        half(&format!(r#""email":"nope",{taken}"#)).expect(bank, 400, wrong).await;
        let told = r#"{"username":["A user with that username already exists."],"customer_id":["user with this customer id already exists."]}"#;
        for name in ["a", "b", "c"] {
            let email = format!(r#""email":"{name}@example.org""#);
            half(&format!("{email},{taken}")).expect(bank, 400, told).await;
        }
        for email in ["", r#""email":"nope","#, r#""email":"d@example.org","#] {
            half(&format!("{email}{taken}"))
                .gets("retry-after", "{{int}}")
                .expect(bank, 429, THROTTLED)
                .await;
        }
    })
    .await;
}

/// Rules of a bank behind a proxy that says where requests come from.
fn behind_a_proxy() -> Rules {
    let trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    Rules { trusted_proxies, ..sandbox_rules() }
}

fn from(check: Check, address: &str) -> Check {
    check.header("x-forwarded-for", address)
}

const HERE: &str = "192.0.2.1";

/// Asks for a code from here; the code, and one that is wrong.
async fn ask(bank: &TestBank, id: &str) -> (String, &'static str) {
    let body =
        format!(r#"{{"email":"ann@example.org","otpType":"Email","password":"{PASSWORD}"}}"#);
    let asked = format!(r#"{{"data":{{"id":{id}}}}}"#);
    from(post(LOGIN, &body), HERE).expect(bank, 200, &asked).await;
    let code = bank.code("ann@example.org").await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    (code, wrong)
}

async fn guesses(bank: &TestBank) -> Option<i64> {
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let sql = "SELECT guesses FROM challenges WHERE purpose = 'LOGIN'";
    s.query(sql).scalar().await.expect("the guesses are read")
}

#[tokio::test]
async fn strangers_cannot_guess_away_a_code_that_somebody_else_was_sent() {
    each_database_with(behind_a_proxy(), async |bank| {
        let id = register(bank, "ann", "").await;
        let signed_in = r#"{"message":"Successfully Logged In","id":{{int}},"customer_id":"{{digits}}","email":"ann@example.org","username":"ann","verification_status":true,"tokens":{"refresh":"{{jwt}}","access":"{{jwt}}"},"user_type":"CUSTOMER"}"#;
        let (code, wrong) = ask(bank, &id).await;
        for number in 0..20 {
            let stranger = format!("198.51.100.{number}");
            from(answer(&id, wrong), &stranger).expect(bank, 400, INVALID).await;
        }
        assert_eq!(guesses(bank).await, Some(2), "{}", bank.database);
        // Strangers have had all of theirs, even with the right one.
        from(answer(&id, &code), "203.0.113.7").expect(bank, 400, INVALID).await;
        for _ in 0..2 {
            from(answer(&id, wrong), HERE).expect(bank, 400, INVALID).await;
        }
        from(answer(&id, &code), HERE).expect(bank, 200, signed_in).await;
        // Never more than five in all, whoever they are of.
        let (code, wrong) = ask(bank, &id).await;
        for address in ["198.51.100.1", HERE, HERE, "198.51.100.2", HERE] {
            from(answer(&id, wrong), address).expect(bank, 400, INVALID).await;
        }
        from(answer(&id, &code), HERE).expect(bank, 400, INVALID).await;
        // Whoever is on the way to another network has a guess there.
        let (code, _) = ask(bank, &id).await;
        from(answer(&id, &code), "203.0.113.7").expect(bank, 200, signed_in).await;
    })
    .await;
}
