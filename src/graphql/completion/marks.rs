//! Marks, by which every object of an answer tells its type.
//!
//! A mark also keeps an object alive whose other fields were all skipped or failed,
//! which the library would answer as null.

use std::sync::LazyLock;

use async_graphql::{
    Name, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    },
};

use super::types::{Types, named};

/// The alias of a mark. It begins as the guard lets no client's alias begin.
pub const MARK: &str = "teller__typename";

/// The names of all marks: one alias, one field, however many there are.
static NAMES: LazyLock<(Name, Name)> = LazyLock::new(|| (Name::new(MARK), Name::new("__typename")));

/// Marks every field whose type has fields. Introspection is not of these types, so it
/// stays without.
pub fn add(document: &mut ExecutableDocument, types: &Types) {
    match &mut document.operations {
        DocumentOperations::Single(operation) => of_operation(&mut operation.node, types),
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                of_operation(&mut operation.node, types);
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        let fragment = &mut fragment.node;
        below(&mut fragment.selection_set.node, &fragment.type_condition.node.on.node, types);
    }
}

fn of_operation(operation: &mut OperationDefinition, types: &Types) {
    if let Some(root) = types.root(operation.ty) {
        below(&mut operation.selection_set.node, root, types);
    }
}

/// Marks the fields of a selection set. It recurses with the brackets of one
/// definition, of which the transport lets at most 64 nest.
fn below(set: &mut SelectionSet, parent: &str, types: &Types) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                let Some(ty) = types.field(parent, &field.node.name.node) else { continue };
                let selected = &mut field.node.selection_set;
                if types.possible(named(ty)).is_some() && !selected.node.items.is_empty() {
                    below(&mut selected.node, named(ty), types);
                    let pos = selected.pos;
                    let (alias, name) = &*NAMES;
                    let mark = Field {
                        alias: Some(Positioned::new(alias.clone(), pos)),
                        name: Positioned::new(name.clone(), pos),
                        arguments: Vec::new(),
                        directives: Vec::new(),
                        selection_set: Positioned::default(),
                    };
                    let mark = Selection::Field(Positioned::new(mark, pos));
                    selected.node.items.push(Positioned::new(mark, pos));
                }
            }
            Selection::InlineFragment(inline) => {
                let inline = &mut inline.node;
                let condition = inline.type_condition.as_ref().map(|c| c.node.on.node.clone());
                let ty = condition.as_ref().map_or(parent, Name::as_str);
                below(&mut inline.selection_set.node, ty, types);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}
