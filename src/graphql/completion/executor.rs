//! The schema as the doors call it: the library runs, the answer is completed.

use std::{mem, sync::Arc};

use async_graphql::{
    Request, Response, ServerError, ValidationMode, Value, Variables,
    parser::types::{ExecutableDocument, OperationDefinition},
};

use super::{plan::Level, prepared::Prepared, rebuild, types::Types};
use crate::{
    bank::{context::Bank, error::Failure},
    graphql::{
        errors,
        guard::check::{self, Refused},
        schema::{self, BankSchema},
        source::{Due, Running, Source},
    },
    types::page::Cursor,
};

/// Runs documents that the guard has let through.
#[derive(Clone)]
pub struct Executor {
    schema: BankSchema,
    /// The same without the rules of validation, for documents that have passed them.
    validated: BankSchema,
    types: Arc<Types>,
}

impl Executor {
    /// An executor over the schema of a bank.
    pub fn new(bank: &Bank) -> Self {
        let types = Types::from_sdl(&schema::sdl()).expect("our own schema is read back");
        Self {
            schema: schema::build(bank.clone(), ValidationMode::Strict),
            validated: schema::build(bank.clone(), ValidationMode::Fast),
            types: Arc::new(types),
        }
    }

    /// Prepares a document that the guard has let through, parsed from a text of this
    /// length in bytes, to run the operation that is named or the only one.
    pub fn prepare(
        &self,
        document: ExecutableDocument,
        operation_name: Option<&str>,
        text_length: usize,
    ) -> Prepared {
        Prepared::new(document, operation_name, text_length, &self.types)
    }

    /// Runs a document with the variables and the data of a request. What is refused
    /// before it runs has errors without a path: [`ran`] tells.
    ///
    /// The library takes the document by value and cuts away what is skipped, so each
    /// run has a copy of its own.
    ///
    /// A document that has run is valid whatever its variables are: the one rule that reads
    /// them holds them to their places, which the check of the shapes does before each run.
    pub async fn execute(&self, prepared: &Prepared, mut request: Request) -> Response {
        let plan = match self.ready(prepared, &mut request) {
            Ok(plan) => plan,
            Err(refused) => return *refused,
        };
        let schema = if prepared.is_validated() { &self.validated } else { &self.schema };
        let mut response = schema.execute(request).await;
        if ran(&response) {
            prepared.set_validated();
        }
        complete(plan.as_deref(), &mut response);
        response
    }

    /// Gives a request its document, and plans its answer.
    fn ready(
        &self,
        prepared: &Prepared,
        request: &mut Request,
    ) -> Result<Option<Arc<Level>>, Box<Response>> {
        let operation = check::operation(prepared.document(), prepared.operation_name());
        if let Some(operation) = operation {
            fill_in(&operation.node, &mut request.variables);
        }
        let plan = prepared.plan(&self.types, &request.variables);
        let plan =
            plan.map_err(|refused| Box::new(Response::from_errors(vec![refusal(refused)])))?;
        request.operation_name = prepared.operation_name().map(str::to_owned);
        request.set_parsed_query(prepared.document().clone());
        Ok(plan)
    }
}

/// A subscription that runs, and how its answers are put together.
pub struct Subscription {
    running: Running,
    plan: Option<Arc<Level>>,
}

impl Executor {
    /// Starts a subscription with the variables and the data of a request; with `resume` it
    /// goes on from there, whatever the document says. `Err` is the one answer of what
    /// could not be started.
    pub async fn subscribe(
        &self,
        prepared: &Prepared,
        mut request: Request,
        resume: Option<Cursor>,
    ) -> Result<Subscription, Box<Response>> {
        let plan = self.ready(prepared, &mut request)?;
        let (source, opened) = Source::new(resume);
        let schema = if prepared.is_validated() { &self.validated } else { &self.schema };
        let responses = schema.execute_stream(request.data(source));
        match Running::start(responses, opened).await {
            Ok(running) => {
                prepared.set_validated();
                Ok(Subscription { running, plan })
            }
            Err(mut response) => {
                complete(plan.as_deref(), &mut response);
                Err(response)
            }
        }
    }
}

impl Subscription {
    /// The next item, whenever it comes. It can be dropped while it waits, and loses nothing.
    ///
    /// # Errors
    ///
    /// Where something of it could not be read; asked again it is tried again.
    pub async fn next(&mut self) -> Result<Due, Failure> {
        self.running.next().await
    }

    /// The answer to an item; none where the subscription has ended.
    pub async fn answer(&mut self, due: Due) -> Option<Response> {
        let mut response = self.running.answer(due).await?;
        complete(self.plan.as_deref(), &mut response);
        Some(response)
    }
}

/// Puts the data of an answer together as its plan says, where the document ran.
fn complete(plan: Option<&Level>, response: &mut Response) {
    if let Some(plan) = plan
        && ran(response)
    {
        response.data = rebuild::data(plan, mem::take(&mut response.data));
    }
}

/// The document was valid and ran, whatever became of its fields: an error without a
/// path is one of the whole request.
pub fn ran(response: &Response) -> bool {
    response.errors.is_empty()
        || response.data != Value::Null
        || response.errors.iter().any(|error| !error.path.is_empty())
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
