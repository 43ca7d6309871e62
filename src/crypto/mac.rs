//! Keyed and unkeyed hashes: indexes, codes, tokens, fingerprints, the CVV.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::keyring::{Key, Keyring};

/// A hash of 256 bits.
pub type Hash = [u8; 32];

/// HMAC-SHA-256 over parts, each with its length in front so that they cannot run together.
fn mac(key: &Key, parts: &[&[u8]]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What finds a sealed value: the same for the same value of the same column, and only here.
pub fn index(ring: &Keyring, column: &'static str, value: &str) -> Hash {
    mac(&ring.index, &[column.as_bytes(), value.as_bytes()])
}

/// What is stored of a one-time code, bound to the row that asked for it.
pub fn code(ring: &Keyring, row: &[u8], code: &str) -> Hash {
    mac(&ring.code, &[row, code.as_bytes()])
}

/// Whether a code is the one whose hash was stored, by whichever secret on the ring.
pub fn code_fits(ring: &Keyring, row: &[u8], code: &str, stored: &[u8]) -> bool {
    // Every secret is tried, so that the time tells nothing.
    ring.all().fold(false, |fits, ring| fits | same(&self::code(ring, row, code), stored))
}

/// The refresh token of a generation of a session; it can be made again without being stored.
pub fn refresh(ring: &Keyring, session: &[u8], generation: i64) -> Hash {
    mac(&ring.refresh, &[session, &generation.to_be_bytes()])
}

/// What a page must repeat in a header to prove that it belongs to a session whose cookies
/// its request carries; the same for as long as the session lasts, whatever its tokens and
/// whichever secret is the newest.
pub fn csrf(ring: &Keyring, session: &[u8]) -> Hash {
    mac(&ring.csrf, &[session])
}

/// What a keyed request was: the operation and its input.
pub fn fingerprint(ring: &Keyring, operation: &'static str, input: &[&[u8]]) -> Hash {
    let mut parts = vec![operation.as_bytes()];
    parts.extend_from_slice(input);
    mac(&ring.fingerprint, &parts)
}

/// The three digits on a card's back, made of its number and its last day; never stored.
pub fn cvv(ring: &Keyring, number: &str, expiration_date: &str) -> String {
    let hash = mac(&ring.cvv, &[number.as_bytes(), expiration_date.as_bytes()]);
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    format!("{:03}", u64::from_be_bytes(*first) % 1_000)
}

/// What is stored of a token that is itself random.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Compares without telling by its time how much is equal.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::{code, code_fits, cvv, fingerprint, index, same};
    use crate::{crypto::keyring::Keyring, types::secret::Secret};

    fn ring() -> Keyring {
        Keyring::from_secret(&Secret::new("0123456789abcdef0123456789abcdeg")).unwrap()
    }

    #[test]
    fn an_index_is_of_one_column() {
        let ring = ring();
        assert_eq!(index(&ring, "cards.number", "1"), index(&ring, "cards.number", "1"));
        assert_ne!(index(&ring, "cards.number", "1"), index(&ring, "users.number", "1"));
    }

    #[test]
    fn a_code_is_bound_to_the_row_that_asked_for_it() {
        let ring = ring();
        assert!(same(&code(&ring, b"a", "123456"), &code(&ring, b"a", "123456")));
        assert!(!same(&code(&ring, b"a", "123456"), &code(&ring, b"b", "123456")));
    }

    #[test]
    fn a_code_fits_whichever_secret_hashed_it() {
        let newer = Secret::new("fedcba9876543210fedcba987654321g");
        let newer = Keyring::from_secret(&newer).unwrap();
        let stored = code(&ring(), b"a", "123456");
        assert!(!code_fits(&newer, b"a", "123456", &stored));
        let both = newer.with_older(vec![ring()]);
        assert!(code_fits(&both, b"a", "123456", &stored));
        assert!(code_fits(&both, b"a", "123456", &code(&both, b"a", "123456")));
        assert!(!code_fits(&both, b"a", "123457", &stored));
    }

    #[test]
    fn parts_do_not_run_together() {
        let ring = ring();
        assert_ne!(
            fingerprint(&ring, "transfer", &[b"ab", b"c"]),
            fingerprint(&ring, "transfer", &[b"a", b"bc"]),
        );
    }

    #[test]
    fn a_cvv_has_three_digits() {
        let made = cvv(&ring(), "9999100000000000", "11/31");
        assert!(made.len() == 3 && made.bytes().all(|b| b.is_ascii_digit()), "{made}");
    }
}
