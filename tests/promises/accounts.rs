//! accounts: what its clients send, and every byte that they get back.

use chrono::Duration;
use teller::domain::attempt::Allowances;

use crate::support::{
    bank::{TestBank, each_database},
    people::PASSWORD,
    wire::{Check, Got},
};

const SIGN_UP: &str = "/api/auth/signup/";
const GET_TOKEN: &str = "/api/auth/get-token/";
const CHANGE_EMAIL: &str = "/api/auth/change-email/";
const CHANGE_PASSWORD: &str = "/api/auth/change-password/";
const SETTINGS: &str = "/api/users/settings/";
const RESET: &str = "/api/auth/reset-password/";

const NO_CREDENTIALS: &str = r#"{"detail":"Authentication credentials were not provided."}"#;
const BAD_TOKEN: &str = r#"{"detail":"Given token not valid for any token type","code":"token_not_valid","messages":[{"tokenClass":"AccessToken","tokenType":"access","message":"Token is invalid or expired"}]}"#;
const NO_ACCOUNT: &str = r#"{"detail":"No active account found with the given credentials"}"#;
const BAD_CODE: &str = r#"{"code":["Code has expired or it is incorrect."]}"#;
const REALM: &str = r#"Bearer realm="api""#;

fn sign_up(email: &str) -> Check {
    let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}","password2":"{PASSWORD}"}}"#);
    Check::new("POST", SIGN_UP).json(&body)
}

fn get_token(email: &str, password: &str) -> Check {
    let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    Check::new("POST", GET_TOKEN).json(&body)
}

const TOKENS: &str = r#"{"refresh":"{{jwt}}","access":"{{jwt}}"}"#;

/// Signs somebody up and in; gives the access token.
async fn join(bank: &TestBank, email: &str) -> String {
    let told = format!(r#"{{"email":"{email}","phoneNumber":"+000000000"}}"#);
    sign_up(email).expect(bank, 201, &told).await;
    enter(bank, email, PASSWORD).await
}

async fn enter(bank: &TestBank, email: &str, password: &str) -> String {
    get_token(email, password).expect(bank, 200, TOKENS).await.part(1).to_owned()
}

fn with(token: &str, method: &str, path: &str) -> Check {
    Check::new(method, path).header("authorization", &format!("JWT {token}"))
}

async fn errors_of(bank: &TestBank, path: &str, rows: &[(&str, &str)]) {
    for (body, told) in rows {
        Check::new("POST", path).json(body).expect(bank, 400, told).await;
    }
}

#[tokio::test]
async fn accounts_signs_people_up_and_says_what_is_wrong() {
    each_database(async |bank| {
        let told = r#"{"email":"Ann@example.org","phoneNumber":"15487711"}"#;
        let body = format!(
            r#"{{"email":"Ann@EXAMPLE.org","phoneNumber":15487711,"password":"{PASSWORD}","password2":"{PASSWORD}","is_staff":true}}"#
        );
        Check::new("POST", SIGN_UP)
            .json(&body)
            .gets("content-type", "application/json")
            .gets("allow", "POST, OPTIONS")
            .gets("vary", "Accept")
            .gets("x-frame-options", "DENY")
            .gets("x-content-type-options", "nosniff")
            .gets("referrer-policy", "same-origin")
            .gets("cross-origin-opener-policy", "same-origin")
            .gets("deprecation", "@1795651200")
            .expect(bank, 201, told)
            .await;
        let form = "email=bob%40example.org&phone_number=1&password=seven+white+herons&password_2=seven+white+herons";
        Check::new("POST", "/compat/accounts/api/auth/signup")
            .body("application/x-www-form-urlencoded", form)
            .expect(bank, 201, r#"{"email":"bob@example.org","phoneNumber":"1"}"#)
            .await;
        let part = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let multipart = [
            part("email", "carl@example.org"),
            part("password", PASSWORD),
            part("password2", PASSWORD),
            "--b--\r\n".to_owned(),
        ];
        Check::new("POST", SIGN_UP)
            .body("multipart/form-data; boundary=b", multipart.concat())
            .expect(bank, 201, r#"{"email":"carl@example.org","phoneNumber":"+000000000"}"#)
            .await;
        wrong_sign_ups(bank).await;
        assert_eq!(bank.letters("ann@example.org").await.len(), 0, "signing up sends no letter");
    })
    .await;
}

async fn wrong_sign_ups(bank: &TestBank) {
    let good = format!(r#""password":"{PASSWORD}","password2":"{PASSWORD}""#);
    let taken = format!(r#"{{"email":"ANN@example.ORG",{good}}}"#);
    let bad = format!(r#"{{"email":"nope",{good}}}"#);
    let long = format!(r#"{{"email":"x@example.org","phoneNumber":"12345678901234567",{good}}}"#);
    let spaces = format!(r#"{{"email":"x@example.org","phoneNumber":" ",{good}}}"#);
    let required = "[\"This field is required.\"]";
    let nothing = format!(r#"{{"email":{required},"password":{required},"password2":{required}}}"#);
    errors_of(
        bank,
        SIGN_UP,
        &[
            (&taken, r#"{"email":["user with this email already exists."]}"#),
            (&bad, r#"{"email":["Enter a valid email address."]}"#),
            (
                r#"{"email":"x@example.org","password":"seven white herons","password2":"x"}"#,
                r#"{"nonFieldErrors":["Passwords don't match!"]}"#,
            ),
            ("{}", &nothing),
            (
                r#"{"email":null,"phoneNumber":[],"password":"","password2":true}"#,
                r#"{"email":["This field may not be null."],"phoneNumber":["Not a valid string."],"password":["This field may not be blank."],"password2":["Not a valid string."]}"#,
            ),
            (&long, r#"{"phoneNumber":["Ensure this field has no more than 16 characters."]}"#),
            (&spaces, r#"{"phoneNumber":["This field may not be blank."]}"#),
            (
                r#"{"email":"x@example.org","password":"short","password2":"short"}"#,
                r#"{"password":["The password must have at least 8 characters."]}"#,
            ),
            (
                "[1]",
                r#"{"nonFieldErrors":["Invalid data. Expected a dictionary, but got list."]}"#,
            ),
            (
                "null",
                r#"{"nonFieldErrors":["Invalid data. Expected a dictionary, but got NoneType."]}"#,
            ),
            (
                "{",
                r#"{"detail":"JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}"#,
            ),
        ],
    )
    .await;
    Check::new("POST", SIGN_UP).expect(bank, 400, &nothing).await;
    Check::new("POST", SIGN_UP)
        .body("text/plain", "x")
        .expect(bank, 415, r#"{"detail":"Unsupported media type \"text/plain\" in request."}"#)
        .await;
    Check::new("GET", SIGN_UP)
        .gets("allow", "POST, OPTIONS")
        .expect(bank, 405, r#"{"detail":"Method \"GET\" not allowed."}"#)
        .await;
    Check::new("OPTIONS", SIGN_UP).gets("allow", "POST, OPTIONS").expect(bank, 200, "").await;
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(256 * 1024));
    Check::new("POST", SIGN_UP)
        .json(&large)
        .expect(bank, 413, r#"{"detail":"Content Too Large"}"#)
        .await;
    Check::new("GET", "/compat/accounts/api/auth/nothing/")
        .expect(bank, 404, r#"{"detail":"Not found."}"#)
        .await;
}

#[tokio::test]
async fn accounts_signs_in_only_whom_it_may() {
    each_database(async |bank| {
        let token = join(bank, "ann@example.org").await;
        for scheme in ["JWT", "Bearer"] {
            let shown = r#"{"email":"ann@example.org","firstName":"","lastName":"","phoneNumber":"+000000000"}"#;
            Check::new("GET", SETTINGS)
                .header("authorization", &format!("{scheme} {token}"))
                .expect(bank, 200, shown)
                .await;
        }
        let wrong = |email: &str, password: &str| get_token(email, password).gets("www-authenticate", REALM);
        wrong("ann@example.org", "wrong password").expect(bank, 401, NO_ACCOUNT).await;
        wrong("nobody@example.org", PASSWORD).expect(bank, 401, NO_ACCOUNT).await;
        wrong("nope", PASSWORD).expect(bank, 401, NO_ACCOUNT).await;
        let bob = bank.join("bob", 2).await;
        wrong(&bob.email, PASSWORD).expect(bank, 401, NO_ACCOUNT).await;
        let access = serde_json::json!({ "dialect": "ACCOUNTS", "enabled": true });
        bank.mutate(Some(&bob.token), "setLegacyAccess", "user { id }", access).await;
        let old = enter(bank, &bob.email, PASSWORD).await;
        let access = serde_json::json!({ "dialect": "ACCOUNTS", "enabled": false });
        bank.mutate(Some(&bob.token), "setLegacyAccess", "user { id }", access).await;
        with(&old, "GET", SETTINGS).gets("www-authenticate", REALM).expect(bank, 401, BAD_TOKEN).await;
        assert_eq!(bank.me(&bob.token).await["email"], bob.email.as_str(), "GraphQL stays open");
        errors_of(bank, GET_TOKEN, &[(
            r#"{"email":""}"#,
            r#"{"email":["This field may not be blank."],"password":["This field is required."]}"#,
        )])
        .await;
        let gone = "UPDATE users SET status = 'DEACTIVATED' WHERE email_key = 'ann@example.org'";
        bank.fresh.raw(gone).await.expect("the status is set");
        wrong("ann@example.org", PASSWORD).expect(bank, 401, NO_ACCOUNT).await;
        let log = bank.audit_log().await;
        let done = |action: &str, result: &str| log.contains(&(action.to_owned(), result.to_owned()));
        assert!(done("login", "DONE") && done("login", "BAD_CREDENTIALS") && done("register", "DONE"));
    })
    .await;
}

#[tokio::test]
async fn accounts_takes_its_own_tokens_and_no_other() {
    each_database(async |bank| {
        join(bank, "ann@example.org").await;
        let made = get_token("ann@example.org", PASSWORD).expect(bank, 200, TOKENS).await;
        let (refresh, access) = (made.part(0).to_owned(), made.part(1).to_owned());
        let bob = bank.join("bob", 2).await;
        let answer = |value: String| {
            Check::new("GET", SETTINGS)
                .header("authorization", &value)
                .gets("www-authenticate", REALM)
        };
        Check::new("GET", SETTINGS)
            .gets("www-authenticate", REALM)
            .expect(bank, 401, NO_CREDENTIALS)
            .await;
        answer(format!("Basic {access}")).expect(bank, 401, NO_CREDENTIALS).await;
        answer(format!("jwt {access}")).expect(bank, 401, NO_CREDENTIALS).await;
        let two = r#"{"detail":"Authorization header must contain two space-delimited values","code":"bad_authorization_header"}"#;
        answer("JWT".to_owned()).expect(bank, 401, two).await;
        answer(format!("JWT {access} x")).expect(bank, 401, two).await;
        for bad in ["x", "a.b.c", &bob.token, &format!("{access}x")] {
            answer(format!("JWT {bad}")).expect(bank, 401, BAD_TOKEN).await;
        }
        let wrong_type = BAD_TOKEN.replace("Token is invalid or expired", "Token has wrong type");
        answer(format!("JWT {refresh}")).expect(bank, 401, &wrong_type).await;
        let query = "{ me { email } }";
        let refused = bank.post(Some(&access), query, serde_json::Value::Null).await;
        assert_eq!(refused.status.as_u16(), 401, "{}", refused.text());
        // Wrong methods and media types are told before and after the token is looked at.
        Check::new("POST", SETTINGS)
            .expect(bank, 405, r#"{"detail":"Method \"POST\" not allowed."}"#)
            .await;
        Check::new("PATCH", SETTINGS).body("text/plain", "x").expect(bank, 401, NO_CREDENTIALS).await;
        bank.wait(Duration::hours(24));
        answer(format!("JWT {access}")).expect(bank, 401, BAD_TOKEN).await;
    })
    .await;
}

#[tokio::test]
async fn accounts_shows_and_changes_settings() {
    each_database(async |bank| {
        let token = join(bank, "ann@example.org").await;
        let full = r#"{"email":"ann@example.org","firstName":"Admin","lastName":"Adminovich","phoneNumber":"15487711"}"#;
        with(&token, "PUT", SETTINGS)
            .json(r#"{"firstName":"Admin","lastName":"Adminovich","phoneNumber":"15487711","email":"x@x.org"}"#)
            .gets("allow", "GET, PUT, PATCH, HEAD, OPTIONS")
            .expect(bank, 200, full)
            .await;
        with(&token, "PATCH", SETTINGS).json("{}").expect(bank, 200, full).await;
        with(&token, "GET", "/api/users/settings").expect(bank, 200, full).await;
        with(&token, "HEAD", SETTINGS).expect(bank, 200, "").await;
        let cleared = r#"{"email":"ann@example.org","firstName":"","lastName":"Ray","phoneNumber":"+000000000"}"#;
        with(&token, "PATCH", SETTINGS)
            .json(r#"{"first_name":"","last_name":"Ray","phone_number":"+000000000"}"#)
            .expect(bank, 200, cleared)
            .await;
        let long = format!(r#"{{"firstName":"{}","phoneNumber":""}}"#, "x".repeat(151));
        let told = r#"{"firstName":["Ensure this field has no more than 150 characters."],"phoneNumber":["This field may not be blank."]}"#;
        with(&token, "PATCH", SETTINGS).json(&long).expect(bank, 400, told).await;
        let nul = r#"{"lastName":"a\u0000b"}"#;
        let told = r#"{"lastName":["Null characters are not allowed."]}"#;
        with(&token, "PATCH", SETTINGS).json(nul).expect(bank, 400, told).await;
        let letters = bank.letters("ann@example.org").await;
        assert!(letters.iter().any(|letter| letter.subject == "Your phone number was changed"));
    })
    .await;
}

#[tokio::test]
async fn accounts_changes_an_address_at_once_and_tells_the_old_one() {
    each_database(async |bank| {
        let token = join(bank, "ann@example.org").await;
        join(bank, "bob@example.org").await;
        let change = |body: &str| with(&token, "PATCH", CHANGE_EMAIL).json(body);
        for (body, told) in [
            ("{}", r#"{"detail":["This field may not be null."]}"#),
            (r#"{"email":null}"#, r#"{"detail":["This field may not be null."]}"#),
            (r#"{"email":""}"#, r#"{"detail":["This field may not be blank."]}"#),
            (r#"{"email":"nope"}"#, r#"{"detail":["Enter a valid email address."]}"#),
            (
                r#"{"email":"BOB@example.org"}"#,
                r#"{"detail":["user with this email already exists."]}"#,
            ),
        ] {
            change(body).gets("allow", "OPTIONS, PATCH").expect(bank, 400, told).await;
        }
        let own = r#"{"email":"Ann@Example.org"}"#;
        change(own).expect(bank, 200, own).await;
        let new = r#"{"email":"Ann.New@Example.org"}"#;
        change(new).expect(bank, 200, new).await;
        let old = bank.letters("ann@example.org").await;
        assert_eq!(old.last().expect("a notice").subject, "Your email address was changed");
        get_token("ann@example.org", PASSWORD).expect(bank, 401, NO_ACCOUNT).await;
        enter(bank, "ann.new@example.org", PASSWORD).await;
        // Whose codes go to the address cannot change it without one.
        let eve = bank.join("eve", 5).await;
        let access = serde_json::json!({ "dialect": "ACCOUNTS", "enabled": true });
        bank.mutate(Some(&eve.token), "setLegacyAccess", "user { id }", access).await;
        let token = enter(bank, &eve.email, PASSWORD).await;
        with(&token, "PATCH", CHANGE_EMAIL)
            .json(r#"{"email":"mallory@example.org"}"#)
            .expect(
                bank,
                400,
                r#"{"detail":["Change your email where your second factor is asked for."]}"#,
            )
            .await;
    })
    .await;
}

#[tokio::test]
async fn accounts_changes_a_password_and_ends_the_other_sessions() {
    each_database(async |bank| {
        let token = join(bank, "ann@example.org").await;
        let other = enter(bank, "ann@example.org", PASSWORD).await;
        let change = |current: &str, new: &str, again: &str| {
            let body = format!(
                r#"{{"password":"{current}","newPassword":"{new}","new_password_2":"{again}"}}"#
            );
            with(&token, "PATCH", CHANGE_PASSWORD).json(&body)
        };
        let blank = r#"{"detail":"No blank fields allowed!"}"#;
        with(&token, "PATCH", CHANGE_PASSWORD).json("{}").expect(bank, 400, blank).await;
        change("", "x", "x").expect(bank, 400, blank).await;
        let old = r#"{"detail":["Old password is incorrect!"]}"#;
        change("wrong", "x", "y").expect(bank, 400, old).await;
        let differ = r#"{"detail":["New passwords don't match!"]}"#;
        change(PASSWORD, "x", "y").expect(bank, 400, differ).await;
        let weak = r#"{"detail":["The password must have at least 8 characters."]}"#;
        change(PASSWORD, "x", "x").expect(bank, 400, weak).await;
        let new = "seven white herons";
        let done = r#"{"message":"Successfully changed password."}"#;
        change(PASSWORD, new, new).expect(bank, 200, done).await;
        with(&other, "GET", SETTINGS).expect(bank, 401, BAD_TOKEN).await;
        with(&token, "HEAD", SETTINGS).expect(bank, 200, "").await;
        get_token("ann@example.org", PASSWORD).expect(bank, 401, NO_ACCOUNT).await;
        enter(bank, "ann@example.org", new).await;
        let letters = bank.letters("ann@example.org").await;
        assert_eq!(letters.last().expect("a notice").subject, "Your password was changed");
    })
    .await;
}

/// Asks for a code, and reads it from the letter.
async fn ask_code(bank: &TestBank, email: &str) -> String {
    let told = format!(r#"{{"success":"Successfully sent a reset code to {email}."}}"#);
    Check::new("GET", &format!("{RESET}?email={email}")).expect(bank, 200, &told).await;
    mailed_code(bank, email).await
}

async fn mailed_code(bank: &TestBank, email: &str) -> String {
    let letters = bank.letters(email).await;
    let newest = letters.last().expect("a letter");
    assert_eq!(newest.subject, "Reset password code");
    let lines = newest.text.lines().map(str::trim);
    let code = lines.into_iter().find(|line| line.len() == 4 && line.parse::<u16>().is_ok());
    code.expect("four digits").to_owned()
}

fn confirm(email: &str, code: &str) -> Check {
    let body = format!(r#"{{"email":"{email}","code":"{code}"}}"#);
    Check::new("POST", RESET).json(&body)
}

const SESSION: &str = r#"{"sessionToken":"{{alnum:32}}"}"#;

fn set(email: &str, token: &str, new: &str, again: &str) -> Check {
    let body = format!(
        r#"{{"email":"{email}","sessionToken":"{token}","newPassword":"{new}","newPassword2":"{again}"}}"#
    );
    Check::new("PATCH", RESET).json(&body)
}

#[tokio::test]
async fn accounts_sets_a_lost_password_by_a_code_and_a_token() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let token = join(bank, email).await;
        let unknown = r#"{"email":["No user Nobody@example.org was found."]}"#;
        let allow = "GET, POST, PATCH, HEAD, OPTIONS";
        Check::new("GET", &format!("{RESET}?email=Nobody@example.org"))
            .gets("allow", allow)
            .expect(bank, 400, unknown)
            .await;
        for (query, told) in [
            ("", r#"{"email":["This field is required."]}"#),
            ("?email=", r#"{"email":["This field may not be blank."]}"#),
            ("?email=nope", r#"{"email":["Enter a valid email address."]}"#),
        ] {
            Check::new("GET", &format!("{RESET}{query}")).expect(bank, 400, told).await;
        }
        Check::new("HEAD", &format!("{RESET}?email={email}")).expect(bank, 200, "").await;
        assert_eq!(bank.letters(email).await.len(), 0, "HEAD sends nothing");
        let code = ask_code(bank, email).await;
        confirm("Nobody@example.org", &code).expect(bank, 400, unknown).await;
        let invalid = r#"{"code":["Invalid code provided."]}"#;
        for form in ["12", "12345", "abcd"] {
            confirm(email, form).expect(bank, 400, invalid).await;
        }
        let made = confirm(email, &code).expect(bank, 200, SESSION).await.part(0).to_owned();
        confirm(email, &code).expect(bank, 400, BAD_CODE).await;
        let new = "seven white herons";
        let bad = r#"{"sessionToken":["Session token has expired or it is incorrect."]}"#;
        set("Nobody@example.org", &made, new, new).expect(bank, 400, unknown).await;
        let invalid = r#"{"sessionToken":["Invalid session token provided."]}"#;
        set(email, "short", new, "x").expect(bank, 400, invalid).await;
        let differ = r#"{"nonFieldErrors":["New passwords don't match!"]}"#;
        set(email, &made, new, "x").expect(bank, 400, differ).await;
        let weak = r#"{"newPassword":["The password must have at least 8 characters."]}"#;
        set(email, &"A".repeat(32), "x", "x").expect(bank, 400, weak).await;
        set(email, &"A".repeat(32), new, new).expect(bank, 400, bad).await;
        let done = format!(r#"{{"success":"Successfully changed password for {email}."}}"#);
        set(email, &made, new, new).expect(bank, 200, &done).await;
        set(email, &made, new, new).expect(bank, 400, bad).await;
        with(&token, "GET", SETTINGS).expect(bank, 401, BAD_TOKEN).await;
        enter(bank, email, new).await;
        let letters = bank.letters(email).await;
        assert_eq!(letters.last().expect("a notice").subject, "Your password was changed");
        let verified: Option<i32> = bank
            .bank
            .db
            .read()
            .await
            .expect("the database is read")
            .query("SELECT 1 FROM users WHERE email_verified_at IS NOT NULL")
            .scalar()
            .await
            .expect("the person is read");
        assert_eq!(verified, Some(1), "a code that came back proves the address");
    })
    .await;
}

fn other_code(code: &str) -> &'static str {
    if code == "0000" { "1111" } else { "0000" }
}

#[tokio::test]
async fn accounts_gives_a_code_two_minutes_and_five_guesses_whatever_is_asked() {
    each_database(async |bank| {
        let email = "ann@example.org";
        join(bank, email).await;
        let code = ask_code(bank, email).await;
        for _ in 0..4 {
            confirm(email, other_code(&code)).expect(bank, 400, BAD_CODE).await;
        }
        // The same code is sent again, and gives no guess more.
        assert_eq!(ask_code(bank, email).await, code);
        confirm(email, other_code(&code)).expect(bank, 400, BAD_CODE).await;
        assert_eq!(ask_code(bank, email).await, code);
        confirm(email, &code).expect(bank, 400, BAD_CODE).await;
        bank.wait(Duration::seconds(121));
        let code = ask_code(bank, email).await;
        bank.wait(Duration::seconds(121));
        confirm(email, &code).expect(bank, 400, BAD_CODE).await;
        let code = ask_code(bank, email).await;
        let made = confirm(email, &code).expect(bank, 200, SESSION).await.part(0).to_owned();
        bank.wait(Duration::seconds(601));
        let bad = r#"{"sessionToken":["Session token has expired or it is incorrect."]}"#;
        let new = "seven white herons";
        set(email, &made, new, new).expect(bank, 400, bad).await;
        // Three codes an hour and no more.
        Check::new("GET", &format!("{RESET}?email={email}"))
            .gets("retry-after", "{{int}}")
            .expect(bank, 429, r#"{"detail":"Request was throttled."}"#)
            .await;
        bank.wait(Duration::hours(1));
        for _ in 0..2 {
            ask_code(bank, email).await;
            bank.wait(Duration::seconds(121));
        }
        bank.wait(Duration::hours(1));
        Check::new("GET", &format!("{RESET}?email={email}"))
            .expect(bank, 429, r#"{"detail":"Request was throttled."}"#)
            .await;
    })
    .await;
}

#[tokio::test]
async fn accounts_makes_no_code_for_whom_it_may_not_sign_in() {
    each_database(async |bank| {
        let bob = bank.join("bob", 2).await;
        let before = bank.letters(&bob.email).await.len();
        let told = format!(r#"{{"success":"Successfully sent a reset code to {}."}}"#, bob.email);
        let asked = Check::new("GET", &format!("{RESET}?email={}", bob.email));
        asked.expect(bank, 200, &told).await;
        assert_eq!(bank.letters(&bob.email).await.len(), before);
        confirm(&bob.email, "0000").expect(bank, 400, BAD_CODE).await;
    })
    .await;
}

#[tokio::test]
async fn accounts_lets_nobody_try_passwords_or_addresses_without_end() {
    each_database(async |bank| {
        join(bank, "ann@example.org").await;
        let throttled = r#"{"detail":"Request was throttled."}"#;
        for _ in 0..Allowances::SANDBOX.login.tries {
            get_token("ann@example.org", "wrong").expect(bank, 401, NO_ACCOUNT).await;
        }
        get_token("ann@example.org", PASSWORD)
            .gets("retry-after", "{{int}}")
            .expect(bank, 429, throttled)
            .await;
        let taken = r#"{"email":["user with this email already exists."]}"#;
        for _ in 1..Allowances::SANDBOX.registration.tries {
            sign_up("ann@example.org").expect(bank, 400, taken).await;
        }
        sign_up("ann@example.org").expect(bank, 429, throttled).await;
    })
    .await;
}

#[tokio::test]
async fn the_story_of_accounts_from_the_first_registration_to_the_last_call() {
    each_database(async |bank| {
        let email = "story@example.org";
        let token = join(bank, email).await;
        let shown = |first: &str| {
            format!(
                r#"{{"email":"{email}","firstName":"{first}","lastName":"Lee","phoneNumber":"15487711"}}"#
            )
        };
        with(&token, "PUT", SETTINGS)
            .json(r#"{"firstName":"Ann","lastName":"Lee","phoneNumber":"15487711"}"#)
            .expect(bank, 200, &shown("Ann"))
            .await;
        let done = r#"{"message":"Successfully changed password."}"#;
        with(&token, "PATCH", CHANGE_PASSWORD)
            .json(&format!(
                r#"{{"password":"{PASSWORD}","newPassword":"seven white herons","newPassword2":"seven white herons"}}"#
            ))
            .expect(bank, 200, done)
            .await;
        let code = ask_code(bank, email).await;
        let made: Got = confirm(email, &code).expect(bank, 200, SESSION).await;
        let success = format!(r#"{{"success":"Successfully changed password for {email}."}}"#);
        set(email, made.part(0), "three grey cranes", "three grey cranes")
            .expect(bank, 200, &success)
            .await;
        let token = enter(bank, email, "three grey cranes").await;
        with(&token, "PATCH", SETTINGS)
            .json(r#"{"firstName":"Anna"}"#)
            .expect(bank, 200, &shown("Anna"))
            .await;
        let new = r#"{"email":"later@example.org"}"#;
        with(&token, "PATCH", CHANGE_EMAIL).json(new).expect(bank, 200, new).await;
        let last = shown("Anna").replace(email, "later@example.org");
        with(&token, "GET", SETTINGS).expect(bank, 200, &last).await;
        bank.audit().await;
    })
    .await;
}
