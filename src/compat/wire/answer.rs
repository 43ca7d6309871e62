//! What a dialect answers, before it becomes bytes on a socket.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};

use super::json::Json;

/// An answer that is whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers that the dialect gives it.
    pub headers: Box<HeaderMap>,
    /// The body.
    pub body: Vec<u8>,
}

/// The content type of most.
pub const JSON: &str = "application/json";

impl Answer {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Box::default(), body: Vec::new() }
    }

    /// An answer of JSON.
    pub fn json(status: StatusCode, value: &Json) -> Self {
        Self::text(status, JSON, value.write())
    }

    /// An answer of text.
    pub fn text(status: StatusCode, content_type: &'static str, text: impl Into<String>) -> Self {
        let body = text.into().into_bytes();
        let answer = Self { status, headers: Box::default(), body };
        answer.with(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// The same with a header, in place of one of that name.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same with one header more, beside others of that name.
    #[must_use]
    pub fn and(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same, to be asked again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The answer as it goes out; a HEAD gets what a GET would, without the body.
    pub fn send(self, head: bool) -> Response<Body> {
        let Self { status, headers, body } = self;
        let length = body.len();
        let mut response = Response::new(if head { Body::empty() } else { Body::from(body) });
        *response.status_mut() = status;
        *response.headers_mut() = *headers;
        if head && status != StatusCode::NO_CONTENT {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}
