//! The way through a document: its operation's fields and its fragments.

use std::collections::HashSet;
use std::slice;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql_value::Variables;

use super::faults::ShapeFault;
use super::index::{Fields, Index};
use super::values::Values;
use super::views::{At, Source};

/// The first faults of an operation's inputs, in the order of the document.
pub(super) fn faults<'a>(
    index: &'a Index,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
) -> Vec<ShapeFault> {
    let values = Values::new(index, operation, variables);
    let mut walk = Walk { index, document, fragments: HashSet::new(), values };
    walk.selections(operation);
    walk.values.unmet_variables();
    walk.values.faults.told
}

/// Selections still to visit, and the fields of the type that they select from.
type Level<'a> = (slice::Iter<'a, Positioned<Selection>>, &'a Fields);

/// What is known while one document is walked.
struct Walk<'a> {
    index: &'a Index,
    document: &'a ExecutableDocument,
    fragments: HashSet<&'a str>,
    values: Values<'a>,
}

impl<'a> Walk<'a> {
    /// Visits the fields in the order of the document. The levels stand on a stack
    /// of their own and each fragment is entered once, so neither deep selections
    /// nor fragments that spread each other cost more than their text is long.
    fn selections(&mut self, operation: &'a OperationDefinition) {
        let root = match operation.ty {
            OperationType::Query => &self.index.query,
            OperationType::Mutation => &self.index.mutation,
            OperationType::Subscription => &self.index.subscription,
        };
        let root = root.as_ref().and_then(|name| self.level(&operation.selection_set.node, name));
        let mut levels = Vec::from_iter(root);
        while let Some((items, fields)) = levels.last_mut() {
            if self.values.faults.is_full() {
                return;
            }
            let fields: &'a Fields = fields;
            let Some(item) = items.next() else {
                levels.pop();
                continue;
            };
            self.conditions(item.node.directives());
            levels.extend(match &item.node {
                Selection::Field(field) => self.field(field, fields),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
                Selection::InlineFragment(inline) => match &inline.node.type_condition {
                    Some(condition) => {
                        self.level(&inline.node.selection_set.node, &condition.node.on.node)
                    }
                    None => Some((inline.node.selection_set.node.items.iter(), fields)),
                },
            });
        }
    }

    /// What decides whether a selection is answered.
    fn conditions(&mut self, directives: &'a [Positioned<Directive>]) {
        let decides = |name: &str| matches!(name, "skip" | "include");
        for directive in directives.iter().filter(|one| decides(&one.node.name.node)) {
            let condition = &self.index.condition;
            if let Some(value) = directive.node.get_argument(&condition.name) {
                let at = At { pos: value.pos, source: Source::Document };
                self.values.slot(condition, &value.node, at);
            }
        }
    }

    fn level(&self, selections: &'a SelectionSet, type_name: &str) -> Option<Level<'a>> {
        Some((selections.items.iter(), self.index.outputs.get(type_name)?))
    }

    fn fragment(&mut self, name: &'a str) -> Option<Level<'a>> {
        let fragment = &self.document.fragments.get(name)?.node;
        let is_new = self.fragments.insert(name);
        let level = self.level(&fragment.selection_set.node, &fragment.type_condition.node.on.node);
        level.filter(|_| is_new)
    }

    fn field(&mut self, field: &'a Positioned<Field>, fields: &'a Fields) -> Option<Level<'a>> {
        let Positioned { pos, node: field } = field;
        let shape = fields.get(field.name.node.as_str())?;
        for (name, value) in &field.arguments {
            if let Some(slot) = shape.arguments.iter().find(|slot| slot.name == name.node) {
                let at = At { pos: value.pos, source: Source::Document };
                self.values.slot(slot, &value.node, at);
            }
        }
        for slot in shape.arguments.iter().filter(|slot| slot.required) {
            if field.get_argument(&slot.name).is_none() {
                self.values.missing(slot, *pos);
            }
        }
        if field.selection_set.node.items.is_empty() {
            return None;
        }
        self.level(&field.selection_set.node, &shape.returns)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use serde_json::{Value, json};

    use super::{Index, ShapeFault};

    const SDL: &str = "
    scalar DateTime
    input Filter { and: Filter }
    interface Node { id: ID! balanceAt(instant: DateTime!): Int }
    type Card implements Node {
      id: ID!
      balanceAt(instant: DateTime!): Int
      history(filter: Filter): [Card!]
    }
    union Found = Card
    type Query { node(id: ID!): Node card(id: ID): Card found: Found cards(ids: [ID!]): [Card!] }
    schema { query: Query }
    ";

    fn faults(query: &str, variables: Value) -> Vec<ShapeFault> {
        let document = parse_query(query).unwrap();
        let DocumentOperations::Single(operation) = &document.operations else {
            panic!("one operation without a name");
        };
        let index = Index::from_sdl(SDL).unwrap();
        super::faults(&index, &document, &operation.node, &Variables::from_json(variables))
    }

    /// Holds a request to what it is told, each fault as its path and its sentence;
    /// an empty list is a request without a fault.
    #[track_caller]
    fn tells(query: &str, variables: Value, expected: &[&str]) {
        let line = |fault: ShapeFault| format!("{}: {}", fault.input_path.join("."), fault.message);
        let told: Vec<_> = faults(query, variables).into_iter().map(line).collect();
        assert_eq!(told, expected, "{query}");
    }

    #[test]
    fn inputs_are_found_in_fragments_interfaces_and_unions() {
        let query = "
            {
                node(id: 1) { ...N ... { balanceAt } }
                found { ...N ... on Card { balanceAt(instant: 5) } }
            }
            fragment N on Node { balanceAt(instant: \"now\") }";
        let sentence = "instant must be an instant in RFC 3339, but is";
        let expected = [
            &format!("instant: {sentence} a string of another form"),
            "instant: instant is required but missing",
            &format!("instant: {sentence} an integer"),
        ];
        tells(query, json!({}), &expected);
    }

    #[test]
    fn what_the_walk_does_not_know_is_left_to_validation() {
        let queries = [
            "{ nowhere(id: 1.5) { node { id } } }",
            "{ card(nothing: 1.5) { id } }",
            "{ card(id: $undeclared) { ...Nowhere ... on Nothing { node } } }",
            "{ found { node } }",
            "query($x: Nothing!) { found { id } }",
            "query($x: Card!) { found { id } }",
            "subscription { node }",
        ];
        for query in queries {
            tells(query, json!({}), &[]);
        }
    }

    #[test]
    fn ten_faults_are_enough() {
        let ids = json!({ "ids": vec![json!(1.5); 100_000] });
        let found = faults("query($ids: [ID!]) { cards(ids: $ids) { id } }", ids);
        assert_eq!(found.len(), 10);
        assert_eq!(found[9].input_path, ["ids", "9"]);
        let query = format!("{{ {} }}", "node { id } ".repeat(50));
        assert_eq!(faults(&query, json!({})).len(), 10);
    }

    #[test]
    fn fragments_in_a_circle_or_a_chain_do_not_hang() {
        let link = |next| format!("fragment F{} on Query {{ ...F{next} ...F{next} }}", next - 1);
        let links: String = (1..2_000).map(link).collect();
        for (last, count) in [("...F0 ...F1999", 0), ("node { id }", 1)] {
            let query = format!("{{ ...F0 ...F1 }} {links} fragment F1999 on Query {{ {last} }}");
            assert_eq!(faults(&query, json!({})).len(), count);
        }
    }

    #[test]
    fn deep_values_are_refused_before_they_exhaust_the_stack() {
        let deep = format!("{}{{}}{}", "{ and: ".repeat(150), "}".repeat(150));
        let query = format!("{{ card {{ history(filter: {deep}) {{ id }} }} }}");
        let found = faults(&query, json!({}));
        assert_eq!(found[0].message, "and is nested too deeply");
        let ty = format!("{}ID{}", "[".repeat(1_000), "]".repeat(1_000));
        let query = format!("query($x: {ty}) {{ card(id: $x) {{ id }} }}");
        let told = "id: id must be a variable of type ID, but is one of another";
        tells(&query, json!({ "x": "1" }), &[told]);
    }

    #[test]
    fn a_large_variable_is_not_read_again_at_each_use() {
        let ids = json!({ "ids": vec![json!("card_1"); 20_000] });
        let uses = "cards(ids: $ids) { id } ".repeat(5_000);
        for ty in ["[ID!]", "[ID!]!"] {
            assert!(faults(&format!("query($ids: {ty}) {{ {uses} }}"), ids.clone()).is_empty());
        }
        assert_eq!(faults(&format!("query($ids: [String!]) {{ {uses} }}"), ids).len(), 10);
    }
}
