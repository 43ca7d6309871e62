//! What clients of financelime send.

use serde_json::{Value, json};
use teller::{bank::invite, mail::letter::Letter};

use super::{
    bank::TestBank,
    wire::{Check, Got},
};

/// What a client calls its request.
pub const REQUEST: &str = "K7800-H7625-Z5852-N1693-K1972";

/// Which version answers.
pub const VERSION: &str = "/v1/version";
/// Where people sign up.
pub const SIGN_UP: &str = "/v1/user/signup";
/// Where they ask for another password.
pub const PASSWORD: &str = "/v1/user/password";
/// Where they come in.
pub const CREATE: &str = "/v1/oauth/create";
/// Where they stay.
pub const REFRESH: &str = "/v1/oauth/refresh";
/// Where they see their devices.
pub const LIST: &str = "/v1/session/list";
/// Where they leave one.
pub const REMOVE: &str = "/v1/session/remove";

/// The content type of its answers.
pub const JSON: &str = "application/json;charset=utf-8";
/// What a client gets that comes in or stays.
pub const TOKENS: &str =
    r#"{"sessionID":"{{hex:64}}","accessToken":"{{jwt}}","refreshToken":"{{text}}"}"#;
/// A call without a name.
pub const BAD_REQUEST: &str = r#"{"code":400,"message":"400 Bad Request"}"#;
/// Something else than what the document asks for.
pub const BAD_PARAMETERS: &str = r#"{"code":400,"message":"BAD_PARAMETERS"}"#;
/// No refresh token that is good.
pub const BAD_REFRESH_TOKEN: &str = r#"{"code":400,"message":"BAD_REFRESH_TOKEN"}"#;
/// No access token that is good.
pub const UNAUTHORIZED: &str = r#"{"code":401,"message":"401 Unauthorized"}"#;
/// No such path, or no such link.
pub const NOT_FOUND: &str = r#"{"code":404,"message":"404 Not Found"}"#;
/// No such person.
pub const USER_NOT_FOUND: &str = r#"{"code":404,"message":"USER_NOT_FOUND"}"#;
/// No such code.
pub const INVITE_NOT_FOUND: &str = r#"{"code":409,"message":"INVITE_NOT_FOUND"}"#;
/// A code with which nobody more may come.
pub const INVITE_HAS_ENDED: &str = r#"{"code":409,"message":"INVITE_HAS_ENDED"}"#;
/// An address that is taken.
pub const USER_ALREADY_EXIST: &str = r#"{"code":409,"message":"USER_ALREADY_EXIST"}"#;
/// Tried too often.
pub const TOO_MANY: &str = r#"{"code":429,"message":"429 Too Many Requests"}"#;
/// The page of a registration that is confirmed.
pub const CONFIRMED: &str =
    "Your registration is confirmed. A letter with your password is on its way to you.\n";
/// The page of a password that is reset.
pub const RESET: &str =
    "Your password is reset. A letter with the new password is on its way to you.\n";

/// A call of a program.
pub fn call(method: &str, path: &str) -> Check {
    Check::new(method, path).header("request-id", REQUEST)
}

/// A call with a body.
pub fn post(path: &str, body: &Value) -> Check {
    call("POST", path).body(JSON, body.to_string())
}

/// Signs up.
pub fn sign_up(email: &str, code: &str, language: &str) -> Check {
    post(SIGN_UP, &json!({ "email": email, "inviteCode": code, "language": language }))
}

/// Comes in.
pub fn create(email: &str, password: &str) -> Check {
    post(CREATE, &json!({ "email": email, "password": password }))
}

/// Stays.
pub fn renew(token: &str) -> Check {
    call("PUT", REFRESH).json(&json!({ "refreshToken": token }).to_string())
}

/// A call of who came in.
pub fn with(token: &str, method: &str, path: &str) -> Check {
    call(method, path).header("authorization", &format!("bearer {token}"))
}

/// Leaves a device.
pub fn remove(token: &str, body: &str) -> Check {
    with(token, "DELETE", REMOVE).json(body)
}

/// Asks for another password.
pub async fn ask_reset(bank: &TestBank, email: &str) {
    post(PASSWORD, &json!({ "email": email })).expect(bank, 204, "").await;
}

/// The newest letter to an address.
pub async fn newest(bank: &TestBank, email: &str) -> Letter {
    bank.letters(email).await.pop().unwrap_or_else(|| panic!("no letter to {email}"))
}

/// The path of the link in a letter, as a browser opens it.
pub fn link(letter: &Letter) -> String {
    let mut found =
        letter.text.lines().filter_map(|line| line.strip_prefix("http://127.0.0.1:8080"));
    found.next().unwrap_or_else(|| panic!("no link in {}", letter.text)).to_owned()
}

/// The password that stands alone on a line of a letter.
pub fn password(letter: &Letter) -> String {
    let fits = |line: &&str| {
        line.len() == 16
            && line.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let found = letter.text.lines().find(fits);
    found.unwrap_or_else(|| panic!("no password in {}", letter.text)).to_owned()
}

/// The sandbox's own code, with which everybody may come.
pub async fn invited(bank: &TestBank) {
    invite::open_the_sandboxs(&bank.bank).await.expect("the code is written");
}

/// Signs somebody up; gives their password.
pub async fn join(bank: &TestBank, email: &str) -> String {
    invited(bank).await;
    sign_up(email, "testInviteCode", "en").expect(bank, 204, "").await;
    let link = link(&newest(bank, email).await);
    Check::new("GET", &link).expect(bank, 200, CONFIRMED).await;
    password(&newest(bank, email).await)
}

/// Comes in; gives the tokens.
pub async fn enter(bank: &TestBank, email: &str, password: &str) -> Got {
    create(email, password).expect(bank, 200, TOKENS).await
}
