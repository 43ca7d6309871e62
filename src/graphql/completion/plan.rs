//! Which fields an object must have, in the order of the document.
//!
//! It is the specification's `CollectFields` and `MergeSelectionSets`, done once for
//! every type that an object at a place may have. It recurses as deep as a document
//! selects, so it is only for documents that the guard has let through. Marks are not
//! the client's, so they are in no plan.
//!
//! A plan owns what it says, so that it can outlive the request that it was made for.
//! A planner tells whether it asked for a variable: where it did not, the same document
//! has the same plan with any variables.
//!
//! Two different fields of the same name cannot both be answered. The library sees
//! it only where both stand in one selection set, on one type, and otherwise mixes
//! the two answers; so it is refused here, for each type, before anything runs.

use std::{
    collections::{HashMap, HashSet},
    mem::size_of,
    sync::Arc,
};

use async_graphql::{
    Name, Pos, Positioned, Variables,
    parser::types::{Directive, Field, FragmentDefinition, Selection, SelectionSet, Type},
};
use async_graphql_value::{ConstValue, Value, indexmap::IndexMap};

use super::{
    marks::MARK,
    types::{Types, named},
};
use crate::graphql::{
    errors::{COST_EXCEEDED, GRAPHQL_VALIDATION_FAILED},
    guard::check::Refused,
};

/// Fields of all types at all places. The guard lets 2,000 selections pass, and few of
/// them can stand below several types.
const FIELDS_MAX: usize = 20_000;

/// What stands at one place of the answer: the fields for each type that it may have.
#[derive(Debug)]
pub struct Level {
    /// The types with their fields.
    pub types: Vec<(Name, Vec<Asked>)>,
}

impl Level {
    /// The memory that it takes, in bytes; its names and types are shared with others.
    pub fn bytes(&self) -> usize {
        let rows = self.types.capacity() * size_of::<(Name, Vec<Asked>)>();
        self.types.iter().fold(rows, |sum, (_, asked)| {
            let below = asked.iter().filter_map(|field| field.below.as_ref()).map(Self::bytes);
            sum + asked.capacity() * size_of::<Asked>() + below.sum::<usize>()
        })
    }
}

/// A field of the answer.
#[derive(Debug)]
pub struct Asked {
    /// Its name there.
    pub key: Name,
    /// Its type.
    pub ty: Arc<Type>,
    /// What its objects hold; none for what is taken as it is.
    pub below: Option<Level>,
}

/// What a plan is made from.
pub struct Planner<'a, 'v> {
    types: &'a Types,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'v Variables,
    fields: usize,
    /// A directive asked for a variable.
    reads_variables: bool,
}

type Groups<'a> = IndexMap<&'a Name, Vec<&'a Positioned<Field>>>;

impl<'a, 'v> Planner<'a, 'v> {
    /// A planner for one document and its variables, defaults filled in.
    pub fn new(
        types: &'a Types,
        fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
        variables: &'v Variables,
    ) -> Self {
        Self { types, fragments, variables, fields: 0, reads_variables: false }
    }

    /// The plan of what these selection sets, all of one place, ask of a type.
    pub fn level(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Result<Level, Refused> {
        let objects = self.types.possible(ty).unwrap_or_default();
        let mut types = Vec::with_capacity(objects.len());
        for object in objects {
            let (mut groups, mut visited) = (Groups::new(), HashSet::new());
            for set in sets {
                self.collect(object, set, &mut visited, &mut groups);
            }
            let mut asked = Vec::with_capacity(groups.len());
            for (key, fields) in groups {
                self.count(&fields)?;
                asked.extend(self.field(object, key, &fields)?);
            }
            types.push((object.clone(), asked));
        }
        Ok(Level { types })
    }

    /// The plan may be another one with other variables.
    pub fn reads_variables(&self) -> bool {
        self.reads_variables
    }

    fn count(&mut self, fields: &[&Positioned<Field>]) -> Result<(), Refused> {
        self.fields += fields.len();
        if self.fields <= FIELDS_MAX {
            return Ok(());
        }
        let message = format!("A document may ask for at most {FIELDS_MAX} fields of all types.");
        let position = fields.first().map(|field| field.pos);
        Err(Refused { code: COST_EXCEEDED, message, position })
    }

    /// One field of the answer; none where the type has no such field, which validation tells.
    fn field(
        &mut self,
        object: &str,
        key: &'a Name,
        fields: &[&'a Positioned<Field>],
    ) -> Result<Option<Asked>, Refused> {
        let Some((first, others)) = fields.split_first() else {
            return Ok(None);
        };
        if let Some(other) = others.iter().find(|other| !same(&first.node, &other.node)) {
            return Err(conflict(key, other.pos));
        }
        let types = self.types;
        let Some(ty) = types.field(object, &first.node.name.node) else {
            return Ok(None);
        };
        let name = named(ty);
        let below = if types.possible(name).is_some() {
            let sets: Vec<_> = fields.iter().map(|field| &field.node.selection_set.node).collect();
            Some(self.level(name, &sets)?)
        } else {
            None
        };
        Ok(Some(Asked { key: key.clone(), ty: Arc::clone(ty), below }))
    }

    /// The fields of a selection set that an object of this type answers.
    fn collect(
        &mut self,
        object: &str,
        set: &'a SelectionSet,
        visited: &mut HashSet<&'a str>,
        groups: &mut Groups<'a>,
    ) {
        for selection in &set.items {
            if self.is_skipped(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    if key != MARK {
                        groups.entry(key).or_default().push(field);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let applies =
                        condition.is_none_or(|c| self.types.applies(&c.node.on.node, object));
                    if applies {
                        self.collect(object, &inline.node.selection_set.node, visited, groups);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.fragments.get(name) else { continue };
                    let condition = &fragment.node.type_condition.node.on.node;
                    if visited.insert(name) && self.types.applies(condition, object) {
                        self.collect(object, &fragment.node.selection_set.node, visited, groups);
                    }
                }
            }
        }
    }

    fn is_skipped(&mut self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| match directive.node.name.node.as_str() {
            "skip" => self.condition(&directive.node) == Some(true),
            "include" => self.condition(&directive.node) == Some(false),
            _ => false,
        })
    }

    /// What a directive's `if` says. Anything but true is false, as the library reads it.
    fn condition(&mut self, directive: &Directive) -> Option<bool> {
        Some(match &directive.get_argument("if")?.node {
            Value::Boolean(value) => *value,
            Value::Variable(name) => {
                self.reads_variables = true;
                self.variables.get(name) == Some(&ConstValue::Boolean(true))
            }
            _ => false,
        })
    }
}

/// The two are the same question, so that one answer is right for both.
fn same(one: &Field, other: &Field) -> bool {
    let has_same = |(name, value): &(Positioned<Name>, Positioned<Value>)| {
        other.get_argument(&name.node).is_some_and(|given| given.node == value.node)
    };
    one.name.node == other.name.node
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(has_same)
}

fn conflict(key: &Name, position: Pos) -> Refused {
    let message = format!("Two different fields are called {key}: give one an alias.");
    Refused { code: GRAPHQL_VALIDATION_FAILED, message, position: Some(position) }
}
