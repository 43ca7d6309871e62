//! financelime: what its clients send to become customers, and every byte that they get back.

use std::net::SocketAddr;

use axum::{body::Body, extract::connect_info::MockConnectInfo, http::Method};
use chrono::Duration;
use serde_json::{Value, json};
use teller::{
    bank::{invite, operator},
    compat::wire::doors::{Doors, Settings},
    domain::{attempt::Allowances, second_factor::PasswordDialect},
    http::{document_cache, graphql::Graphql, router},
};
use tower::ServiceExt as _;

use crate::support::{
    bank::{TestBank, each_database},
    cardbank,
    financelime::{
        BAD_PARAMETERS, BAD_REQUEST, CONFIRMED, CREATE, INVITE_HAS_ENDED, INVITE_NOT_FOUND, JSON,
        LIST, NOT_FOUND, PASSWORD, REFRESH, REMOVE, REQUEST, RESET, SIGN_UP, TOKENS, TOO_MANY,
        UNAUTHORIZED, USER_ALREADY_EXIST, USER_NOT_FOUND, VERSION, ask_reset, call, create, enter,
        invited, join, link, newest, password, post, remove, renew, sign_up, with,
    },
    people::{codes, proof, registration},
    wire::Check,
};

#[tokio::test]
async fn financelime_asks_every_program_for_the_name_of_its_request() {
    each_database(async |bank| {
        let told = r#"{"number":"v0.2.0-alpha","build":"{{hex:7}} [{{text}}]"}"#;
        let got = call("GET", VERSION)
            .gets("content-type", JSON)
            .gets("x-content-type-options", "nosniff")
            .gets("deprecation", "@1795651200")
            .expect(bank, 200, told)
            .await;
        let time = chrono::NaiveDateTime::parse_from_str(got.part(1), "%Y-%m-%d_%H:%M:%S");
        assert!(time.is_ok(), "{}", got.part(1));
        // The checksum in it is nobody's affair.
        for name in ["K7800-H7625-Z5852-N1693-K1972", "12345678901234567890123456789"] {
            Check::new("GET", VERSION).header("request-id", name).expect(bank, 200, told).await;
            let path = format!("/compat/financelime/v1/version/?rid={name}");
            Check::new("GET", &path).expect(bank, 200, told).await;
        }
        let good = format!("{VERSION}?rid={REQUEST}");
        for check in [
            Check::new("GET", VERSION),
            Check::new("GET", VERSION).header("request-id", "short"),
            Check::new("GET", VERSION).header("request-id", &"x".repeat(30)),
            Check::new("GET", &format!("{VERSION}?rid=short")),
            Check::new("GET", &good).header("request-id", "short"),
            Check::new("GET", &good).header("request-id", "\u{e9}"),
            Check::new("POST", SIGN_UP).json("{}"),
            Check::new("POST", &format!("{SIGN_UP}?rid={REQUEST}")).json("{}"),
            Check::new("POST", PASSWORD),
            Check::new("POST", CREATE),
            Check::new("PUT", REFRESH),
            Check::new("GET", LIST),
            Check::new("DELETE", REMOVE),
        ] {
            let check = check.gets("content-type", JSON).gets("x-content-type-options", "nosniff");
            check.expect(bank, 400, BAD_REQUEST).await;
        }
    })
    .await;
}

#[tokio::test]
async fn financelime_says_in_one_order_what_is_wrong_with_a_call() {
    each_database(async |bank| {
        for path in ["/v1", "/v1/nothing", "/u", "/u/a/b", "/p/", "/compat/financelime/api/topup"] {
            Check::new("GET", path)
                .gets("content-type", JSON)
                .gets("deprecation", "@1795651200")
                .expect(bank, 404, NOT_FOUND)
                .await;
        }
        for (method, path, allow) in [
            ("POST", VERSION, "GET"),
            ("GET", SIGN_UP, "POST"),
            ("GET", PASSWORD, "POST"),
            ("GET", CREATE, "POST"),
            ("POST", REFRESH, "PUT"),
            ("POST", LIST, "GET"),
            ("GET", REMOVE, "DELETE"),
            ("POST", "/u/abcefghijkmnopq2", "GET"),
            ("HEAD", "/u/abcefghijkmnopq2", "GET"),
            ("HEAD", "/p/abcefghijkmnopq2", "GET"),
        ] {
            let check = Check::new(method, path).gets("allow", allow).gets_no("content-type");
            check.expect(bank, 405, "").await;
        }
        for path in [SIGN_UP, PASSWORD, CREATE] {
            call("POST", path).expect(bank, 400, BAD_PARAMETERS).await;
            call("POST", path).body("text/plain", "{}").expect(bank, 400, BAD_PARAMETERS).await;
            for body in ["", "{", "[]", "null", "\"x\"", "{}"] {
                call("POST", path).json(body).expect(bank, 400, BAD_PARAMETERS).await;
            }
        }
        for check in [with("x", "GET", LIST), with("x", "DELETE", REMOVE), call("DELETE", REMOVE)] {
            check.expect(bank, 401, UNAUTHORIZED).await;
        }
        let large = format!("{{\"email\":\"{}\"}}", "x".repeat(256 * 1024));
        call("POST", SIGN_UP)
            .json(&large)
            .expect(bank, 413, r#"{"code":413,"message":"413 Content Too Large"}"#)
            .await;
    })
    .await;
}

#[tokio::test]
async fn financelime_signs_up_whom_a_code_invites() {
    each_database(async |bank| {
        invited(bank).await;
        let email = "ann@example.org";
        let long = format!("{}@example.org", "a".repeat(250));
        for (email, code, language) in [
            ("nope", "testInviteCode", "en"),
            ("a@", "testInviteCode", "en"),
            ("", "testInviteCode", "en"),
            (long.as_str(), "testInviteCode", "en"),
            (email, "", "en"),
            (email, "ab", "en"),
            (email, "a b c", "en"),
            (email, "01234567890123456", "en"),
            (email, "testInviteCode", ""),
            (email, "testInviteCode", "ne"),
            (email, "testInviteCode", "EN"),
        ] {
            sign_up(email, code, language).expect(bank, 400, BAD_PARAMETERS).await;
        }
        for body in [
            json!({ "inviteCode": "testInviteCode", "language": "en" }),
            json!({ "email": email, "language": "en" }),
            json!({ "email": email, "inviteCode": "testInviteCode" }),
            json!({ "email": 1, "inviteCode": "testInviteCode", "language": "en" }),
            json!({ "email": email, "inviteCode": 123, "language": "en" }),
            json!({ "email": email, "inviteCode": "testInviteCode", "language": null }),
        ] {
            post(SIGN_UP, &body).expect(bank, 400, BAD_PARAMETERS).await;
        }
        sign_up(email, "unknown", "en").expect(bank, 409, INVITE_NOT_FOUND).await;
        let done = sign_up(email, "testInviteCode", "en").gets_no("content-type");
        done.expect(bank, 204, "").await;
        sign_up("ANN@example.org", "testInviteCode", "en")
            .expect(bank, 409, USER_ALREADY_EXIST)
            .await;
        // What is wrong with the code is told before who is a customer.
        sign_up(email, "unknown", "en").expect(bank, 409, INVITE_NOT_FOUND).await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "Please verify your email address");
        assert_eq!(letter.html, "", "its letters are plain text");
        let link = link(&letter);
        let form = regex::Regex::new(
            r"\A/u/[abcefghijkmnopqrtuvwxyz23479]{16}\?rid=[A-Z][0-9]{4}(-[A-Z][0-9]{4}){4}\z",
        );
        assert!(form.expect("a pattern").is_match(&link), "{link}");
        let check = Check::new("GET", &link).gets("content-type", "text/plain;charset=utf-8");
        check.expect(bank, 200, CONFIRMED).await;
        Check::new("GET", &link).expect(bank, 404, NOT_FOUND).await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "Your password to login Financelime");
        enter(bank, email, &password(&letter)).await;
        sign_up(email, "testInviteCode", "en").expect(bank, 409, USER_ALREADY_EXIST).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_opens_a_link_for_a_day_and_no_other() {
    each_database(async |bank| {
        invited(bank).await;
        let email = "ann@example.org";
        sign_up(email, "testInviteCode", "en").expect(bank, 204, "").await;
        let path = link(&newest(bank, email).await);
        for unknown in [
            "/u/abcefghijkmnopq2",
            "/u/ABCEFGHIJKMNOPQ2",
            "/u/short",
            "/u/%F0%9F%A6%80",
            &path.replace("/u/", "/p/"),
        ] {
            Check::new("GET", unknown)
                .gets("content-type", JSON)
                .expect(bank, 404, NOT_FOUND)
                .await;
        }
        bank.wait(Duration::hours(24));
        Check::new("GET", &path).expect(bank, 404, NOT_FOUND).await;
        // What has expired reserves nothing.
        sign_up(email, "testInviteCode", "ru").expect(bank, 204, "").await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "Пожалуйста, подтвердите ваш email-адрес");
        // It opens without the name of a request as well, and below the dialect's prefix.
        let path = link(&letter);
        let (path, _) = path.split_once('?').expect("a query");
        Check::new("GET", &format!("/compat/financelime{path}"))
            .expect(
                bank,
                200,
                "Ваша регистрация подтверждена. Письмо с паролем уже отправлено вам.\n",
            )
            .await;
        let first = newest(bank, email).await;
        assert_eq!(first.subject, "Ваш пароль для входа в Financelime");
        enter(bank, email, &password(&first)).await;
        assert_eq!(newest(bank, email).await.subject, "Вы вошли в свой аккаунт");
        ask_reset(bank, email).await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "Пожалуйста, подтвердите сброс пароля");
        Check::new("GET", &link(&letter))
            .expect(bank, 200, "Ваш пароль сброшен. Письмо с новым паролем уже отправлено вам.\n")
            .await;
        assert_eq!(newest(bank, email).await.subject, "Ваш новый пароль для входа в Financelime");
    })
    .await;
}

#[tokio::test]
async fn financelime_asks_for_no_code_where_the_operator_does_not() {
    each_database(async |bank| {
        let settings = Settings { invite_required: false, ..Settings::default() };
        let doors = Doors::new(bank.bank.clone(), settings);
        let transport = Graphql::new(bank.bank.clone(), document_cache::BYTES_MAX);
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let router = router::with_doors(transport, doors).layer(MockConnectInfo(peer));
        let answered = async |body: Value| {
            let request = TestBank::request(Method::POST, SIGN_UP)
                .header("request-id", REQUEST)
                .header("content-type", "application/json")
                .body(Body::from(body.to_string()))
                .expect("a request");
            let answer = router.clone().oneshot(request).await.expect("the router never fails");
            answer.status().as_u16()
        };
        let asked = |email: &str, code: Value| {
            json!({ "email": email, "inviteCode": code, "language": "en" })
        };
        assert_eq!(answered(asked("ann@example.org", json!("unknown"))).await, 409);
        assert_eq!(answered(asked("ann@example.org", json!("a b"))).await, 400);
        assert_eq!(answered(asked("ann@example.org", Value::Null)).await, 204);
        assert_eq!(answered(asked("bob@example.org", json!(""))).await, 204);
        let body = json!({ "email": "cat@example.org", "language": "en" });
        assert_eq!(answered(body).await, 204);
        let path = link(&newest(bank, "cat@example.org").await);
        Check::new("GET", &path).expect(bank, 200, CONFIRMED).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_lets_no_more_come_with_a_code_than_it_invites() {
    each_database(async |bank| {
        let life = Some(Duration::days(2));
        invite::write(&bank.bank, "two-only", 2, life, None).await.expect("the code is written");
        let shown = async || {
            let all = invite::list(&bank.bank).await.expect("the codes are read");
            (all[0].issued, all[0].reserved)
        };
        sign_up("one@example.org", "two-only", "en").expect(bank, 204, "").await;
        sign_up("two@example.org", "two-only", "en").expect(bank, 204, "").await;
        assert_eq!(shown().await, (0, 2));
        let third = || sign_up("three@example.org", "two-only", "en");
        third().expect(bank, 409, INVITE_HAS_ENDED).await;
        // It has ended also for who is on their way.
        sign_up("one@example.org", "two-only", "en").expect(bank, 409, INVITE_HAS_ENDED).await;
        let path = link(&newest(bank, "one@example.org").await);
        Check::new("GET", &path).expect(bank, 200, CONFIRMED).await;
        assert_eq!(shown().await, (1, 1));
        third().expect(bank, 409, INVITE_HAS_ENDED).await;
        bank.wait(Duration::hours(24));
        assert_eq!(shown().await, (1, 0), "who did not come gives the use back");
        third().expect(bank, 204, "").await;
        bank.wait(Duration::hours(24));
        sign_up("four@example.org", "two-only", "en").expect(bank, 409, INVITE_NOT_FOUND).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_and_the_other_doors_reserve_an_address_against_each_other() {
    each_database(async |bank| {
        invited(bank).await;
        sign_up("ann@example.org", "testInviteCode", "en").expect(bank, 204, "").await;
        let accounts = json!({
            "email": "Ann@example.org", "password": "three grey cranes",
            "password2": "three grey cranes",
        });
        Check::new("POST", "/api/auth/signup/")
            .json(&accounts.to_string())
            .expect(bank, 400, r#"{"email":["user with this email already exists."]}"#)
            .await;
        Check::new("POST", "/auth/register")
            .json(&cardbank::temp("ann", 7))
            .expect(bank, 409, &cardbank::detail("User already exists"))
            .await;
        Check::new("POST", "/auth/register")
            .json(&cardbank::temp("cat", 8))
            .expect(bank, 200, &cardbank::message("Mail has been send"))
            .await;
        sign_up("cat@example.org", "testInviteCode", "en")
            .expect(bank, 409, USER_ALREADY_EXIST)
            .await;
        // GraphQL answers everybody the same, and whoever proves the address first has it.
        let path = link(&newest(bank, "ann@example.org").await);
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let payload = bank.verify_email(proof("ann", &code)).await;
        assert_eq!(codes(&payload), Vec::<String>::new(), "{payload}");
        Check::new("GET", &path).expect(bank, 404, NOT_FOUND).await;
        let all = invite::list(&bank.bank).await.expect("the codes are read");
        assert_eq!((all[0].issued, all[0].reserved), (0, 0));
        bank.register(registration("bob", 2)).await;
        sign_up("bob@example.org", "testInviteCode", "en")
            .expect(bank, 409, USER_ALREADY_EXIST)
            .await;
    })
    .await;
}

#[tokio::test]
async fn financelime_resets_a_password_by_a_link_of_a_quarter_of_an_hour() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let old = join(bank, email).await;
        for body in
            [json!({}), json!({ "email": 1 }), json!({ "email": "a" }), json!({ "email": "nope" })]
        {
            post(PASSWORD, &body).expect(bank, 400, BAD_PARAMETERS).await;
        }
        let unknown = json!({ "email": "nobody@example.org" });
        post(PASSWORD, &unknown).expect(bank, 404, USER_NOT_FOUND).await;
        ask_reset(bank, email).await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "Please confirm password reset");
        assert!(letter.text.contains("127.0.0.1 asked"), "{}", letter.text);
        let first = link(&letter);
        // A newer link takes the place of the older.
        ask_reset(bank, email).await;
        let second = link(&newest(bank, email).await);
        Check::new("GET", &first).expect(bank, 404, NOT_FOUND).await;
        bank.wait(Duration::minutes(15));
        Check::new("GET", &second).expect(bank, 404, NOT_FOUND).await;
        enter(bank, email, &old).await;
        ask_reset(bank, email).await;
        let path = link(&newest(bank, email).await);
        for unknown in ["/p/abcefghijkmnopq2", "/p/x", &path.replace("/p/", "/u/")] {
            Check::new("GET", unknown).expect(bank, 404, NOT_FOUND).await;
        }
        // No other door takes its key.
        let key = &path["/p/".len().."/p/".len() + 16];
        let reset = "mutation ($token: String!) {
            resetPassword(input: { token: $token, newPassword: \"three grey cranes\" }) {
                ok errors { code } } }";
        let done = bank.run(None, reset, json!({ "token": key })).await;
        assert_eq!(done["resetPassword"]["errors"][0]["code"], "BAD_CODE", "{done}");
        let check = Check::new("GET", &path).gets("content-type", "text/plain;charset=utf-8");
        check.expect(bank, 200, RESET).await;
        Check::new("GET", &path).expect(bank, 404, NOT_FOUND).await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "Your new password to login Financelime");
        create(email, &old).expect(bank, 404, USER_NOT_FOUND).await;
        enter(bank, email, &password(&letter)).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_resets_nobody_whom_it_may_not_sign_in() {
    each_database(async |bank| {
        let bob = bank.join("bob", 2).await;
        let before = bank.letters(&bob.email).await.len();
        ask_reset(bank, &bob.email).await;
        assert_eq!(bank.letters(&bob.email).await.len(), before);
        let email = "ann@example.org";
        join(bank, email).await;
        ask_reset(bank, email).await;
        let path = link(&newest(bank, email).await);
        let cleared = [PasswordDialect::Financelime];
        operator::set_legacy(&bank.bank, email, &[], &cleared).await.expect("it is cleared");
        Check::new("GET", &path).expect(bank, 404, NOT_FOUND).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_lets_nobody_try_without_end() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        for _ in 0..Allowances::SANDBOX.login.tries {
            create(email, "wrong password").expect(bank, 404, USER_NOT_FOUND).await;
        }
        create(email, &made)
            .gets("content-type", JSON)
            .gets("retry-after", "{{int}}")
            .expect(bank, 429, TOO_MANY)
            .await;
        for _ in 0..Allowances::SANDBOX.reset.tries {
            ask_reset(bank, email).await;
        }
        post(PASSWORD, &json!({ "email": email })).expect(bank, 429, TOO_MANY).await;
        for _ in 1..Allowances::SANDBOX.registration.tries {
            sign_up(email, "testInviteCode", "en").expect(bank, 409, USER_ALREADY_EXIST).await;
        }
        sign_up(email, "testInviteCode", "en").expect(bank, 429, TOO_MANY).await;
    })
    .await;
}

#[tokio::test]
async fn the_story_of_financelime_from_the_first_registration_to_the_last_call() {
    each_database(async |bank| {
        invited(bank).await;
        let email = "story@example.org";
        call("GET", VERSION)
            .expect(bank, 200, r#"{"number":"v0.2.0-alpha","build":"{{text}}"}"#)
            .await;
        sign_up(email, "testInviteCode", "en").expect(bank, 204, "").await;
        let path = link(&newest(bank, email).await);
        Check::new("GET", &path).expect(bank, 200, CONFIRMED).await;
        let first = password(&newest(bank, email).await);
        let phone = json!({ "email": email, "password": first, "clientID": "app",
            "device": { "platform": "Android" } });
        let phone = post(CREATE, &phone).expect(bank, 200, TOKENS).await;
        ask_reset(bank, email).await;
        let path = link(&newest(bank, email).await);
        Check::new("GET", &path).expect(bank, 200, RESET).await;
        renew(phone.part(2)).expect(bank, 404, USER_NOT_FOUND).await;
        let second = password(&newest(bank, email).await);
        let laptop = enter(bank, email, &second).await;
        bank.wait(Duration::minutes(14));
        let laptop = renew(laptop.part(2)).expect(bank, 200, TOKENS).await;
        let phone = enter(bank, email, &second).await;
        let body = json!({ "sessionID": phone.part(0) }).to_string();
        remove(laptop.part(1), &body).expect(bank, 204, "").await;
        let shown = r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":""}]"#;
        let list = with(laptop.part(1), "GET", LIST).expect(bank, 200, shown).await;
        assert_eq!(list.part(0), laptop.part(0));
        remove(laptop.part(1), "{}").expect(bank, 204, "").await;
        with(laptop.part(1), "GET", LIST).expect(bank, 200, "[]").await;
        bank.audit().await;
    })
    .await;
}
