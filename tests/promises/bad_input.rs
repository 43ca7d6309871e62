//! Every mutation with every kind of bad input that it can meet: which layer refuses it, with
//! which code and path, and that nothing has changed.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, Type, TypeKind, TypeSystemDefinition},
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use teller::graphql::schema;

use crate::support::{
    bad_input::{Entry, TABLE},
    bank::{TestBank, each_database},
    databases::Contents,
    world::{World, world},
};

/// Tables that a refusal writes by design: the log of who tried what, what of it waits for
/// its seal, and the seals. They are what a refusal leaves, and nothing else is.
const NOTES: [&str; 3] = ["audit_log", "unsealed", "seals"];

/// What an input is made of.
struct Shapes {
    /// The type of each mutation's input; none where it takes none.
    mutations: BTreeMap<String, Option<Type>>,
    /// The members of input types; whether exactly one must be given.
    inputs: BTreeMap<String, (bool, Vec<(String, Type)>)>,
    enums: BTreeSet<String>,
}

fn shapes() -> Shapes {
    let mut all =
        Shapes { mutations: BTreeMap::new(), inputs: BTreeMap::new(), enums: BTreeSet::new() };
    for definition in parse_schema(schema::sdl()).expect("the schema is GraphQL").definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let name = definition.name.node.to_string();
        match definition.kind {
            TypeKind::Object(object) if name == "Mutation" => {
                for field in object.fields {
                    let field = field.node;
                    assert!(field.arguments.len() <= 1, "{}: one input at most", field.name.node);
                    let input = field.arguments.first().map(|one| one.node.ty.node.clone());
                    all.mutations.insert(field.name.node.to_string(), input);
                }
            }
            TypeKind::InputObject(input) => {
                let one_of = definition.directives.iter().any(|d| d.node.name.node == "oneOf");
                let member = |field: &async_graphql::Positioned<
                    async_graphql::parser::types::InputValueDefinition,
                >| {
                    (field.node.name.node.to_string(), field.node.ty.node.clone())
                };
                all.inputs.insert(name, (one_of, input.fields.iter().map(member).collect()));
            }
            TypeKind::Enum(_) => {
                all.enums.insert(name);
            }
            _ => {}
        }
    }
    all
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// An input that was spoiled, and how it must be refused.
struct Case {
    what: String,
    input: Value,
    /// Refused before anything runs, or as data with this code and path.
    told: Told,
}

enum Told {
    /// Refused for its shape at this place of the input, or before it is looked at.
    Shape(Vec<String>),
    Data(&'static str, String),
}

/// Puts a value at a place of an input, making the place where it is missing.
fn put(input: &Value, place: &[String], value: Value) -> Value {
    let mut input = input.clone();
    let (last, ahead) = place.split_last().expect("a place has a name");
    let mut at = &mut input;
    for step in ahead {
        at = &mut at[step.as_str()];
    }
    at[last.as_str()] = value;
    input
}

fn without(input: &Value, place: &[String]) -> Value {
    let mut input = input.clone();
    let (last, ahead) = place.split_last().expect("a place has a name");
    let mut at = &mut input;
    for step in ahead {
        at = &mut at[step.as_str()];
    }
    at.as_object_mut().expect("an object").remove(last);
    input
}

impl Shapes {
    /// Values of the wrong shape for a type.
    fn wrong(&self, name: &str) -> Vec<Value> {
        match name {
            "String" | "ID" | "CurrencyCode" => vec![json!(true), json!([1]), json!({ "a": 1 })],
            "Decimal" => vec![json!(1.5), json!(true), json!("1e3"), json!("1,5"), json!("NaN")],
            "DateTime" => vec![json!(1), json!("tomorrow"), json!("2026-11-21")],
            "Date" => vec![json!(1), json!("2026-02-30"), json!("21.11.2026")],
            "IdempotencyKey" => vec![json!(1), json!(""), json!("a b"), json!("x".repeat(256))],
            "Int" => vec![json!("1"), json!(1.5), json!(2_147_483_648_i64)],
            "Boolean" => vec![json!("true"), json!(1)],
            name if self.enums.contains(name) => vec![json!("NO_SUCH"), json!(1)],
            name if self.inputs.contains_key(name) => vec![json!("text"), json!(1)],
            name => panic!("say here what is no {name}"),
        }
    }

    /// Every way in which the members of an input at a place can have the wrong shape.
    fn spoil(&self, name: &str, valid: &Value, place: &[String], cases: &mut Vec<Case>) {
        let (one_of, members) = &self.inputs[name];
        let shape = |what: String, input, at: &[String]| {
            let place = [&["input".to_owned()], at].concat();
            Case { what, input, told: Told::Shape(place) }
        };
        if *one_of {
            let both: serde_json::Map<_, _> =
                members.iter().map(|(name, _)| (name.clone(), json!("x"))).collect();
            let both = put(valid, place, both.into());
            cases.push(shape("all members of one of".to_owned(), both, place));
            cases.push(shape(
                "no member of one of".to_owned(),
                put(valid, place, json!({})),
                place,
            ));
            for (member, _) in members {
                let null = put(valid, place, json!({ member: null }));
                cases.push(shape(format!("{member} of one of is null"), null, place));
            }
        }
        for (member, ty) in members {
            let at = [place, std::slice::from_ref(member)].concat();
            let shown = at.join(".");
            if !ty.nullable {
                cases.push(shape(format!("{shown} is missing"), without(valid, &at), &at));
                let null = put(valid, &at, Value::Null);
                cases.push(shape(format!("{shown} is null"), null, &at));
            }
            let given = if *one_of { put(valid, place, json!({})) } else { valid.clone() };
            for wrong in self.wrong(named(ty)) {
                let (what, input) = (format!("{shown} is {wrong}"), put(&given, &at, wrong));
                cases.push(shape(what, input, &at));
            }
            let pointer = format!("/{}", at.join("/"));
            if self.inputs.contains_key(named(ty)) && valid.pointer(&pointer).is_some() {
                self.spoil(named(ty), valid, &at, cases);
            }
        }
        let extra = [place, &["nonsense".to_owned()]].concat();
        cases.push(shape("an unknown member".to_owned(), put(valid, &extra, json!(1)), place));
    }

    /// Every way in which what an input names can be wrong, whatever the mutation.
    fn mean(
        &self,
        entry: &Entry,
        name: &str,
        valid: &Value,
        place: &[String],
        all: &mut Vec<Case>,
    ) {
        for (member, ty) in &self.inputs[name].1 {
            let at = [place, std::slice::from_ref(member)].concat();
            let shown = at.join(".");
            if valid.pointer(&format!("/{}", at.join("/"))).is_none() {
                continue;
            }
            let mut data = |value: Value, code, path: String| {
                let (what, input) = (format!("{shown} is {value}"), put(valid, &at, value));
                all.push(Case { what, input, told: Told::Data(code, path) });
            };
            match named(ty) {
                "Decimal" => {
                    let zero = if shown == "limit" { None } else { Some("0") };
                    let bad = ["-1", "1.005", "9223372036854775808", "99999999999999999999"];
                    for amount in zero.into_iter().chain(bad) {
                        data(json!(amount), "INVALID_INPUT", shown.clone());
                    }
                }
                "ID" => {
                    // What the face is told of an id that names nothing is of no kind.
                    let path = match entry.unknown {
                        "BAD_CODE" => "code".to_owned(),
                        _ if shown == "card.accountId" => "card".to_owned(),
                        _ => shown.clone(),
                    };
                    let never = format!("transaction_{}", "0".repeat(26));
                    let kind = valid.pointer(&format!("/{}", at.join("/")));
                    let kind = kind.and_then(Value::as_str).unwrap_or_default();
                    let kind = kind.rsplit_once('_').map_or("card", |(kind, _)| kind);
                    for id in ["", "nonsense", &never, &format!("{kind}_{}", "0".repeat(26))] {
                        data(json!(id), entry.unknown, path.clone());
                    }
                }
                "IdempotencyKey" => data(json!("used"), "IDEMPOTENCY_CONFLICT", shown.clone()),
                inner if self.inputs.contains_key(inner) => {
                    self.mean(entry, inner, valid, &at, all);
                }
                _ => {}
            }
        }
    }

    fn cases(&self, entry: &Entry, world: &World) -> Vec<Case> {
        let Some(ty) = &self.mutations[entry.mutation] else {
            // It takes nothing, so all that can be wrong is to give it something.
            let what = "an argument".to_owned();
            return vec![Case { what, input: json!(1), told: Told::Shape(Vec::new()) }];
        };
        let (name, valid) = (named(ty), valid(entry, world));
        let mut cases = Vec::new();
        self.spoil(name, &valid, &[], &mut cases);
        self.mean(entry, name, &valid, &[], &mut cases);
        for &(place, value, code, path) in entry.rows {
            let mut value: Value = serde_json::from_str(value).expect("a row is JSON");
            world.fill(&mut value);
            let place: Vec<String> = place.split('/').skip(1).map(str::to_owned).collect();
            let what = format!("{} is {value}", place.join("."));
            let told = Told::Data(code, path.to_owned());
            cases.push(Case { what, input: put(&valid, &place, value), told });
        }
        cases
    }

    fn document(&self, mutation: &str) -> String {
        match &self.mutations[mutation] {
            None => format!("mutation {{ {mutation} {{ errors {{ code path }} }} }}"),
            Some(ty) => format!(
                "mutation ($input: {}!) {{ {mutation}(input: $input) {{ errors {{ code path }} }} }}",
                named(ty)
            ),
        }
    }
}

fn valid(entry: &Entry, world: &World) -> Value {
    if entry.valid.is_empty() {
        return Value::Null;
    }
    let mut valid = serde_json::from_str(entry.valid).expect("an input is JSON");
    world.fill(&mut valid);
    valid
}

fn token<'w>(entry: &Entry, world: &'w World) -> Option<&'w str> {
    world.people.get(entry.caller).map(|person| person.token.as_str())
}

/// The names of the tables that differ, but for those that a refusal may write.
fn changed(before: &Contents, after: &Contents, writes: &[(&str, &str)]) -> Vec<String> {
    let may =
        |table: &str| NOTES.contains(&table) || writes.iter().any(|&(written, _)| written == table);
    let differ = after.iter().filter(|(table, digest)| before.get(*table) != Some(digest));
    differ.map(|(table, _)| table.clone()).filter(|table| !may(table)).collect()
}

/// A case is refused as it must be; what else it was, as a sentence.
fn judge(case: &Case, status: StatusCode, body: &Value, mutation: &str) -> Result<(), String> {
    match &case.told {
        Told::Shape(place) => {
            let code = body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
            let known = ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code);
            let before = status == StatusCode::BAD_REQUEST && body.get("data").is_none();
            let path = &body["errors"][0]["extensions"]["inputPath"];
            let told: Vec<&str> =
                path.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let wanted: Vec<&str> = place.iter().map(String::as_str).collect();
            let placed = code != "BAD_USER_INPUT" || told.starts_with(&wanted);
            if known && before && placed { Ok(()) } else { Err(format!("{status} {body}")) }
        }
        Told::Data(code, path) => {
            let errors = &body["data"][mutation]["errors"];
            let expected = match path.as_str() {
                "" => Value::Null,
                path => json!(std::iter::once("input").chain(path.split('.')).collect::<Vec<_>>()),
            };
            let told = json!([{ "code": code, "path": expected }]);
            let fits = status == StatusCode::OK && *errors == told;
            if fits { Ok(()) } else { Err(format!("{status} {body}, not {told}")) }
        }
    }
}

#[test]
fn every_mutation_of_the_schema_has_its_rows_of_bad_input() {
    let in_schema: BTreeSet<String> = shapes().mutations.into_keys().collect();
    let in_table: BTreeSet<String> = TABLE.iter().map(|one| one.mutation.to_owned()).collect();
    assert_eq!(in_table.len(), TABLE.len(), "a mutation stands in the table once");
    let missing: Vec<_> = in_schema.difference(&in_table).collect();
    assert_eq!(missing, Vec::<&String>::new(), "add them to tests/support/bad_input.rs");
    let gone: Vec<_> = in_table.difference(&in_schema).collect();
    assert_eq!(gone, Vec::<&String>::new(), "no mutations of the schema any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_code_and_path_and_changes_nothing() {
    each_database(async |bank| {
        let (shapes, world) = (shapes(), world(bank).await);
        let mut tried = 0;
        let mut wrong = Vec::new();
        for entry in TABLE {
            let document = match &shapes.mutations[entry.mutation] {
                Some(_) => shapes.document(entry.mutation),
                None => format!(
                    "mutation ($input: Int) {{ {}(input: $input) {{ errors {{ code }} }} }}",
                    entry.mutation
                ),
            };
            let mut before = bank.fresh.contents().await;
            for case in shapes.cases(entry, &world) {
                let variables = json!({ "input": case.input });
                let answer = bank.post(token(entry, &world), &document, variables).await;
                let told = judge(&case, answer.status, &answer.json(), entry.mutation);
                let after = bank.fresh.contents().await;
                let written = changed(&before, &after, entry.writes);
                if let Err(told) = told {
                    wrong.push(format!("{}: {}: {told}", entry.mutation, case.what));
                }
                if !written.is_empty() {
                    wrong.push(format!("{}: {}: {written:?}", entry.mutation, case.what));
                }
                before = after;
                tried += 1;
            }
        }
        assert!(wrong.is_empty(), "{}: {}\n{}", bank.database, wrong.len(), wrong.join("\n"));
        assert!(tried > 400, "only {tried} cases were tried");
        accepted(bank, &shapes, &world).await;
    })
    .await;
}

/// What was spoiled is taken when it is not: the refusals came from what was wrong.
async fn accepted(bank: &TestBank, shapes: &Shapes, world: &World) {
    for entry in TABLE {
        let mut input = valid(entry, world);
        if input["idempotencyKey"].is_string() {
            input["idempotencyKey"] = json!(format!("fresh-{}", entry.mutation));
        }
        let document = shapes.document(entry.mutation);
        let answer = bank.post(token(entry, world), &document, json!({ "input": input })).await;
        let body = answer.json();
        let errors = &body["data"][entry.mutation]["errors"];
        assert_eq!(*errors, json!([]), "{}: {}: {body}", bank.database, entry.mutation);
    }
    bank.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_of_a_signed_in_person_does_nothing_for_a_stranger() {
    each_database(async |bank| {
        let (shapes, world) = (shapes(), world(bank).await);
        for entry in TABLE.iter().filter(|entry| entry.caller != "nobody") {
            let before = bank.fresh.contents().await;
            let document = shapes.document(entry.mutation);
            let variables = json!({ "input": valid(entry, &world) });
            let body = bank.post(None, &document, variables.clone()).await.json();
            let code = &body["errors"][0]["extensions"]["code"];
            assert_eq!(code, "UNAUTHENTICATED", "{}: {body}", entry.mutation);
            if entry.caller == "staff" {
                let ann = &world.people["ann"].token;
                let body = bank.post(Some(ann), &document, variables).await.json();
                let told = json!([{ "code": "FORBIDDEN", "path": null }]);
                assert_eq!(body["data"][entry.mutation]["errors"], told, "{}", entry.mutation);
            }
            // What a refusal of the right person may write, a stranger may not.
            let written = changed(&before, &bank.fresh.contents().await, &[]);
            assert_eq!(written, Vec::<String>::new(), "{}: {}", bank.database, entry.mutation);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nullable_variable_in_a_one_of_is_refused_before_anything_runs() {
    each_database(async |bank| {
        let world = world(bank).await;
        let before = bank.fresh.contents().await;
        let input = |to: &str, of: &str| {
            format!(
                "mutation ($to: {to}) {{ transfer(input: {{ idempotencyKey: \"k\", amount: \"1\",
                    fromAccountId: \"card_x\", to: {{ {of}: $to }} }}) {{ errors {{ code }} }} }}"
            )
        };
        let hold = "mutation ($to: ID) { placeHold(input: { idempotencyKey: \"k\", amount: \"1\",
            merchant: \"Shop\", card: { accountId: $to } }) { errors { code } } }";
        let documents = [input("String", "cardNumber"), input("ID", "accountId"), hold.to_owned()];
        for document in documents {
            for variables in [json!({}), json!({ "to": null }), json!({ "to": "card_x" })] {
                let answer =
                    bank.post(Some(&world.people["staff"].token), &document, variables).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
                let error = &answer.json()["errors"][0]["extensions"];
                assert_eq!(error["code"], "BAD_USER_INPUT", "{}", answer.text());
                assert_eq!(error["inputPath"][0], "input", "{}", answer.text());
            }
        }
        assert_eq!(bank.fresh.contents().await, before);
    })
    .await;
}
