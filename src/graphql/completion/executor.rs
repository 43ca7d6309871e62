//! The schema as the doors call it: the library runs, the answer is completed.

use std::{mem, sync::Arc};

use async_graphql::{
    Request, Response, ServerError, Value, Variables, parser::types::OperationDefinition,
};

use super::{marks, plan::Planner, rebuild, types::Types};
use crate::graphql::{
    errors, guard,
    guard::Refused,
    schema::{self, BankSchema},
};

/// Runs documents that the guard has let through.
#[derive(Clone)]
pub struct Executor {
    schema: BankSchema,
    types: Arc<Types>,
}

impl Executor {
    /// An executor over the schema of a bank.
    pub fn new(schema: BankSchema) -> Self {
        let types = Types::from_sdl(&schema::sdl()).expect("our own schema is read back");
        Self { schema, types: Arc::new(types) }
    }

    /// Runs one operation. What is refused before it runs has errors without a path.
    pub async fn execute(&self, mut request: Request) -> Response {
        let document = match request.parsed_query() {
            Ok(document) => document.clone(),
            Err(error) => return Response::from_errors(vec![error]),
        };
        let operation = guard::operation(&document, request.operation_name.as_deref());
        let root = operation.and_then(|one| Some((one, self.types.root(one.node.ty)?)));
        let Some((operation, root)) = root else {
            return self.schema.execute(request).await;
        };
        fill_in(&operation.node, &mut request.variables);
        let plan = Planner::new(&self.types, &document.fragments, &request.variables)
            .level(root, &[&operation.node.selection_set.node]);
        let plan = match plan {
            Ok(plan) => plan,
            Err(refused) => return Response::from_errors(vec![refusal(refused)]),
        };
        let mut marked = document.clone();
        marks::add(&mut marked, &self.types);
        request.set_parsed_query(marked);
        let mut response = self.schema.execute(request).await;
        let ran = response.errors.is_empty()
            || response.data != Value::Null
            || response.errors.iter().any(|error| !error.path.is_empty());
        if ran {
            response.data = rebuild::data(&plan, mem::take(&mut response.data));
        }
        response
    }
}

/// Gives variables that were not sent their defaults, which the library forgets where
/// a variable stands in `@skip` or `@include`.
fn fill_in(operation: &OperationDefinition, variables: &mut Variables) {
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value
            && let Value::Boolean(value) = default.node
        {
            let name = definition.node.name.node.clone();
            variables.entry(name).or_insert(Value::Boolean(value));
        }
    }
}

fn refusal(refused: Refused) -> ServerError {
    let error = errors::top_level(refused.code, refused.message);
    error.into_server_error(refused.position.unwrap_or_default())
}
