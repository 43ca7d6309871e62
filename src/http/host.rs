//! In the sandbox only a loopback Host is served.
//!
//! The sandbox shows everybody's letters to whoever reaches it. A page on the
//! web could reach it from a developer's own browser by letting its name point
//! to 127.0.0.1 (DNS rebinding); the Host header then still names the page's
//! site, and is refused here.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Response, StatusCode, header, uri::Authority},
    middleware::Next,
};

/// The host of an authority, without its port, is a loopback one.
fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let name =
        host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    name || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Refuses a request for a host that is not loopback's.
pub async fn require_loopback(request: Request, next: Next) -> Response<Body> {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let named = named.or_else(|| request.uri().authority().map(Authority::as_str));
    if named.is_some_and(is_loopback) {
        return next.run(request).await;
    }
    let body = "The sandbox answers on loopback only: open it as http://127.0.0.1 or http://localhost. For other hosts run with --production.\n";
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_is_loopback() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "127.9.9.9"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org", "10.0.0.1", "", "localhost.evil.org"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
