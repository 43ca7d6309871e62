//! `/` for people: where everything is. Programs get the legacy answer.

use std::net::SocketAddr;

use askama::Template as _;
use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Response, header},
};

use super::{legacy, legacy::Old, negotiation};
use crate::domain::rehearsal::{ALL, Magic};

#[derive(askama::Template)]
#[template(path = "home.html")]
struct Page {
    sandbox: bool,
    server: String,
    amounts: &'static [Magic],
}

/// `GET /`: the page for people, or what the legacy API says there.
pub async fn get(
    State(old): State<Old>,
    peer: ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let mut response = if negotiation::reads_pages(request.headers()) {
        page(&old, request.headers())
    } else {
        legacy::serve(State(old), peer, request).await
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}

fn page(old: &Old, headers: &HeaderMap) -> Response<Body> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let sandbox = old.doors.bank.rules.sandbox;
    // A sandbox is reached on loopback alone, where the Host is known to be harmless.
    let server = host.filter(|_| sandbox).map(|host| format!("http://{host}"));
    let page = Page { sandbox, server: server.unwrap_or_default(), amounts: &ALL };
    let page = page.render().expect("a page of plain texts is always rendered");
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
