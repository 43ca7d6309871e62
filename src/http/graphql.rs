//! GraphQL over HTTP: one request, one answer.
//!
//! The library's own transport takes bodies that a form can send, runs mutations
//! by GET and answers 200 to everything, so this is ours. What is refused before
//! anything runs has no `data`; a document that fails is 400, or 200 where the
//! client asked for `application/json`, as the specification wants it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_graphql::{
    Request, Response as Executed,
    parser::{
        Error as ParseError, parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationType},
    },
};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    answer,
    answer::{Rejection, json_response},
    caller,
    negotiation::{self, MediaType},
    nesting::{self, Verdict},
    parameters::Parameters,
};
use crate::{
    bank::{
        context::Bank,
        permit::{Permit, Visitor},
    },
    graphql::{
        completion::executor::Executor,
        errors::{
            BAD_USER_INPUT, COST_EXCEEDED, GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED,
            INTERNAL, OVERLOADED, TIMEOUT,
        },
        guard,
        request::RequestId,
        shape::{check::Shapes, faults::ShapeFault},
        viewer::Seat,
    },
    types::id,
};

/// The largest body, in bytes.
const BODY_MAX: usize = 256 * 1024;
/// How long a request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the transport works with.
#[derive(Clone)]
pub struct Graphql {
    /// The bank.
    pub bank: Bank,
    /// The schema over it.
    pub schema: Executor,
    /// The shapes of the schema's inputs.
    pub shapes: Arc<Shapes>,
}

/// The one operation that will run.
struct Chosen {
    document: ExecutableDocument,
    parameters: Parameters,
}

/// What is known of a request beside its document.
#[derive(Clone, Copy)]
struct Asked<'a> {
    visitor: &'a Visitor,
    media_type: MediaType,
    deadline: Instant,
}

/// `POST /graphql`.
pub async fn post(
    State(graphql): State<Graphql>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let read = async {
        if !negotiation::is_json(&headers) {
            let message = "The body must be JSON: send Content-Type: application/json.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Rejection::request(status, BAD_USER_INPUT, message));
        }
        let bytes = to_bytes(body, BODY_MAX).await.map_err(|error| unread(&error))?;
        Parameters::from_body(&bytes)
    };
    graphql.serve(&headers, peer, true, read).await
}

/// `GET /graphql`, for queries only.
pub async fn get(
    State(graphql): State<Graphql>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let read = async { Parameters::from_url(query_string.as_deref().unwrap_or_default()) };
    graphql.serve(&headers, peer, false, read).await
}

impl Graphql {
    async fn serve(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
        may_mutate: bool,
        read: impl Future<Output = Result<Parameters, Rejection>>,
    ) -> Response<Body> {
        let request_id =
            id::encode(id::fresh(self.bank.clock.as_ref(), self.bank.entropy.as_ref()));
        let Some(media_type) = negotiation::choose(headers) else {
            let message = "Answers are application/graphql-response+json or application/json.";
            let status = StatusCode::NOT_ACCEPTABLE;
            let rejection = Rejection::request(status, BAD_USER_INPUT, message);
            return finish(rejection.answer(MediaType::Json, &request_id), &request_id);
        };
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        let visitor = caller::visitor(headers, peer, &request_id);
        let prepared = async {
            let chosen = self.choose(read.await?, may_mutate)?;
            Ok((chosen, caller::permit(&self.bank, headers, &visitor).await?))
        };
        let prepared = tokio::time::timeout_at(deadline, prepared).await;
        let outcome = match prepared.unwrap_or_else(|_| Err(too_slow())) {
            Ok((chosen, permit)) => {
                let asked = Asked { visitor: &visitor, media_type, deadline };
                self.execute(chosen, permit, &asked).await
            }
            Err(rejection) => Err(rejection),
        };
        let response = outcome.unwrap_or_else(|r| r.answer(media_type, &request_id));
        finish(response, &request_id)
    }

    /// Parses the document and checks all that can be checked without running it.
    fn choose(&self, parameters: Parameters, may_mutate: bool) -> Result<Chosen, Rejection> {
        readable(&parameters.query)?;
        let document = parse_query(&parameters.query).map_err(|error| unparsed(&error))?;
        let kind = operation(&document, parameters.operation_name.as_deref())?;
        match kind {
            OperationType::Query => {}
            OperationType::Mutation if may_mutate => {}
            OperationType::Mutation => {
                let message = "A mutation is sent by POST.";
                let status = StatusCode::METHOD_NOT_ALLOWED;
                return Err(Rejection::request(status, GRAPHQL_VALIDATION_FAILED, message)
                    .with_header(header::ALLOW, HeaderValue::from_static("POST")));
            }
            OperationType::Subscription => {
                let message = "A subscription has no answer here: this address gives one answer.";
                let error = answer::error(GRAPHQL_VALIDATION_FAILED, message, None);
                return Err(Rejection::document(vec![error]));
            }
        }
        let name = parameters.operation_name.as_deref();
        guard::check(&document, name).map_err(|refused| {
            let error = answer::error(refused.code, &refused.message, refused.position);
            Rejection::document(vec![error])
        })?;
        let faults = self.shapes.faults(&document, name, &parameters.variables);
        if !faults.is_empty() {
            return Err(Rejection::document(faults.iter().map(misshapen).collect()));
        }
        Ok(Chosen { document, parameters })
    }

    async fn execute(
        &self,
        chosen: Chosen,
        permit: Option<Permit>,
        asked: &Asked<'_>,
    ) -> Result<Response<Body>, Rejection> {
        let Asked { visitor, media_type, deadline } = *asked;
        let request_id = visitor.request_id.as_str();
        let Parameters { query, operation_name, variables } = chosen.parameters;
        let mut request = Request::new(query)
            .variables(variables)
            .data(RequestId(request_id.to_owned()))
            .data(visitor.clone());
        request.operation_name = operation_name;
        request.set_parsed_query(chosen.document);
        request = request.data(Seat::new(&self.bank, permit));
        let schema = self.schema.clone();
        // In a task of its own, so that a panic ends this request and nothing else,
        // and a client that goes away does not stop a movement half-way.
        let task = tokio::spawn(async move {
            tokio::time::timeout_at(deadline, schema.execute(request)).await
        });
        let executed = task.await.map_err(|error| {
            tracing::error!(request_id, %error, "a request panicked");
            let message = "Something went wrong on our side. Tell us the request id.";
            Rejection::request(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message)
        })?;
        let executed = executed.map_err(|_| too_late())?;
        Ok(answer_executed(&executed, media_type, request_id))
    }
}

/// A body that is too long, or that broke off.
fn unread(error: &axum::Error) -> Rejection {
    let source = std::error::Error::source(error);
    let too_long = matches!(source, Some(source) if source.is::<LengthLimitError>());
    let (status, message) = if too_long {
        let message = format!("The body must have at most {BODY_MAX} bytes.");
        (StatusCode::PAYLOAD_TOO_LARGE, message)
    } else {
        (StatusCode::BAD_REQUEST, "The body could not be read to its end.".to_owned())
    };
    Rejection::request(status, BAD_USER_INPUT, message)
}

/// The request took too long to arrive.
fn too_slow() -> Rejection {
    let message = "The request took too long to arrive; nothing was done.";
    Rejection::request(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, message)
}

/// The request took too long. Whether its last commit went through is not known.
fn too_late() -> Rejection {
    let message = "The request took too long and may or may not have been done: send it again with \
        the same idempotency key.";
    Rejection::request(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, message)
}

/// Which kind of operation will run.
fn operation(
    document: &ExecutableDocument,
    name: Option<&str>,
) -> Result<OperationType, Rejection> {
    let unknown = |message: &str| {
        Rejection::document(vec![answer::error(GRAPHQL_VALIDATION_FAILED, message, None)])
    };
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation.node.ty),
        (DocumentOperations::Single(_), Some(_)) => {
            Err(unknown("operationName names no operation of the document."))
        }
        (DocumentOperations::Multiple(operations), Some(name)) => match operations.get(name) {
            Some(operation) => Ok(operation.node.ty),
            None => Err(unknown("operationName names no operation of the document.")),
        },
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(only.node.ty),
                _ => Err(unknown("The document has several operations: name one.")),
            }
        }
    }
}

/// A document's text that the parser can be given without harm or loss.
fn readable(document: &str) -> Result<(), Rejection> {
    let (code, message, position) = match nesting::read(document) {
        Verdict::Fine => return Ok(()),
        Verdict::TooDeep(position) => {
            let message = "The document nests its brackets too deeply.".to_owned();
            (GRAPHQL_PARSE_FAILED, message, position)
        }
        Verdict::TooLong(position) => {
            let message = format!("A document may have at most {} tokens.", nesting::TOKENS_MAX);
            (COST_EXCEEDED, message, position)
        }
        Verdict::OpenString(position) => {
            let message = "A string of the document never closes.".to_owned();
            (GRAPHQL_PARSE_FAILED, message, position)
        }
        Verdict::Repeated(field, position) => {
            // Only what can be a name of ours is repeated; the rest may be a secret.
            let field = if field.len() <= 40 { field } else { "A field" };
            (GRAPHQL_VALIDATION_FAILED, format!("{field} stands twice in one input."), position)
        }
    };
    Err(Rejection::document(vec![answer::error(code, &message, Some(position))]))
}

/// A document that is not GraphQL. The parser's excerpt is left out, as the
/// offending line may hold a password.
fn unparsed(error: &ParseError) -> Rejection {
    let position = error.positions().next();
    let message = match error {
        ParseError::Syntax { message, .. } => {
            let expected = message.lines().find_map(|line| line.trim().strip_prefix("= "));
            format!("The document is not GraphQL: {}.", expected.unwrap_or("syntax error"))
        }
        ParseError::MissingOperation => "The document has no operation.".to_owned(),
        ParseError::MultipleOperations { .. } => {
            "An operation without a name must be the only one.".to_owned()
        }
        ParseError::OperationDuplicated { .. } => "Two operations have the same name.".to_owned(),
        ParseError::FragmentDuplicated { .. } => "Two fragments have the same name.".to_owned(),
        _ => "The document is not GraphQL.".to_owned(),
    };
    Rejection::document(vec![answer::error(GRAPHQL_PARSE_FAILED, &message, position)])
}

fn misshapen(fault: &ShapeFault) -> Value {
    let mut error = answer::error(BAD_USER_INPUT, &fault.message, Some(fault.position));
    error["extensions"]["inputPath"] = json!(fault.input_path);
    if let Some(hint) = fault.hint {
        error["extensions"]["hint"] = hint.into();
    }
    error
}

/// The body of an executed document; its data keeps the order of the document's fields.
#[derive(Serialize)]
struct ExecutedBody<'e> {
    data: &'e async_graphql::Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
}

/// The answer to what the library made of a document.
fn answer_executed(executed: &Executed, media_type: MediaType, request_id: &str) -> Response<Body> {
    // An error without a path is one of the whole request: nothing ran.
    let ran = executed.errors.is_empty()
        || executed.data != async_graphql::Value::Null
        || executed.errors.iter().any(|error| !error.path.is_empty());
    if !ran {
        let errors = answer::errors_of(executed, GRAPHQL_VALIDATION_FAILED, request_id);
        return Rejection::document(errors).answer(media_type, request_id);
    }
    let mut status = StatusCode::OK;
    let mut retry_after = None;
    let errors = answer::errors_of(executed, INTERNAL, request_id);
    if let Some(error) = errors.iter().find(|e| e["extensions"]["code"] == OVERLOADED) {
        status = StatusCode::SERVICE_UNAVAILABLE;
        retry_after = error["extensions"]["retryAfterSeconds"].as_u64();
    }
    let body = ExecutedBody { data: &executed.data, errors };
    let mut response = json_response(status, media_type, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from(retry_after.unwrap_or(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// What every answer of this transport carries.
fn finish(mut response: Response<Body>, request_id: &str) -> Response<Body> {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization"));
    response
}
