//! Access tokens (signed, short-lived) and refresh tokens (opaque).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{keyring::Keyring, mac, mac::Hash};
use crate::types::{
    clock::Instant,
    id::{SessionId, UserId},
};

pub(super) const ISSUER: &str = "teller";
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

/// What every token says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    pub(super) aud: String,
    sub: String,
    sid: String,
    iat: i64,
    pub(super) nbf: i64,
    exp: i64,
}

impl Claims {
    pub(super) fn new(audience: &str, access: &Access, now: Instant) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: access.user_id.to_wire(),
            sid: access.session_id.to_wire(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: access.expires_at.timestamp(),
        }
    }

    /// `None` where they name nobody of ours.
    pub(super) fn access(&self) -> Option<Access> {
        Some(Access {
            user_id: UserId::from_wire(&self.sub)?,
            session_id: SessionId::from_wire(&self.sid)?,
            expires_at: Instant::from_timestamp(self.exp, 0)?,
        })
    }
}

/// Signs claims as a token of a type.
pub(super) fn signed(ring: &Keyring, typ: &str, claims: &impl Serialize) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(typ.to_owned());
    header.kid = Some(ring.key_id_text());
    encode(&header, claims, &EncodingKey::from_secret(&ring.access.0))
        .expect("claims of plain texts and numbers are always written")
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
    signed(ring, TYPE, &Claims::new(audience, access, now))
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
    claims.access().ok_or(TokenError::Invalid)
}

/// A refresh token that somebody shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The session that it names.
    pub session_id: SessionId,
    /// Which of the session's refresh tokens it is; the first one is 0.
    pub generation: i64,
    /// It was made with a key of ours; else it may still be one whose hash is kept.
    pub authentic: bool,
    /// The hash of it.
    pub hash: Hash,
}

/// A refresh token as its client keeps it, and the hash of it that we keep.
///
/// It names its session and its generation, so that a token that was spent long ago is
/// known for what it is without being remembered.
pub fn refresh(ring: &Keyring, session_id: SessionId, generation: i64) -> (String, Hash) {
    let mac = mac::refresh(ring, session_id.as_bytes(), generation);
    let mut bytes = session_id.as_bytes().to_vec();
    bytes.extend(generation.to_be_bytes());
    bytes.extend(mac);
    (URL_SAFE_NO_PAD.encode(&bytes), mac::sha256(&bytes))
}

/// Reads a refresh token; `None` for anything that has not the form of one.
pub fn read_refresh(ring: &Keyring, token: &str) -> Option<Shown> {
    let bytes: [u8; 56] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
    let (session, rest) = bytes.split_first_chunk::<16>()?;
    let (generation, shown) = rest.split_first_chunk::<8>()?;
    let generation = i64::from_be_bytes(*generation);
    let session_id = SessionId::from_uuid(Uuid::from_bytes(*session));
    // Every secret is tried, so that the time tells nothing.
    let authentic = ring.all().fold(false, |fits, ring| {
        fits | mac::same(&mac::refresh(ring, session, generation), shown)
    });
    Some(Shown { session_id, generation, authentic, hash: mac::sha256(&bytes) })
}

/// Makes a refresh token again whose hash is kept; `None` where the key of it is gone.
pub fn refresh_again(
    ring: &Keyring,
    session_id: SessionId,
    generation: i64,
    kept: &[u8],
) -> Option<String> {
    let mut all = ring.all().map(|ring| refresh(ring, session_id, generation));
    all.find(|(_, hash)| mac::same(hash, kept)).map(|(token, _)| token)
}

/// What the X-CSRF-Token header of a request with a session's cookies must carry.
pub fn csrf(ring: &Keyring, session_id: SessionId) -> String {
    URL_SAFE_NO_PAD.encode(mac::csrf(ring, session_id.as_bytes()))
}

/// Whether a header carries it.
pub fn csrf_fits(ring: &Keyring, session_id: SessionId, shown: &[u8]) -> bool {
    mac::same(csrf(ring, session_id).as_bytes(), shown)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{
        Access, TokenError, csrf, csrf_fits, read_refresh, refresh, refresh_again, sign, verify,
    };
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
        assert_eq!(one.0.len(), 75);
        let shown = read_refresh(&ring('a'), &one.0).unwrap();
        assert_eq!((shown.session_id, shown.generation), (access.session_id, 1));
        assert_eq!((shown.authentic, shown.hash), (true, one.1));
        assert!(!read_refresh(&ring('b'), &one.0).unwrap().authentic);
        for forged in ["", "x", &one.0[1..], &format!("{}A", one.0), "\u{e9}"] {
            assert_eq!(read_refresh(&ring('a'), forged), None, "{forged}");
        }
        let other = format!("B{}", &one.0[1..]);
        assert!(!read_refresh(&ring('a'), &other).unwrap().authentic, "of another session");
    }

    #[test]
    fn a_csrf_token_is_of_one_session() {
        let (_, one) = access();
        let (_, other) = access();
        let token = csrf(&ring('a'), one.session_id);
        assert_eq!(token, csrf(&ring('a'), one.session_id));
        assert_ne!(token, csrf(&ring('a'), other.session_id));
        assert_ne!(token, csrf(&ring('b'), one.session_id));
        assert_eq!(token.len(), 43);
        assert!(csrf_fits(&ring('a'), one.session_id, token.as_bytes()));
        assert!(!csrf_fits(&ring('b'), one.session_id, token.as_bytes()));
    }

    #[test]
    fn what_an_older_secret_made_is_still_known() {
        let (_, access) = access();
        let id = access.session_id;
        let both = ring('b').with_older(vec![ring('a')]);
        let (token, hash) = refresh(&ring('a'), id, 3);
        assert!(read_refresh(&both, &token).unwrap().authentic);
        assert_eq!(refresh_again(&both, id, 3, &hash), Some(token));
        assert_eq!(refresh_again(&ring('b'), id, 3, &hash), None);
        let kept = csrf(&ring('a'), id);
        let data_key = ring('a').own_data_key();
        assert!(csrf_fits(&both.with_data_key(&data_key), id, kept.as_bytes()));
        let alone = ring('b').with_data_key(&data_key);
        assert!(csrf_fits(&alone, id, kept.as_bytes()), "the older secret is gone");
    }
}
