//! The programs that others write against the API: audits of the protocol, generators of
//! typed clients, and a cache that keeps what it was answered.

use std::{collections::BTreeSet, fs, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use regex::Regex;
use serde_json::{Value, json};
use teller::ledger::engine::Capacity;

use crate::support::{
    bank::{TestBank, each_database, reassemble, test_name},
    databases,
    people::text,
    programs::node,
    proof::tally,
    server::Server,
    strangers::join,
};

/// The schema as clients get it.
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");

#[tokio::test(flavor = "multi_thread")]
async fn all_61_audits_of_graphql_over_http_pass() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let found = node("audits.mjs", &[&format!("{}/graphql", server.url)], &[]).await;
        assert_eq!(found, json!({ "audits": 61, "passed": 61, "failed": [] }), "{}", fresh.name);
        tally(fresh.name, &test_name());
        assert!(server.stop().await.success());
        fresh.remove().await;
    }
}

/// The names behind a word that opens a definition, in all documents of a text.
fn defined(text: &str, words: &[&str]) -> BTreeSet<String> {
    let opened = |line: &str| {
        let (word, rest) = line.trim_start().split_once(' ')?;
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        words.contains(&word).then_some(name)
    };
    text.lines().filter_map(opened).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_codegen_makes_a_typed_client_of_the_schema() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().to_str().expect("a path of letters");
    let made = node("clients/codegen.mjs", &[SCHEMA, path], &[]).await;
    let documents = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/clients/documents.graphql");
    let documents = fs::read_to_string(documents).expect("the documents are read");
    let asked = defined(&documents, &["fragment", "query", "mutation", "subscription"]);
    assert!(asked.len() >= 11, "{asked:?}");
    assert_eq!(made["documents"], json!(asked), "each document has its types");
}

#[tokio::test(flavor = "multi_thread")]
async fn relay_compiles_a_connection_a_node_and_a_mutation() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().to_str().expect("a path of letters");
    let made = node("clients/relay.mjs", &[SCHEMA, path], &[]).await;
    let artifacts = [
        "AppCardQuery",
        "AppQuery",
        "AppTransferMutation",
        "Entry_entry",
        "HistoryPageQuery",
        "History_card",
    ];
    let artifacts: Vec<String> =
        artifacts.iter().map(|name| format!("{name}.graphql.js")).collect();
    assert_eq!(made["artifacts"], json!(artifacts));
    // A refetchable list is found again by its node, whose id must be all it needs.
    let page = Path::new(path).join("artifacts/HistoryPageQuery.graphql.js");
    let page = fs::read_to_string(page).expect("the artifact is read");
    assert!(page.contains("node(id: $id)"), "{page}");
}

/// Two cards of one person, a payment between them, and what a real cache makes of it.
async fn cache_two_histories(server: &Server) -> (Value, [String; 2]) {
    let token = join(server, "ann", 1).await;
    let create = "mutation { createCard { card { id } errors { message } } }";
    let mut cards = [String::new(), String::new()];
    for card in &mut cards {
        let made = server.run(Some(&token), create, json!({})).await;
        *card = text(&made["createCard"]["card"]["id"]);
    }
    let pay = "mutation ($from: ID!, $to: ID!) { transfer(input: { idempotencyKey: \"k\",
        fromAccountId: $from, to: { accountId: $to }, amount: \"12.50\" }) {
        errors { message } } }";
    let variables = json!({ "from": cards[0], "to": cards[1] });
    let paid = server.run(Some(&token), pay, variables).await;
    assert_eq!(paid["transfer"]["errors"], json!([]));
    let url = format!("{}/graphql", server.url);
    let arguments = [url.as_str(), &cards[0], &cards[1]];
    (node("clients/cache.mjs", &arguments, &[("TOKEN", &token)]).await, cards)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_normalised_cache_shows_each_side_of_a_shared_transaction_rightly() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let (found, cards) = cache_two_histories(&server).await;
        assert_eq!(found["answered"], found["cached"], "{}: what came is what is kept", fresh.name);
        let newest = |side: usize| &found["cached"][side]["card"]["history"]["nodes"][0];
        let sides = [("OUT", "37.50", 0, 1), ("IN", "62.50", 1, 0)];
        for (direction, balance, own, other) in sides {
            let entry = newest(own);
            assert_eq!(entry["direction"], direction, "{entry}");
            assert_eq!(entry["balanceAfter"]["amount"], balance, "{entry}");
            assert_eq!(entry["account"]["id"], cards[own], "{entry}");
            assert_eq!(entry["counterparty"]["account"]["id"], cards[other], "{entry}");
            assert_eq!(entry["transaction"]["amount"]["amount"], "12.50", "{entry}");
        }
        assert_eq!(newest(0)["transaction"], newest(1)["transaction"], "it is one transaction");
        assert_ne!(newest(0)["id"], newest(1)["id"], "and two entries");
        let count = |kind: &str| found[kind].as_array().map(Vec::len);
        assert_eq!((count("entries"), count("transactions")), (Some(4), Some(3)));
        tally(fresh.name, &test_name());
        assert!(server.stop().await.success());
        fresh.remove().await;
    }
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && (name.len() == 1 || name.contains(|c: char| c.is_ascii_lowercase()) || name == "URL")
}

fn is_camel(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_screaming(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The names of a schema that are not what a reader expects of them.
fn odd_names(sdl: &str) -> Vec<String> {
    let mut odd = Vec::new();
    for definition in parse_schema(sdl).expect("the schema is GraphQL").definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let owner = definition.node.name.node.to_string();
        let mut note = |fine: bool, name: &str| {
            if !fine {
                odd.push(if name.is_empty() { owner.clone() } else { format!("{owner}.{name}") });
            }
        };
        note(is_pascal(&owner), "");
        let is_input = matches!(definition.node.kind, TypeKind::InputObject(_));
        // What is chosen by or aimed at is called so.
        let ends = ["Input", "Selector", "Target", "Filter"];
        note(!is_input || ends.iter().any(|end| owner.ends_with(end)), "");
        match &definition.node.kind {
            TypeKind::Object(object) => {
                // An error about an input is called so, and says that it is an error.
                note(!owner.ends_with("Input") || !object.implements.is_empty(), "");
                for field in &object.fields {
                    note(is_camel(&field.node.name.node), &field.node.name.node);
                    for argument in &field.node.arguments {
                        note(is_camel(&argument.node.name.node), &argument.node.name.node);
                    }
                    if owner == "Mutation" {
                        let answer = field.node.ty.node.to_string();
                        note(answer.ends_with("Payload!"), &field.node.name.node);
                    }
                }
            }
            TypeKind::Interface(interface) => {
                for field in &interface.fields {
                    note(is_camel(&field.node.name.node), &field.node.name.node);
                }
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    note(is_screaming(&value.node.value.node), &value.node.value.node);
                }
            }
            TypeKind::InputObject(input) => {
                for field in &input.fields {
                    note(is_camel(&field.node.name.node), &field.node.name.node);
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    odd
}

#[test]
fn every_name_of_the_schema_has_the_form_of_its_kind() {
    let sdl = fs::read_to_string(SCHEMA).expect("the schema is read");
    assert_eq!(odd_names(&sdl), Vec::<String>::new());
    let odd = "type Mutation { pay_now(Amount: Int): Payment } type payment { ok: Boolean }
        enum Kind { open DONE_ } input Money { Amount: Int } type TransferInput { id: ID }";
    let found: BTreeSet<String> = odd_names(odd).into_iter().collect();
    let expected = [
        "Mutation.pay_now",
        "Mutation.Amount",
        "payment",
        "Kind.open",
        "Kind.DONE_",
        "Money",
        "Money.Amount",
        "TransferInput",
    ];
    let expected = expected.into_iter().map(str::to_owned).collect();
    assert_eq!(found, expected, "odd names are seen");
}

/// Everything of a person that has an id, and their history with its cursors.
const ALL_OF_ME: &str = "{ me { id
    cards { id } savings { id } wallet { id } sessions { id }
    bills(first: 10) { nodes { id } edges { cursor } }
    history(last: 2) { edges { cursor node { id transaction { id } } } } } }";

/// All values under a name, wherever they stand.
fn all_of(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str() {
                    Some(text) if key == name => found.push(text.to_owned()),
                    _ => all_of(value, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all_of(item, name, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_cursors_are_opaque_and_stay_the_same() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        bank.ask(&ann, "createSavings", "savings { id }", json!({ "name": "Trip", "goal": "1" }))
            .await;
        let bill = json!({ "name": "Power", "amount": "1", "dueAt": "2027-01-01T00:00:00Z" });
        bank.ask(&ann, "createBill", "bill { id }", bill).await;
        let asked = bank.run(Some(&ann.token), ALL_OF_ME, json!({})).await;
        let (mut ids, mut cursors) = (Vec::new(), Vec::new());
        all_of(&asked, "id", &mut ids);
        all_of(&asked, "cursor", &mut cursors);
        assert_eq!((ids.len(), cursors.len()), (10, 3), "{asked}");
        let form = Regex::new("^[a-z]+_([0-7][0-9a-hjkmnp-tv-z]{25}){1,2}$").expect("a pattern");
        let opaque = Regex::new("^[A-Za-z0-9_-]{16,}$").expect("a pattern");
        for id in &ids {
            assert!(form.is_match(id), "{id} is a prefix and bits");
            let found = bank
                .run(
                    Some(&ann.token),
                    "query ($id: ID!) { node(id: $id) { id } }",
                    json!({ "id": id }),
                )
                .await;
            assert_eq!(found["node"]["id"], json!(id), "what has an id is found by it");
        }
        assert!(
            cursors.iter().all(|cursor| opaque.is_match(cursor)),
            "no place in it: {cursors:?}"
        );

        // Neither what comes later nor another process changes what they name.
        bank.top_up(&ann, "later", &card, "1.00").await;
        let db = bank.fresh.open().await;
        let other = reassemble(bank, db, 1, Capacity::default());
        let router = TestBank::router_over(&other);
        let again = TestBank::post_to(router, &ann.token, ALL_OF_ME, json!({})).await.json();
        let (mut ids_again, mut cursors_again) = (Vec::new(), Vec::new());
        all_of(&again["data"], "id", &mut ids_again);
        all_of(&again["data"], "cursor", &mut cursors_again);
        assert_eq!((ids_again, &cursors_again), (ids, &cursors), "{}", bank.database);
        let older = "query ($cursor: Cursor!) {
            history(last: 1, before: $cursor) { nodes { kind } } }";
        let newest = json!({ "cursor": asked["me"]["history"]["edges"][0]["cursor"] });
        let found = bank.run(Some(&ann.token), older, newest).await;
        assert_eq!(found["history"]["nodes"], json!([{ "kind": "TOP_UP" }]), "{}", bank.database);
        other.db.close().await;
    })
    .await;
}
