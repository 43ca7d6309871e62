//! The OpenAPI documents of the legacy dialects: they are the code's, they are valid, and
//! calls made up from them find no answer that they do not tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Stdio,
};

use serde_json::Value;
use teller::compat::{openapi, router::doors, wire::dialect::Dialect};
use tokio::io::AsyncWriteExt as _;

use crate::support::{
    databases,
    databases::Fresh,
    people::PASSWORD,
    programs::{PYTHON, python},
    proof,
    server::{Server, teller},
};

/// Where the document of a dialect is kept.
fn file_of(dialect: Dialect) -> String {
    let folder = dialect.name().replace('-', "_");
    format!("{}/src/compat/{folder}/openapi.json", env!("CARGO_MANIFEST_DIR"))
}

fn document(dialect: Dialect) -> Value {
    serde_json::from_str(&openapi::text(dialect)).expect("a document is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_files_are_what_the_code_says_and_what_the_command_prints() {
    let folder = tempfile::tempdir().expect("a folder");
    for dialect in Dialect::ALL {
        let path = file_of(dialect);
        let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let code = openapi::text(dialect);
        assert!(file == code, "{path} is not what the code says. Renew it with: make openapi");
        let mut command = teller(folder.path(), "sqlite://unused.db");
        let output = command.args(["openapi", dialect.name()]).output().await;
        let output = output.expect("the program runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(output.stdout == file.as_bytes(), "teller openapi {}", dialect.name());
    }
    let mut command = teller(folder.path(), "sqlite://unused.db");
    let output = command.args(["openapi", "nobody"]).output().await.expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("card-bank, fintract, financelime, accounts, ewallet"), "{told}");
}

/// Each method and path of a document.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("operations").keys();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(operations).collect()
}

#[test]
fn a_document_names_exactly_the_operations_that_its_dialect_answers() {
    assert_eq!(doors().count(), Dialect::ALL.len());
    for door in doors() {
        let answered = door.resources.iter().flat_map(|resource| {
            let operations = resource.operations.iter();
            operations.map(|operation| (operation.method.to_owned(), resource.path.to_owned()))
        });
        let answered: BTreeSet<(String, String)> = answered.collect();
        assert_eq!(described(&document(door.dialect)), answered, "{}", door.dialect.name());
    }
}

#[test]
fn every_operation_tells_its_errors_and_has_a_name_of_its_own() {
    for dialect in Dialect::ALL {
        let document = document(dialect);
        assert_eq!(document["openapi"], "3.1.0");
        let servers = &document["servers"];
        assert_eq!(
            (&servers[0]["url"], &servers[1]["url"]),
            (&"/".into(), &dialect.prefix().into())
        );
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let about = format!("{} {method} {path}", dialect.name());
                let responses = operation["responses"].as_object().expect("responses");
                for status in ["404", "405", "413", "429", "500", "503"] {
                    assert!(responses.contains_key(status), "{about}: {status}");
                }
                assert!(responses.keys().any(|status| status.starts_with('2')), "{about}");
                let name = operation["operationId"].as_str().expect("a name").to_owned();
                assert!(names.insert(name), "{about}");
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_is_valid_and_its_examples_fit_their_schemas() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = async |file: &str| {
        python("python", folder.path(), &[&format!("{PYTHON}/check.py"), file], &[]).await
    };
    for dialect in Dialect::ALL {
        let output = check(&file_of(dialect)).await;
        assert!(output.status.success(), "{}: {}", dialect.name(), text(&output.stderr));
        let compared: u32 = text(&output.stdout).trim().parse().expect("a count");
        assert!(compared >= 20, "{}: only {compared} examples", dialect.name());
    }
    // A check that can fail: an example that its schema does not take, and no document.
    let mut planted = document(Dialect::Ewallet);
    let schemas = &mut planted["components"]["responses"]["TooLarge"]["content"];
    schemas["application/json"]["examples"]["planted"]["value"] = Value::from(7);
    let path = folder.path().join("planted.json");
    for wrong in [planted, serde_json::json!({ "openapi": "3.1.0" })] {
        fs::write(&path, wrong.to_string()).expect("the file is written");
        let output = check(path.to_str().expect("a path of letters")).await;
        assert!(!output.status.success(), "{}", text(&output.stdout));
    }
}

/// Makes somebody whom a dialect cannot make by itself.
async fn add(folder: &Path, url: &str, email: &str, more: &[&str]) {
    let arguments = ["user", "add", email, "--first-name", "Pat", "--last-name", "Poe"];
    let mut child = teller(folder, url)
        .args(arguments)
        .args(more)
        .arg("--password-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program runs");
    let mut input = child.stdin.take().expect("the input is piped");
    input.write_all(format!("{PASSWORD}\n").as_bytes()).await.expect("the password is read");
    drop(input);
    assert!(child.wait().await.expect("the program ends").success(), "{email}");
}

/// How often each operation answered with which status.
type Tally = BTreeMap<String, BTreeMap<String, u32>>;

/// The kinds of faults that are looked for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

/// Runs Schemathesis on a document against a server; what it said, and whether all was well.
async fn make_up(
    server: &Server,
    folder: &Path,
    dialect: Dialect,
    (file, examples): (&str, usize),
) -> (bool, String, Tally) {
    let tally = folder.join("tally.json");
    let (seed, examples) = (proof::seed().to_string(), examples.to_string());
    // At the root but for card-bank, one of whose pages stands below its prefix alone.
    let prefix = if dialect == Dialect::CardBank { dialect.prefix() } else { "" };
    let url = format!("{}{prefix}", server.url);
    let arguments = [
        "run",
        file,
        "--url",
        &url,
        "--seed",
        &seed,
        "--max-examples",
        &examples,
        "--checks",
        CHECKS,
        "--continue-on-failure",
        "--no-color",
        "--generation-database",
        "none",
        // A machine that is busy with other tests is slow, and that is no fault.
        "--request-timeout",
        "60",
        "--suppress-health-check",
        "all",
    ];
    let environment = [
        ("SCHEMATHESIS_HOOKS", "hooks"),
        ("TELLER_DIALECT", dialect.name()),
        ("TELLER_URL", &server.url),
        ("TELLER_TALLY", tally.to_str().expect("a path of letters")),
    ];
    let output = python("schemathesis", folder, &arguments, &environment).await;
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let tally = fs::read(&tally).unwrap_or_else(|error| panic!("{error}: {said}"));
    let tally = serde_json::from_slice(&tally).expect("the counts are JSON");
    (output.status.success(), said, tally)
}

/// A server with people whom no dialect can make by itself.
async fn peopled(fresh: &Fresh) -> Server {
    let folder = fresh.folder();
    let mut command = teller(folder, &fresh.url);
    for limit in ["LOGINS", "CODES", "REGISTRATIONS", "RESETS", "CARD_NUMBERS"] {
        command.env(format!("TELLER_LIMIT_{limit}"), "1000000/15m");
    }
    // A machine that is busy with other tests is slow, and that is no fault.
    command.env("TELLER_REQUEST_TIME", "60");
    let server = Server::start_with(&mut command).await;
    add(folder, &fresh.url, "staff@example.org", &["--role", "platform-admin"]).await;
    add(folder, &fresh.url, "wallet@example.org", &["--legacy"]).await;
    server
}

/// How many entries the published document of a dialect has, each an operation, and how many
/// operations stand beside them: pages that letters lead to, `HEAD` by itself, and where one
/// entry is two methods.
const fn entries(dialect: Dialect) -> (usize, usize) {
    match dialect {
        Dialect::CardBank => (24, 1),
        Dialect::Fintract => (12, 1),
        Dialect::Financelime => (8, 1),
        Dialect::Accounts => (9, 2),
        Dialect::Ewallet => (5, 0),
    }
}

/// Makes calls up from a document, most of them as somebody who signed in, and sends them to
/// a real server; an answer that the document does not tell fails.
async fn hold_to_its_document(dialect: Dialect) {
    let fresh = databases::sqlite().await;
    let server = peopled(&fresh).await;
    let (file, examples) = (file_of(dialect), proof::sized(10, 200));
    let (held, said, tally) = make_up(&server, fresh.folder(), dialect, (&file, examples)).await;
    let document = document(dialect);
    let (documented, ours) = entries(dialect);
    let (operations, calls) = (tally.len(), tally.values().flat_map(BTreeMap::values).sum::<u32>());
    let name = dialect.name();
    proof::record(
        &format!("calls made up from the document of {name}, {documented} entries"),
        "0 answers that it does not tell, 0 failures of the server, no operation left out",
        &format!("{calls} calls of {operations} operations, up to {examples} examples for each"),
        held && operations == documented + ours,
    );
    assert!(held, "{name}:\n{said}");
    assert_eq!(operations, documented + ours, "{name}: {:?}", tally.keys());
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let name = operation["operationId"].as_str().expect("a name");
            let statuses = tally.get(name).unwrap_or_else(|| panic!("{name} was never called"));
            let done = statuses.keys().any(|status| status.starts_with('2'));
            assert!(done, "{name} never did what it is for: {statuses:?}");
            // Whatever is left out of the making up is left out of this count as well.
            let calls: u32 = statuses.values().sum();
            assert!(calls >= 2, "{name} was called {calls} times");
        }
    }
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_made_up_from_the_document_of_card_bank_find_no_other_answer() {
    hold_to_its_document(Dialect::CardBank).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_made_up_from_the_document_of_financelime_find_no_other_answer() {
    hold_to_its_document(Dialect::Financelime).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_made_up_from_the_document_of_fintract_find_no_other_answer() {
    hold_to_its_document(Dialect::Fintract).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_made_up_from_the_document_of_accounts_find_no_other_answer() {
    hold_to_its_document(Dialect::Accounts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_made_up_from_the_document_of_ewallet_find_no_other_answer() {
    hold_to_its_document(Dialect::Ewallet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_or_a_shape_that_a_document_does_not_tell_is_found() {
    let fresh = databases::sqlite().await;
    let server = peopled(&fresh).await;
    let path = fresh.folder().join("planted.json");
    let file = path.to_str().expect("a path of letters");
    for (status, complaint) in [("400", "Undocumented status code"), ("200", "violates schema")] {
        let mut planted = document(Dialect::Ewallet);
        let kept = planted["paths"]["/token/auth"].take();
        planted["paths"] = serde_json::json!({ "/token/auth": kept });
        let responses = &mut planted["paths"]["/token/auth"]["post"]["responses"];
        if status == "400" {
            responses.as_object_mut().expect("responses").remove(status);
        } else {
            let schema = &mut responses[status]["content"]["application/json"]["schema"];
            *schema = serde_json::json!({ "type": "object", "required": ["token"] });
        }
        fs::write(file, planted.to_string()).expect("the document is written");
        let (held, said, _) = make_up(&server, fresh.folder(), Dialect::Ewallet, (file, 5)).await;
        assert!(!held && said.contains(complaint), "{said}");
    }
    assert!(server.stop().await.success());
}
