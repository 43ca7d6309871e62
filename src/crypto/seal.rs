//! Sealing of personal data: XChaCha20-Poly1305 with the key's id in front.
//!
//! A sealed value is bound to its place (what it is, and of which row), so that
//! nobody who can write to the database can move it to another row.

use chacha20poly1305::{
    Key as CipherKey, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};

use super::keyring::Keyring;
use crate::types::{entropy, entropy::Entropy};

const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 24;

/// A sealed value cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with a key that is not on the ring.
    #[error("the value was sealed with another secret key")]
    UnknownKey,
    /// It was changed, cut, or moved from its place.
    #[error("the sealed value does not verify")]
    Broken,
}

/// Where a sealed value belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// What it is: `users.social_security`.
    pub column: &'static str,
    /// The identifier of its row.
    pub row: &'p [u8],
}

impl Place<'_> {
    fn associated(&self, key_id: &[u8]) -> Vec<u8> {
        [key_id, self.column.as_bytes(), b"\0", self.row].concat()
    }
}

/// Seals `plain` for its place.
pub fn seal(ring: &Keyring, entropy: &dyn Entropy, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LENGTH] = entropy::bytes(entropy);
    let associated = place.associated(&ring.key_id);
    let payload = Payload { msg: plain, aad: &associated };
    let sealed = XChaCha20Poly1305::new(&CipherKey::from(ring.seal.0))
        .encrypt(&XNonce::from(nonce), payload)
        .expect("what is sealed here is far shorter than the cipher's limit");
    [&ring.key_id[..], &nonce[..], &sealed].concat()
}

/// Opens what [`seal`] made for the same place.
pub fn open(ring: &Keyring, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (key_id, rest) = sealed.split_first_chunk::<KEY_ID_LENGTH>().ok_or(SealError::Broken)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Broken)?;
    let ring = ring.of(key_id).ok_or(SealError::UnknownKey)?;
    let associated = place.associated(key_id);
    let payload = Payload { msg: sealed, aad: &associated };
    XChaCha20Poly1305::new(&CipherKey::from(ring.seal.0))
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| SealError::Broken)
}

/// The value was sealed with the newest secret.
pub fn is_newest(ring: &Keyring, sealed: &[u8]) -> bool {
    sealed.starts_with(&ring.key_id)
}

/// The same value sealed with the newest secret; `None` where it is already.
pub fn renew(
    ring: &Keyring,
    entropy: &dyn Entropy,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, SealError> {
    if is_newest(ring, sealed) {
        return Ok(None);
    }
    let plain = open(ring, place, sealed)?;
    Ok(Some(seal(ring, entropy, place, &plain)))
}

#[cfg(test)]
mod tests {
    use super::{Place, SealError, is_newest, open, renew, seal};
    use crate::{
        crypto::keyring::Keyring,
        types::{entropy::SystemEntropy, secret::Secret},
    };

    fn ring(last: char) -> Keyring {
        let secret = format!("0123456789abcdef0123456789abcde{last}");
        Keyring::from_secret(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_alone() {
        let place = Place { column: "cards.number", row: b"1" };
        let sealed = seal(&ring('a'), &SystemEntropy, place, b"4111111111111111");
        assert!(!sealed.windows(8).any(|window| window == b"41111111"));
        assert_eq!(open(&ring('a'), place, &sealed).unwrap(), b"4111111111111111");
        let other_row = Place { column: "cards.number", row: b"2" };
        assert_eq!(open(&ring('a'), other_row, &sealed), Err(SealError::Broken));
        let other_column = Place { column: "users.number", row: b"1" };
        assert_eq!(open(&ring('a'), other_column, &sealed), Err(SealError::Broken));
    }

    #[test]
    fn what_an_older_secret_sealed_opens_and_is_sealed_anew() {
        let place = Place { column: "cards.number", row: b"1" };
        let sealed = seal(&ring('a'), &SystemEntropy, place, b"secret");
        let both = ring('b').with_older(vec![ring('a')]);
        assert_eq!(open(&both, place, &sealed).unwrap(), b"secret");
        assert!(!is_newest(&both, &sealed));
        let renewed = renew(&both, &SystemEntropy, place, &sealed).unwrap().unwrap();
        assert_eq!(open(&ring('b'), place, &renewed).unwrap(), b"secret");
        assert_eq!(renew(&both, &SystemEntropy, place, &renewed), Ok(None));
        let elsewhere = Place { column: "cards.number", row: b"2" };
        assert_eq!(renew(&both, &SystemEntropy, elsewhere, &sealed), Err(SealError::Broken));
    }

    #[test]
    fn what_was_changed_or_sealed_by_another_key_does_not_open() {
        let place = Place { column: "cards.number", row: b"1" };
        let mut sealed = seal(&ring('a'), &SystemEntropy, place, b"secret");
        assert_eq!(open(&ring('b'), place, &sealed), Err(SealError::UnknownKey));
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(open(&ring('a'), place, &sealed), Err(SealError::Broken));
        assert_eq!(open(&ring('a'), place, &sealed[..10]), Err(SealError::Broken));
    }
}
