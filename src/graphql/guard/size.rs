//! How large a selection set is, with every fragment in its place.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned, Variables,
    parser::types::{ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet},
};

use super::weights::{self, Page};

/// What a selection set holds with every fragment in its place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    /// Fields, spreads and inline fragments.
    pub selections: usize,
    /// Fields with a name of their own.
    pub aliases: usize,
    /// Fields that stand at the top.
    pub top_fields: usize,
    /// Selection sets within each other.
    pub nesting: usize,
    /// Fields below each other.
    pub depth: usize,
    /// Units.
    pub cost: usize,
    /// Units of each row, of a page that stands above.
    row: usize,
    /// What it would be below `__schema` or `__type`: reckoned for every set, as a
    /// fragment does not know where it is spread.
    inner: Introspection,
    /// What stands below `__schema` or `__type`, from the top on.
    pub introspection: Introspection,
}

/// The size of a question about the schema itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Introspection {
    /// Fields below each other.
    pub depth: usize,
    /// Lists that lead back to types, below each other.
    pub lists: usize,
    /// Values in the answer.
    pub cost: usize,
}

impl Introspection {
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.lists = self.lists.max(other.lists);
        self.cost = self.cost.saturating_add(other.cost);
    }
}

impl Size {
    /// Adds a neighbour.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.top_fields = self.top_fields.saturating_add(other.top_fields);
        self.nesting = self.nesting.max(other.nesting);
        self.depth = self.depth.max(other.depth);
        self.cost = self.cost.saturating_add(other.cost);
        self.row = self.row.saturating_add(other.row);
        self.inner.add(other.inner);
        self.introspection.add(other.introspection);
    }

    /// The selection that holds this one: an inline fragment or a spread.
    fn in_fragment(self) -> Self {
        let selections = self.selections.saturating_add(1);
        Self { selections, nesting: self.nesting + 1, ..self }
    }

    /// The field that holds this one; `rows` is how many its page or its list has.
    fn in_field(self, field: &Field, rows: usize) -> Self {
        // What stands beside the rows of a page is answered once.
        let (once, each) = if weights::is_page(field) {
            (self.cost, self.row)
        } else {
            (0, self.cost.saturating_add(self.row))
        };
        let cost =
            each.saturating_mul(rows).saturating_add(once).saturating_add(weights::own(field));
        let (cost, row) = if weights::is_row(field) { (0, cost) } else { (cost, 0) };
        let inner = Introspection {
            depth: self.depth + 1,
            lists: self.inner.lists + usize::from(weights::leads_back(field)),
            cost: self.inner.cost.saturating_mul(weights::schema_rows(field)).saturating_add(1),
        };
        let mut size = Self {
            selections: self.selections.saturating_add(1),
            aliases: self.aliases.saturating_add(usize::from(field.alias.is_some())),
            top_fields: 1,
            nesting: self.nesting + usize::from(!field.selection_set.node.items.is_empty()),
            depth: self.depth + 1,
            cost,
            row,
            inner,
            introspection: self.introspection,
        };
        if matches!(field.name.node.as_str(), "__schema" | "__type") {
            size.introspection.add(size.inner);
            size = Self { depth: 1, cost: 1, row: 0, inner: Introspection::default(), ..size };
        } else if size.introspection.depth > 0 {
            size.introspection.depth += 1;
        }
        size
    }
}

/// The sizes of fragments by their names.
pub type Sizes<'d> = HashMap<&'d str, Size>;

/// Fragments that spread each other, the first of them at this place.
#[derive(Debug)]
pub struct Circle(pub Pos);

/// Measures selection sets, with the variables of a request or without.
pub struct Meter<'v> {
    variables: Option<&'v Variables>,
    /// A variable says the size of a page.
    pub reads_variables: bool,
}

impl<'v> Meter<'v> {
    /// A meter; without variables a page that one of them sizes counts as a single row.
    pub fn new(variables: Option<&'v Variables>) -> Self {
        Self { variables, reads_variables: false }
    }

    /// Measures each fragment after those that it spreads; what never comes so far is a
    /// circle. Each size is shown to `judge`, which can end it all.
    pub fn fragments<'d, E: From<Circle>>(
        &mut self,
        document: &'d ExecutableDocument,
        judge: impl Fn(Size, Pos) -> Result<(), E>,
    ) -> Result<Sizes<'d>, E> {
        type Waiting<'d> = (&'d Name, &'d Positioned<FragmentDefinition>, HashSet<&'d str>);
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
        for (name, fragment) in &document.fragments {
            let mut spreads = HashSet::new();
            each(&fragment.node.selection_set.node, &mut |selection| {
                if let Selection::FragmentSpread(spread) = selection {
                    spreads.insert(spread.node.fragment_name.node.as_str());
                }
            });
            // A fragment that does not exist is for validation to tell.
            spreads.retain(|name| document.fragments.contains_key(*name));
            waiting.push((name, fragment, spreads));
        }
        let mut sizes = Sizes::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let is_ready = |one: &Waiting<'_>| one.2.iter().all(|name| sizes.contains_key(name));
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
            if ready.is_empty() {
                let first = rest.iter().map(|one| one.1.pos).min().unwrap_or_default();
                return Err(Circle(first).into());
            }
            for (name, fragment, _) in ready {
                let size = self.set(&fragment.node.selection_set.node, &sizes);
                judge(size, fragment.pos)?;
                sizes.insert(name, size);
            }
            waiting = rest;
        }
        Ok(sizes)
    }

    /// Measures a selection set whose fragments are measured.
    pub fn set(&mut self, set: &SelectionSet, sizes: &Sizes<'_>) -> Size {
        let mut sum = Size::default();
        for selection in &set.items {
            sum.add(match &selection.node {
                Selection::Field(field) => {
                    let below = self.set(&field.node.selection_set.node, sizes);
                    below.in_field(&field.node, self.rows(&field.node))
                }
                Selection::InlineFragment(inline) => {
                    self.set(&inline.node.selection_set.node, sizes).in_fragment()
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    sizes.get(name).copied().unwrap_or_default().in_fragment()
                }
            });
        }
        sum
    }

    fn rows(&mut self, field: &Field) -> usize {
        match weights::rows(field, self.variables) {
            Page::Said(rows) => rows,
            Page::Variable => {
                self.reads_variables = true;
                1
            }
        }
    }
}

/// Shows each selection of a text, without following spreads.
pub fn each<'d>(set: &'d SelectionSet, see: &mut impl FnMut(&'d Selection)) {
    for selection in &set.items {
        see(&selection.node);
        match &selection.node {
            Selection::Field(field) => each(&field.node.selection_set.node, see),
            Selection::InlineFragment(inline) => each(&inline.node.selection_set.node, see),
            Selection::FragmentSpread(_) => {}
        }
    }
}
