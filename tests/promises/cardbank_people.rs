//! card-bank: how people come in and go, and every byte that their clients get.

use chrono::Duration;
use serde_json::json;

use crate::support::{
    bank::{TestBank, each_database},
    cardbank::{COOKIE, GRANTED, Member, code, create, detail, message, temp},
    people::{PASSWORD, codes, proof, registration},
    wire::Check,
};

const SENT: &str = r#"{"message":"Mail has been send"}"#;
const WRONG_CODE: &str = r#"{"detail":"Wrong code"}"#;
const TAKEN: &str = r#"{"detail":"User already exists"}"#;
const NO_CREDENTIALS: &str = r#"{"detail":"Could not validate credentials"}"#;

fn register(body: &str) -> Check {
    Check::new("POST", "/auth/register").json(body)
}

fn verify(body: &str) -> Check {
    Check::new("POST", "/auth/verify-email").json(body)
}

#[tokio::test]
async fn cardbank_registers_by_a_code_that_comes_back_once() {
    each_database(async |bank| {
        register(&temp("ann", 1))
            .gets("content-type", "application/json")
            .gets("deprecation", "@1795651200")
            .gets("vary", "Origin")
            .gets_no("set-cookie")
            .expect(bank, 200, SENT)
            .await;
        let letters = bank.letters("ann@example.org").await;
        assert_eq!(letters[0].subject, "Email Verification");
        assert!(letters[0].html.contains("Your confirmation code"), "{}", letters[0].html);
        let code = code(bank, "ann@example.org").await;
        let count = |is: fn(&u8) -> bool| code.bytes().filter(is).count();
        assert_eq!([count(u8::is_ascii_uppercase), count(u8::is_ascii_digit)], [4, 4], "{code}");
        taken(bank).await;
        let fitting = create("ann", 1, &code);
        for wrong in [
            create("ann", 1, "AAAA0000"),
            fitting.replace("+12025550001", "+12025550009"),
            fitting.replace("078-05-0001", "078-05-0009"),
            fitting.replace("ann@", "nobody@"),
        ] {
            verify(&wrong).gets_no("set-cookie").expect(bank, 406, WRONG_CODE).await;
        }
        let weak = |password: &str, told: &str| {
            let told = format!(
                r#"{{"detail":[{{"type":"value_error","loc":["body","password"],"msg":"Value error, The password {told}.","input":"**********","ctx":{{"error":{{}}}}}}]}}"#
            );
            let body = fitting.replace(PASSWORD, password);
            async move { verify(&body).expect(bank, 422, &told).await }
        };
        weak("short", "must have at least 8 characters").await;
        weak(&"x".repeat(129), "must have at most 128 characters").await;
        let yours = "must not be your name, your email address or the bank's name";
        weak("ann@example.org", yours).await;
        // Extra fields are ignored, and the address is the one of the letter.
        let body = fitting.replace("{\"first", "{\"twofa_code\":7,\"first").replace("ann@e", "ANN@E");
        verify(&body).gets("set-cookie", COOKIE).expect(bank, 200, GRANTED).await;
        verify(&fitting).expect(bank, 406, WRONG_CODE).await;
        taken(bank).await;
        bank.audit().await;
    })
    .await;
}

/// Each of the three alone is refused, while it waits and once it is a customer's.
async fn taken(bank: &TestBank) {
    let other = temp("other", 8);
    for (own, taken) in [
        ("other@example.org", "Ann@EXAMPLE.org"),
        ("+12025550008", "+1 (202) 555-0001"),
        ("078-05-0008", "078050001"),
    ] {
        register(&other.replace(own, taken)).expect(bank, 409, TAKEN).await;
    }
}

#[tokio::test]
async fn cardbank_drops_a_registration_that_was_guessed_at_or_is_a_day_old() {
    each_database(async |bank| {
        let none = message("Removed 0 expired unverified users.");
        let sweep = || Check::new("DELETE", "/cleanup-unverified");
        register(&temp("ann", 1)).expect(bank, 200, SENT).await;
        let first = code(bank, "ann@example.org").await;
        for _ in 0..5 {
            verify(&create("ann", 1, "AAAA0000")).expect(bank, 406, WRONG_CODE).await;
        }
        verify(&create("ann", 1, &first)).expect(bank, 406, WRONG_CODE).await;
        register(&temp("ann", 1)).expect(bank, 200, SENT).await;
        sweep().expect(bank, 200, &none).await;
        let second = code(bank, "ann@example.org").await;
        bank.wait(Duration::hours(24));
        verify(&create("ann", 1, &second)).expect(bank, 406, WRONG_CODE).await;
        sweep().expect(bank, 200, &message("Removed 1 expired unverified users.")).await;
        sweep().expect(bank, 200, &none).await;
        register(&temp("ann", 1)).expect(bank, 200, SENT).await;
        let third = code(bank, "ann@example.org").await;
        verify(&create("ann", 1, &third)).expect(bank, 200, GRANTED).await;
    })
    .await;
}

#[tokio::test]
async fn a_registration_waits_at_its_own_door_and_is_reserved_at_all() {
    each_database(async |bank| {
        // What waits for GraphQL is refused here, in these words.
        bank.register(registration("gil", 3)).await;
        register(&temp("gil", 4)).expect(bank, 409, TAKEN).await;
        register(&temp("bob", 3)).expect(bank, 409, TAKEN).await;
        // A code of one door opens nothing at the other, and makes nothing void there.
        register(&temp("ann", 1)).expect(bank, 200, SENT).await;
        let code = code(bank, "ann@example.org").await;
        for _ in 0..6 {
            let tried = bank.verify_email(proof("ann", &code)).await;
            assert_eq!(codes(&tried), ["BAD_CODE"], "{tried}");
        }
        let graphql = bank.code("gil@example.org").await;
        verify(&create("gil", 3, &graphql)).expect(bank, 406, WRONG_CODE).await;
        verify(&create("ann", 1, &code)).expect(bank, 200, GRANTED).await;
        assert_eq!(bank.verify_email(proof("gil", &graphql)).await["errors"], json!([]));
        // Who is a customer of another dialect is one here.
        let body = r#"{"email":"eve@example.org","password":"correct horse battery","password2":"correct horse battery"}"#;
        Check::new("POST", "/api/auth/signup/").json(body).expect(bank, 201, "{{all}}").await;
        register(&temp("eve", 5)).expect(bank, 409, TAKEN).await;
        register(&temp("dan", 6)).expect(bank, 200, SENT).await;
        let body = body.replace("eve@", "dan@");
        let told = r#"{"email":["{{text}}"]}"#;
        Check::new("POST", "/api/auth/signup/").json(&body).expect(bank, 400, told).await;
    })
    .await;
}

fn request(email: &str, password: &str) -> Check {
    let body = format!(r#"{{"email":"{email}","password":{password},"twofa_code":null}}"#);
    Check::new("POST", "/auth/2fa/request").json(&body)
}

fn confirm(email: &str, code: &str) -> Check {
    let body = format!(r#"{{"email":"{email}","password":null,"twofa_code":"{code}"}}"#);
    Check::new("POST", "/auth/2fa/confirm").json(&body)
}

const NOT_CONFIRMED: &str = r#"{"detail":"Not valid code or user is not requested"}"#;

#[tokio::test]
async fn cardbank_signs_in_by_a_password_and_a_code() {
    each_database(async |bank| {
        Member::join(bank, "ann", 1).await;
        let email = "ann@example.org";
        let right = format!("\"{PASSWORD}\"");
        let sent = message("Request sended");
        for (email, password) in [
            (email, "\"wrong\""),
            (email, "null"),
            ("nobody@example.org", right.as_str()),
            ("no address", right.as_str()),
        ] {
            request(email, password).expect(bank, 401, NO_CREDENTIALS).await;
        }
        let missing = format!(r#"{{"email":"{email}"}}"#);
        let without = Check::new("POST", "/auth/2fa/request").json(&missing);
        without.expect(bank, 401, NO_CREDENTIALS).await;
        confirm(email, "AAAA0000").expect(bank, 401, NOT_CONFIRMED).await;
        confirm("nobody@example.org", "AAAA0000").expect(bank, 401, NOT_CONFIRMED).await;
        request("ANN@example.org", &right).gets_no("set-cookie").expect(bank, 200, &sent).await;
        let letters = bank.letters(email).await;
        let letter = letters.last().expect("a letter");
        assert_eq!(letter.subject, "Login 2FA code");
        assert!(letter.html.contains("Your login confirmation code"), "{}", letter.html);
        let first = code(bank, email).await;
        assert_eq!(first.len(), 8);
        request(email, &right).expect(bank, 200, &sent).await;
        let second = code(bank, email).await;
        confirm(email, &first).expect(bank, 401, NOT_CONFIRMED).await;
        let none = Check::new("POST", "/auth/2fa/confirm").json(&missing);
        none.expect(bank, 401, NOT_CONFIRMED).await;
        confirm(email, &second).gets("set-cookie", COOKIE).expect(bank, 200, GRANTED).await;
        confirm(email, &second).expect(bank, 401, NOT_CONFIRMED).await;
        // Five wrong guesses void a code, and ten minutes do.
        request(email, &right).expect(bank, 200, &sent).await;
        for _ in 0..5 {
            confirm(email, "AAAA0000").expect(bank, 401, NOT_CONFIRMED).await;
        }
        let voided = code(bank, email).await;
        confirm(email, &voided).expect(bank, 401, NOT_CONFIRMED).await;
        request(email, &right).expect(bank, 200, &sent).await;
        let late = code(bank, email).await;
        bank.wait(Duration::minutes(10));
        confirm(email, &late).expect(bank, 401, NOT_CONFIRMED).await;
        // Below its own prefix the cookie stays there.
        request(email, &right).expect(bank, 200, &sent).await;
        let body = format!(r#"{{"email":"{email}","twofa_code":"{}"}}"#, code(bank, email).await);
        Check::new("POST", "/compat/card-bank/auth/2fa/confirm/")
            .json(&body)
            .gets("set-cookie", &COOKIE.replace("Path=/", "Path=/compat/card-bank/"))
            .expect(bank, 200, GRANTED)
            .await;
        let gone = "UPDATE users SET status = 'DEACTIVATED' WHERE email_key = 'ann@example.org'";
        bank.fresh.raw(gone).await.expect("the status is set");
        request(email, &right).expect(bank, 401, NO_CREDENTIALS).await;
        for _ in 0..9 {
            request(email, "\"wrong\"").expect(bank, 401, NO_CREDENTIALS).await;
        }
        request(email, "\"wrong\"")
            .gets("retry-after", "{{int}}")
            .expect(bank, 429, &detail("Request was throttled."))
            .await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_says_why_a_cookie_opens_nothing() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let me = r#"{"name":"ann","surname":"Lee","cards":[]}"#;
        ann.call("GET", "/auth/me").expect(bank, 200, me).await;
        ann.call("GET", "/compat/card-bank/auth/me/").expect(bank, 200, me).await;
        let none = detail("Not a valid token");
        let routes = [
            ("GET", "/auth/me"),
            ("GET", "/card/0443"),
            ("POST", "/card/create"),
            ("DELETE", "/card/delete"),
            ("POST", "/card/transfer"),
            ("GET", "/card"),
            ("POST", "/card/history"),
            ("POST", "/savings/create"),
            ("GET", "/savings"),
            ("POST", "/savings/topUp"),
            ("POST", "/savings/decrease"),
            ("DELETE", "/savings/delete"),
            ("POST", "/bills/create"),
            ("GET", "/bills"),
            ("POST", "/bills/pay"),
        ];
        let gil = bank.join("gil", 2).await;
        let (head, _) = ann.cookie.rsplit_once('.').expect("three parts");
        for (method, path) in routes {
            // Whoever is nobody is told so before anything of the body.
            Check::new(method, path).json("{").expect(bank, 401, &none).await;
            Check::new(method, path)
                .header("authorization", &format!("Bearer {}", ann.cookie))
                .expect(bank, 401, &none)
                .await;
            let other = Member { email: String::new(), cookie: gil.token.clone() };
            let forged = Member { email: String::new(), cookie: format!("{head}.AAAA") };
            let broken = Member { email: String::new(), cookie: "x".to_owned() };
            for bad in [other, forged, broken] {
                bad.send(method, path, "{").expect(bank, 401, NO_CREDENTIALS).await;
            }
        }
        // Its cookie opens no other door.
        let graphql = bank.post(Some(&ann.cookie), "{ me { email } }", json!({})).await;
        assert_eq!(graphql.status, 401, "{}", graphql.text());
        // A session ends by hand, from elsewhere, and by its time.
        let out = message("Goodbye");
        let cleared = "authorization=\"\"; expires={{text}} GMT; HttpOnly; Max-Age=0; Path=/; SameSite=none; Secure";
        let twin = Member::sign_in(bank, "ann").await;
        for logout in [
            Check::new("POST", "/auth/logout"),
            ann.call("POST", "/auth/logout"),
            ann.call("POST", "/auth/logout"),
        ] {
            logout.gets("set-cookie", cleared).expect(bank, 200, &out).await;
        }
        ann.call("GET", "/auth/me").expect(bank, 401, NO_CREDENTIALS).await;
        twin.call("GET", "/auth/me").expect(bank, 200, me).await;
        bank.wait(Duration::minutes(45));
        twin.call("GET", "/auth/me").expect(bank, 401, &detail("Token expired")).await;
        let last = Member::sign_in(bank, "ann").await;
        let gone = "UPDATE users SET status = 'DEACTIVATED' WHERE email_key = 'ann@example.org'";
        bank.fresh.raw(gone).await.expect("the status is set");
        last.call("GET", "/auth/me").expect(bank, 401, NO_CREDENTIALS).await;
    })
    .await;
}

fn set(token: &str, password: &str) -> Check {
    let body = format!(r#"{{"token":"{token}","new_password":"{password}"}}"#);
    Check::new("PATCH", "/auth/reset").json(&body)
}

/// The token of the newest letter's link.
async fn token(bank: &TestBank) -> String {
    let letters = bank.letters("ann@example.org").await;
    let letter = letters.last().expect("a letter");
    assert_eq!(letter.subject, "Password reset");
    let link = "http://127.0.0.1:8080/compat/card-bank/reset?token=";
    let (_, rest) = letter.html.split_once(link).unwrap_or_else(|| panic!("{}", letter.html));
    rest[..43].to_owned()
}

#[tokio::test]
async fn cardbank_sets_a_lost_password_by_a_link() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        Member::join(bank, "bob", 2).await;
        let ask = |body: &str| Check::new("POST", "/auth/reset").json(body);
        let sent = message("Email sended");
        for stranger in [
            temp("nobody", 1),
            temp("ann", 2),
            temp("ann", 1).replace("+12025550001", "+12025550002"),
            temp("ann", 1).replace("+12025550001", "string"),
            temp("ann", 1).replace("078-05-0001", "?"),
        ] {
            ask(&stranger).expect(bank, 401, NO_CREDENTIALS).await;
        }
        ask(&temp("ann", 1)).gets_no("set-cookie").expect(bank, 200, &sent).await;
        let first = token(bank).await;
        ask(&temp("ann", 1)).expect(bank, 200, &sent).await;
        let second = token(bank).await;
        let bad = detail("Reset token is not valid");
        let new = "a fresh horse on a battery";
        for wrong in ["", "x", &first] {
            set(wrong, new).expect(bank, 401, &bad).await;
        }
        // Another door's token is none, and this one is none there.
        let other = "mutation ($t: String!, $p: String!) { resetPassword(input:
            { token: $t, newPassword: $p }) { errors { code } } }";
        let tried = bank.run(None, other, json!({ "t": second, "p": new })).await;
        assert_eq!(codes(&tried["resetPassword"]), ["BAD_CODE"], "{tried}");
        // A password that is not taken leaves the token as good as it was.
        let weak = r#"{"detail":[{"type":"value_error","loc":["body","new_password"],"msg":"Value error, The password must have at least 8 characters.","input":"**********","ctx":{"error":{}}}]}"#;
        set(&second, "short").expect(bank, 422, weak).await;
        set("x", "short").expect(bank, 422, weak).await;
        ann.call("GET", "/auth/me").expect(bank, 200, "{{all}}").await;
        set(&second, new)
            .gets_no("set-cookie")
            .expect(bank, 200, &message("Password changed"))
            .await;
        ann.call("GET", "/auth/me").expect(bank, 401, NO_CREDENTIALS).await;
        set(&second, new).expect(bank, 401, &bad).await;
        let old = format!("\"{PASSWORD}\"");
        request("ann@example.org", &old).expect(bank, 401, NO_CREDENTIALS).await;
        let new = format!("\"{new}\"");
        request("ann@example.org", &new).expect(bank, 200, &message("Request sended")).await;
        ask(&temp("ann", 1)).expect(bank, 200, &sent).await;
        let late = token(bank).await;
        bank.wait(Duration::hours(1));
        set(&late, "another fine horse").expect(bank, 401, &bad).await;
        page(bank).await;
    })
    .await;
}

/// Where the link leads without a front end.
async fn page(bank: &TestBank) {
    let shown = Check::new("GET", "/compat/card-bank/reset?token=x")
        .gets("content-type", "text/html; charset=utf-8")
        .expect(bank, 200, "{{all}}")
        .await;
    let policy = shown.answer.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    Check::new("GET", "/reset").expect(bank, 404, &detail("Not Found")).await;
}

/// Everything that changes something.
const CHANGING: [(&str, &str); 18] = [
    ("POST", "/auth/register"),
    ("POST", "/auth/verify-email"),
    ("POST", "/auth/2fa/request"),
    ("POST", "/auth/2fa/confirm"),
    ("POST", "/auth/reset"),
    ("PATCH", "/auth/reset"),
    ("POST", "/auth/logout"),
    ("DELETE", "/cleanup-unverified"),
    ("POST", "/card/create"),
    ("DELETE", "/card/delete"),
    ("POST", "/card/transfer"),
    ("POST", "/card/history"),
    ("POST", "/savings/create"),
    ("POST", "/savings/topUp"),
    ("POST", "/savings/decrease"),
    ("DELETE", "/savings/delete"),
    ("POST", "/bills/create"),
    ("POST", "/bills/pay"),
];

#[tokio::test]
async fn cardbank_lets_pages_of_allowed_origins_use_its_cookie() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let me = r#"{"name":"ann","surname":"Lee","cards":[]}"#;
        let refused = detail("Origin not allowed");
        for allowed in ["http://localhost:3000", "http://localhost:5173", "http://127.0.0.1:5173"] {
            ann.call("GET", "/auth/me")
                .header("origin", allowed)
                .gets("access-control-allow-origin", allowed)
                .gets("access-control-allow-credentials", "true")
                .gets("vary", "Origin")
                .expect(bank, 200, me)
                .await;
            Check::new("OPTIONS", "/auth/reset")
                .header("origin", allowed)
                .header("access-control-request-method", "PATCH")
                .header("access-control-request-headers", "content-type, x-other")
                .gets("access-control-allow-origin", allowed)
                .gets("access-control-allow-credentials", "true")
                .gets(
                    "access-control-allow-methods",
                    "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
                )
                .gets("access-control-allow-headers", "content-type, x-other")
                .gets("access-control-max-age", "600")
                .gets("content-type", "text/plain; charset=utf-8")
                .gets("vary", "Origin")
                .expect(bank, 200, "OK")
                .await;
            Check::new("POST", "/auth/logout")
                .header("origin", allowed)
                .expect(bank, 200, &message("Goodbye"))
                .await;
        }
        for foreign in ["null", "https://evil.example.org", "http://localhost:5174"] {
            ann.call("GET", "/auth/me")
                .header("origin", foreign)
                .gets_no("access-control-allow-origin")
                .gets_no("access-control-allow-credentials")
                .gets("vary", "Origin")
                .expect(bank, 200, me)
                .await;
            Check::new("OPTIONS", "/auth/me")
                .header("origin", foreign)
                .header("access-control-request-method", "GET")
                .gets_no("access-control-allow-origin")
                .gets("content-type", "text/plain; charset=utf-8")
                .expect(bank, 400, "Disallowed CORS origin")
                .await;
            for (method, path) in CHANGING {
                let call = ann.send(method, path, "{").header("origin", foreign);
                call.gets_no("set-cookie").expect(bank, 403, &refused).await;
            }
        }
        ann.call("GET", "/auth/me").expect(bank, 200, me).await;
    })
    .await;
}
