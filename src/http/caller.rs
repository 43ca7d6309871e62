//! Who sends a request: address, program, and the credential that they show.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use tower_cookies::Cookies;

use super::{answer::Rejection, cookies, cookies::Name, web::Web};
use crate::{
    bank::{
        context::Bank,
        error::Failure,
        permit::{Permit, Visitor},
        session,
    },
    domain::{refusal::Refusal, session::Facade},
    graphql::{
        errors::{BAD_USER_INPUT, INTERNAL, OVERLOADED, UNAUTHENTICATED},
        handover::{Handover, RefreshCookie},
    },
    types::{secret::Secret, served},
};

/// Whoever sends a request. The address is the socket's, which no header can forge, or
/// the one that a trusted proxy says.
pub fn visitor(bank: &Bank, headers: &HeaderMap, peer: SocketAddr, request_id: &str) -> Visitor {
    let trusted = |address: &IpAddr| {
        bank.rules.trusted_proxies.iter().any(|network| network.contains(address))
    };
    let address = client_address(headers, peer.ip().to_canonical(), trusted);
    served::name(request_id);
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Visitor {
        ip_address: address.to_string(),
        user_agent: user_agent.map(str::to_owned),
        request_id: request_id.to_owned(),
    }
}

/// Where a request comes from. `X-Forwarded-For` is read from the right, where our own
/// proxies write, and only as far as each that wrote is trusted: what stands further
/// left, a client may have made up.
fn client_address(headers: &HeaderMap, peer: IpAddr, trusted: impl Fn(&IpAddr) -> bool) -> IpAddr {
    let mut address = peer;
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    for hop in lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')) {
        if !trusted(&address) {
            break;
        }
        let Some(before) = hop_address(hop.trim()) else {
            break;
        };
        address = before;
    }
    address
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok();
    let address = address.or_else(|| hop.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// What a request shows of who sends it.
pub struct Shown<'r> {
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The cookies among them.
    pub cookies: &'r Cookies,
    /// The request could change something: it came by POST.
    pub posts: bool,
    /// Nothing that it asks needs a signed-in person.
    pub for_strangers: bool,
}

/// Who sends a request, and what the browser hands over with it. A credential that opens
/// nothing is refused, so that a client learns that its session is over.
pub async fn caller(
    bank: &Bank,
    web: &Web,
    shown: &Shown<'_>,
    visitor: &Visitor,
) -> Result<(Option<Permit>, Handover), Rejection> {
    let Shown { headers, cookies, .. } = *shown;
    let foreign = web.is_foreign(headers);
    if let Some(token) = bearer(headers)? {
        // With a Bearer the cookies do not count.
        let permit = authenticate(bank, token, visitor).await?;
        return Ok((Some(permit), Handover::new(false, foreign, RefreshCookie::Absent)));
    }
    let refresh = cookies::refresh_cookie(bank, web, cookies, headers);
    let permit = match cookies::read(cookies, web, Name::Access) {
        Some(token) => match by_cookie(bank, web, shown, &token, visitor).await {
            Ok(permit) => Some(permit),
            // A cookie comes whether or not the page wants it to count.
            Err(rejection) if !shown.for_strangers => return Err(rejection),
            Err(_) => None,
        },
        None => None,
    };
    let came_by_cookie = permit.is_some();
    Ok((permit, Handover::new(came_by_cookie, foreign, refresh)))
}

/// The token in the `Authorization` header; what stands there and is none is refused.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Rejection> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let split = value.to_str().ok().and_then(|v| v.split_once(' '));
    let token = split.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| Some(token.trim())).ok_or_else(bad)
}

/// The person whose access cookie came, where the page proves that it is theirs.
async fn by_cookie(
    bank: &Bank,
    web: &Web,
    shown: &Shown<'_>,
    token: &Secret,
    visitor: &Visitor,
) -> Result<Permit, Rejection> {
    let Shown { headers, cookies, posts, .. } = *shown;
    let permit = authenticate(bank, token.expose(), visitor).await;
    let permit = permit.inspect_err(|rejection| {
        if rejection.status == StatusCode::UNAUTHORIZED {
            // Or it would be in the way of everything that is asked without it.
            cookies::clear_access(cookies, web);
        }
    })?;
    let proven = if posts {
        cookies::is_proven(bank, web, cookies, headers, permit.session_id)
    } else {
        !web.is_foreign(headers)
    };
    if proven { Ok(permit) } else { Err(unproven()) }
}

async fn authenticate(bank: &Bank, token: &str, visitor: &Visitor) -> Result<Permit, Rejection> {
    session::authenticate(bank, Facade::Graphql, token, visitor).await.map_err(refused)
}

/// Why a credential opens nothing, or could not be checked.
pub fn refused(failure: Failure) -> Rejection {
    match failure {
        Failure::Refused(Refusal::Overloaded { retry_after_seconds }) => {
            overloaded(retry_after_seconds)
        }
        Failure::Refused(_) => bad(),
        Failure::Broken(broken) => {
            tracing::error!(error = %broken, "a credential could not be checked");
            let message = "Something went wrong on our side. Tell us the request id.";
            Rejection::request(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message)
        }
    }
}

/// The credential opens nothing.
fn bad() -> Rejection {
    let message =
        "The access token opens nothing: it is wrong, has expired, or its session has ended.";
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    Rejection::request(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, message)
        .with_header(header::WWW_AUTHENTICATE, challenge)
}

/// Cookies alone prove nothing: any page on the web makes a browser send them.
fn unproven() -> Rejection {
    let message = "A request with cookies needs an allowed Origin and, by POST, the X-CSRF-Token \
        header that repeats the csrf cookie of the session.";
    Rejection::request(StatusCode::FORBIDDEN, BAD_USER_INPUT, message)
}

/// Too much is waiting.
pub fn overloaded(retry_after_seconds: u32) -> Rejection {
    let message = "Too much is waiting. Try again shortly.";
    Rejection::request(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, message)
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderValue};

    use super::client_address;

    #[test]
    fn only_a_trusted_hop_is_believed_and_only_from_the_right() {
        let read = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
            }
            let trusted = |address: &IpAddr| address.to_string().starts_with("10.");
            client_address(&headers, peer.parse().unwrap(), trusted).to_string()
        };
        assert_eq!(read("192.0.2.1", &["198.51.100.9"]), "192.0.2.1", "no proxy of ours");
        assert_eq!(read("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(read("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(read("10.0.0.1", &["1.1.1.1, 198.51.100.9"]), "198.51.100.9", "made up");
        assert_eq!(read("10.0.0.1", &["198.51.100.9, 10.0.0.2"]), "198.51.100.9");
        assert_eq!(read("10.0.0.1", &["1.1.1.1", "198.51.100.9", "10.0.0.2"]), "198.51.100.9");
        assert_eq!(read("10.0.0.1", &["198.51.100.9, nonsense"]), "10.0.0.1");
        assert_eq!(read("10.0.0.1", &["198.51.100.9:4711"]), "198.51.100.9");
        assert_eq!(read("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(read("10.0.0.1", &["::ffff:198.51.100.9"]), "198.51.100.9");
    }
}
