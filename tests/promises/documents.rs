//! Documents: what of them is refused, and how an answer keeps to them.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use teller::graphql::guard::{check::check, limits::Limits};

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
    proof::{Scale, scale},
};

/// What the tools of graphql-js 16 ask first.
const INTROSPECTION: &str = "query IntrospectionQuery {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType }
    directives { name description locations args { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description
  fields(includeDeprecated: true) {
    name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
  }
  inputFields { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name
      ofType { kind name } } } } } } } } }
}";

/// A document is refused with this code and this sentence, at once, and nothing runs.
async fn refused(bank: &TestBank, token: Option<&str>, query: &str, code: &str, sentence: &str) {
    let begun = Instant::now();
    let answer = bank.post(token, query, json!({})).await;
    let start: String = query.chars().take(60).collect();
    let context = format!("{}: {start}: {}", bank.database, answer.text());
    assert!(begun.elapsed() < Duration::from_secs(2), "{context}");
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{context}");
    let body = answer.json();
    assert!(body.get("data").is_none(), "{context}");
    assert_eq!(body["errors"][0]["extensions"]["code"], code, "{context}");
    assert_eq!(body["errors"][0]["message"], sentence, "{context}");
}

/// A document is answered with this data, to the letter, and so many errors.
async fn answered(bank: &TestBank, person: &Person, query: &str, data: &str, errors: usize) {
    let answer = bank.post(Some(&person.token), query, json!({})).await;
    let context = format!("{}: {query}: {}", bank.database, answer.text());
    assert_eq!(answer.status, StatusCode::OK, "{context}");
    let (expected, body) = (format!("{{\"data\":{data}"), answer.text());
    let rest = body.strip_prefix(&expected).unwrap_or_else(|| panic!("{context}"));
    let follows = [",\"errors\":[", ",\"extensions\":{"];
    assert!(follows.iter().any(|start| rest.starts_with(start)), "{context}");
    assert_eq!(answer.json()["errors"].as_array().map_or(0, Vec::len), errors, "{context}");
    assert!(!body.contains("teller__"), "{context}");
}

/// One text after another.
fn numbered(numbers: Range<usize>, text: impl Fn(usize) -> String) -> String {
    numbers.map(text).collect::<Vec<_>>().concat()
}

/// Fragments, each of which spreads the next twice.
fn doubling(levels: usize) -> String {
    let link = |at: usize| format!("fragment F{at} on Query {{ ...F{0} ...F{0} }} ", at + 1);
    let links = numbered(0..levels, link);
    format!("{links} fragment F{levels} on Query {{ __typename }}")
}

/// `me { id }` with this many fields below each other.
fn deep(depth: usize) -> String {
    let mut query = "{ me { wallet { history(first: 1) { nodes { account ".to_owned();
    let (mut depth, mut close) = (depth - 5, 5);
    for field in ["history(first: 1)", "nodes", "account"].into_iter().cycle() {
        if depth == 1 {
            break;
        }
        query = format!("{query}{{ {field} ");
        (depth, close) = (depth - 1, close + 1);
    }
    format!("{query}{{ __typename }}{}", "}".repeat(close))
}

/// A fragment that spreads the next.
fn chained(at: usize) -> String {
    format!("fragment F{at} on Q{{...F{}}}", at + 1)
}

/// Every field of every type with its type's own fields.
fn all_of_all() -> &'static str {
    "__schema { types { fields { name args { name type { name } } type { name fields { name } } } } } "
}

fn most(limit: usize, what: &str) -> String {
    format!("A document may have at most {limit} {what}.")
}

/// Documents that hold too much, with the sentence that refuses each.
pub fn too_much() -> Vec<(String, String)> {
    let chain = numbered(1..8_000, chained) + "fragment F8000 on Q{a}";
    let short_chain = numbered(1..51, chained) + "fragment F51 on Q{a}";
    let names = |count: usize| "__typename ".repeat(count);
    let aliases = numbered(0..31, |at| format!("a{at}: __typename "));
    let query = most(50, "fields at the top of a query");
    let confirm = |code: u8| {
        format!(
            "confirmLogin(input: {{ challengeId: \"x\", code: \"{code}\" }}) {{ user {{ id }} }}"
        )
    };
    let confirms = format!(
        "mutation {{ a: {} ...F }} fragment F on Mutation {{ b: {} }}",
        confirm(1),
        confirm(2)
    );
    vec![
        (format!("{{ ...F0 }} {}", doubling(30)), most(2_000, "selections")),
        (format!("{{ __typename }} {}", doubling(45)), most(2_000, "selections")),
        (format!("{{ ...F1 }} {chain}"), most(5_000, "tokens")),
        (format!("{{ ...F1 }} {short_chain}"), most(50, "fragments")),
        (format!("{{ __typename }} {short_chain}"), most(50, "fragments")),
        (format!("{{ {} }}", names(51)), query.clone()),
        (format!("{{ ...F ...F }} fragment F on Query {{ {} }}", names(26)), query),
        (format!("mutation {{ {} }}", names(11)), most(10, "fields at the top of a mutation")),
        (format!("{{ {aliases} }}"), most(30, "aliases")),
        (format!("{{ {} }}", "a @skip(if: true) ".repeat(51)), most(50, "directives")),
        (confirms, most(1, "sign-in mutation")),
    ]
}

/// Documents that go too deep, with the sentence that refuses each.
pub fn too_deep() -> Vec<(String, String)> {
    let wrap = |open: &str, close: &str, count| (open.repeat(count), close.repeat(count));
    let nested = wrap("... { ", "} ", 33);
    let schema = wrap("types { ofType { ", "} } ", 10);
    let lists = wrap("fields { type { ", "} } ", 4);
    vec![
        (deep(13), most(12, "levels of fields")),
        (format!("{{ {} __typename {} }}", nested.0, nested.1), most(32, "levels of selections")),
        (
            format!("{{ __schema {{ {} kind {} }} }}", schema.0, schema.1),
            most(20, "levels of fields below __schema or __type"),
        ),
        (
            format!("{{ __schema {{ types {{ {} name {} }} }} }}", lists.0, lists.1),
            most(3, "levels of lists below __schema or __type"),
        ),
        (
            format!("{{ {} }}", numbered(0..12, |at| format!("a{at}: {}", all_of_all()))),
            most(300_000, "values of the schema in its answer"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_asks_too_much_is_refused_before_it_is_read_further() {
    each_database(async |bank| {
        for (query, sentence) in too_much().into_iter().chain(too_deep()) {
            refused(bank, None, &query, "COST_EXCEEDED", &sentence).await;
        }
    })
    .await;
}

#[test]
fn a_document_is_measured_in_a_moment_whatever_it_expands_to() {
    let many = numbered(0..2_000, |at| format!("query B{at} {{ __typename }} "));
    let fields = "a ".repeat(60_000);
    for (query, name) in [
        (format!("{{ ...F0 }} {}", doubling(49)), None),
        (format!("query A {{ __typename }} {many}"), Some("A")),
        (format!("{{ ...F0 }} fragment F0 on Query {{ {fields} }}"), None),
        (format!("{{ ...F1 }} {}", numbered(1..8_000, chained)), None),
    ] {
        let document = async_graphql::parser::parse_query(&query).unwrap();
        let begun = Instant::now();
        let refused = check(&document, name, &Limits::default()).unwrap_err();
        let taken = begun.elapsed();
        assert_eq!(refused.code, "COST_EXCEEDED", "{}", refused.message);
        // How long that takes is measured by `make prove`; a document that is followed
        // wherever it leads would never come so far.
        let in_time = taken < Duration::from_millis(50);
        assert!(in_time || scale() == Scale::Short, "{taken:?}: {}", refused.message);
    }
}

/// Documents that are answered, each as large in one way as it may be.
pub fn not_too_much() -> Vec<String> {
    let aliases = numbered(0..30, |at| format!("a{at}: __typename "));
    let twice = "mutation { __typename ...F } fragment F on Mutation { __typename }";
    vec![
        INTROSPECTION.to_owned(),
        deep(12),
        format!("{{ {} }}", "__typename ".repeat(50)),
        format!("{{ {aliases} }}"),
        twice.to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tool_or_an_honest_client_asks_is_not_too_much() {
    each_database(async |bank| {
        let data = bank.run(None, INTROSPECTION, json!({})).await;
        let types = data["__schema"]["types"].as_array().unwrap();
        assert!(types.iter().any(|one| one["name"] == "Card"), "{data}");
        let person = bank.join("ann", 1).await;
        for query in not_too_much() {
            bank.run(Some(&person.token), &query, json!({})).await;
        }
    })
    .await;
}

/// Documents that cannot be meant, with the code and the sentence that refuses each.
pub fn never_meant() -> Vec<(String, &'static str, &'static str)> {
    let (parse, validation) = ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED");
    let open = "A string of the document never closes.";
    let brackets = "[".repeat(500);
    let circle = "Fragments may not spread each other in a circle.";
    let mark = "An alias may not begin with teller__: choose another.";
    let twice = "amount stands twice in one input.";
    vec![
        (format!("{{ node(id: [\"\"\" \"{brackets}"), parse, open),
        (format!("{{ node(id: [\"\"\" {brackets}"), parse, open),
        (format!("{{ node(id: \"x {brackets}\n\") {{ id }} }}"), parse, open),
        ("{ ...A } fragment A on Query { ...A }".to_owned(), validation, circle),
        (
            "{ __typename } fragment A on Query { ...B } fragment B on Query { ... { ...A } }"
                .to_owned(),
            validation,
            circle,
        ),
        ("{ serverInfo { teller__typename: version } }".to_owned(), validation, mark),
        (
            "mutation { topUp(input: { amount: \"1\", amount: \"1000\" }) { replayed } }"
                .to_owned(),
            validation,
            twice,
        ),
        (
            "query ($i: CardSelector! = { amount: 1, amount: 2 }) { card(by: $i) { id } }"
                .to_owned(),
            validation,
            twice,
        ),
        (
            "{ me { a: id } me { a: email } }".to_owned(),
            validation,
            "Two different fields are called a: give one an alias.",
        ),
        (
            "{ card(by: { legacyId: 1 }) { id } ... on Query { card(by: { legacyId: 2 }) { id } } }"
                .to_owned(),
            validation,
            "Two different fields are called card: give one an alias.",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_meant_is_refused() {
    each_database(async |bank| {
        for (query, code, sentence) in never_meant() {
            refused(bank, None, &query, code, sentence).await;
        }
    })
    .await;
}

/// Documents with two mutations whose answers could not be told apart.
pub const MIXED: [&str; 3] = [
    "mutation { createCard { card { id } } createCard { card { last4 } } }",
    "mutation { createCard { card { id } } createCard { card { id } } }",
    "mutation { createCard { card { id } } ...F }
        fragment F on Mutation { ... { createCard: logout { ok } } }",
];

#[tokio::test(flavor = "multi_thread")]
async fn two_mutations_of_the_same_name_never_mix_their_answers() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let sentence = "Two fields of the mutation are called createCard: give one an alias.";
        for query in MIXED {
            refused(bank, Some(&ann.token), query, "GRAPHQL_VALIDATION_FAILED", sentence).await;
        }
        let sentence = "A document may have at most 1 sign-in mutation.";
        let query = "mutation { createCard { card { id } }
            a: login(input: { email: \"a\", password: \"b\" }) { errors { code } }
            verifyEmail(input: {}) { errors { code } } }";
        refused(bank, Some(&ann.token), query, "COST_EXCEEDED", sentence).await;
        let cards = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        assert_eq!(cards, json!({ "cards": [] }), "nothing of them ran");
        let query = "mutation { b: createCard { card { id } } a: createCard { card { id } } }";
        let made = bank.run(Some(&ann.token), query, json!({})).await;
        let cards = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        let ids = [&made["b"]["card"]["id"], &made["a"]["card"]["id"]];
        assert_eq!(cards["cards"], json!([{ "id": ids[0] }, { "id": ids[1] }]));
    })
    .await;
}

/// Documents of which a field fails, with the data that is left of each for a person
/// with this id and this card.
pub fn failing(id: &str, card: &str) -> Vec<(String, String)> {
    let node = "fragment F on Account { history(first: 101) { totalCount } }";
    let left = format!(r#"{{"node":null,"me":{{"id":"{id}"}}}}"#);
    let null = || "null".to_owned();
    vec![
        ("{ cards { id } history(first: 101) { totalCount } }".to_owned(), null()),
        ("{ me { id history(first: 101) { totalCount } } }".to_owned(), null()),
        (format!("{{ node(id: \"{card}\") {{ ...F id }} me {{ id }} }} {node}"), left),
        (format!("{{ cards {{ id ...F }} node(id: \"{card}\") {{ id }} }} {node}"), null()),
    ]
}

/// Documents that need somebody, with how the answer to nobody begins.
pub const FAILING_FOR_NOBODY: [(&str, &str); 3] = [
    ("{ serverInfo { version } wallet { id } me { id } }", r#"{"data":null,"errors":["#),
    (
        "{ wallet { id } serverInfo { sandbox } }",
        r#"{"data":{"wallet":null,"serverInfo":{"sandbox":true}},"errors":["#,
    ),
    ("mutation { createCard { replayed } logout { ok } }", r#"{"data":null,"errors":["#),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_field_is_null_or_takes_its_parent_with_it() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        for (query, data) in failing(&ann.id, &card) {
            answered(bank, &ann, &query, &data, 1).await;
        }
        for (query, expected) in FAILING_FOR_NOBODY {
            let answer = bank.post(None, query, json!({})).await;
            assert!(answer.text().starts_with(expected), "{}", answer.text());
        }
    })
    .await;
}

/// Documents with the data of each, in its order, for Ann, who has this id.
pub fn in_order(id: &str) -> Vec<(&'static str, String)> {
    let (me, email) = (format!(r#""id":"{id}""#), r#""email":"ann@example.org""#);
    vec![
        ("{ me { id @skip(if: true) } }", r#"{"me":{}}"#.to_owned()),
        ("{ me @skip(if: true) { id } }", "{}".to_owned()),
        ("{ me { id } me { email } }", format!(r#"{{"me":{{{me},{email}}}}}"#)),
        ("{ me { email } ...A me { id } } fragment A on Query { me { role id } }",
            format!(r#"{{"me":{{{email},"role":"CUSTOMER",{me}}}}}"#)),
        ("{ a: __typename serverInfo { sandbox b: __typename currencies } me { email id } }",
            format!(r#"{{"a":"Query","serverInfo":{{"sandbox":true,"b":"ServerInfo","currencies":["USD","EUR"]}},"me":{{{email},{me}}}}}"#)),
        ("query ($x: Boolean = true, $y: Boolean = false) {
            me { ... @include(if: $y) { id } ... on User @skip(if: $y) { email } ...I @include(if: $x) } }
            fragment I on Node { id }",
            format!(r#"{{"me":{{{email},{me}}}}}"#)),
        ("{ cards { id } c: cards { last4 } node(id: \"nobody\") { id } __type(name: \"Money\") { name kind } }",
            r#"{"cards":[],"c":[],"node":null,"__type":{"name":"Money","kind":"OBJECT"}}"#.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_fields_of_its_document_in_their_order() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for (query, data) in in_order(&ann.id) {
            answered(bank, &ann, query, &data, 0).await;
        }
    })
    .await;
}

/// What is asked of a node, whatever it is.
pub fn on_node(id: &str) -> String {
    format!(
        "{{ node(id: \"{id}\") {{
            ... on Wallet {{ currency }} ... on Card {{ last4 }} __typename
            ... on Account {{ kind balance {{ posted {{ amount }} }} }} ... on User {{ email }}
            ... on Account {{ balance {{ posted {{ currency }} }} }} }} }}"
    )
}

/// A payment to an account, all of it in the document.
pub fn payment(key: &str, from: &str, to: &str, amount: &str) -> String {
    format!(
        "mutation {{ transfer(input: {{
            idempotencyKey: \"{key}\", fromAccountId: \"{from}\", to: {{ accountId: \"{to}\" }},
            amount: \"{amount}\" }}) {{
            errors {{ code ... on InsufficientFunds {{ shortBy {{ amount }} __typename }}
                ... on StepUpRequired {{ challenge {{ id }} }} }}
            account {{ ... on Wallet {{ id }} ... on Card {{ last4 }} }}
            counterAccount {{ kind ... on Card {{ last4 }} }} replayed }} }}"
    )
}

/// The newest entries, with the accounts of each.
pub const ON_ENTRIES: &str = "{ history(first: 2) { nodes {
    direction account { __typename ... on Card { id } ... on Wallet { kind } } ...N }
    nodes { amount { amount } } } }
    fragment N on Entry { amount { currency } note }";

#[tokio::test(flavor = "multi_thread")]
async fn fragments_on_interfaces_answer_for_the_type_that_is_there() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        let (id, last4) = (&card.id, &card.number[12..]);
        let query = on_node(id);
        let balance = r#""balance":{"posted":{"amount":"50.00","currency":"USD"}}"#;
        let data = format!(
            r#"{{"node":{{"last4":"{last4}","__typename":"Card","kind":"CARD",{balance}}}}}"#
        );
        answered(bank, &ann, &query, &data, 0).await;

        let wallet = bank.run(Some(&ann.token), "{ wallet { id } }", json!({})).await;
        let wallet = text(&wallet["wallet"]["id"]);
        let pay = |key: &str, amount: &str| payment(key, id, &wallet, amount);
        let errors = r#"[{"code":"INSUFFICIENT_FUNDS","shortBy":{"amount":"50.00"},"__typename":"InsufficientFunds"}]"#;
        let data = format!(
            r#"{{"transfer":{{"errors":{errors},"account":null,"counterAccount":null,"replayed":false}}}}"#
        );
        answered(bank, &ann, &pay("a", "100.00"), &data, 0).await;
        let data = format!(
            r#"{{"transfer":{{"errors":[],"account":{{"last4":"{last4}"}},"counterAccount":{{"kind":"WALLET"}},"replayed":false}}}}"#
        );
        answered(bank, &ann, &pay("b", "20.00"), &data, 0).await;

        let one = |direction: &str, account: &str| format!(
            r#"{{"direction":"{direction}","account":{account},"amount":{{"currency":"USD","amount":"20.00"}},"note":null}}"#
        );
        let accounts = [
            one("OUT", &format!(r#"{{"__typename":"Card","id":"{id}"}}"#)),
            one("IN", r#"{"__typename":"Wallet","kind":"WALLET"}"#),
        ];
        let answer = bank.post(Some(&ann.token), ON_ENTRIES, json!({})).await;
        for one in accounts {
            assert!(answer.text().contains(&one), "{one}: {}", answer.text());
        }
        assert_eq!(answer.json().get("errors"), None::<&Value>);
    })
    .await;
}

/// Operations whose variable `$x`, of this type, stands where another type is taken, with
/// the path to the place.
const MISPLACED: [(&str, &str, &[&str]); 13] = [
    ("($x: String!)", "mutation { topUp(amount: $x) }", &["input", "amount"]),
    ("($x: Decimal)", "mutation { topUp(amount: $x) }", &["input", "amount"]),
    ("($x: Decimal = null)", "mutation { topUp(amount: $x) }", &["input", "amount"]),
    ("($x: [Decimal!]!)", "mutation { topUp(amount: $x) }", &["input", "amount"]),
    ("($x: Float!)", "mutation { topUp(amount: $x) }", &["input", "amount"]),
    ("($x: ID)", "{ node(id: $x) { id } }", &["id"]),
    ("($x: String!)", "{ node(id: $x) { id } }", &["id"]),
    (
        "($x: TransactionKind!)",
        "{ history(filter: { kinds: $x }) { totalCount } }",
        &["filter", "kinds"],
    ),
    ("($x: [String!])", "{ history(filter: { kinds: $x }) { totalCount } }", &["filter", "kinds"]),
    ("($x: Boolean)", "{ me @skip(if: $x) { id } }", &["if"]),
    ("($x: Boolean = null)", "{ ... @include(if: $x) { me { id } } }", &["if"]),
    ("($x: String!)", "{ ...F @include(if: $x) } fragment F on Query { me { id } }", &["if"]),
    ("($x: Boolean)", "{ ...F } fragment F on Query { me { id @skip(if: $x) } }", &["if"]),
];

/// The operation with its variable; `topUp(amount: …)` is one that would be done.
fn with_variable(variable: &str, operation: &str, card: &str) -> String {
    let rest = format!("idempotencyKey: \"k\", accountId: \"{card}\", amount: $x }}");
    let operation = operation.replace(
        "topUp(amount: $x)",
        &format!("topUp(input: {{ {rest}) {{ account {{ id }} errors {{ code }} }}"),
    );
    match operation.strip_prefix("mutation ") {
        Some(selections) => format!("mutation {variable} {selections}"),
        None => format!("query {variable} {operation}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_stands_only_where_its_type_is_taken() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        for (variable, operation, path) in MISPLACED {
            let query = with_variable(variable, operation, &card);
            // Also a value that would do in its place does not make the document right.
            for sent in [json!({}), json!({ "x": true }), json!({ "x": "12.50" })] {
                let answer = bank.post(Some(&ann.token), &query, sent.clone()).await;
                let body = answer.json();
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {body}");
                let errors = body["errors"].as_array().expect("errors");
                let told = errors.iter().any(|error| {
                    let said = text(&error["message"]).contains("must be a variable of type");
                    let at = &error["extensions"];
                    said && at["code"] == "BAD_USER_INPUT" && at["inputPath"] == json!(path)
                });
                assert!(told && body.get("data").is_none(), "{query}: {sent}: {body}");
            }
        }
        let balance = "{ cards { balance { posted { amount } } } }";
        let found = bank.run(Some(&ann.token), balance, json!({})).await;
        assert_eq!(found["cards"][0]["balance"]["posted"]["amount"], "50.00", "nothing moved");

        for (variable, operation, sent) in [
            ("($x: Decimal!)", "mutation { topUp(amount: $x) }", json!({ "x": "1.00" })),
            ("($x: Decimal = \"1.00\")", "mutation { topUp(amount: $x) }", json!({})),
            ("($x: ID!)", "{ node(id: $x) { id } }", json!({ "x": card })),
            ("($x: Int)", "{ history(first: $x) { totalCount } }", json!({})),
            ("($x: Int!)", "{ history(first: $x) { totalCount } }", json!({ "x": 1 })),
            (
                "($x: [TransactionKind!]!)",
                "{ history(filter: { kinds: $x }) { totalCount } }",
                json!({ "x": ["TOP_UP"] }),
            ),
            (
                "($x: TransactionKind!)",
                "{ history(filter: { kinds: [$x] }) { totalCount } }",
                json!({ "x": "TOP_UP" }),
            ),
            ("($x: Boolean!)", "{ me @skip(if: $x) { id } }", json!({ "x": false })),
            ("($x: Boolean = true)", "{ me @include(if: $x) { id } }", json!({})),
        ] {
            let query = with_variable(variable, operation, &card);
            let data = bank.run(Some(&ann.token), &query, sent).await;
            assert!(!data.to_string().contains("code\":"), "{query}: {data}");
        }
        let found = bank.run(Some(&ann.token), balance, json!({})).await;
        assert_eq!(found["cards"][0]["balance"]["posted"]["amount"], "51.00", "once, by its key");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_string_of_a_document_means_what_the_specification_says() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let with_note = |key: &str, note: &str| {
            format!(
                "mutation {{ topUp(input: {{ idempotencyKey: \"{key}\", note: {note},
                accountId: \"{card}\", amount: \"1.00\" }}) {{ errors {{ code }} }} }}"
            )
        };
        for (at, (note, meant)) in [
            (r#""\uD83C\uDF55 for two""#, "🍕 for two"),
            (r#""\u{1F355} \u0041\u{42}""#, "🍕 AB"),
            (r#""\u{22}\u{5C}\"""#, "\"\\\""),
            (r#""""say \""" twice""""#, "say \"\"\" twice"),
            ("\"\"\"\n    plain\n    \"\"\"", "plain"),
            (r#""plain \"\u00fc\"""#, "plain \"ü\""),
        ]
        .into_iter()
        .enumerate()
        {
            let query = with_note(&format!("k{at}"), note);
            let done = bank.run(Some(&ann.token), &query, json!({})).await;
            assert_eq!(done["topUp"]["errors"], json!([]), "{note}");
            let newest = "{ history(first: 1) { nodes { note } } }";
            let found = bank.run(Some(&ann.token), newest, json!({})).await;
            assert_eq!(found["history"]["nodes"][0]["note"], meant, "{}", bank.database);
        }
        for note in [r#""\uD83C""#, r#""\uDF55\uD83C""#, r#""\u{D83C}""#, r#""\u{110000}""#] {
            let answer = bank.post(Some(&ann.token), &with_note("bad", note), json!({})).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{note}: {}", answer.text());
            let code = &answer.json()["errors"][0]["extensions"]["code"];
            assert_eq!(code, "GRAPHQL_PARSE_FAILED", "{note}");
        }
    })
    .await;
}
