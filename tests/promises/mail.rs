//! Letters: they leave once, late rather than never, and never too late.

use std::sync::Arc;

use chrono::Duration;
use serde_json::json;
use teller::{
    bank::{
        context::{Bank, PostOffice},
        outbox,
        permit::Visitor,
        registration,
        registration::Form,
        signup, sweep,
    },
    mail::carrier::Smtp,
    store,
    types::{clock::Clock as _, language::Language, secret::Secret},
};
use tokio::sync::Notify;

use crate::support::{
    bank::{TestBank, each_database},
    people::{registration, text},
    smtp::SmtpServer,
};

/// The same bank, which sends its letters to a server.
fn sending_to(bank: &TestBank, url: &str) -> Bank {
    let smtp = Smtp::from_url(url, "Teller <bank@example.org>").expect("the URL is usable");
    let post_office = PostOffice {
        captures: true,
        smtp: Some(smtp),
        frontend_url: None,
        wake: Arc::new(Notify::new()),
    };
    Bank { post_office, ..bank.bank.clone() }
}

/// Asks for an account in a bank that sends its letters to a server.
async fn register_with(bank: &TestBank, url: &str) -> Bank {
    let sending = sending_to(bank, url);
    let input = registration("ann", 1);
    let form = Form {
        email: text(&input["email"]),
        phone_number: text(&input["phoneNumber"]),
        social_security: Secret::new(text(&input["socialSecurity"])),
    };
    registration::register_unlimited(&sending, &form).await.expect("the registration is taken");
    sending
}

async fn waiting(bank: &TestBank) -> i64 {
    let mut session = bank.bank.db.read().await.expect("the database is read");
    store::outbox::count(&mut session).await.expect("the outbox is counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_to_the_smtp_server_and_is_captured() {
    each_database(async |bank| {
        let mut server = SmtpServer::start(&[]).await;
        let sending = register_with(bank, &server.url).await;
        assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
        let letter = server.letter().await;
        assert_eq!(letter["to"], json!(["ann@example.org"]));
        assert_eq!(letter["from"], "bank@example.org");
        assert_eq!(letter["subject"], "Verify your email address");
        let captured = bank.letters("ann@example.org").await;
        let line =
            |text: &str| text.lines().map(str::trim).find(|l| l.len() == 6).map(str::to_owned);
        assert_eq!(line(&text(&letter["text"])), line(&captured[0].text));
        assert!(text(&letter["html"]).contains("<h1"), "{letter}");
        assert_eq!((captured.len(), waiting(bank).await), (1, 0));
        assert!(server.end().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_plain_text_goes_out_as_such_in_any_language() {
    each_database(async |bank| {
        let mut server = SmtpServer::start(&[]).await;
        let sending = sending_to(bank, &server.url);
        let visitor = Visitor {
            ip_address: "192.0.2.7".to_owned(),
            user_agent: None,
            request_id: "one".to_owned(),
        };
        let form = signup::Form {
            email: "ann@example.org".to_owned(),
            invite_code: None,
            language: Language::Ru,
        };
        signup::request(&sending, &visitor, "/u/", &form).await.expect("the signup is taken");
        assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
        let letter = server.letter().await;
        assert_eq!(letter["subject"], "Пожалуйста, подтвердите ваш email-адрес");
        assert!(!letter["html"].is_string(), "{letter}");
        let captured = bank.letters("ann@example.org").await;
        let of = |text: &str| text.lines().find(|row| row.contains("/u/")).map(str::to_owned);
        let link = of(&text(&letter["text"])).expect("a link");
        assert_eq!(Some(link), of(&captured[0].text), "a link is on one line");
        assert!(server.end().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_put_off_is_sent_later_and_once() {
    each_database(async |bank| {
        for fault in ["451", "drop"] {
            let mut server = SmtpServer::start(&["--fault", fault, "--times", "2"]).await;
            let sending = register_with(bank, &server.url).await;
            for _ in 0..2 {
                assert_eq!(
                    outbox::drain(&sending).await.expect("the outbox is read"),
                    1,
                    "{fault}"
                );
                assert_eq!(waiting(bank).await, 1, "{}: put off after {fault}", bank.database);
                assert_eq!(outbox::drain(&sending).await.expect("read"), 0, "its turn comes later");
                bank.wait(Duration::seconds(5));
            }
            assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
            assert_eq!(server.letter().await["subject"], "Verify your email address");
            assert_eq!(waiting(bank).await, 0);
            assert!(server.end().await.success());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_for_good_is_given_up() {
    each_database(async |bank| {
        let server = SmtpServer::start(&["--fault", "550"]).await;
        let sending = register_with(bank, &server.url).await;
        assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
        assert_eq!(waiting(bank).await, 0);
        assert!(server.end().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_kept_while_our_own_mail_settings_are_wrong() {
    each_database(async |bank| {
        let mut server = SmtpServer::start(&["--auth", "bank:secret"]).await;
        let sending = register_with(bank, &server.url.replace("://", "://bank:wrong@")).await;
        assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
        assert_eq!(waiting(bank).await, 1, "{}: a wrong password loses no letter", bank.database);
        let smtp =
            Smtp::from_url(&server.url.replace("://", "://bank:secret@"), "bank@example.org");
        let post_office =
            PostOffice { smtp: Some(smtp.expect("usable")), ..sending.post_office.clone() };
        let mended = Bank { post_office, ..sending };
        bank.wait(Duration::seconds(5));
        assert_eq!(outbox::drain(&mended).await.expect("the outbox is read"), 1);
        assert_eq!(server.letter().await["subject"], "Verify your email address");
        assert_eq!(waiting(bank).await, 0);
        assert!(server.end().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_code_has_expired_is_never_sent() {
    each_database(async |bank| {
        // Nobody listens on this port, which was just free.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address");
        let sending = register_with(bank, &format!("smtp://{port}")).await;
        assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
        assert_eq!(waiting(bank).await, 1, "the server is down");
        assert_eq!(
            bank.letters("ann@example.org").await.len(),
            1,
            "and the inbox shows it already"
        );
        bank.wait(Duration::hours(24));
        assert_eq!(outbox::drain(&sending).await.expect("the outbox is read"), 1);
        assert_eq!(waiting(bank).await, 0);
        assert!(bank.letters("ann@example.org").await.is_empty(), "it is shown no more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_send_each_letter_once() {
    each_database(async |bank| {
        for index in 0..10 {
            bank.register(registration(&format!("person{index}"), index)).await;
        }
        let drain = || outbox::drain(&bank.bank);
        let (one, two, three) = tokio::join!(drain(), drain(), drain());
        let sent = one.expect("read") + two.expect("read") + three.expect("read");
        assert_eq!(sent, 10, "{}", bank.database);
        for index in 0..10 {
            assert_eq!(bank.letters(&format!("person{index}@example.org")).await.len(), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_json_for_programs_and_a_page_for_people() {
    each_database(async |bank| {
        for (name, index) in [("ann", 1), ("bob", 2)] {
            bank.register(registration(name, index)).await;
            bank.letters(&format!("{name}@example.org")).await;
        }
        let ask = async |query: &str, accept: &str| {
            let path = format!("/dev/inbox{query}");
            let request =
                TestBank::request(axum::http::Method::GET, &path).header("accept", accept);
            bank.send(request.body(axum::body::Body::empty()).expect("a request")).await
        };
        let answer = ask("?to=ann@example.org", "application/json").await;
        assert_eq!(answer.header("content-type"), "application/json");
        let letters = answer.json();
        let keys: Vec<&String> = letters[0].as_object().expect("a letter").keys().collect();
        assert_eq!(keys, ["html", "id", "sentAt", "subject", "text", "to"]);
        assert_eq!(letters.as_array().map(Vec::len), Some(1));
        let all = ask("", "*/*").await.json();
        let to: Vec<String> =
            all.as_array().expect("letters").iter().map(|l| text(&l["to"])).collect();
        assert_eq!(to, ["ann@example.org", "bob@example.org"], "oldest first");
        assert_eq!(ask("?to=nobody@example.org", "application/json").await.json(), json!([]));
        let page = ask("?to=ann@example.org", "text/html,*/*;q=0.8").await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        assert!(page.text().contains("Verify your email address"), "{}", page.text());
        let hostile = ask("?to=%22%3E%3Cscript%3E", "text/html").await;
        assert!(!hostile.text().contains("<script"), "{}", hostile.text());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_swept() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        bank.letters("ann@example.org").await;
        let bob = bank.join("bob", 2).await;
        let card = bank.card(&bob).await;
        bank.top_up(&bob, "k", &card.id, "1").await;
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!(swept, sweep::Swept::default(), "nothing has expired at {}", bank.clock.now());
        bank.wait(Duration::hours(25));
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!((swept.registrations, swept.letters), (1, 2), "{}", bank.database);
        bank.wait(Duration::days(90));
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!((swept.sessions, swept.keys), (0, 1), "an event may still name the session");
        bank.wait(Duration::days(31));
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!((swept.sessions, swept.keys), (1, 0), "{}", bank.database);
    })
    .await;
}
