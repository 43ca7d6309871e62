//! Keys: those that change with the secret, and those that outlive it.
//!
//! From each secret HKDF makes keys that seal, sign and hash what is short-lived. What
//! they sealed names its secret in front, so several secrets can be on one ring: the
//! newest seals, all of them open. The keys behind what must stay as it is for years
//! (indexes, fingerprints, the digits on a card's back) and what browsers keep beside
//! their cookies come from a data key, which the database keeps, sealed with the secret: a new secret seals it anew, and nothing that
//! was found by an index is lost.

use std::{fmt, sync::Arc};

use hkdf::Hkdf;
use sha2::Sha256;

use crate::types::{entropy, entropy::Entropy, secret::Secret};

/// A secret is the same text twice or more, the last time perhaps cut off.
fn repeats(secret: &[u8]) -> bool {
    (1..=secret.len() / 2).any(|unit| secret.iter().zip(&secret[unit..]).all(|(a, b)| a == b))
}

/// The shortest secret that is taken, in bytes.
pub const SECRET_LENGTH_MIN: usize = 32;

/// What stands in secrets that were copied from an example and never replaced.
const PLACEHOLDERS: [&str; 8] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "yoursecret",
    "mysecret",
    "supersecret",
    "defaultsecret",
];

const SALT: &[u8] = b"teller keyring 1";

/// A secret was refused: the rest of a sentence that begins with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WeakSecret(pub &'static str);

/// A key of 256 bits for one use.
#[derive(Clone)]
pub struct Key(pub(super) [u8; 32]);

/// What the keys that outlive the secret are made of.
#[derive(Clone)]
pub struct DataKey(pub [u8; 32]);

impl DataKey {
    /// A fresh one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(entropy::bytes(entropy))
    }
}

/// All keys of the bank.
#[derive(Clone)]
pub struct Keyring {
    /// Names the newest secret without telling it; stands in front of all that it sealed.
    pub key_id: [u8; 4],
    /// Seals personal data, card numbers and letters.
    pub seal: Key,
    /// Hashes one-time codes.
    pub code: Key,
    /// Signs access tokens.
    pub access: Key,
    /// Makes refresh tokens.
    pub refresh: Key,
    /// Makes the indexes that find what is sealed; of the data key.
    pub index: Key,
    /// Derives the three digits on a card's back; of the data key.
    pub cvv: Key,
    /// Makes the fingerprints of keyed requests; of the data key.
    pub fingerprint: Key,
    /// Makes what pages repeat for the cookies of a session; of the data key, as browsers
    /// keep it for as long as the session lasts.
    pub csrf: Key,
    own: DataKey,
    older: Arc<[Keyring]>,
}

impl Keyring {
    /// Makes all keys from one secret of at least 32 bytes.
    ///
    /// Until the database's data key is known, the secret's own stands in for it.
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
        if repeats(bytes) {
            return Err(WeakSecret("must be random: it is a shorter text, repeated"));
        }
        let bare: String = secret.expose().chars().filter(char::is_ascii_alphanumeric).collect();
        let bare = bare.to_ascii_lowercase();
        if PLACEHOLDERS.iter().any(|placeholder| bare.contains(placeholder)) {
            return Err(WeakSecret("must be random: it is an example that was never replaced"));
        }
        let (own, hkdf) = Hkdf::<Sha256>::extract(Some(SALT), bytes);
        let key = |name: &str| Key(derive(&hkdf, name));
        let [a, b, c, d, ..]: [u8; 32] = derive(&hkdf, "key id");
        Ok(Self {
            key_id: [a, b, c, d],
            seal: key("seal"),
            code: key("code"),
            access: key("access"),
            refresh: key("refresh"),
            index: key("index"),
            cvv: key("cvv"),
            fingerprint: key("fingerprint"),
            csrf: key("csrf"),
            own: DataKey(own.into()),
            older: Arc::new([]),
        })
    }

    /// The same ring with other secrets on it, which open and verify what they made.
    #[must_use]
    pub fn with_older(self, older: Vec<Self>) -> Self {
        Self { older: older.into(), ..self }
    }

    /// The same ring with the keys of the database's data key.
    #[must_use]
    pub fn with_data_key(self, data_key: &DataKey) -> Self {
        let hkdf = Hkdf::<Sha256>::from_prk(&data_key.0).expect("32 bytes are enough for HKDF");
        let key = |name: &str| Key(derive(&hkdf, name));
        Self {
            index: key("index"),
            cvv: key("cvv"),
            fingerprint: key("fingerprint"),
            csrf: key("csrf"),
            ..self
        }
    }

    /// The data key of databases that have none of their own: before there were data
    /// keys, all keys were made from the secret.
    pub fn own_data_key(&self) -> DataKey {
        self.own.clone()
    }

    /// The newest secret's keys and those of the older ones, in this order.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.older.iter())
    }

    /// The keys of the secret with this name.
    pub fn of(&self, key_id: &[u8]) -> Option<&Self> {
        self.all().find(|ring| ring.key_id == key_id)
    }

    /// The name of the newest secret as text: eight hexadecimal digits.
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

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{DataKey, Keyring};
    use crate::types::secret::Secret;

    fn ring(last: char) -> Keyring {
        let secret = format!("0123456789abcdef0123456789abcde{last}");
        Keyring::from_secret(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn a_short_a_monotonous_or_an_example_secret_is_refused() {
        for secret in [
            "x".repeat(31),
            "x".repeat(64),
            "correct horse".repeat(3),
            "9f3c5a7e1b2d4f60".repeat(2),
            "Change-Me 0123456789abcdef0123456789".to_owned(),
            "0123456789-your_secret-0123456789abc".to_owned(),
        ] {
            assert!(Keyring::from_secret(&Secret::new(secret.as_str())).is_err(), "{secret}");
        }
    }

    #[test]
    fn keys_differ_by_use_and_by_secret_and_are_not_shown() {
        let (one, two) = (ring('a'), ring('b'));
        assert_ne!(one.seal.0, one.index.0);
        assert_ne!(one.seal.0, two.seal.0);
        assert_ne!(one.key_id, two.key_id);
        assert_eq!(format!("{:?}", one.seal), "Key(…)");
        assert_eq!(format!("{:?}", one.own_data_key()), "DataKey(…)");
    }

    #[test]
    fn a_data_key_outlives_the_secret_and_an_old_secret_has_its_own() {
        let (one, two) = (ring('a'), ring('b'));
        let data_key = one.own_data_key();
        assert_eq!(one.clone().with_data_key(&data_key).index.0, one.index.0);
        let two = two.with_data_key(&data_key);
        assert_eq!((two.index.0, two.cvv.0), (one.index.0, one.cvv.0));
        assert_eq!((two.fingerprint.0, two.csrf.0), (one.fingerprint.0, one.csrf.0));
        assert_ne!(two.seal.0, one.seal.0);
        assert_ne!(two.clone().with_data_key(&DataKey([7; 32])).index.0, two.index.0);
    }

    #[test]
    fn a_ring_finds_the_keys_of_each_secret_by_its_name() {
        let (one, two) = (ring('a'), ring('b'));
        let both = two.clone().with_older(vec![one.clone()]);
        assert_eq!(both.key_id, two.key_id);
        assert_eq!(both.of(&one.key_id).unwrap().seal.0, one.seal.0);
        assert_eq!(both.of(&two.key_id).unwrap().seal.0, two.seal.0);
        assert!(both.of(b"none").is_none());
    }
}
