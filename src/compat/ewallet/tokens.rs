//! The four cookies: two tokens that scripts cannot read, and beside each the value that a
//! page repeats in a header.

use axum::http::{HeaderValue, header};
use chrono::Duration;
use serde_json::{Map, Value, json};

use crate::{
    bank::{permit::Permit, ticket},
    compat::wire::{answer::Answer, call::Call, doors::Doors},
    crypto::ticket::Kind,
    domain::session::{Facade, IDLE_LIFE},
    types::{entropy, secret::Secret},
};

/// A cookie of this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The access token.
    Access,
    /// What a page repeats with it.
    AccessCsrf,
    /// The refresh token.
    Refresh,
    /// What a page repeats with it.
    RefreshCsrf,
}

impl Cookie {
    /// All of them, in the order in which they are set.
    pub const ALL: [Self; 4] = [Self::Access, Self::AccessCsrf, Self::Refresh, Self::RefreshCsrf];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access_token_cookie",
            Self::AccessCsrf => "csrf_access_token",
            Self::Refresh => "refresh_token_cookie",
            Self::RefreshCsrf => "csrf_refresh_token",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Access => "/api/",
            Self::AccessCsrf | Self::RefreshCsrf => "/",
            Self::Refresh => "/token/refresh",
        }
    }

    const fn is_hidden(self) -> bool {
        matches!(self, Self::Access | Self::Refresh)
    }

    fn line(self, doors: &Doors, call: &Call, value: &str, ends: &str) -> HeaderValue {
        let hidden = if self.is_hidden() { "HttpOnly; " } else { "" };
        let secure = if doors.settings.secure { "; Secure" } else { "" };
        let (name, path) = (self.name(), self.path());
        let line = format!(
            "{name}={value}; {ends}{hidden}Path={}{path}; SameSite=Lax{secure}",
            call.prefix
        );
        HeaderValue::from_str(&line).expect("tokens and paths are plain text")
    }
}

/// An answer that sets cookies.
pub fn set(doors: &Doors, call: &Call, answer: Answer, cookies: &[(Cookie, &Secret)]) -> Answer {
    cookies.iter().fold(answer, |answer, (cookie, value)| {
        answer.and(header::SET_COOKIE, cookie.line(doors, call, value.expose(), ""))
    })
}

/// An answer that clears all of them.
pub fn clear(doors: &Doors, call: &Call, answer: Answer) -> Answer {
    let ends = "Expires=Thu, 01-Jan-1970 00:00:00 GMT; ";
    Cookie::ALL.into_iter().fold(answer, |answer, cookie| {
        answer.and(header::SET_COOKIE, cookie.line(doors, call, "", ends))
    })
}

/// How long a token is good.
fn life(kind: Kind) -> Duration {
    match kind {
        Kind::Access => Facade::Ewallet.access_life(),
        Kind::Refresh => IDLE_LIFE,
    }
}

/// A token that carries what a page must repeat with it.
pub fn make(doors: &Doors, permit: &Permit, kind: Kind, identity: &Value, csrf: &Secret) -> Secret {
    let name = match kind {
        Kind::Access => "access",
        Kind::Refresh => "refresh",
    };
    let id: [u8; 16] = entropy::bytes(doors.bank.entropy.as_ref());
    let claims: Map<String, Value> = Map::from_iter([
        ("identity".to_owned(), identity.clone()),
        ("type".to_owned(), json!(name)),
        ("jti".to_owned(), json!(hex::encode(id))),
        ("csrf".to_owned(), json!(csrf.expose())),
    ]);
    ticket::issue(&doors.bank, permit, kind, life(kind), claims)
}
