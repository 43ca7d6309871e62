//! The check of a request's inputs, as the doors call it.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument};
use async_graphql_value::Variables;

use super::{faults::ShapeFault, index::Index, walk};

/// The inputs that a schema takes, built once from its SDL.
#[derive(Debug)]
pub struct Shapes {
    index: Index,
}

impl Shapes {
    /// Reads the schema that [`Self::faults`] holds requests to.
    ///
    /// # Errors
    ///
    /// A sentence, where the SDL does not parse or extends a type (an exported SDL
    /// does not).
    pub fn from_sdl(sdl: &str) -> Result<Self, String> {
        Index::from_sdl(sdl).map(|index| Self { index })
    }

    /// The first faults, at most ten, of the inputs of the operation that will
    /// run: the one that `operation_name` names, or the only one. None where that
    /// is not clear, because the executor then refuses the request.
    #[must_use]
    pub fn faults(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Vec<ShapeFault> {
        let operation = match (&document.operations, operation_name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Multiple(named), Some(name)) => named.get(name),
            (DocumentOperations::Multiple(named), None) if named.len() == 1 => {
                named.values().next()
            }
            _ => None,
        };
        let Some(operation) = operation else {
            return Vec::new();
        };
        walk::faults(&self.index, document, &operation.node, variables)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use async_graphql::parser::parse_query;
    use serde_json::{Value, json};

    use super::{ShapeFault, Shapes};
    use crate::graphql::shape::scalars::SCALARS;

    const SDL: &str = "
    scalar Decimal scalar BigInt scalar DateTime scalar Date scalar Cursor
    scalar IdempotencyKey scalar CurrencyCode scalar URL scalar Json
    directive @oneOf on INPUT_OBJECT
    enum Kind { CARD SAVINGS }
    input Target @oneOf { cardNumber: String accountId: ID }
    input TransferInput {
      fromAccountId: ID! to: Target! amount: Decimal! note: String retries: Int! = 0
    }
    input Filter { kinds: [Kind!] matrix: [[Int!]] text: String and: Filter any: [Filter!] }
    interface Node { id: ID! balanceAt(instant: DateTime!): Int }
    type Card implements Node {
      id: ID!
      balanceAt(instant: DateTime!): Int
      history(filter: Filter, first: Int! = 25): [Card!]
    }
    union Found = Card
    type Scalars {
      Int(v: Int): Int Float(v: Float): Int Boolean(v: Boolean): Int String(v: String): Int
      ID(v: ID): Int Decimal(v: Decimal): Int BigInt(v: BigInt): Int DateTime(v: DateTime): Int
      Date(v: Date): Int Cursor(v: Cursor): Int IdempotencyKey(v: IdempotencyKey): Int
      CurrencyCode(v: CurrencyCode): Int URL(v: URL): Int Json(v: Json): Int
    }
    type Query {
      node(id: ID!): Node card(id: ID): Card found: Found scalars: Scalars
      cards(ids: [ID!], kind: Kind = CARD): [Card!]
    }
    type Mutation { transfer(input: TransferInput!): Card }
    schema { query: Query mutation: Mutation }
    ";

    const TRANSFER: &str = "mutation($input: TransferInput!) { transfer(input: $input) { id } }";

    fn faults(query: &str, variables: Value) -> Vec<ShapeFault> {
        let document = parse_query(query).unwrap();
        let shapes = Shapes::from_sdl(SDL).unwrap();
        shapes.faults(&document, None, &Variables::from_json(variables))
    }

    /// Holds a request to what it is told, each fault as its path and its sentence;
    /// an empty list is a request without a fault.
    #[track_caller]
    fn tells(query: &str, variables: Value, expected: &[&str]) {
        let line = |fault: ShapeFault| format!("{}: {}", fault.input_path.join("."), fault.message);
        let told: Vec<_> = faults(query, variables).into_iter().map(line).collect();
        assert_eq!(told, expected, "{query}");
    }

    /// The variables of a sound transfer, with one member changed.
    fn transfer(member: &str, value: Value) -> Value {
        let to = json!({ "cardNumber": "4000" });
        let mut input = json!({ "fromAccountId": "card_1", "to": to, "amount": "12.50" });
        input[member] = value;
        json!({ "input": input })
    }

    #[test]
    fn a_sound_request_is_told_nothing() {
        tells(TRANSFER, transfer("note", json!(null)), &[]);
        let written = "{ card { history(filter: { kinds: [CARD, SAVINGS], and: {} }) { id } } }";
        tells(written, json!({}), &[]);
        let query = "query($f: Filter) { card { history(filter: $f) { id } } }";
        let filter = json!({ "kinds": "CARD", "matrix": [[1], null, 2], "any": { "text": "x" } });
        tells(query, json!({ "f": filter }), &[]);
        let introspection = "{ __typename __type(name: 5) { name } __schema { types { name } } }";
        tells(introspection, json!({}), &[]);
    }

    #[test]
    fn a_float_for_money_is_refused_with_a_hint() {
        let sent = faults(TRANSFER, transfer("amount", json!(12.5))).remove(0);
        let sentence = "amount must be a decimal in a string, such as \"12.50\", but is a";
        assert_eq!(sent.message, format!("{sentence} JSON float"));
        assert_eq!(sent.input_path, ["input", "amount"]);
        let hint = "send \"12.50\"; a JSON float cannot hold money exactly";
        assert_eq!(sent.hint, Some(hint));
        let column_of_definition = sent.position.column;
        assert_eq!((sent.position.line, column_of_definition), (1, 10));

        let query = "mutation {
        transfer(input: { fromAccountId: 1, to: { accountId: 2 }, amount: 0.1 }) { id } }";
        let written = faults(query, json!({})).remove(0);
        assert_eq!(written.message, format!("{sentence} float"));
        let column_of_value = written.position.column;
        assert_eq!((written.position.line, column_of_value), (2, 25));
    }

    #[test]
    fn each_scalar_of_the_schema_is_checked_and_an_unknown_one_takes_anything() {
        for scalar in SCALARS.iter().map(|scalar| scalar.name) {
            let query = format!("query($v: {scalar}) {{ scalars {{ {scalar}(v: $v) }} }}");
            let found = faults(&query, json!({ "v": [5.5] }));
            assert!(found.len() == 1 && found[0].hint.is_some(), "{scalar}");
        }
        let fields = "Json(v: $v) json: Json(v: { a: [1.5, $w] })";
        let query = format!("query($v: Json, $w: Json) {{ scalars {{ {fields} }} }}");
        tells(&query, json!({ "v": { "a": [null, 1.5] }, "w": "x" }), &[]);
    }

    #[test]
    fn what_is_required_and_absent_is_named() {
        let missing = "id: id is required but missing";
        tells("{ node { id } }", json!({}), &[missing]);
        let null = "id: id must not be null";
        tells("{ node(id: null) { id } }", json!({}), &[null]);
        let query =
            "mutation { transfer(input: { to: null, amount: \"1\", retries: null }) { id } }";
        let expected = [
            "input.to: to must not be null",
            "input.retries: retries must not be null",
            "input.fromAccountId: fromAccountId is required but missing",
        ];
        tells(query, json!({}), &expected);
        assert_eq!(faults("{ node { id } }", json!({}))[0].position.column, 3);
    }

    #[test]
    fn a_value_of_another_kind_is_told_as_its_kind() {
        let query = "query($f: Filter) { card { history(filter: $f) { id } } }";
        let filter =
            json!({ "any": [1], "kinds": [["CARD"]], "matrix": [[1, "2"]], "text": ["x"] });
        let expected = [
            "filter.any.0: any[0] must be an object, but is an integer",
            "filter.kinds.0: kinds[0] must be one of CARD, SAVINGS, but is a list",
            "filter.matrix.0.1: matrix[0][1] must be a whole number of 32 bits, but is a string",
            "filter.text: text must be a string, but is a list",
        ];
        tells(query, json!({ "f": filter }), &expected);
        let expected = ["filter: filter must be an object, but is a string"];
        tells(query, json!({ "f": "x" }), &expected);
        let bare = "{ scalars { String(v: CARD) } }";
        let sentence = "v: v must be a string, but is a name without quotes";
        tells(bare, json!({}), &[sentence]);
        let large = "{ scalars { Int(v: 3000000000) } }";
        let sentence = "v: v must be a whole number of 32 bits, but is an integer out of range";
        tells(large, json!({}), &[sentence]);
    }

    #[test]
    fn an_enum_is_bare_in_a_document_and_a_string_in_the_variables() {
        let query = "query($k: Kind) { cards(kind: $k) { id } }";
        tells(query, json!({ "k": "SAVINGS" }), &[]);
        let quoted = "{ cards(kind: \"SAVINGS\") { id } }";
        let sentence = "kind: kind must be one of CARD, SAVINGS, but is";
        tells(quoted, json!({}), &[&format!("{sentence} a string")]);
        let (small, unknown) = (format!("{sentence} card"), format!("{sentence} LOAN"));
        tells("{ cards(kind: card) { id } }", json!({}), &[&small]);
        tells(query, json!({ "k": "LOAN" }), &[&unknown]);
        let default = "query($k: Kind = \"CARD\") { cards(kind: $k) { id } }";
        tells(default, json!({}), &[&format!("{sentence} a string")]);
    }

    #[test]
    fn a_client_s_value_is_never_repeated() {
        let secrets = [json!("pass word!"), json!("x".repeat(41)), json!("")];
        for secret in secrets {
            let query = "query($k: Kind) { cards(kind: $k) { id } }";
            let sentence = "kind: kind must be one of CARD, SAVINGS, but is another name";
            tells(query, json!({ "k": secret }), &[sentence]);
        }
        let mut variables = transfer("amount", json!("hunter2"));
        variables["input"]["pass word"] = json!(1);
        let told = format!("{:?}", faults(TRANSFER, variables));
        assert!(!told.contains("hunter2") && !told.contains("pass word"));
    }

    #[test]
    fn an_unknown_field_of_an_object_is_refused_in_both_ways_of_writing() {
        let takes = "its object takes fromAccountId, to, amount, note, retries";
        let expected = format!("input.iban: iban is an unknown field; {takes}");
        tells(TRANSFER, transfer("iban", json!("x")), &[&expected]);
        let query =
            "mutation { transfer(input: { fromAccountId: 1, to: { iban: 1 }, amount: 2 }) { id } }";
        let expected =
            "input.to.iban: iban is an unknown field; its object takes cardNumber, accountId";
        tells(query, json!({}), &[expected]);
        let expected =
            "input: input has an unknown field; it takes fromAccountId, to, amount, note, retries";
        tells(TRANSFER, transfer("i-ban", json!("x")), &[expected]);
    }

    #[test]
    fn a_one_of_object_has_exactly_one_member() {
        let none = "input.to: to must have exactly one of cardNumber, accountId, but has 0";
        tells(TRANSFER, transfer("to", json!({})), &[none]);
        let both = json!({ "cardNumber": "1", "accountId": "2" });
        let expected = "input.to: to must have exactly one of cardNumber, accountId, but has 2";
        tells(TRANSFER, transfer("to", both), &[expected]);
        let expected = "input.to.accountId: accountId must not be null, as the only member";
        let null = json!({ "accountId": null });
        tells(TRANSFER, transfer("to", null), &[expected]);
    }

    #[test]
    fn a_one_of_member_refuses_a_variable_that_could_be_null() {
        let query = |ty: &str| {
            let input = "{ fromAccountId: 1, amount: 2, to: { cardNumber: $x } }";
            format!("mutation($x: {ty}) {{ transfer(input: {input}) {{ id }} }}")
        };
        let expected = "input.to.cardNumber: \
            cardNumber needs a variable that cannot be null, as the only member";
        tells(&query("String"), json!({ "x": "4000" }), &[expected]);
        tells(&query("String"), json!({}), &[expected]);
        tells(&query("String = \"4000\""), json!({}), &[expected]);
        tells(&query("String!"), json!({ "x": "4000" }), &[]);
    }

    #[test]
    fn a_variable_is_held_to_its_own_type_at_its_first_use() {
        let missing = "the variable $input is required but missing";
        tells(TRANSFER, json!({}), &[&format!("input: {missing}")]);
        let null = "input: the variable $input must not be null";
        tells(TRANSFER, json!({ "input": null }), &[null]);
        let query = "query($id: ID!) { a: cards(ids: [1, $id]) { id } b: node(id: $id) { id } }";
        let expected = "ids.1: ids[1] must be an id in a string, but is a JSON float";
        tells(query, json!({ "id": 1.5 }), &[expected]);
        let query = "query($on: Boolean!) { found @skip(if: $on) { __typename } }";
        let missing = "if: the variable $on is required but missing";
        tells(query, json!({}), &[missing]);
        let text = "if: if must be true or false, but is a string";
        tells(query, json!({ "on": "no" }), &[text]);
        let long = "x".repeat(50);
        let query = format!("query(${long}: Boolean!) {{ found {{ __typename }} }}");
        tells(&query, json!({}), &[": a variable is required but missing"]);
    }

    #[test]
    fn an_absent_variable_is_an_absent_input() {
        let query = "query($id: ID, $first: Int) {
            card(id: $id) { history(first: $first) { id } } }";
        tells(query, json!({}), &[]);
        tells(query, json!({ "id": null }), &[]);
        let null = json!({ "first": null });
        tells(query, null, &["first: first must not be null"]);
        let default = "query($id: ID = 5) { node(id: $id) { id } }";
        tells(default, json!({}), &[]);
    }

    /// A document whose variable, of this type, stands in this place.
    fn placed(ty: &str, place: &str) -> String {
        format!("query($v: {ty}) {{ {place} {{ __typename }} }}")
    }

    #[test]
    fn a_variable_stands_only_where_its_type_fits() {
        for (ty, place, path, taken) in [
            ("ID", "node(id: $v)", "id: id", "ID!"),
            ("ID = null", "node(id: $v)", "id: id", "ID!"),
            ("String!", "node(id: $v)", "id: id", "ID!"),
            ("Unknown!", "node(id: $v)", "id: id", "ID!"),
            ("[ID!]!", "node(id: $v)", "id: id", "ID!"),
            ("ID!", "cards(ids: $v)", "ids: ids", "[ID!]"),
            ("[ID]", "cards(ids: $v)", "ids: ids", "[ID!]"),
            ("[[ID!]!]", "cards(ids: $v)", "ids: ids", "[ID!]"),
            ("ID", "cards(ids: [\"1\", $v])", "ids.1: ids[1]", "ID!"),
            (
                "[Kind!]",
                "a: card { history(filter: { kinds: [$v] })",
                "filter.kinds.0: kinds[0]",
                "Kind!",
            ),
            // One object stands for a list of one, and is looked into all the same.
            (
                "Int",
                "a: card { history(filter: { any: { text: $v } })",
                "filter.any.text: text",
                "String",
            ),
            ("Boolean", "found @skip(if: $v)", "if: if", "Boolean!"),
            ("Boolean = null", "found @include(if: $v)", "if: if", "Boolean!"),
            ("String!", "... @include(if: $v)", "if: if", "Boolean!"),
        ] {
            let close = if place.contains("history") { " }" } else { "" };
            let (sent, own) = (json!({}), ty.trim_end_matches(" = null"));
            let told = format!("{path} must be a variable of type {taken}, but is one of {own}");
            let query = placed(ty, place) + close;
            let lines: Vec<_> = faults(&query, sent)
                .into_iter()
                .map(|fault| format!("{}: {}", fault.input_path.join("."), fault.message))
                .collect();
            assert!(lines.contains(&told), "{query}: {lines:?}");
        }
        let spread = "query($v: Boolean) { ...F @skip(if: $v) } fragment F on Query { __typename }";
        assert_eq!(faults(spread, json!({ "v": true }))[0].input_path, ["if"]);
        let long = "L".repeat(50);
        let told = "id: id must be a variable of type ID!, but is one of another";
        tells(&placed(&long, "node(id: $v)"), json!({}), &[told]);
        let float = "mutation($a: Float!) {
            transfer(input: { fromAccountId: 1, to: { accountId: 2 }, amount: $a }) { id } }";
        let told = "input.amount: amount must be a variable of type Decimal!, but is one of Float!";
        tells(float, json!({ "a": 12.5 }), &[told]);
    }

    #[test]
    fn a_variable_that_fits_is_told_nothing() {
        for (ty, place, sent) in [
            ("ID!", "node(id: $v)", json!("1")),
            ("ID = 5", "node(id: $v)", Value::Null),
            ("ID! = 5", "node(id: $v)", Value::Null),
            ("ID!", "card(id: $v)", json!("1")),
            ("ID!", "cards(ids: [$v])", json!("1")),
            ("[ID!]", "cards(ids: $v)", json!(["1"])),
            ("[ID!]!", "cards(ids: $v)", json!("1")),
            ("Boolean!", "found @skip(if: $v)", json!(true)),
            ("Boolean = true", "found @skip(if: $v)", Value::Null),
            ("Boolean!", "... @include(if: $v)", json!(false)),
        ] {
            let variables = if sent.is_null() { json!({}) } else { json!({ "v": sent }) };
            tells(&placed(ty, place), variables, &[]);
        }
        // The place has a default of its own.
        let query = "query($v: Int) { card { history(first: $v) { id } } }";
        tells(query, json!({}), &[]);
        tells(query, json!({ "v": 3 }), &[]);
        tells(query, json!({ "v": null }), &["first: first must not be null"]);
        let query = "query($v: Boolean = true) { found @skip(if: $v) { __typename } }";
        tells(query, json!({ "v": null }), &["if: if must not be null"]);
    }

    #[test]
    fn only_the_operation_that_will_run_is_walked() {
        let document =
            parse_query("query A { node { id } } query B { node(id: 1) { id } }").unwrap();
        let shapes = Shapes::from_sdl(SDL).unwrap();
        let count = |name| shapes.faults(&document, name, &Variables::default()).len();
        let counts = [Some("A"), Some("B"), Some("C"), None].map(count);
        assert_eq!(counts, [1, 0, 0, 0]);
        assert_eq!(faults("query A { node { id } }", json!({})).len(), 1);
    }

    #[test]
    fn an_sdl_that_cannot_be_read_is_an_error() {
        assert!(Shapes::from_sdl("type {").is_err());
        assert!(Shapes::from_sdl("extend type Query { a: Int }").is_err());
        let shapes = Shapes::from_sdl("type Query { a(b: Int!): Int }").unwrap();
        let document = parse_query("{ a }").unwrap();
        let found = shapes.faults(&document, None, &Variables::default());
        assert_eq!(found[0].message, "b is required but missing");
    }
}
