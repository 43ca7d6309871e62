//! People who come to a real server over its socket.

use serde_json::json;

use super::{
    people::{proof, registration, text},
    server::Server,
};

const REGISTER: &str = "mutation ($input: RegisterInput!) {
    register(input: $input) { errors { message } } }";

const VERIFY: &str = "mutation ($input: VerifyEmailInput!) {
    verifyEmail(input: $input) { accessToken errors { message } } }";

/// Makes a customer of a real server; their access token.
pub async fn join(server: &Server, name: &str, index: u32) -> String {
    server.run(None, REGISTER, json!({ "input": registration(name, index) })).await;
    let letters = server.letters(&format!("{name}@example.org"), 0).await;
    let letter = text(&letters[0]["text"]);
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    let code = letter.lines().map(str::trim).find(is_code).expect("a code in the letter");
    let data = server.run(None, VERIFY, json!({ "input": proof(name, code) })).await;
    text(&data["verifyEmail"]["accessToken"])
}
