//! What an operation costs with the variables of its request.

use async_graphql::{
    Positioned, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};
use async_graphql_value::ConstValue;

use super::{
    check::{self, Refused},
    limits::Limits,
    size::{Circle, Meter},
    weights,
};
use crate::graphql::errors::COST_EXCEEDED;

/// What an operation costs, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// With every page full.
    pub units: usize,
    /// It may be another one with other variables.
    pub reads_variables: bool,
}

/// Reckons what an operation of a document costs that `check` has let through; nothing
/// where no operation runs.
pub fn of(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
) -> Cost {
    let Some(operation) = check::operation(document, operation_name) else {
        return Cost { units: 0, reads_variables: false };
    };
    let without = reckon(document, operation, None);
    if without.reads_variables {
        let filled = filled_in(&operation.node, variables);
        let with = reckon(document, operation, Some(&filled));
        return Cost { units: with.units, reads_variables: true };
    }
    without
}

/// Refuses an operation that costs too much.
pub fn afford(cost: Cost, limits: &Limits) -> Result<(), Refused> {
    if cost.units <= limits.cost {
        return Ok(());
    }
    let message = format!(
        "The document costs {} units with every page full, and a request may cost {}: ask for \
         fewer rows or fewer fields.",
        cost.units, limits.cost
    );
    Err(Refused { code: COST_EXCEEDED, message, position: None })
}

fn reckon(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
    variables: Option<&Variables>,
) -> Cost {
    let mut meter = Meter::new(variables);
    let sizes = meter.fragments(document, |_, _| Ok::<_, Circle>(()));
    // A circle was refused before; what it would cost is not to be had.
    let Ok(sizes) = sizes else { return Cost { units: usize::MAX, reads_variables: false } };
    let size = meter.set(&operation.node.selection_set.node, &sizes);
    let mutations = match operation.node.ty {
        OperationType::Mutation => size.top_fields.saturating_mul(weights::MUTATION),
        OperationType::Query | OperationType::Subscription => 0,
    };
    let units = size.cost.saturating_add(mutations);
    Cost { units, reads_variables: meter.reads_variables }
}

/// The variables of a request, with the numbers that stand for those that were not sent.
fn filled_in(operation: &OperationDefinition, variables: &Variables) -> Variables {
    let mut filled = variables.clone();
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value
            && let ConstValue::Number(number) = &default.node
        {
            let name = definition.node.name.node.clone();
            filled.entry(name).or_insert_with(|| ConstValue::Number(number.clone()));
        }
    }
    filled
}
