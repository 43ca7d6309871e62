//! Keys, all made from one secret by HKDF, one for each use.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

use crate::types::secret::Secret;

/// The shortest secret that is taken, in bytes.
pub const SECRET_LENGTH_MIN: usize = 32;

/// A secret was refused: the rest of a sentence that begins with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WeakSecret(pub &'static str);

/// A key of 256 bits for one use.
#[derive(Clone)]
pub struct Key(pub(super) [u8; 32]);

/// All keys of the bank.
#[derive(Clone)]
pub struct Keyring {
    /// Names the secret without telling it; stands in front of all that it sealed.
    pub key_id: [u8; 4],
    /// Seals personal data, card numbers and letters.
    pub seal: Key,
    /// Makes the indexes that find what is sealed.
    pub index: Key,
    /// Hashes one-time codes.
    pub code: Key,
    /// Signs access tokens.
    pub access: Key,
    /// Makes refresh tokens.
    pub refresh: Key,
    /// Derives the three digits on a card's back.
    pub cvv: Key,
    /// Makes the fingerprints of keyed requests.
    pub fingerprint: Key,
}

impl Keyring {
    /// Makes all keys from one secret of at least 32 bytes.
    pub fn from_secret(secret: &Secret) -> Result<Self, WeakSecret> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < SECRET_LENGTH_MIN {
            return Err(WeakSecret("must have at least 32 bytes"));
        }
        let mut seen = bytes.to_vec();
        seen.sort_unstable();
        seen.dedup();
        if seen.len() < 8 {
            return Err(WeakSecret("must be random: it repeats a few characters only"));
        }
        let hkdf = Hkdf::<Sha256>::new(Some(b"teller keyring 1"), bytes);
        let key = |name: &str| Key(derive(&hkdf, name));
        let [a, b, c, d, ..]: [u8; 32] = derive(&hkdf, "key id");
        Ok(Self {
            key_id: [a, b, c, d],
            seal: key("seal"),
            index: key("index"),
            code: key("code"),
            access: key("access"),
            refresh: key("refresh"),
            cvv: key("cvv"),
            fingerprint: key("fingerprint"),
        })
    }

    /// The name of the secret as text: eight hexadecimal digits.
    pub fn key_id_text(&self) -> String {
        hex::encode(self.key_id)
    }
}

fn derive(hkdf: &Hkdf<Sha256>, name: &str) -> [u8; 32] {
    let mut out = [0_u8; 32];
    hkdf.expand(name.as_bytes(), &mut out).expect("HKDF gives 32 bytes of any name");
    out
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({})", self.key_id_text())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Keyring;
    use crate::types::secret::Secret;

    #[test]
    fn a_short_or_monotonous_secret_is_refused() {
        assert!(Keyring::from_secret(&Secret::new("x".repeat(31))).is_err());
        assert!(Keyring::from_secret(&Secret::new("x".repeat(64))).is_err());
    }

    #[test]
    fn keys_differ_by_use_and_by_secret_and_are_not_shown() {
        let one = Keyring::from_secret(&Secret::new("0123456789abcdef0123456789abcdef")).unwrap();
        let two = Keyring::from_secret(&Secret::new("0123456789abcdef0123456789abcdeg")).unwrap();
        assert_ne!(one.seal.0, one.index.0);
        assert_ne!(one.seal.0, two.seal.0);
        assert_ne!(one.key_id, two.key_id);
        assert_eq!(format!("{:?}", one.seal), "Key(…)");
    }
}
