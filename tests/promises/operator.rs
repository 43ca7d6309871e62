//! `teller user` and `teller log`, as an operator types them.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    proof,
    server::{Server, teller},
};

/// Runs a command to its end: its exit code, what it said, and what it complained of.
async fn run(fresh: &Fresh, input: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = teller(fresh.folder(), &fresh.url);
    let command = command.args(arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("the input is piped");
    stdin.write_all(input.as_bytes()).await.expect("the input is read");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

async fn each(promise: impl AsyncFn(&Fresh)) {
    for fresh in databases::both().await {
        promise(&fresh).await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

const EVE: [&str; 5] = ["eve@example.org", "--first-name", "Eve", "--last-name", "Fox"];

/// The codes of the logins that a person began, the newest last; other letters may come
/// between them.
async fn login_codes(server: &Server, email: &str) -> Vec<String> {
    let letters = server.letters_now(email).await;
    let logins = letters.iter().filter(|letter| letter["subject"] == "Your login code");
    let fits = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    let code = |letter: &Value| {
        letter["text"].as_str()?.lines().map(str::trim).find(fits).map(str::to_owned)
    };
    logins.filter_map(code).collect()
}

/// Signs in over a server; the access token, or the codes of the refusal.
async fn sign_in(server: &Server, email: &str, password: &str) -> Result<String, Value> {
    let login = "mutation ($email: String!, $password: String!) {
        login(input: { email: $email, password: $password }) {
            challenge { id } errors { code } } }";
    let before = login_codes(server, email).await.len();
    let asked = server.run(None, login, json!({ "email": email, "password": password })).await;
    let asked = &asked["login"];
    let Some(id) = asked["challenge"]["id"].as_str() else {
        return Err(asked["errors"].clone());
    };
    let mut codes = Vec::new();
    for _ in 0..200 {
        codes = login_codes(server, email).await;
        if codes.len() > before {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(codes.len() > before, "no code came to {email}");
    let code = codes.pop();
    let confirm = "mutation ($id: ID!, $code: String!) {
        confirmLogin(input: { challengeId: $id, code: $code }) {
            accessToken errors { code } } }";
    let answer = server.run(None, confirm, json!({ "id": id, "code": code })).await;
    let token = answer["confirmLogin"]["accessToken"].as_str();
    token.map(str::to_owned).ok_or_else(|| answer["confirmLogin"]["errors"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_staff_who_sign_in_with_the_password_that_was_printed() {
    each(async |fresh| {
        let add = [&["user", "add"], &EVE[..], &["--role", "bank-admin"]].concat();
        let (code, out, err) = run(fresh, "", &add).await;
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.starts_with("eve@example.org was made: bank-admin, customer number "), "{out}");
        let password = out.trim_end().rsplit_once(' ').expect("a password").1.to_owned();
        assert_eq!(password.len(), 20, "{out}");
        let (code, out, err) = run(fresh, "", &add).await;
        assert_eq!((code, out.as_str()), (0, "eve@example.org was there before.\n"), "{err}");
        let other = [&["user", "add"], &EVE[..]].concat();
        let (code, _, err) = run(fresh, "", &other).await;
        assert_eq!(code, 1);
        assert!(err.contains("there already with another role"), "{err}");
        let add = ["user", "add", "ann@example.org", "--first-name", "Ann", "--last-name", "Lee"];
        let with_stdin = [&add[..], &["--password-stdin"]].concat();
        let (code, _, err) = run(fresh, "password\n", &with_stdin).await;
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("password must not be one of the most common"), "{err}");
        let (code, out, err) = run(fresh, "three grey cranes\n", &with_stdin).await;
        assert_eq!(code, 0, "{err}");
        assert!(!out.contains("cranes") && !out.contains("password"), "{out}");

        let server = Server::start(fresh.folder(), &fresh.url).await;
        let eve = sign_in(&server, "eve@example.org", &password).await.expect("she signs in");
        let ann = sign_in(&server, "ann@example.org", "three grey cranes").await.expect("in");
        let wallet = "{ me { customerId wallet { id } } }";
        let wallet = server.run(Some(&ann), wallet, Value::Null).await;
        let deposit = "mutation ($id: ID!) { recordDeposit(input: { idempotencyKey: \"d\",
            accountId: $id, amount: \"12.50\", reference: \"Salary\" }) { errors { code } } }";
        let variables = json!({ "id": wallet["me"]["wallet"]["id"] });
        let given = server.run(Some(&eve), deposit, variables.clone()).await;
        assert_eq!(given["recordDeposit"]["errors"], json!([]));
        let refused = server.run(Some(&ann), deposit, variables).await;
        assert_eq!(refused["recordDeposit"]["errors"][0]["code"], "FORBIDDEN");

        // Beside the server: the log, and what an operator does to people.
        let (code, out, err) = run(fresh, "", &["log", "--action", "recordDeposit"]).await;
        assert_eq!(code, 0, "{err}");
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2, "{out}");
        assert!(lines[0].contains("DONE") && lines[0].contains("eve@example.org"), "{out}");
        assert!(lines[1].contains("FORBIDDEN") && lines[1].contains("ann@example.org"), "{out}");
        assert!(lines[1].contains("from 127.0.0.1  request "), "{out}");
        let (code, out, _) = run(fresh, "", &["user", "deactivate", "ann@example.org"]).await;
        assert_eq!(code, 0);
        assert!(out.starts_with("ann@example.org is deactivated"), "{out}");
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        let query = "{ me { email } }";
        let answer = server.try_post(Some(&ann), query, Value::Null).await.expect("it answers");
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "UNAUTHENTICATED", "a second later her token opens nothing: {answer}");
        let refused = sign_in(&server, "ann@example.org", "three grey cranes").await;
        assert_eq!(refused, Err(json!([{ "code": "BAD_CREDENTIALS" }])));
        let (code, out, _) = run(fresh, "", &["user", "deactivate", "ann@example.org"]).await;
        assert_eq!((code, out.as_str()), (0, "ann@example.org was deactivated before.\n"));
        let (_, out, _) = run(fresh, "", &["user", "reactivate", "ann@example.org"]).await;
        assert_eq!(out, "ann@example.org is active again.\n");
        sign_in(&server, "ann@example.org", "three grey cranes").await.expect("she is back");
        assert!(server.stop().await.success());
        let (code, out, _) = run(fresh, "", &["audit"]).await;
        assert_eq!(code, 0, "{out}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_people_and_sets_their_roles_and_is_told_what_is_wrong() {
    each(async |fresh| {
        let (code, _, err) = run(fresh, "", &["seed"]).await;
        assert_eq!(code, 0, "{err}");
        let role = ["user", "role", "bob@example.org", "platform-admin"];
        let (code, out, err) = run(fresh, "", &role).await;
        assert_eq!(code, 0, "{err}");
        assert_eq!(out, "bob@example.org is platform-admin now.\n");
        let (code, out, _) = run(fresh, "", &role).await;
        assert_eq!((code, out.as_str()), (0, "bob@example.org had this role before.\n"));
        let (_, out, _) = run(fresh, "", &["user", "list"]).await;
        assert!(out.contains("ann@example.org  Ann Lee\n"), "{out}");
        assert!(out.ends_with("8 people\n"), "{out}");
        let (_, out, _) = run(fresh, "", &["user", "list", "--role", "platform-admin"]).await;
        assert!(out.contains("bob@example.org") && out.ends_with("1 person\n"), "{out}");
        let (_, out, _) = run(fresh, "", &["user", "list", "--status", "deactivated"]).await;
        assert_eq!(out, "0 people\n");
        let legacy = async |more: &[&str]| {
            let arguments = [&["user", "legacy", "cat@example.org"], more].concat();
            let (code, out, err) = run(fresh, "", &arguments).await;
            assert_eq!(code, 0, "{err}");
            out.trim_end().rsplit_once(" by ").expect("dialects").1.to_owned()
        };
        let cat = ["user", "add", "cat@example.org", "--first-name", "Cat", "--last-name", "Fox"];
        let (code, _, err) = run(fresh, "", &[&cat[..], &["--legacy"]].concat()).await;
        assert_eq!(code, 0, "{err}");
        assert_eq!(legacy(&[]).await, "accounts, ewallet, financelime.");
        assert_eq!(legacy(&["--clear", "accounts,financelime"]).await, "ewallet.");
        assert_eq!(legacy(&["--grant", "accounts"]).await, "accounts, ewallet.");
        assert_eq!(legacy(&["--clear", "ewallet,accounts"]).await, "no dialect.");
        for (arguments, code, told) in [
            (&["user", "role", "nobody@example.org", "customer"][..], 1, "no such person"),
            (&["user", "deactivate", "nobody"], 1, "email must be an email address"),
            (&["user", "role", "bob@example.org", "king"], 2, "invalid value 'king'"),
            (&["user", "add", "x@example.org"], 2, "--first-name"),
            (&["user", "invite", "a b"], 1, "code must be 3 to 16 letters"),
            (&["user"], 2, "Usage: teller user"),
            (&["log", "--since", "yesterday"], 1, "--since must be an instant such as"),
            (&["log", "--person", "nobody@example.org"], 1, "no such person"),
        ] {
            let (ended, out, err) = run(fresh, "", arguments).await;
            assert_eq!(ended, code, "{arguments:?}: {out}{err}");
            assert!(err.contains(told), "{arguments:?}: {err}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_invite_are_made_changed_and_listed_and_the_sandbox_has_one() {
    each(async |fresh| {
        let (code, _, err) = run(fresh, "", &["seed"]).await;
        assert_eq!(code, 0, "{err}");
        let make = ["user", "invite", "summer-26", "--limit", "5", "--owner", "ann@example.org"];
        let (code, out, err) = run(fresh, "", &make).await;
        assert_eq!((code, out.as_str()), (0, "summer-26 was made: 5 may come with it.\n"), "{err}");
        let change = ["user", "invite", "summer-26", "--limit", "9", "--expires-in", "30"];
        let (_, out, _) = run(fresh, "", &change).await;
        assert_eq!(out, "summer-26 was changed: 9 may come with it.\n");
        let (_, out, _) = run(fresh, "", &["user", "invites"]).await;
        assert!(out.contains("testInviteCode    0 came, 0 on their way, of 1000000000"), "{out}");
        assert!(out.contains("summer-26         0 came, 0 on their way, of 9  good 20"), "{out}");
        assert!(out.ends_with("2 codes\n"), "{out}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_filtered_and_says_everything_as_json() {
    each(async |fresh| {
        let (code, _, err) = run(fresh, "", &["seed"]).await;
        assert_eq!(code, 0, "{err}");
        run(fresh, "", &["user", "deactivate", "ann@example.org"]).await;
        let lines = async |more: &[&str]| {
            let arguments = [&["log", "--json"], more].concat();
            let (code, out, err) = run(fresh, "", &arguments).await;
            assert_eq!(code, 0, "{arguments:?}: {err}");
            let read = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
            out.lines().map(read).collect::<Vec<Value>>()
        };
        let all = lines(&[]).await;
        assert!(all.len() >= 8, "{all:?}");
        let times: Vec<&str> = all.iter().filter_map(|row| row["at"].as_str()).collect();
        assert!(times.is_sorted(), "the newest is last");
        let last = all.last().expect("a row");
        assert_eq!(last["action"], "deactivateUser");
        assert_eq!(last["actorId"], Value::Null, "the bank itself");
        assert_eq!(lines(&["--limit", "1"]).await, std::slice::from_ref(last));
        let anns = lines(&["--person", "ann@example.org"]).await;
        assert!(anns.contains(last), "what was done to her: {anns:?}");
        assert!(anns.iter().any(|row| row["actorEmail"] == "ann@example.org"), "{anns:?}");
        assert!(anns.iter().all(|row| row["actorEmail"] != "bob@example.org"), "{anns:?}");
        assert_eq!(lines(&["--outcome", "refused"]).await, Vec::<Value>::new());
        let transfers = lines(&["--action", "transfer", "--outcome", "DONE"]).await;
        assert_eq!(transfers.len(), 36, "{transfers:?}");
        assert!(transfers.iter().all(|row| row["requestId"] == "seed"), "{transfers:?}");
        assert_eq!(lines(&["--address", "10.0.0.1"]).await, Vec::<Value>::new());
        let at = last["at"].as_str().expect("an instant");
        assert_eq!(lines(&["--since", at]).await, std::slice::from_ref(last));
        let before = lines(&["--until", at]).await;
        assert!(before.len() >= all.len() - 1 && !before.contains(last), "{before:?}");
    })
    .await;
}
