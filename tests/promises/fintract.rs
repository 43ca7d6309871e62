//! fintract: what its clients send, and every byte that they get back.

use chrono::Duration;
use image::ImageFormat;
use teller::bank::operator;

use crate::support::{
    bank::{TestBank, each_database},
    people::PASSWORD,
    uploads,
    wire::Check,
};

pub const REGISTER: &str = "/auth/register/";
pub const LOGIN: &str = "/auth/login/";
pub const NO_CREDENTIALS: &str = r#"{"detail":"Authentication credentials were not provided."}"#;
pub const BAD_TOKEN: &str = r#"{"detail":"Given token not valid for any token type","code":"token_not_valid","messages":[{"token_class":"AccessToken","token_type":"access","message":"Token is invalid or expired"}]}"#;
const NO_ACCOUNT: &str = r#"{"detail":"No active account found with the given credentials"}"#;
pub const DENIED: &str = r#"{"detail":"You do not have permission to perform this action."}"#;
pub const INVALID: &str = r#"{"message":"Invalid OTP"}"#;
const NOT_FOUND: &str = r#"{"detail":"Not found."}"#;
const REALM: &str = r#"Bearer realm="api""#;

pub fn post(path: &str, body: &str) -> Check {
    Check::new("POST", path).json(body)
}

/// Registers somebody as documented; gives their number.
pub async fn register(bank: &TestBank, name: &str, more: &str) -> String {
    let body = format!(
        r#"{{"username":"{name}","email":"{name}@example.org","name":"John Doe","phone":"1234567890","gender":"MALE","password":"{PASSWORD}","password2":"{PASSWORD}"{more}}}"#
    );
    let told = format!(
        r#"{{"id":{{{{int}}}},"username":"{name}","email":"{name}@example.org","name":"John Doe","user_type":"{{{{text}}}}","phone":"1234567890","customer_id":"{{{{digits}}}}","gender":"MALE"}}"#
    );
    post(REGISTER, &body).expect(bank, 201, &told).await.part(0).to_owned()
}

pub async fn log_in(bank: &TestBank, name: &str, id: &str) {
    let body =
        format!(r#"{{"email":"{name}@example.org","otpType":"Email","password":"{PASSWORD}"}}"#);
    post(LOGIN, &body).expect(bank, 200, &format!(r#"{{"data":{{"id":{id}}}}}"#)).await;
}

pub fn answer(id: &str, code: &str) -> Check {
    post(&format!("/auth/login/{id}/"), &format!(r#"{{"otp":"{code}"}}"#))
}

/// Signs somebody in; gives the access token.
pub async fn enter(bank: &TestBank, name: &str, id: &str) -> String {
    log_in(bank, name, id).await;
    let code = bank.code(&format!("{name}@example.org")).await;
    let told = format!(
        r#"{{"message":"Successfully Logged In","id":{id},"customer_id":"{{{{digits}}}}","email":"{name}@example.org","username":"{{{{text}}}}","verification_status":true,"tokens":{{"refresh":"{{{{jwt}}}}","access":"{{{{jwt}}}}"}},"user_type":"{{{{text}}}}"}}"#
    );
    answer(id, &code).expect(bank, 200, &told).await.part(3).to_owned()
}

pub async fn join(bank: &TestBank, name: &str) -> (String, String) {
    let id = register(bank, name, "").await;
    let token = enter(bank, name, &id).await;
    (id, token)
}

pub fn with(token: &str, method: &str, path: &str) -> Check {
    Check::new(method, path).header("authorization", &format!("Bearer {token}"))
}

/// The path of the newest link that was mailed.
pub async fn link(bank: &TestBank, email: &str) -> String {
    let letters = bank.letters(email).await;
    let letter = letters.iter().rev().find(|letter| letter.subject == "Verify your email address");
    let lines = letter.expect("a link").text.lines().map(str::trim);
    let url = lines.into_iter().find(|line| line.starts_with("http")).expect("a link");
    let (_, path) = url.split_once("/compat/").expect("a path of ours");
    format!("/compat/{path}")
}

#[tokio::test]
async fn fintract_registers_people_and_says_what_is_wrong() {
    each_database(async |bank| {
        let body = format!(
            r#"{{"username":"JohnDoe0303","email":"johndoe@example.org","name":"John","user_type":"DEVELOPER","phone":"1234567890","gender":"MALE","customer_id":"7001808879932062","password":"{PASSWORD}","password2":"{PASSWORD}"}}"#
        );
        let told = r#"{"id":{{int}},"username":"JohnDoe0303","email":"johndoe@example.org","name":"John","user_type":"DEVELOPER","phone":"1234567890","customer_id":"7001808879932062","gender":"MALE"}"#;
        post(REGISTER, &body)
            .gets("content-type", "application/json")
            .gets("deprecation", "@1795651200")
            .expect(bank, 201, told)
            .await;
        let form = "username=bob&email=bob%40example.org&phone=1&password=seven+white+herons&password2=seven+white+herons";
        let told = r#"{"id":{{int}},"username":"bob","email":"bob@example.org","name":"","user_type":"CUSTOMER","phone":"1","customer_id":"{{digits:16}}","gender":""}"#;
        Check::new("POST", "/compat/fintract/auth/register")
            .body("application/x-www-form-urlencoded", form)
            .expect(bank, 201, told)
            .await;
        let required = "[\"This field is required.\"]";
        let nothing = format!(
            r#"{{"email":{required},"username":{required},"password":{required},"password2":{required},"phone":{required}}}"#
        );
        post(REGISTER, "{}").expect(bank, 400, &nothing).await;
        let again = r#"{"email":["user with this email already exists."],"username":["A user with that username already exists."],"customer_id":["user with this customer id already exists."]}"#;
        post(REGISTER, &body.replace("johndoe@", "JohnDoe@").replace("JohnDoe0303", "johndoe0303"))
            .expect(bank, 400, again)
            .await;
        let fresh = |from: &str, to: &str| {
            let fresh = body.replace("johndoe@", "new@").replace("JohnDoe0303", "new");
            post(REGISTER, &fresh.replace("7001808879932062", "123456789012").replace(from, to))
        };
        for (from, to, told) in [
            ("\"new\"", "\"a b\"", r#"{"username":["Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."]}"#),
            ("DEVELOPER", "KING", r#"{"user_type":["\"KING\" is not a valid choice."]}"#),
            ("MALE", "X", r#"{"gender":["\"X\" is not a valid choice."]}"#),
            ("new@example.org", "nope", r#"{"email":["Enter a valid email address."]}"#),
            (r#""password2":""#, r#""password2":"x"#, r#"{"password":["Password fields didn't match."]}"#),
            (PASSWORD, "short", r#"{"password":["The password must have at least 8 characters."]}"#),
        ] {
            fresh(from, to).expect(bank, 400, told).await;
        }
        post(REGISTER, "[]")
            .expect(bank, 400, r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}"#)
            .await;
        Check::new("GET", REGISTER)
            .gets("allow", "POST, OPTIONS")
            .expect(bank, 405, r#"{"detail":"Method \"GET\" not allowed."}"#)
            .await;
        Check::new("POST", REGISTER)
            .body("text/plain", "x")
            .expect(bank, 415, r#"{"detail":"Unsupported media type \"text/plain\" in request."}"#)
            .await;
        Check::new("GET", "/auth/nothing/").expect(bank, 404, NOT_FOUND).await;
    })
    .await;
}

#[tokio::test]
async fn fintract_signs_in_by_a_password_and_a_mailed_code() {
    each_database(async |bank| {
        let id = register(bank, "ann", r#","user_type":"BANK_ADMIN""#).await;
        let login = |more: &str, password: &str| {
            post(LOGIN, &format!(
                r#"{{"email":"ann@example.org","otpType":"email","password":"{password}"{more}}}"#
            ))
        };
        let asked = format!(r#"{{"data":{{"id":{id}}}}}"#);
        login(r#","userType":"bank_admin""#, PASSWORD).expect(bank, 200, &asked).await;
        for (more, password) in [("", "wrong"), (r#","userType":"DEVELOPER""#, PASSWORD)] {
            login(more, password).gets("www-authenticate", REALM).expect(bank, 401, NO_ACCOUNT).await;
        }
        post(LOGIN, &format!(r#"{{"email":"no@example.org","otpType":"Email","password":"{PASSWORD}"}}"#))
            .expect(bank, 401, NO_ACCOUNT)
            .await;
        for (body, told) in [
            ("{}", r#"{"email":["This field is required."],"otpType":["This field is required."],"password":["This field is required."]}"#),
            (r#"{"email":"ann@example.org","otpType":"Fax","password":"x"}"#, r#"{"otpType":["\"Fax\" is not a valid choice."]}"#),
            (r#"{"email":"ann@example.org","otpType":"Phone","password":"x"}"#, r#"{"otpType":["No SMS gateway is set up."]}"#),
        ] {
            post(LOGIN, body).expect(bank, 400, told).await;
        }
        let letters = bank.letters("ann@example.org").await;
        assert_eq!(letters.last().expect("a letter").subject, "Your login code");
        let code = bank.code("ann@example.org").await;
        let wrong = if code == "000000" { "111111" } else { "000000" };
        for (who, code) in [(id.as_str(), wrong), ("999999", &code), ("x", &code), ("99999999999999999999", &code)] {
            answer(who, code).expect(bank, 400, INVALID).await;
        }
        post(&format!("/auth/login/{id}/"), "{}")
            .expect(bank, 400, r#"{"otp":["This field is required."]}"#)
            .await;
        let token = enter(bank, "ann", &id).await;
        answer(&id, &code).expect(bank, 400, INVALID).await;
        // What was asked for gives no right.
        with(&token, "POST", "/auth/admin_approval/")
            .json(r#"{"customer_id":"1"}"#)
            .expect(bank, 403, DENIED)
            .await;
        // Five guesses, and ten minutes.
        log_in(bank, "ann", &id).await;
        let code = bank.code("ann@example.org").await;
        let wrong = if code == "000000" { "111111" } else { "000000" };
        for _ in 0..5 {
            answer(&id, wrong).expect(bank, 400, INVALID).await;
        }
        answer(&id, &code).expect(bank, 400, INVALID).await;
        log_in(bank, "ann", &id).await;
        let code = bank.code("ann@example.org").await;
        bank.wait(Duration::minutes(10));
        answer(&id, &code).expect(bank, 400, INVALID).await;
        // A login at another door is none here.
        let bob = bank.join("bob", 2).await;
        bank.login(&bob.email, PASSWORD).await;
        let code = bank.code(&bob.email).await;
        let me = bank.run(Some(&bob.token), "{ me { legacyId } }", serde_json::Value::Null).await;
        answer(&me["me"]["legacyId"].to_string(), &code).expect(bank, 400, INVALID).await;
    })
    .await;
}

#[tokio::test]
async fn fintract_lets_people_reach_themselves_alone() {
    each_database(async |bank| {
        let (ann, token) = join(bank, "ann").await;
        let (bob, _) = join(bank, "bob").await;
        let info = |id: &str| format!("/auth/info/{id}/");
        Check::new("GET", &info(&ann)).gets("www-authenticate", REALM).expect(bank, 401, NO_CREDENTIALS).await;
        with("x", "GET", &info(&ann)).gets("www-authenticate", REALM).expect(bank, 401, BAD_TOKEN).await;
        with(&token, "GET", &info(&bob)).expect(bank, 403, DENIED).await;
        with(&token, "PATCH", &format!("/auth/update/usr/{bob}/")).json("{}").expect(bank, 403, DENIED).await;
        with(&token, "POST", &format!("/auth/avatar/{bob}/")).expect(bank, 403, DENIED).await;
        with(&token, "GET", &info("x")).expect(bank, 404, NOT_FOUND).await;
        let told = format!(
            r#"{{"id":{ann},"email":"ann@example.org","avatar":"","gender":"MALE","username":"ann","name":"John Doe","net balance":0,"net_balance":0,"customer-id":"{{{{digits:16}}}}","verification_status":true,"phone":"1234567890","country":"","citizenship":"","national_id":"","address":"","bank_name":""}}"#
        );
        with(&token, "GET", &info(&ann)).expect(bank, 200, &told).await;
        with(&token, "GET", info(&ann).replace("/auth", "/compat/fintract/auth").trim_end_matches('/'))
            .expect(bank, 200, &told)
            .await;
        bank.wait(Duration::minutes(60));
        with(&token, "GET", &info(&ann)).expect(bank, 401, BAD_TOKEN).await;
    })
    .await;
}

#[tokio::test]
async fn fintract_changes_what_is_said_and_an_address_by_its_link() {
    each_database(async |bank| {
        let (ann, token) = join(bank, "ann").await;
        join(bank, "bob").await;
        let path = format!("/auth/update/usr/{ann}/");
        let update = |body: &str| with(&token, "PATCH", &path).json(body);
        let done = r#"{"message":"Updated Successfully"}"#;
        update(r#"{"name":"Ann Lee","country":"USA","citizenship":"US","national_id":"ID-7","address":"1 Main Street","phone":"","email":"","username":""}"#)
            .expect(bank, 200, done)
            .await;
        update("{}").expect(bank, 200, done).await;
        update(r#"{"username":"BOB"}"#)
            .expect(bank, 400, r#"{"username":["A user with that username already exists."]}"#)
            .await;
        update(r#"{"email":"bob@example.org"}"#)
            .expect(bank, 400, r#"{"email":["user with this email already exists."]}"#)
            .await;
        update(r#"{"email":"nope"}"#)
            .expect(bank, 400, r#"{"email":["Enter a valid email address."]}"#)
            .await;
        update(r#"{"email":"moved@example.org"}"#).expect(bank, 200, done).await;
        let info = |email: &str, name: &str, username: &str| {
            format!(
                r#"{{"id":{ann},"email":"{email}","avatar":"","gender":"MALE","username":"{username}","name":"{name}","net balance":0,"net_balance":0,"customer-id":"{{{{digits:16}}}}","verification_status":true,"phone":"1234567890","country":"USA","citizenship":"US","national_id":"ID-7","address":"1 Main Street","bank_name":""}}"#
            )
        };
        let shown = format!("/auth/info/{ann}/");
        with(&token, "GET", &shown).expect(bank, 200, &info("ann@example.org", "Ann Lee", "ann")).await;
        let opened = "Your email address is verified. You can close this page.\n";
        let path = link(bank, "moved@example.org").await;
        Check::new("GET", &path).gets("content-type", "text/plain; charset=utf-8").expect(bank, 200, opened).await;
        with(&token, "GET", &shown).expect(bank, 200, &info("moved@example.org", "Ann Lee", "ann")).await;
        let old = bank.letters("ann@example.org").await;
        assert_eq!(old.last().expect("a notice").subject, "Your email address was changed");
        let rename = |body: &str| with(&token, "PUT", "/auth/user-update/").json(body);
        rename("{}")
            .expect(bank, 400, r#"{"username":["This field is required."],"name":["This field is required."]}"#)
            .await;
        rename(r#"{"username":"anna","name":"Anna Q Lee"}"#)
            .expect(bank, 200, r#"{"msg":"Account Successfully Updated"}"#)
            .await;
        with(&token, "GET", &shown).expect(bank, 200, &info("moved@example.org", "Anna Q Lee", "anna")).await;
        let kept = bank.fresh.everything().await;
        assert!(!kept.windows(4).any(|part| part == b"ID-7"), "a national identity is sealed");
    })
    .await;
}

#[tokio::test]
async fn fintract_verifies_an_address_by_a_link_once() {
    each_database(async |bank| {
        register(bank, "ann", "").await;
        let first = link(bank, "ann@example.org").await;
        let token = first.rsplit_once('=').expect("a token").1;
        assert_eq!(token.len(), 43);
        let again =
            |email: &str| post("/auth/re-verify-email/", &format!(r#"{{"email":"{email}"}}"#));
        let sent = r#"{"message":"New token sent"}"#;
        again("ann@example.org").expect(bank, 201, sent).await;
        again("nobody@example.org").expect(bank, 201, sent).await;
        again("nope").expect(bank, 400, r#"{"email":["Enter a valid email address."]}"#).await;
        let wrong = "This link is wrong, was used, or has expired. Ask for a new letter.\n";
        Check::new("GET", &first).expect(bank, 404, wrong).await;
        let second = link(bank, "ann@example.org").await;
        Check::new("HEAD", &second).expect(bank, 405, "").await;
        Check::new("GET", &second)
            .expect(bank, 200, "Your email address is verified. You can close this page.\n")
            .await;
        Check::new("GET", &second).expect(bank, 404, wrong).await;
        Check::new("GET", "/compat/fintract/verify-email/?token=x").expect(bank, 404, wrong).await;
        let before = bank.letters("ann@example.org").await.len();
        again("ann@example.org").expect(bank, 201, sent).await;
        assert_eq!(bank.letters("ann@example.org").await.len(), before, "verified already");
        assert_eq!(bank.letters("nobody@example.org").await.len(), 0);
        register(bank, "bob", "").await;
        let late = link(bank, "bob@example.org").await;
        bank.wait(Duration::hours(24));
        Check::new("GET", &late).expect(bank, 404, wrong).await;
    })
    .await;
}

#[tokio::test]
async fn fintract_takes_files_of_a_few_kinds_and_shows_nobody_a_secret() {
    each_database(async |bank| {
        let (ann, token) = join(bank, "ann").await;
        let upload = |path: &str, name: &str, kind: &str, content: &[u8]| {
            with(&token, "POST", path)
                .body(&uploads::form_type(), uploads::form("file", name, kind, content))
        };
        let url = r#"{"url":"{{text}}"}"#;
        let got = upload("/auth/upload/", "a.csv", "text/csv", b"a,b\n1,2\n").expect(bank, 201, url).await;
        assert!(got.part(0).contains("/files/") && got.part(0).contains(".csv?key="), "{}", got.part(0));
        let none = r#"{"file":["No file was submitted."]}"#;
        with(&token, "POST", "/auth/upload/").expect(bank, 400, none).await;
        with(&token, "POST", "/auth/upload/").json("{}").expect(bank, 400, none).await;
        upload("/auth/upload/", "a.csv", "text/csv", b"")
            .expect(bank, 400, r#"{"file":["The submitted file is empty."]}"#)
            .await;
        let kind = r#"{"file":["File type is not supported."]}"#;
        upload("/auth/upload/", "a.html", "text/html", b"<script>").expect(bank, 400, kind).await;
        let avatar = format!("/auth/avatar/{ann}/");
        upload(&avatar, "a.csv", "text/csv", b"a,b\n").expect(bank, 400, kind).await;
        upload("/auth/upload/", "a.txt", "text/plain", &vec![b'a'; 5 * 1024 * 1024 + 1])
            .expect(bank, 400, r#"{"file":["File is too large."]}"#)
            .await;
        let image = uploads::picture(8, 8, ImageFormat::Png);
        let told = format!(
            r#"{{"user":{{"id":{ann},"password":"","last_login":"{{{{time}}}}","is_superuser":false,"user_type":"CUSTOMER","gender":"MALE","username":"ann","email":"ann@example.org","phone":"1234567890","avatar":"{{{{text}}}}","customer_id":"{{{{digits:16}}}}","name":"John Doe","country":"","citizenship":"","national_id":"","address":"","is_staff":false,"is_active":true,"is_deactivate":false,"is_verified":true,"admin_approved":false,"bank":"","otp":"0","groups":[],"user_permissions":[]}}}}"#
        );
        let shown = upload(&avatar, "a.png", "image/png", &image).expect(bank, 201, &told).await;
        assert!(shown.part(1).contains(".png?key="), "{}", shown.part(1));
    })
    .await;
}

#[tokio::test]
async fn fintract_approves_by_its_administrators_alone() {
    each_database(async |bank| {
        let id =
            register(bank, "dev", r#","user_type":"DEVELOPER","customer_id":"123456789012""#).await;
        let boss =
            register(bank, "boss", r#","user_type":"FINTRACT_ADMIN","customer_id":"123456789013""#)
                .await;
        let king = register(bank, "king", "").await;
        let role = "UPDATE users SET role = 'PLATFORM_ADMIN' WHERE email_key = 'king@example.org'";
        bank.fresh.raw(role).await.expect("the role is set");
        let token = enter(bank, "king", &king).await;
        let approve = |number: &str| {
            with(&token, "POST", "/auth/admin_approval/")
                .json(&format!(r#"{{"customer_id":"{number}"}}"#))
        };
        approve("999999999999").expect(bank, 404, NOT_FOUND).await;
        approve("123456789013").expect(bank, 403, DENIED).await;
        with(&token, "POST", "/auth/admin_approval/")
            .json("{}")
            .expect(bank, 400, r#"{"customer_id":["This field is required."]}"#)
            .await;
        approve("123456789012").expect(bank, 200, r#"{"msg":"User admin approved"}"#).await;
        // With another role's token what is for customers is not.
        let token = enter(bank, "dev", &id).await;
        with(&token, "GET", &format!("/auth/info/{id}/")).expect(bank, 403, DENIED).await;
        with(&token, "PUT", "/auth/account-deactivate/").expect(bank, 403, DENIED).await;
        let token = enter(bank, "boss", &boss).await;
        let graphql = bank.post(Some(&token), "{ me { email } }", serde_json::Value::Null).await;
        assert_eq!(graphql.status.as_u16(), 401, "a token of fintract opens nothing else");
    })
    .await;
}

#[tokio::test]
async fn the_story_of_fintract_from_the_first_registration_to_the_last_call() {
    each_database(async |bank| {
        let id = register(bank, "story", r#","user_type":"CUSTOMER""#).await;
        Check::new("GET", &link(bank, "story@example.org").await)
            .expect(bank, 200, "Your email address is verified. You can close this page.\n")
            .await;
        let token = enter(bank, "story", &id).await;
        with(&token, "PUT", "/auth/user-update/")
            .json(r#"{"username":"storied","name":"Sue Story"}"#)
            .expect(bank, 200, r#"{"msg":"Account Successfully Updated"}"#)
            .await;
        with(&token, "PUT", "/auth/account-deactivate/")
            .expect(bank, 200, r#"{"msg":"Account deactivate request submitted!"}"#)
            .await;
        with(&token, "GET", &format!("/auth/info/{id}/")).expect(bank, 401, BAD_TOKEN).await;
        let body =
            format!(r#"{{"email":"story@example.org","otpType":"Email","password":"{PASSWORD}"}}"#);
        post(LOGIN, &body).expect(bank, 401, NO_ACCOUNT).await;
        operator::reactivate(&bank.bank, "story@example.org")
            .await
            .expect("staff let them in again");
        let token = enter(bank, "story", &id).await;
        with(&token, "DELETE", "/auth/delete/")
            .expect(bank, 200, r#"{"msg":"Account Successfully deleted"}"#)
            .await;
        with(&token, "DELETE", "/auth/delete/").expect(bank, 401, BAD_TOKEN).await;
        post(LOGIN, &body).expect(bank, 401, NO_ACCOUNT).await;
        bank.audit().await;
    })
    .await;
}
