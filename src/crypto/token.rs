//! Access tokens (signed, short-lived) and refresh tokens (opaque).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};

use super::{keyring::Keyring, mac, mac::Hash};
use crate::types::{
    clock::Instant,
    id::{SessionId, UserId},
};

const ISSUER: &str = "teller";
/// RFC 9068's type for access tokens, so that no other JWT of ours passes for one.
const TYPE: &str = "at+jwt";

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Whose it is.
    pub user_id: UserId,
    /// The session that it belongs to and ends with.
    pub session_id: SessionId,
    /// When it stops opening anything.
    pub expires_at: Instant,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Why an access token opens nothing; callers are told only that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not signed by us, for another audience, of another type, or no token at all.
    #[error("the token is not valid")]
    Invalid,
    /// It was good once.
    #[error("the token has expired")]
    Expired,
}

/// Signs an access token for `audience`.
pub fn sign(ring: &Keyring, audience: &str, access: &Access, now: Instant) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(ring.key_id_text());
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: audience.to_owned(),
        sub: access.user_id.to_wire(),
        sid: access.session_id.to_wire(),
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: access.expires_at.timestamp(),
    };
    encode(&header, &claims, &EncodingKey::from_secret(&ring.access.0))
        .expect("claims of plain texts and numbers are always written")
}

/// Reads an access token that was signed for `audience` and is good at `now`.
///
/// Times are compared with our own clock, not with the library's.
pub fn verify(
    ring: &Keyring,
    audience: &str,
    token: &str,
    now: Instant,
) -> Result<Access, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(TokenError::Invalid);
    }
    let kid = header.kid.as_deref().and_then(|kid| hex::decode(kid).ok());
    let ring = kid.and_then(|kid| ring.of(&kid)).ok_or(TokenError::Invalid)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let key = DecodingKey::from_secret(&ring.access.0);
    let claims =
        decode::<Claims>(token, &key, &validation).map_err(|_| TokenError::Invalid)?.claims;
    let seconds = now.timestamp();
    if seconds >= claims.exp {
        return Err(TokenError::Expired);
    }
    if seconds < claims.nbf {
        return Err(TokenError::Invalid);
    }
    Ok(Access {
        user_id: UserId::from_wire(&claims.sub).ok_or(TokenError::Invalid)?,
        session_id: SessionId::from_wire(&claims.sid).ok_or(TokenError::Invalid)?,
        expires_at: Instant::from_timestamp(claims.exp, 0).ok_or(TokenError::Invalid)?,
    })
}

/// A refresh token as its client keeps it, and the hash of it that we keep.
pub fn refresh(ring: &Keyring, session_id: SessionId, generation: i64) -> (String, Hash) {
    let bytes = mac::refresh(ring, session_id.uuid().as_bytes(), generation);
    (URL_SAFE_NO_PAD.encode(bytes), mac::sha256(&bytes))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{Access, TokenError, refresh, sign, verify};
    use crate::{
        crypto::keyring::Keyring,
        types::{
            clock::Instant,
            clock::SystemClock,
            entropy::SystemEntropy,
            id::{SessionId, UserId},
            secret::Secret,
        },
    };

    fn ring(last: char) -> Keyring {
        let secret = format!("0123456789abcdef0123456789abcde{last}");
        Keyring::from_secret(&Secret::new(secret)).unwrap()
    }

    fn access() -> (Instant, Access) {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let access = Access {
            user_id: UserId::generate(&SystemClock, &SystemEntropy),
            session_id: SessionId::generate(&SystemClock, &SystemEntropy),
            expires_at: now + Duration::minutes(10),
        };
        (now, access)
    }

    #[test]
    fn a_token_opens_its_own_facade_in_its_time() {
        let (now, access) = access();
        let token = sign(&ring('a'), "graphql", &access, now);
        assert_eq!(verify(&ring('a'), "graphql", &token, now), Ok(access));
        let read = |last, audience, at| verify(&ring(last), audience, &token, at);
        assert_eq!(read('a', "fintract", now), Err(TokenError::Invalid));
        assert_eq!(read('b', "graphql", now), Err(TokenError::Invalid));
        let late = now + Duration::minutes(10);
        assert_eq!(read('a', "graphql", late), Err(TokenError::Expired));
        let early = now - Duration::seconds(1);
        assert_eq!(read('a', "graphql", early), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_of_an_older_secret_is_good_while_that_is_on_the_ring() {
        let (now, access) = access();
        let token = sign(&ring('a'), "graphql", &access, now);
        let both = ring('b').with_older(vec![ring('a')]);
        assert_eq!(verify(&both, "graphql", &token, now), Ok(access));
        let newer = sign(&both, "graphql", &access, now);
        assert_eq!(verify(&ring('b'), "graphql", &newer, now), Ok(access));
        assert_eq!(verify(&ring('b'), "graphql", &token, now), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_without_our_signature_is_none() {
        let (now, access) = access();
        let token = sign(&ring('a'), "graphql", &access, now);
        let (signed, _) = token.rsplit_once('.').unwrap();
        for forged in [signed.to_owned(), format!("{signed}."), "x.y.z".to_owned(), String::new()] {
            assert_eq!(verify(&ring('a'), "graphql", &forged, now), Err(TokenError::Invalid));
        }
        // {"alg":"none","typ":"at+jwt"}
        let none = format!(
            "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.",
            signed.split_once('.').unwrap().1
        );
        assert_eq!(verify(&ring('a'), "graphql", &none, now), Err(TokenError::Invalid));
    }

    #[test]
    fn each_generation_has_a_refresh_token_of_its_own() {
        let (_, access) = access();
        let one = refresh(&ring('a'), access.session_id, 1);
        assert_eq!(one, refresh(&ring('a'), access.session_id, 1));
        assert_ne!(one, refresh(&ring('a'), access.session_id, 2));
        assert_eq!(one.0.len(), 43);
    }
}
