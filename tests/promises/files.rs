//! Files: taken, shown to whom they may be shown, and removed.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, header},
};
use chrono::Duration;
use image::ImageFormat;
use serde_json::{Value, json};
use teller::{
    bank::{
        error::Failure,
        file,
        file::Terms,
        permit::{Permit, Visitor},
        session, sweep,
    },
    domain::{refusal::Refusal, session::Facade},
    files::{format::FileFormat, multipart::Part},
    store,
    store::file::NewFile,
    types::{
        clock::Clock as _,
        id::{FileId, UserId},
    },
};

use crate::support::{
    bank::{Answer, TestBank, each_database, each_database_with, sandbox_rules},
    people::{PASSWORD, Person, codes, text},
    uploads::{Sent, form, form_type, picture},
};

const SET_AVATAR: &str = "mutation ($id: ID) { setAvatar(input: { fileId: $id }) {
    user { avatarUrl } errors { code message path } } }";

async fn set_avatar(bank: &TestBank, person: &Person, id: Value) -> Value {
    bank.run(Some(&person.token), SET_AVATAR, json!({ "id": id })).await["setAvatar"].take()
}

async fn avatar_url(bank: &TestBank, person: &Person) -> Value {
    let data = bank.run(Some(&person.token), "{ me { avatarUrl } }", json!({})).await;
    data["me"]["avatarUrl"].clone()
}

/// The permit that a person's token stands for.
async fn permit(bank: &TestBank, person: &Person) -> Permit {
    let visitor = Visitor {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: None,
        request_id: "test".to_owned(),
    };
    let permit = session::authenticate(&bank.bank, Facade::Graphql, &person.token, &visitor).await;
    permit.expect("the token opens the bank")
}

/// The store has bytes under this file's name.
async fn is_stored(bank: &TestBank, sent: &Sent) -> bool {
    let name = sent.bare().trim_start_matches("/files/");
    bank.bank.files.objects.get(name).await.expect("the store answers").is_some()
}

async fn rows(bank: &TestBank) -> i64 {
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let count = s.query("SELECT COUNT(*) FROM files").scalar().await.expect("files are counted");
    count.expect("a count")
}

fn without_id(answer: &Answer) -> Value {
    let mut body = answer.json();
    body["errors"][0]["extensions"]["requestId"].take();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_brings_files_by_cookies_only_with_their_proof() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let id = permit(bank, &ann).await.session_id;
        let csrf = session::csrf_token(&bank.bank, id).expose().to_owned();
        let content = picture(4, 3, ImageFormat::Png);
        let front = "http://localhost:3000";
        let ask = async |method: Method, path: &str, origin: Option<&str>, proof: Option<&str>| {
            let cookies = format!("teller_access={}; teller_csrf={csrf}", ann.token);
            let mut request = TestBank::request(method, path)
                .header(header::CONTENT_TYPE, form_type())
                .header(header::COOKIE, cookies);
            for (name, value) in [("origin", origin), ("x-csrf-token", proof)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let body = form("file", "a.png", "image/png", &content);
            bank.send(request.body(Body::from(body)).expect("a request")).await
        };
        let proof = Some(csrf.as_str());
        for (origin, proof) in [
            (Some(front), None),
            (None, proof),
            (Some("http://evil.example"), proof),
            (Some(front), Some("x")),
        ] {
            let refused = ask(Method::POST, "/files", origin, proof).await;
            assert_eq!(refused.status, 403, "{origin:?}: {}", refused.text());
        }
        assert_eq!(rows(bank).await, 0, "{}", bank.database);
        let taken = ask(Method::POST, "/files", Some(front), proof).await;
        assert_eq!(taken.status, 201, "{}", taken.text());
        assert_eq!(taken.header("access-control-allow-origin"), front);
        let sent = Sent::read(&taken.json());
        let shown = ask(Method::GET, sent.bare(), None, None).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
        let foreign = ask(Method::GET, sent.bare(), Some("http://evil.example"), None).await;
        assert_eq!(foreign.status, 403, "{}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_shown_to_its_owner_to_staff_and_to_whoever_has_its_url() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let sent = bank.upload(&ann, "holiday.png", &picture(40, 30, ImageFormat::Png)).await;
        assert!(sent.id.starts_with("file_"), "{sent:?}");
        let form = regex::Regex::new(r"^/files/[0-9a-f]{8}\.png\?key=[0-9a-f]{32}$");
        assert!(form.expect("a pattern").is_match(&sent.path), "{sent:?}");

        let by_key = bank.get_file(None, &sent.path).await;
        assert_eq!(by_key.status, 200, "{}", by_key.text());
        let read = image::load_from_memory_with_format(&by_key.body, ImageFormat::Png);
        assert_eq!(read.expect("a PNG image").width(), 40);
        let name = sent.bare().trim_start_matches("/files/");
        for (header, value) in [
            ("content-type", "image/png"),
            ("content-disposition", &*format!("attachment; filename=\"{name}\"")),
            ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "private, max-age=300"),
            ("content-length", &*by_key.body.len().to_string()),
        ] {
            assert_eq!(by_key.header(header), value, "{header}");
        }
        let by_owner = bank.get_file(Some(&ann.token), sent.bare()).await;
        assert_eq!((by_owner.status.as_u16(), &by_owner.body), (200, &by_key.body));
        assert_eq!(by_owner.header("cache-control"), "no-store");

        let bob = bank.join("bob", 2).await;
        let nothing = bank.get_file(Some(&bob.token), "/files/00000000.png").await;
        let wrong = format!("{}?key={}", sent.bare(), "0".repeat(32));
        for (token, path) in [
            (Some(&*bob.token), sent.bare()),
            (None, sent.bare()),
            (Some(&*bob.token), &*wrong),
            (None, &*wrong),
            (None, &*format!("{}?key=", sent.bare())),
            (None, "/files/..%2F..%2Fteller.db?key=00"),
        ] {
            let answer = bank.get_file(token, path).await;
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(without_id(&answer), without_id(&nothing), "{path}: nothing is told");
        }
        assert_eq!(bank.get_file(Some("nonsense"), sent.bare()).await.status, 401);

        let raw = "UPDATE users SET role = 'BANK_ADMIN' WHERE email_key = 'bob@example.org'";
        bank.fresh.raw(raw).await.expect("the role is set");
        assert_eq!(bank.get_file(Some(&bob.token), sent.bare()).await.status, 200);
        let log = bank.audit_log().await;
        let acts = |action: &str| log.iter().filter(|(act, _)| act == action).count();
        assert_eq!((acts("uploadFile"), acts("readFile")), (1, 1), "{log:?}");
        let raw = "UPDATE users SET role = 'DEVELOPER_ADMIN' WHERE email_key = 'ann@example.org'";
        bank.fresh.raw(raw).await.expect("the role is set");
        let of_staff = bank.get_file(Some(&bob.token), sent.bare()).await;
        assert_eq!(of_staff.status, 404, "what is a colleague's is for who makes staff");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_and_texts_are_taken_and_never_shown_in_place() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for (name, content, content_type) in [
            ("a.pdf", &b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n"[..], "application/pdf"),
            ("a.csv", b"day,amount\n2026-11-21,12.50\n", "text/csv; charset=utf-8"),
            ("a.txt", "größer als 1 < 2".as_bytes(), "text/plain; charset=utf-8"),
        ] {
            let sent = bank.upload(&ann, name, content).await;
            let answer = bank.get_file(None, &sent.path).await;
            assert_eq!((answer.header("content-type"), &answer.body[..]), (content_type, content));
            assert!(answer.header("content-disposition").starts_with("attachment; "));
            let refused = set_avatar(bank, &ann, json!(sent.id)).await;
            assert_eq!(codes(&refused), ["NOT_FOUND"], "{name} is no image");
        }
        assert_eq!(avatar_url(bank, &ann).await, Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_avatar_is_shown_in_place_and_the_one_before_is_deleted() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let first = bank.upload(&ann, "a.jpg", &picture(9, 9, ImageFormat::Jpeg)).await;
        let second = bank.upload(&ann, "b.webp", &picture(9, 9, ImageFormat::WebP)).await;
        let payload = set_avatar(bank, &ann, json!(first.id)).await;
        assert_eq!(payload["errors"], json!([]), "{payload}");
        let url = text(&payload["user"]["avatarUrl"]);
        assert_eq!(url, format!("http://127.0.0.1:8080{}", first.path));
        assert_eq!(avatar_url(bank, &ann).await, payload["user"]["avatarUrl"]);
        let shown = bank.get_file(None, &first.path).await;
        assert!(shown.header("content-disposition").starts_with("inline; "));
        assert_eq!(shown.header("cross-origin-resource-policy"), "cross-origin");

        // The same again changes nothing; another takes its place.
        assert_eq!(set_avatar(bank, &ann, json!(first.id)).await["errors"], json!([]));
        assert_eq!(bank.get_file(None, &first.path).await.status, 200);
        assert_eq!(set_avatar(bank, &ann, json!(second.id)).await["errors"], json!([]));
        assert_eq!(bank.get_file(None, &first.path).await.status, 404);
        assert!(!is_stored(bank, &first).await, "its bytes are gone as well");
        assert_eq!(codes(&set_avatar(bank, &ann, json!(first.id)).await), ["NOT_FOUND"]);

        for id in [json!(second.id), json!("file_nonsense"), json!(ann.id), json!("")] {
            let refused = set_avatar(bank, &bob, id.clone()).await;
            assert_eq!(codes(&refused), ["NOT_FOUND"], "{id}");
            assert_eq!(refused["errors"][0]["path"], json!(["input", "fileId"]));
        }
        assert_eq!(avatar_url(bank, &bob).await, Value::Null);

        let removed = set_avatar(bank, &ann, Value::Null).await;
        assert_eq!(removed["user"]["avatarUrl"], Value::Null, "{removed}");
        assert!(!is_stored(bank, &second).await);
        assert_eq!(rows(bank).await, 0);
        let log = bank.audit_log().await;
        let done = |result: &str| {
            log.iter().filter(|(act, came)| act == "setAvatar" && came == result).count()
        };
        assert_eq!((done("DONE"), done("NOT_FOUND")), (4, 5), "{log:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_more_than_the_quota_however_many_come_at_once() {
    let rules = teller::bank::context::Rules { file_quota: 19_200, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let ann = bank.join("ann", 1).await;
        let permit = Arc::new(permit(bank, &ann).await);
        let terms = Terms { bytes_max: 5_000, images_only: false };
        let send = || {
            let (bank, permit) = (bank.bank.clone(), Arc::clone(&permit));
            let content = "a".repeat(5_000).into();
            let part = Part { content, file_name: None, content_type: None };
            tokio::spawn(async move { file::upload(&bank, &permit, part, terms).await })
        };
        let sending: Vec<_> = (0..16).map(|_| send()).collect();
        let (mut taken, mut full) = (0, 0);
        for sent in sending {
            match sent.await.expect("no upload panics") {
                Ok(_) => taken += 1,
                Err(Failure::Refused(Refusal::FilesFull { quota: 19_200 })) => full += 1,
                Err(other) => panic!("{}: {other:?}", bank.database),
            }
        }
        assert_eq!((taken, full, rows(bank).await), (3, 13, 3), "{}", bank.database);
        // Over HTTP it is told as what it is.
        let body = form("file", "a.txt", "text/plain", "a".repeat(5_000).as_bytes());
        let answer = bank.post_file(Some(&ann.token), body).await;
        assert_eq!(answer.status, 507);
        let error = &answer.json()["errors"][0];
        assert_eq!(error["extensions"]["code"], "FILES_FULL");
        assert_eq!(error["extensions"]["inputPath"], json!(["file"]));
        let small = bank.upload(&ann, "b.txt", b"there is room for this").await;
        assert_eq!(bank.get_file(None, &small.path).await.status, 200);
        // However small they are, their number is bounded: each counts 4 KiB at least.
        let answer = bank.post_file(Some(&ann.token), form("file", "c.txt", "", b"c")).await;
        assert_eq!(answer.status, 507);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_broke_off_leaves_only_what_the_sweep_removes() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let user_id = UserId::from_wire(&ann.id).expect("a person's id");
        // As a process leaves it that dies between the row and its end: one file with
        // bytes, one without.
        let sent = Sent { id: String::new(), path: "/files/0badcafe.txt".to_owned() };
        for name in ["0badcafe.txt", "1badcafe.txt"] {
            let file_id = FileId::generate(bank.clock.as_ref(), bank.bank.entropy.as_ref());
            let new = NewFile {
                file_id,
                owner_id: user_id,
                name,
                format: FileFormat::Text,
                size: 5,
                access_key: b"sealed",
                digest: &[0; 32],
                at: bank.clock.now(),
            };
            let mut s = bank.bank.db.write().await.expect("a transaction");
            assert!(store::file::insert(&mut s, &new).await.expect("the row is written"));
            s.commit().await.expect("the row is there");
        }
        bank.bank.files.objects.put("0badcafe.txt", "hello".into()).await.expect("it is kept");
        assert_eq!(bank.get_file(Some(&ann.token), sent.bare()).await.status, 404, "not yet");
        let kept = bank.upload(&ann, "a.txt", b"kept").await;

        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!(swept.files, 0, "they may still arrive");
        bank.wait(Duration::hours(1));
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!((swept.files, rows(bank).await), (2, 1), "{}", bank.database);
        assert!(!is_stored(bank, &sent).await);
        assert!(is_stored(bank, &kept).await, "what arrived stays");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_takes_their_files_along() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let avatar = bank.upload(&ann, "a.png", &picture(5, 5, ImageFormat::Png)).await;
        let paper = bank.upload(&ann, "a.txt", b"hello").await;
        let other = bank.upload(&bob, "b.txt", b"hello").await;
        assert_eq!(set_avatar(bank, &ann, json!(avatar.id)).await["errors"], json!([]));
        let delete = "mutation ($password: String!) {
            deleteAccount(input: { password: $password }) { errors { message } } }";
        let variables = json!({ "password": PASSWORD });
        let left = bank.run(Some(&ann.token), delete, variables).await;
        assert_eq!(left["deleteAccount"]["errors"], json!([]));
        for gone in [&avatar, &paper] {
            assert_eq!(bank.get_file(None, &gone.path).await.status, 404);
        }
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!((swept.files, rows(bank).await), (2, 1), "{}", bank.database);
        assert!(!is_stored(bank, &avatar).await && !is_stored(bank, &paper).await);
        assert_eq!(bank.get_file(None, &other.path).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_taken_a_few_at_once_and_not_all_of_one_person() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let whose = UserId::from_wire(&ann.id).expect("a person's id").uuid();
        let body = || form("file", "a.txt", "text/plain", b"hello");
        let desk = &bank.bank.files.desk;
        let seats = [desk.enter(whose), desk.enter(whose)];
        let answer = bank.post_file(Some(&ann.token), body()).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "1"));
        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        drop(seats);
        let others: Vec<_> = (1..=8_u128)
            .map(|number| desk.enter(uuid::Uuid::from_u128(number)).expect("there is a place"))
            .collect();
        let answer = bank.post_file(Some(&ann.token), body()).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
        drop(others);
        assert_eq!(bank.post_file(Some(&ann.token), body()).await.status, 201);
    })
    .await;
}
