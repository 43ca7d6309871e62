//! The three cookies of a browser's session.

use axum::http::HeaderMap;
use tower_cookies::{
    Cookie, Cookies,
    cookie::{SameSite, time::Duration},
};

use super::web::{Origin, Web};
use crate::{
    bank::context::Bank,
    crypto::{mac, token},
    graphql::handover::{Errand, RefreshCookie},
    types::{clock::Instant, id::SessionId, secret::Secret},
};

/// The header in which a page repeats what its csrf cookie says.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// What a page must repeat in a header; the only one that pages can read.
    Csrf,
}

impl Name {
    /// The prefix makes a browser refuse the cookie from anybody but this very host over
    /// TLS; without TLS, which is on loopback alone, it would refuse it from us as well.
    const fn text(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Access, true) => "__Host-teller_access",
            (Self::Refresh, true) => "__Host-teller_refresh",
            (Self::Csrf, true) => "__Host-teller_csrf",
            (Self::Access, false) => "teller_access",
            (Self::Refresh, false) => "teller_refresh",
            (Self::Csrf, false) => "teller_csrf",
        }
    }
}

/// What a cookie says, where it came.
pub fn read(cookies: &Cookies, web: &Web, name: Name) -> Option<Secret> {
    let cookie = cookies.get(name.text(web.secure))?;
    Some(Secret::new(cookie.value()))
}

/// The request proves that its page belongs to a session: the header repeats the cookie,
/// both are of this session, and the page's origin is an allowed one.
pub fn is_proven(
    bank: &Bank,
    web: &Web,
    cookies: &Cookies,
    headers: &HeaderMap,
    session_id: SessionId,
) -> bool {
    let header = headers.get(CSRF_HEADER).map(axum::http::HeaderValue::as_bytes);
    let cookie = read(cookies, web, Name::Csrf);
    let (Some(header), Some(cookie)) = (header, cookie) else {
        return false;
    };
    mac::same(header, cookie.expose().as_bytes())
        && token::csrf_fits(&bank.ring, session_id, header)
        && web.origin_of(headers) == Origin::Allowed
}

/// The refresh token among the cookies of a request, with or without its proof.
pub fn refresh_cookie(
    bank: &Bank,
    web: &Web,
    cookies: &Cookies,
    headers: &HeaderMap,
) -> RefreshCookie {
    let Some(refresh) = read(cookies, web, Name::Refresh) else {
        return RefreshCookie::Absent;
    };
    // Where it is no token at all nothing can be proven, and the refresh says that it is none.
    let named = token::read_refresh(&bank.ring, refresh.expose()).map(|shown| shown.session_id);
    if named.is_none_or(|id| is_proven(bank, web, cookies, headers, id)) {
        RefreshCookie::Proven(refresh)
    } else {
        RefreshCookie::Unproven
    }
}

fn set(cookies: &Cookies, web: &Web, name: Name, value: &Secret, life: chrono::Duration) {
    let cookie = Cookie::build((name.text(web.secure), value.expose().to_owned()))
        .path("/")
        .same_site(SameSite::Lax)
        .http_only(name != Name::Csrf)
        .secure(web.secure)
        .max_age(Duration::seconds(life.num_seconds().max(0)));
    cookies.add(cookie.build());
}

fn clear(cookies: &Cookies, web: &Web, name: Name) {
    // The same attributes, or the browser would keep the one that it has.
    set(cookies, web, name, &Secret::new(String::new()), chrono::Duration::zero());
}

/// Removes the access cookie, which opens nothing any more.
pub fn clear_access(cookies: &Cookies, web: &Web) {
    clear(cookies, web, Name::Access);
}

/// Does what a resolver left to be done.
pub fn run(errand: &Errand, cookies: &Cookies, web: &Web, now: Instant) {
    match errand {
        Errand::Set(new) => {
            set(cookies, web, Name::Access, &new.access, new.access_expires_at - now);
            set(cookies, web, Name::Refresh, &new.refresh, new.refresh_expires_at - now);
            set(cookies, web, Name::Csrf, &new.csrf, new.refresh_expires_at - now);
        }
        Errand::Clear => {
            for name in [Name::Access, Name::Refresh, Name::Csrf] {
                clear(cookies, web, name);
            }
        }
    }
}
