//! The messages of graphql-transport-ws, and why a socket is closed.

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message},
};
use serde_json::{Map, Value, json};

/// How the protocol is called in the handshake.
pub const PROTOCOL: &str = "graphql-transport-ws";
/// The longest name that a client may give to an operation, in bytes.
const ID_MAX: usize = 255;

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The server stops; another one, or this one again, is there shortly.
    Restarting,
    /// A message of more bytes than are taken.
    TooLong,
    /// Something cannot be asked right now.
    TryAgain,
    /// A message that is none of the protocol.
    Invalid(&'static str),
    /// An operation before the socket was acknowledged.
    Unauthorized,
    /// The credential opens nothing, or not any more.
    Forbidden,
    /// A handshake without the protocol.
    NoProtocol,
    /// No `connection_init` in time.
    InitTimeout,
    /// Two operations of the same name.
    Exists,
    /// A second `connection_init`.
    TooManyInits,
    /// As many sockets as the person may have.
    TooManySockets,
    /// Something is wrong with us.
    Internal,
}

impl Close {
    /// The code and the reason that the client is told.
    pub const fn told(self) -> (u16, &'static str) {
        match self {
            Self::Restarting => (1012, "Service restart"),
            Self::TooLong => (1009, "Message too big"),
            Self::TryAgain => (1013, "Try again later"),
            Self::Invalid(reason) => (4400, reason),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::NoProtocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::Exists => (4409, "Subscriber already exists"),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
            Self::TooManySockets => (4429, "Too many sockets"),
            Self::Internal => (4500, "Internal server error"),
        }
    }

    /// The last message of a socket.
    pub fn message(self) -> Message {
        let (code, reason) = self.told();
        Message::Close(Some(CloseFrame { code, reason: reason.into() }))
    }
}

/// What a client says.
#[derive(Debug)]
pub enum Said {
    /// It begins, with a credential or without.
    Init(Map<String, Value>),
    /// It wants a sign of life.
    Ping(Option<Map<String, Value>>),
    /// It gives one.
    Pong,
    /// It wants an operation to be run.
    Subscribe(String, Map<String, Value>),
    /// It wants to hear no more of one.
    Complete(String),
}

fn object(value: Option<Value>) -> Result<Option<Map<String, Value>>, Close> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Close::Invalid("payload must be an object")),
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= ID_MAX => Ok(id),
        _ => Err(Close::Invalid("id must be a string of 1 to 255 bytes")),
    }
}

/// The payload of an operation has the shape of a request, whatever it asks.
fn is_request(payload: &Map<String, Value>) -> bool {
    let ways = ["query", "documentId", "extensions"];
    let names = ways.iter().any(|name| payload.get(*name).is_some_and(|value| !value.is_null()));
    let fits = |name: &str, fits: fn(&Value) -> bool| {
        payload.get(name).is_none_or(|value| value.is_null() || fits(value))
    };
    names
        && fits("query", Value::is_string)
        && fits("documentId", Value::is_string)
        && fits("operationName", Value::is_string)
        && fits("variables", Value::is_object)
        && fits("extensions", Value::is_object)
}

/// Reads a message of a client.
pub fn read(text: &str) -> Result<Said, Close> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| Close::Invalid("The message is not JSON"))?;
    let Value::Object(mut message) = value else {
        return Err(Close::Invalid("The message must be an object"));
    };
    let kind = message.remove("type");
    let payload = |message: &mut Map<String, Value>| object(message.remove("payload"));
    match kind.as_ref().and_then(Value::as_str) {
        Some("connection_init") => Ok(Said::Init(payload(&mut message)?.unwrap_or_default())),
        Some("ping") => Ok(Said::Ping(payload(&mut message)?)),
        Some("pong") => payload(&mut message).map(|_| Said::Pong),
        Some("subscribe") => {
            let id = id(&mut message)?;
            let payload = payload(&mut message)?.filter(is_request);
            let payload = payload.ok_or(Close::Invalid("payload must be a GraphQL request"))?;
            Ok(Said::Subscribe(id, payload))
        }
        Some("complete") => Ok(Said::Complete(id(&mut message)?)),
        _ => Err(Close::Invalid("type is none that a client sends")),
    }
}

/// The access token of an init's or a ping's payload: by itself, or as a header would say it.
/// Something else that stands there opens nothing.
pub fn credential(payload: &Map<String, Value>) -> Result<Option<&str>, Close> {
    let text = |name: &str| match payload.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Close::Forbidden),
    };
    if let Some(token) = text("accessToken")? {
        return Ok(Some(token));
    }
    let Some(header) = text("authorization")?.or(text("Authorization")?) else {
        return Ok(None);
    };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Close::Forbidden),
    }
}

fn text(message: &Value) -> Message {
    Message::Text(message.to_string().into())
}

/// The socket may be used; `until` is when its access ends.
pub fn ack(until: Option<String>) -> Message {
    match until {
        Some(until) => {
            text(&json!({ "type": "connection_ack", "payload": { "accessExpiresAt": until } }))
        }
        None => text(&json!({ "type": "connection_ack" })),
    }
}

/// A sign of life; `until` is when the access ends that a ping has shown.
pub fn pong(until: Option<String>) -> Message {
    match until {
        Some(until) => text(&json!({ "type": "pong", "payload": { "accessExpiresAt": until } })),
        None => text(&json!({ "type": "pong" })),
    }
}

/// One result of an operation, which is written already.
pub fn next(id: &str, payload: &Bytes) -> Message {
    let id = Value::from(id).to_string();
    let mut message = String::with_capacity(id.len() + payload.len() + 40);
    message.push_str("{\"id\":");
    message.push_str(&id);
    message.push_str(",\"type\":\"next\",\"payload\":");
    message.push_str(std::str::from_utf8(payload).expect("JSON is UTF-8"));
    message.push('}');
    Message::Text(message.into())
}

/// Why an operation was not run.
pub fn error(id: &str, errors: &[Value]) -> Message {
    text(&json!({ "id": id, "type": "error", "payload": errors }))
}

/// An operation has ended.
pub fn complete(id: &str) -> Message {
    text(&json!({ "id": id, "type": "complete" }))
}
