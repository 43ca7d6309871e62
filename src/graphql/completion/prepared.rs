//! What is the same each time that a document runs.
//!
//! It depends on the text and on which operation was named, never on who asks or on
//! the variables, so one can serve all requests that send the same text.

use std::{
    mem::size_of,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{Variables, parser::types::ExecutableDocument};

use super::{
    marks,
    plan::{Level, Planner},
    types::Types,
};
use crate::graphql::guard::{
    check::{self, Refused},
    cost::{self, Cost},
};

/// Bytes of memory for each byte of a document's text, at most.
///
/// Measured with a counting allocator, marks and names included: what a client usually
/// sends takes 18 to 32. What validates and takes the most is fields of two letters that
/// select one such field each, which takes 99.5, since each of them is marked; fields
/// without selections take 69, inline fragments 56, spreads 42, and what never validates
/// (a list of objects of one member) 87. The rest is a margin.
const BYTES_PER_BYTE: usize = 110;

/// A parsed document that the guard has let through, ready to run one of its operations.
#[derive(Debug)]
pub struct Prepared {
    /// With its marks, which neither check of its inputs sees.
    document: ExecutableDocument,
    operation_name: Option<String>,
    text_length: usize,
    /// The plan, once it has been made without asking for a variable.
    plan: OnceLock<Arc<Level>>,
    /// The cost, once it has been reckoned without asking for a variable.
    cost: OnceLock<Cost>,
    /// It has passed the rules of validation, which it is then spared.
    validated: AtomicBool,
}

impl Prepared {
    /// Prepares a document, parsed from a text of this length in bytes.
    pub fn new(
        mut document: ExecutableDocument,
        operation_name: Option<&str>,
        text_length: usize,
        types: &Types,
    ) -> Self {
        marks::add(&mut document, types);
        // The parser leaves room for more in all its lists, up to twice what stands in
        // them; a copy has none.
        let document = document.clone();
        let operation_name = operation_name.map(str::to_owned);
        Self {
            document,
            operation_name,
            text_length,
            plan: OnceLock::new(),
            cost: OnceLock::new(),
            validated: AtomicBool::new(false),
        }
    }

    /// The document. It has the server's own marks, which take no inputs.
    pub fn document(&self) -> &ExecutableDocument {
        &self.document
    }

    /// Which operation runs; none for the only one.
    pub fn operation_name(&self) -> Option<&str> {
        self.operation_name.as_deref()
    }

    /// It has passed the rules of validation.
    pub(super) fn is_validated(&self) -> bool {
        self.validated.load(Ordering::Relaxed)
    }

    /// Remembers that it has passed them.
    pub(super) fn set_validated(&self) {
        self.validated.store(true, Ordering::Relaxed);
    }

    /// The memory that it takes, in bytes: rather too much than too little.
    pub fn bytes(&self) -> usize {
        let plan = self.plan.get().map_or(0, |plan| plan.bytes());
        size_of::<Self>() + self.text_length.saturating_mul(BYTES_PER_BYTE) + plan
    }

    /// What it costs with these variables. It is reckoned once where it is the same for all.
    pub fn cost(&self, variables: &Variables) -> Cost {
        if let Some(cost) = self.cost.get() {
            return *cost;
        }
        let cost = cost::of(&self.document, self.operation_name(), variables);
        if cost.reads_variables { cost } else { *self.cost.get_or_init(|| cost) }
    }

    /// The plan for these variables, defaults filled in; none where no operation runs. It
    /// is made once where it is the same for all variables, and otherwise each time.
    pub(super) fn plan(
        &self,
        types: &Types,
        variables: &Variables,
    ) -> Result<Option<Arc<Level>>, Refused> {
        if let Some(plan) = self.plan.get() {
            return Ok(Some(Arc::clone(plan)));
        }
        let operation = check::operation(&self.document, self.operation_name());
        let root = operation.and_then(|one| Some((one, types.root(one.node.ty)?)));
        let Some((operation, root)) = root else {
            return Ok(None);
        };
        let mut planner = Planner::new(types, &self.document.fragments, variables);
        let plan = planner.level(root, &[&operation.node.selection_set.node])?;
        let plan = Arc::new(plan);
        Ok(Some(if planner.reads_variables() {
            plan
        } else {
            Arc::clone(self.plan.get_or_init(|| plan))
        }))
    }
}
