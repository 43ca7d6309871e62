//! GraphQL over HTTP: one request, one answer.
//!
//! The library's own transport takes bodies that a form can send, runs mutations
//! by GET and answers 200 to everything, so this is ours. What is refused before
//! anything runs has no `data`; a document that fails is 400, or 200 where the
//! client asked for `application/json`, as the specification wants it.

use std::{net::SocketAddr, sync::Arc};

use async_graphql::{Request, Response as Executed, Variables, parser::types::OperationType};
use axum::{
    Extension,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_cookies::Cookies;

use super::{
    answer,
    answer::{Rejection, json_response},
    caller,
    caller::Shown,
    cookies,
    crowd::Crowd,
    document,
    document::Door,
    document_cache::{DocumentCache, Key},
    library::{Library, Meant, Text},
    limits::Limits,
    negotiation::{self, MediaType},
    parameters::Parameters,
    persisted::Hash,
    server::Held,
    shared::Shared,
    tally::Tally,
    threads::Threads,
    web::Web,
};
use crate::{
    bank::{
        context::Bank,
        permit::{Permit, Visitor},
        sentry::Sentry,
    },
    graphql::{
        completion::{
            executor::{self, Executor, Subscription},
            prepared::Prepared,
        },
        errors::{BAD_USER_INPUT, GRAPHQL_VALIDATION_FAILED, INTERNAL, OVERLOADED, TIMEOUT},
        guard::{check, cost, limits::Limits as DocumentLimits},
        handover::Handover,
        request::{ComeAgain, RequestId},
        schema,
        shape::{check::Shapes, faults::ShapeFault},
        viewer::Seat,
    },
    types::{id, page::Cursor, served},
};

/// What the transport works with.
#[derive(Clone)]
pub struct Graphql {
    /// The bank.
    pub bank: Bank,
    /// The schema over it.
    pub schema: Executor,
    /// The shapes of the schema's inputs.
    pub shapes: Arc<Shapes>,
    /// The documents that have run before.
    pub documents: DocumentCache,
    /// The documents that clients may name.
    pub library: Library,
    /// How much a request may bring.
    pub limits: Limits,
    /// What browsers may.
    pub web: Web,
    /// What stays open.
    pub open: Open,
    /// Counts what is asked.
    pub tally: Tally,
}

/// What stays open: how many they are, what they share, who watches their sessions, and
/// where they run.
#[derive(Clone)]
pub struct Open {
    /// How many sockets and streams each has.
    pub crowd: Crowd,
    /// Answers for all who get the same bytes.
    pub shared: Shared,
    /// Ends them with their sessions.
    pub sentry: Sentry,
    /// Where they run.
    pub threads: Threads,
}

/// The one operation that will run.
pub struct Chosen {
    /// Its document, checked.
    pub prepared: Arc<Prepared>,
    /// What names its document.
    pub key: Key,
    /// Under which the document is to be kept once it has run; none where it is kept
    /// already or must not be.
    fresh: Option<Key>,
    /// The hash under which its text is to be kept once it has run.
    named: Option<(Hash, Text)>,
    /// Its variables.
    pub variables: Variables,
    cost: CostTold,
}

impl Chosen {
    /// It is a subscription.
    pub fn is_subscription(&self) -> bool {
        let operation = check::operation(self.prepared.document(), self.prepared.operation_name());
        operation.is_some_and(|operation| operation.node.ty == OperationType::Subscription)
    }
}

/// What became of an operation that ran.
pub struct Ran {
    executed: Executed,
    cost: CostTold,
    /// When to come again, in seconds.
    again: Option<u32>,
}

/// What the client is told of the cost, in units.
#[derive(Debug, Clone, Copy, Serialize)]
struct CostTold {
    requested: usize,
    limit: usize,
}

impl Chosen {
    fn is_for_strangers(&self) -> bool {
        let prepared = &self.prepared;
        check::is_for_strangers(prepared.document(), prepared.operation_name())
    }
}

/// A request beside its body.
struct Sent<'r> {
    headers: &'r HeaderMap,
    cookies: &'r Cookies,
    peer: SocketAddr,
    held: Option<Held>,
    /// It came by POST.
    posts: bool,
}

/// What is known of a request beside its document.
#[derive(Clone, Copy)]
struct Asked<'a> {
    visitor: &'a Visitor,
    media_type: MediaType,
    deadline: Instant,
    held: Option<&'a Held>,
}

/// `POST /graphql`.
pub async fn post(
    State(graphql): State<Arc<Graphql>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    cookies: Cookies,
    headers: HeaderMap,
    held: Option<Extension<Held>>,
    body: Body,
) -> Response<Body> {
    let held = held.map(|held| held.0);
    let read = async {
        if !negotiation::is_json(&headers) {
            let message = "The body must be JSON: send Content-Type: application/json.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Rejection::request(status, BAD_USER_INPUT, message));
        }
        let body_max = graphql.limits.body;
        let bytes = to_bytes(body, body_max).await.map_err(|error| unread(&error, body_max))?;
        Parameters::from_body(&bytes)
    };
    let sent = Sent { headers: &headers, cookies: &cookies, peer, held, posts: true };
    graphql.serve(sent, read).await
}

/// `GET /graphql`, for queries only.
pub async fn get(
    State(graphql): State<Arc<Graphql>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query_string): RawQuery,
    cookies: Cookies,
    headers: HeaderMap,
    held: Option<Extension<Held>>,
) -> Response<Body> {
    let held = held.map(|held| held.0);
    let read = async { Parameters::from_url(query_string.as_deref().unwrap_or_default()) };
    let sent = Sent { headers: &headers, cookies: &cookies, peer, held, posts: false };
    graphql.serve(sent, read).await
}

impl Graphql {
    /// The transport of a bank, which keeps documents of so many bytes together.
    pub fn new(bank: Bank, documents_bytes_max: u64) -> Self {
        let shapes = Shapes::from_sdl(&schema::sdl()).expect("our own schema is read back");
        Self {
            schema: Executor::new(&bank),
            shapes: Arc::new(shapes),
            documents: DocumentCache::new(documents_bytes_max),
            library: Library::default(),
            limits: Limits::default(),
            web: Web::default(),
            open: Open {
                crowd: Crowd::default(),
                shared: Shared::default(),
                sentry: Sentry::new(bank.clone()),
                threads: Threads::default(),
            },
            tally: Tally::default(),
            bank,
        }
    }

    /// The same with limits of the operator's.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another library.
    #[must_use]
    pub fn with_library(self, library: Library) -> Self {
        Self { library, ..self }
    }

    async fn serve(
        &self,
        sent: Sent<'_>,
        read: impl Future<Output = Result<Parameters, Rejection>>,
    ) -> Response<Body> {
        let Sent { headers, cookies, peer, held, posts } = sent;
        let request_id = self.request_id();
        let Some(media_type) = negotiation::choose(headers) else {
            let message = "Answers are application/graphql-response+json or application/json.";
            let status = StatusCode::NOT_ACCEPTABLE;
            let rejection = Rejection::request(status, BAD_USER_INPUT, message);
            return finish(rejection.answer(MediaType::Json, &request_id), &request_id);
        };
        let deadline = Instant::now() + self.limits.time;
        let visitor = caller::visitor(&self.bank, headers, peer, &request_id);
        let prepared = async {
            let door = Door { mutations: posts, subscriptions: false };
            let chosen = self.choose(read.await?, door)?;
            let shown = Shown { headers, cookies, posts, for_strangers: chosen.is_for_strangers() };
            Ok((chosen, caller::caller(&self.bank, &self.web, &shown, &visitor).await?))
        };
        let prepared = tokio::time::timeout_at(deadline, prepared).await;
        let outcome = match prepared.unwrap_or_else(|_| Err(too_slow())) {
            Ok((chosen, (permit, handover))) => {
                let asked = Asked { visitor: &visitor, media_type, deadline, held: held.as_ref() };
                let handover = Arc::new(handover);
                let executed = self.execute(chosen, permit, &handover, &asked).await;
                if let Some(errand) = handover.take() {
                    cookies::run(&errand, cookies, &self.web, self.bank.now());
                }
                executed
            }
            Err(rejection) => Err(rejection),
        };
        let response = outcome.unwrap_or_else(|r| r.answer(media_type, &request_id));
        finish(response, &request_id)
    }

    /// Finds the document among those that are kept, or reads it, and checks all that can
    /// be checked without running it.
    pub fn choose(&self, parameters: Parameters, door: Door) -> Result<Chosen, Rejection> {
        let Parameters { document, operation_name, variables } = parameters;
        let Meant { text, fresh: hash } = self.library.find(document)?;
        let name = operation_name.as_deref();
        let key = Key::of(&text, name);
        let found = self.documents.find(&key);
        let (prepared, fresh) = if let Some(prepared) = found {
            document::allowed(prepared.document(), name, door)?;
            (prepared, None)
        } else {
            let document = document::read(&text, name, door, &self.limits.document)?;
            let fresh = (!document::is_personal(&text, &document)).then_some(key);
            (Arc::new(self.schema.prepare(document, name, text.len())), fresh)
        };
        let cost = afford(&prepared, &variables, &self.limits.document)?;
        let faults = self.shapes.faults(prepared.document(), name, &variables);
        if !faults.is_empty() {
            return Err(Rejection::document(faults.iter().map(misshapen).collect()));
        }
        let is_personal = document::is_personal(&text, prepared.document());
        let named = hash.filter(|_| !is_personal).map(|hash| (hash, text));
        Ok(Chosen { prepared, key, fresh, named, variables, cost })
    }

    async fn execute(
        &self,
        chosen: Chosen,
        permit: Option<Permit>,
        handover: &Arc<Handover>,
        asked: &Asked<'_>,
    ) -> Result<Response<Body>, Rejection> {
        let Asked { visitor, media_type, deadline, held } = *asked;
        let place = (deadline, held.cloned());
        let (ran, _) = self.run(chosen, (permit, Some(handover)), visitor, place).await?;
        let mut response =
            answer_executed(&ran.executed, ran.cost, media_type, &visitor.request_id);
        if let Some(seconds) = ran.again {
            let headers = response.headers_mut();
            headers.entry(header::RETRY_AFTER).or_insert_with(|| HeaderValue::from(seconds));
        }
        Ok(response)
    }

    /// What the resolvers of a request find.
    fn request(&self, variables: Variables, permit: Option<Permit>, visitor: &Visitor) -> Request {
        // The text has done its part: what runs is the document that was read from it.
        Request::new(String::new())
            .variables(variables)
            .data(RequestId(visitor.request_id.clone()))
            .data(visitor.clone())
            .data(Seat::new(&self.bank, permit))
    }

    /// Keeps a document that was valid and ran.
    fn keep(&self, prepared: Arc<Prepared>, fresh: Option<Key>, named: Option<(Hash, Text)>) {
        if let Some(key) = fresh {
            self.documents.keep(key, prepared);
        }
        if let Some((hash, text)) = named {
            self.library.keep(hash, &text);
        }
    }

    /// Runs a query or a mutation; without a handover no cookies can be set. The place that
    /// it takes up is held for as long as it runs, also where nobody waits for it any more,
    /// and given back.
    pub async fn run<P: Send + 'static>(
        &self,
        chosen: Chosen,
        (permit, handover): (Option<Permit>, Option<&Arc<Handover>>),
        visitor: &Visitor,
        (deadline, place): (Instant, P),
    ) -> Result<(Ran, P), Rejection> {
        let Chosen { prepared, fresh, named, variables, cost, .. } = chosen;
        let again = ComeAgain::default();
        let mut request = self.request(variables, permit, visitor).data(again.clone());
        if let Some(handover) = handover {
            request = request.data(Arc::clone(handover));
        }
        let (schema, document) = (self.schema.clone(), Arc::clone(&prepared));
        // In a task of its own, so that a panic ends this request and nothing else,
        // and a client that goes away does not stop a movement half-way.
        let running = async move {
            (tokio::time::timeout_at(deadline, schema.execute(&document, request)).await, place)
        };
        let began = Instant::now();
        let task = tokio::spawn(served::carried(running));
        let (executed, place) = task.await.map_err(|error| {
            tracing::error!(request_id = visitor.request_id, %error, "a request panicked");
            let message = "Something went wrong on our side. Tell us the request id.";
            Rejection::request(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message)
        })?;
        let executed = executed.map_err(|_| too_late())?;
        if executor::ran(&executed) {
            self.tally.ran(&prepared, Some(began.elapsed()));
            self.keep(prepared, fresh, named);
        } else {
            self.tally.did_not_run(&prepared);
        }
        Ok((Ran { executed, cost, again: again.seconds() }, place))
    }

    /// Starts a subscription; with `resume` it goes on from there, whatever the document
    /// says. `Err` has the errors of what could not be started.
    pub async fn subscribe(
        &self,
        chosen: Chosen,
        permit: Option<Permit>,
        visitor: &Visitor,
        resume: Option<Cursor>,
    ) -> Result<Subscription, Vec<Value>> {
        let Chosen { prepared, fresh, named, variables, .. } = chosen;
        let request = self.request(variables, permit, visitor);
        let started = self.schema.subscribe(&prepared, request, resume).await;
        let started = started.map_err(|response| {
            answer::errors_of(&response, GRAPHQL_VALIDATION_FAILED, &visitor.request_id)
        })?;
        self.tally.ran(&prepared, None);
        self.keep(prepared, fresh, named);
        Ok(started)
    }

    /// A fresh name for a request.
    pub fn request_id(&self) -> String {
        id::encode(id::fresh(self.bank.clock.as_ref(), self.bank.entropy.as_ref()))
    }
}

impl Ran {
    /// The result as JSON; `Err` has the errors of what did not run at all.
    pub fn told(&self, request_id: &str) -> Result<Bytes, Vec<Value>> {
        if !executor::ran(&self.executed) {
            return Err(answer::errors_of(&self.executed, GRAPHQL_VALIDATION_FAILED, request_id));
        }
        let errors = answer::errors_of(&self.executed, INTERNAL, request_id);
        let extensions = Some(ExtensionsTold { cost: self.cost });
        Ok(bytes(&ExecutedBody { data: &self.executed.data, errors, extensions }))
    }
}

/// One answer of a subscription as JSON.
pub fn told(response: &Executed, request_id: &str) -> Bytes {
    let errors = answer::errors_of(response, INTERNAL, request_id);
    bytes(&ExecutedBody { data: &response.data, errors, extensions: None })
}

fn bytes(body: &ExecutedBody<'_>) -> Bytes {
    serde_json::to_vec(body).expect("an answer is made of texts, numbers and lists").into()
}

/// What a document costs, where a request may cost so much.
fn afford(
    prepared: &Prepared,
    variables: &Variables,
    limits: &DocumentLimits,
) -> Result<CostTold, Rejection> {
    let cost = prepared.cost(variables);
    let told = CostTold { requested: cost.units, limit: limits.cost };
    cost::afford(cost, limits).map_err(|refused| {
        let mut error = answer::error(refused.code, &refused.message, refused.position);
        error["extensions"]["cost"] = json!(told);
        Rejection::document(vec![error])
    })?;
    Ok(told)
}

/// A body that is too long, or that broke off.
pub fn unread(error: &axum::Error, body_max: usize) -> Rejection {
    let source = std::error::Error::source(error);
    let too_long = matches!(source, Some(source) if source.is::<LengthLimitError>());
    let (status, message) = if too_long {
        let message = format!("The body must have at most {body_max} bytes.");
        (StatusCode::PAYLOAD_TOO_LARGE, message)
    } else {
        (StatusCode::BAD_REQUEST, "The body could not be read to its end.".to_owned())
    };
    Rejection::request(status, BAD_USER_INPUT, message)
}

/// The request took too long to arrive.
pub fn too_slow() -> Rejection {
    let message = "The request took too long to arrive; nothing was done.";
    Rejection::request(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, message)
}

/// The request took too long. Whether its last commit went through is not known.
fn too_late() -> Rejection {
    let message = "The request took too long and may or may not have been done: send it again with \
        the same idempotency key.";
    Rejection::request(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, message)
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
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<ExtensionsTold>,
}

/// What an answer says beside its data.
#[derive(Serialize)]
struct ExtensionsTold {
    cost: CostTold,
}

/// The answer to what the library made of a document.
fn answer_executed(
    executed: &Executed,
    cost: CostTold,
    media_type: MediaType,
    request_id: &str,
) -> Response<Body> {
    if !executor::ran(executed) {
        let errors = answer::errors_of(executed, GRAPHQL_VALIDATION_FAILED, request_id);
        return Rejection::document(errors).answer(media_type, request_id);
    }
    let mut status = StatusCode::OK;
    let mut retry_after = None;
    let errors = answer::errors_of(executed, INTERNAL, request_id);
    let find = |code: &str| errors.iter().find(|error| error["extensions"]["code"] == code);
    if find(TIMEOUT).is_some() {
        status = StatusCode::GATEWAY_TIMEOUT;
    } else if let Some(error) = find(OVERLOADED) {
        status = StatusCode::SERVICE_UNAVAILABLE;
        retry_after = error["extensions"]["retryAfterSeconds"].as_u64();
    }
    let extensions = Some(ExtensionsTold { cost });
    let body = ExecutedBody { data: &executed.data, errors, extensions };
    let mut response = json_response(status, media_type, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from(retry_after.unwrap_or(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// What every answer of this transport carries.
pub fn finish(mut response: Response<Body>, request_id: &str) -> Response<Body> {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization, Cookie"));
    response
}
