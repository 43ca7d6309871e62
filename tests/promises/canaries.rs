//! Secrets are planted in every input of a real server, and looked for wherever it writes.

use std::{collections::BTreeMap, path::Path};

use regex::bytes::Regex;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    people::{proof as person, text},
    proof,
    server::{Server, client, teller},
};

const REGISTER: &str = "mutation ($input: RegisterInput!) {
    register(input: $input) { errors { code } } }";
const VERIFY: &str = "mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) {
    accessToken refreshToken errors { code } } }";
const LOGIN: &str = "mutation ($input: LoginInput!) { login(input: $input) {
    challenge { id } errors { code } } }";
const CONFIRM: &str = "mutation ($input: ConfirmLoginInput!) { confirmLogin(input: $input) {
    accessToken refreshToken csrfToken errors { code } } }";
const REFRESH: &str = "mutation ($input: RefreshSessionInput) { refreshSession(input: $input) {
    accessToken refreshToken errors { code } } }";

/// What must be found nowhere, by a name that may be shown.
#[derive(Default)]
struct Canaries {
    secrets: BTreeMap<&'static str, String>,
    /// Six digits each, which chance alone writes as well: found only where they stand alone.
    codes: Vec<String>,
}

impl Canaries {
    fn plant(&mut self, name: &'static str) -> String {
        let planted = format!("Canary9{}", name.replace(' ', "x"));
        self.secrets.insert(name, planted.clone());
        planted
    }

    fn keep(&mut self, name: &'static str, secret: &Value) {
        self.secrets.insert(name, text(secret));
    }

    /// The names of those that lie in these bytes.
    fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let holds = |secret: &str| {
            let secret = secret.as_bytes();
            let lower = secret.to_ascii_lowercase();
            bytes.windows(secret.len()).any(|part| {
                part == secret || (part.len() > 12 && part.to_ascii_lowercase() == lower)
            })
        };
        let mut found: Vec<&str> = self
            .secrets
            .iter()
            .filter(|(_, secret)| holds(secret))
            .map(|(name, _)| *name)
            .collect();
        for code in &self.codes {
            let alone = format!("(?-u)[^0-9A-Za-z.]{code}[^0-9A-Za-z]");
            if Regex::new(&alone).expect("a pattern").is_match(bytes) {
                found.push("a code");
            }
        }
        found
    }
}

fn code_in(letter: &Value) -> String {
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    let body = text(&letter["text"]);
    body.lines().map(str::trim).find(digits).expect("a code").to_owned()
}

/// A person's whole life, every secret of which is a canary.
async fn live(server: &Server, canaries: &mut Canaries) -> String {
    let password = canaries.plant("password");
    let number = canaries.plant("social").to_uppercase();
    canaries.secrets.insert("social", number.clone());
    let email = "ann@example.org";
    let input = json!({ "email": email, "phoneNumber": "+12025550001", "socialSecurity": number });
    server.run(None, REGISTER, json!({ "input": input })).await;
    let code = code_in(&server.letters(email, 0).await[0]);
    let mut proof = person("ann", &code);
    proof["password"] = json!(password);
    let made = server.run(None, VERIFY, json!({ "input": proof })).await;
    canaries.codes.push(code);
    canaries.keep("first access token", &made["verifyEmail"]["accessToken"]);
    canaries.keep("first refresh token", &made["verifyEmail"]["refreshToken"]);
    let input = json!({ "input": { "email": email, "password": password } });
    let asked = server.run(None, LOGIN, input.clone()).await;
    let code = code_in(server.letters(email, 1).await.last().expect("a letter"));
    let answer = json!({ "challengeId": asked["login"]["challenge"]["id"], "code": code });
    let entered = server.run(None, CONFIRM, json!({ "input": answer })).await;
    canaries.codes.push(code);
    let token = text(&entered["confirmLogin"]["accessToken"]);
    canaries.keep("access token", &entered["confirmLogin"]["accessToken"]);
    canaries.keep("refresh token", &entered["confirmLogin"]["refreshToken"]);
    renew(server, canaries, &made["verifyEmail"]["refreshToken"], &input).await;
    let create = "mutation { createCard { card { id } } }";
    let card = server.run(Some(&token), create, json!({})).await;
    let reveal = "mutation ($id: ID!) { revealCard(input: { cardId: $id }) {
        details { number cvv } } }";
    let id = &card["createCard"]["card"]["id"];
    let shown = server.run(Some(&token), reveal, json!({ "id": id })).await;
    canaries.keep("card number", &shown["revealCard"]["details"]["number"]);
    // One code that is still good when all is looked through.
    let seen = server.letters_now(email).await.len();
    server.run(None, LOGIN, input).await;
    canaries.codes.push(code_in(server.letters(email, seen).await.last().expect("a letter")));
    token
}

/// A session that is renewed and stolen, and a browser's.
async fn renew(server: &Server, canaries: &mut Canaries, first: &Value, login: &Value) {
    let spent = json!({ "input": { "refreshToken": first } });
    let renewed = server.run(None, REFRESH, spent.clone()).await;
    canaries.keep("renewed access token", &renewed["refreshSession"]["accessToken"]);
    canaries.keep("renewed refresh token", &renewed["refreshSession"]["refreshToken"]);
    let again = json!({ "input": { "refreshToken": renewed["refreshSession"]["refreshToken"] } });
    server.run(None, REFRESH, again).await;
    let stolen = server.run(None, REFRESH, spent).await;
    assert_eq!(stolen["refreshSession"]["errors"][0]["code"], "BAD_CREDENTIALS", "{stolen}");
    // The letter that says so comes before the one with the code.
    let mut seen = server.letters("ann@example.org", 2).await.len();
    let asked = server.run(None, LOGIN, login.clone()).await;
    let code = loop {
        let letters = server.letters("ann@example.org", seen).await;
        let newest = letters.last().expect("a letter");
        if text(&newest["subject"]).contains("code") {
            break code_in(newest);
        }
        seen = letters.len();
    };
    let answer = json!({ "challengeId": asked["login"]["challenge"]["id"], "code": code,
        "useCookies": true });
    let entered = server.run(None, CONFIRM, json!({ "input": answer })).await;
    canaries.keep("csrf token", &entered["confirmLogin"]["csrfToken"]);
    canaries.codes.push(code);
}

/// Secrets in the wrong places, by people and by programs that are mistaken.
async fn err(server: &Server, token: &str, canaries: &mut Canaries) {
    let wrong = async |query: String, variables: Value| {
        server.try_post(Some(token), &query, variables).await.expect("the server answers");
    };
    let wrong_password = canaries.plant("wrong password");
    let as_email = canaries.plant("as email");
    for (email, password) in [
        ("ann@example.org", wrong_password.as_str()),
        ("nobody@example.org", wrong_password.as_str()),
        (as_email.as_str(), "whatever it is"),
    ] {
        let input = json!({ "input": { "email": email, "password": password } });
        wrong(LOGIN.to_owned(), input).await;
    }
    let input = json!({ "email": as_email, "phoneNumber": as_email, "socialSecurity": as_email });
    wrong(REGISTER.to_owned(), json!({ "input": input })).await;
    let inline = canaries.plant("inline");
    for query in [
        format!(
            r#"mutation {{ login(input: {{ email: "a@example.org", password: "{inline}" }}) {{ errors {{ code }} }} }}"#
        ),
        format!(r#"mutation {{ login(input: {{ email: "a@example.org", password: "{inline}" }}"#),
        format!(
            r#"mutation {{ login(input: {{ nothing: "{inline}" }}) {{ errors {{ code }} }} }}"#
        ),
        format!("{{ {inline} }}"),
    ] {
        wrong(query, json!({})).await;
    }
    let variable = canaries.plant("variable");
    wrong(LOGIN.to_owned(), json!({ "input": variable, variable.as_str(): variable })).await;
    wrong("{ me { id } }".to_owned(), json!({ "unused": variable })).await;
    let as_refresh = canaries.plant("as refresh token");
    for token in [as_refresh.clone(), as_refresh.repeat(4).chars().take(75).collect()] {
        wrong(REFRESH.to_owned(), json!({ "input": { "refreshToken": token } })).await;
    }
    let guess = canaries.plant("code");
    let answer = json!({ "input": { "challengeId": guess, "code": guess } });
    wrong(CONFIRM.to_owned(), answer).await;
    let mut proof = person("ann", &guess);
    proof["password"] = json!(wrong_password);
    proof["email"] = json!("nobody@example.org");
    wrong(VERIFY.to_owned(), json!({ "input": proof })).await;
    let again = "mutation ($email: String!) {
        resendVerification(input: { email: $email }) { ok } }";
    wrong(again.to_owned(), json!({ "email": guess })).await;
    let (bearer, cookie, in_url) =
        (canaries.plant("bearer"), canaries.plant("cookie"), canaries.plant("in url"));
    let http = client();
    let url = format!("{}/graphql", server.url);
    for request in [
        http.post(&url).bearer_auth(&bearer).json(&json!({ "query": "{ me { id } }" })),
        http.post(&url).header("authorization", &bearer).body("{}"),
        http.post(&url)
            .header("cookie", format!("teller_access={cookie}; teller_refresh={cookie}"))
            .header("x-csrf-token", &cookie)
            .json(&json!({ "query": "{ me { id } }" })),
        http.get(&url).query(&[("query", "{ me { id } }"), ("token", in_url.as_str())]),
        http.get(format!("{url}/{in_url}")),
        http.post(&url).header("content-type", "application/json").body(format!("{{{inline}")),
        http.post(&url).header("content-type", "text/plain").body(inline.clone()),
    ] {
        request.send().await.expect("the server answers");
    }
}

/// Everything that the database keeps, as files or as a dump, by a name for each.
async fn kept(fresh: &Fresh) -> Vec<(String, Vec<u8>)> {
    if fresh.name == "sqlite" {
        let files = std::fs::read_dir(fresh.folder()).expect("the folder is read");
        let files = files.map(|entry| entry.expect("a file").path());
        let read = |path: &Path| std::fs::read(path).expect("the file is read");
        return files
            .filter(|path| path.is_file())
            .map(|path| (path.display().to_string(), read(&path)))
            .collect();
    }
    let mut all = vec![("the rows".to_owned(), fresh.rows().await)];
    let bin = std::env::var("TELLER_TEST_POSTGRES_BIN").unwrap_or_default();
    let program = Path::new(&bin).join("pg_dump");
    if program.is_file() {
        let output = Command::new(program).arg("--dbname").arg(&fresh.url).output().await;
        let output = output.expect("pg_dump runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        all.push(("the dump".to_owned(), output.stdout));
    }
    all
}

/// The statements that a server ran for a request, without those of its workers.
fn statements(log: &str) -> Vec<String> {
    let statement = r#"summary="(?:[^"\\]|\\.)*" db\.statement="(?:[^"\\]|\\.)*""#;
    let statement = regex::Regex::new(statement).expect("a pattern");
    let ours =
        ["attempts", "users", "registrations", "challenges", "INTO outbox", "INTO audit_log"];
    statement
        .find_iter(log)
        .map(|found| found.as_str().to_owned())
        .filter(|found| ours.iter().any(|table| found.contains(table)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_written_in_clear_to_the_database_the_log_or_a_dump() {
    plant_and_look("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_written_in_clear_where_the_log_is_json() {
    plant_and_look("json").await;
}

async fn plant_and_look(format: &str) {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        command.env("TELLER_LOG", "trace").env("TELLER_LOG_FORMAT", format);
        let server = Server::start_with(&mut command).await;
        let mut canaries = Canaries::default();
        let token = live(&server, &mut canaries).await;
        err(&server, &token, &mut canaries).await;
        assert!(canaries.secrets.len() >= 17 && canaries.codes.len() == 4);
        let log = server.log();
        assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all that it can");
        assert!(log.contains("answered"), "and has a line for each request");
        let found = canaries.found_in(log.as_bytes());
        assert_eq!(found, Vec::<&str>::new(), "{}: in the log", fresh.name);
        // While the server runs: its log of writes is not yet folded into the file.
        let mut told = Vec::new();
        let mut seen_what_is_no_secret = false;
        for (place, bytes) in kept(&fresh).await {
            seen_what_is_no_secret |= bytes.windows(15).any(|part| part == b"ann@example.org");
            told.extend(
                canaries.found_in(&bytes).into_iter().map(|name| format!("{name}: {place}")),
            );
        }
        assert_eq!(told, Vec::<String>::new(), "{}", fresh.name);
        assert!(seen_what_is_no_secret, "{}: what is no secret is found", fresh.name);
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_and_an_unknown_address_cost_the_same_statements() {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_LOG", "sqlx=debug")).await;
        crate::support::load::join(&server, "ann", 1).await;
        let again = "mutation ($input: ResendVerificationInput!) {
            resendVerification(input: $input) { ok errors { code } } }";
        let register = |email: &str, index: u32| {
            let mut input = crate::support::people::registration("x", index);
            input["email"] = json!(email);
            input
        };
        let reset = "mutation ($input: RequestPasswordResetInput!) {
            requestPasswordReset(input: $input) { ok errors { code } } }";
        for name in ["login", "register", "resend", "reset"] {
            let mut all = Vec::new();
            for (index, email) in [(7, "ann@example.org"), (8, "nobody@example.org")] {
                let before = server.log().len();
                let (query, input) = match name {
                    "login" => (LOGIN, json!({ "email": email, "password": "wrong password" })),
                    "register" => (REGISTER, register(email, index)),
                    "reset" => (reset, json!({ "email": email })),
                    _ => (again, json!({ "email": email })),
                };
                let answer = server.run(None, query, json!({ "input": input })).await;
                // The log comes by a pipe.
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                all.push((answer, statements(&server.log()[before..])));
            }
            assert_eq!(all[0], all[1], "{}: {name}", fresh.name);
            assert!(all[0].1.len() >= 3, "{}: {name}: {:?}", fresh.name, all[0].1);
        }
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
