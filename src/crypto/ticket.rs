//! Tokens of the legacy dialects: signed as the others are, with what their clients expect
//! to find in them beside.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    keyring::Keyring,
    token,
    token::{Access, ISSUER},
};
use crate::types::clock::Instant;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It opens the dialect.
    Access,
    /// It gets the next one that does.
    Refresh,
}

impl Kind {
    /// RFC 9068's type, and ours beside it, so that none passes for the other.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

/// A token that was signed by us, good or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What it is for.
    pub kind: Kind,
    /// The door that it was made for.
    pub audience: String,
    /// Whose it is, of which session, until when.
    pub access: Access,
    /// Since when.
    pub since: Instant,
    /// What the dialect put into it.
    pub claims: Map<String, Value>,
}

/// A token that was not signed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It has not the form of one.
    Malformed,
    /// Its signature is not ours.
    Forged,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    usual: token::Claims,
    #[serde(flatten)]
    of_dialect: Map<String, Value>,
}

/// Signs a token for `audience`.
pub fn sign(
    ring: &Keyring,
    kind: Kind,
    audience: &str,
    access: &Access,
    of_dialect: Map<String, Value>,
    now: Instant,
) -> String {
    let usual = token::Claims::new(audience, access, now);
    token::signed(ring, kind.typ(), &Claims { usual, of_dialect })
}

/// Reads a token that was signed by us; whether it is good is for the caller to ask.
pub fn read(ring: &Keyring, token: &str) -> Result<Ticket, Unread> {
    let header = decode_header(token).map_err(|_| Unread::Malformed)?;
    let kinds = [Kind::Access, Kind::Refresh];
    let kind = kinds.into_iter().find(|kind| header.typ.as_deref() == Some(kind.typ()));
    let kind = kind.ok_or(Unread::Forged)?;
    let named = header.kid.as_deref().and_then(|text| hex::decode(text).ok());
    let ring = named.and_then(|id| ring.of(&id)).ok_or(Unread::Forged)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.validate_aud = false;
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let key = DecodingKey::from_secret(&ring.access.0);
    let claims =
        decode::<Claims>(token, &key, &validation).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Unread::Forged,
            _ => Unread::Malformed,
        })?;
    let Claims { usual, of_dialect } = claims.claims;
    let access = usual.access().ok_or(Unread::Malformed)?;
    let since = Instant::from_timestamp(usual.nbf, 0).ok_or(Unread::Malformed)?;
    Ok(Ticket { kind, audience: usual.aud, access, since, claims: of_dialect })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::{Map, json};

    use super::{Kind, Unread, read, sign};
    use crate::{
        crypto::{keyring::Keyring, token, token::Access},
        types::{
            clock::{Instant, SystemClock},
            entropy::SystemEntropy,
            id::{SessionId, UserId},
            secret::Secret,
        },
    };

    fn ring(last: char) -> Keyring {
        let secret = format!("0123456789abcdef0123456789abcde{last}");
        Keyring::from_secret(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn a_ticket_says_what_its_dialect_put_into_it_and_opens_no_other_door() {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let access = Access {
            user_id: UserId::generate(&SystemClock, &SystemEntropy),
            session_id: SessionId::generate(&SystemClock, &SystemEntropy),
            expires_at: now + Duration::minutes(15),
        };
        let claims = Map::from_iter([("identity".to_owned(), json!(7))]);
        let made = |kind| sign(&ring('a'), kind, "ewallet", &access, claims.clone(), now);
        for kind in [Kind::Access, Kind::Refresh] {
            let ticket = read(&ring('a'), &made(kind)).unwrap();
            assert_eq!((ticket.kind, ticket.access, ticket.since), (kind, access, now));
            assert_eq!((ticket.audience.as_str(), &ticket.claims), ("ewallet", &claims));
        }
        let token = made(Kind::Access);
        assert!(token::verify(&ring('a'), "ewallet", &token, now).is_ok());
        assert!(token::verify(&ring('a'), "graphql", &token, now).is_err());
        assert!(token::verify(&ring('a'), "ewallet", &made(Kind::Refresh), now).is_err());
        assert_eq!(read(&ring('b'), &token), Err(Unread::Forged));
        let (head, _) = token.rsplit_once('.').unwrap();
        assert_eq!(read(&ring('a'), &format!("{head}.AAAA")), Err(Unread::Forged));
        for text in ["", "x", "a.b", "a.b.c", "a.b.c.d", head] {
            assert_eq!(read(&ring('a'), text), Err(Unread::Malformed), "{text}");
        }
    }
}
