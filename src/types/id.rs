//! Identifiers that cannot be mixed up: one type for each noun over a UUIDv7.
//!
//! On the wire an identifier is opaque and says what it names, in the style of
//! TypeID: `card_01h455vb4pex5vsknk084sn02q`.

use uuid::{Builder, Uuid};

use super::{
    clock::{Clock, Instant},
    entropy,
    entropy::Entropy,
};

/// Crockford's base 32 in lower case, as TypeID uses it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 characters carry 130 bits, so the first one is at most `7`.
const ENCODED_LENGTH: usize = 26;

/// A fresh UUIDv7: 48 bits of time, the rest chance.
pub fn fresh(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &entropy::bytes(entropy)).into_uuid()
}

/// When a UUIDv7 was made; `None` where it tells no time that there is.
pub fn made_at(uuid: Uuid) -> Option<Instant> {
    let millis = i64::try_from(uuid.as_u128() >> 80).ok()?;
    Instant::from_timestamp_millis(millis)
}

/// 128 bits as 26 characters.
pub fn encode(uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    (0..ENCODED_LENGTH)
        .rev()
        .map(|place| {
            let digit = (bits >> (place * 5)) & 31;
            char::from(ALPHABET[usize::try_from(digit).expect("five bits fit")])
        })
        .collect()
}

/// The 128 bits that 26 characters carry; `None` where they are not such.
pub fn decode(text: &str) -> Option<Uuid> {
    if text.len() != ENCODED_LENGTH || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|&known| known == byte)?;
            Some((bits << 5) | digit as u128)
        })
        .map(Uuid::from_u128)
}

/// Splits `card_01h4…` into its prefix and its bits.
pub fn split(text: &str) -> Option<(&str, Uuid)> {
    let (prefix, rest) = text.rsplit_once('_')?;
    Some((prefix, decode(rest)?))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore on the wire.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh identifier; later ones sort after earlier ones.
            pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(fresh(clock, entropy))
            }

            /// Takes bits that are known to name such a thing.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bits as bytes, in the order in which they sort.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The bits without the prefix.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The identifier as clients see it.
            pub fn to_wire(self) -> String {
                format!("{}_{}", $prefix, encode(self.0))
            }

            /// Reads what [`Self::to_wire`] wrote; `None` for anything else.
            pub fn from_wire(text: &str) -> Option<Self> {
                let (prefix, uuid) = split(text)?;
                (prefix == $prefix).then_some(Self(uuid))
            }
        }
    )+};
}

ids! {
    /// Names a row of the audit log.
    AuditId = "audit";
    /// Names money of a card that is reserved for a merchant.
    HoldId = "hold";
    /// Names something that a person has to pay, once.
    BillId = "bill";
    /// Names a person.
    UserId = "user";
    /// Names a registration that waits for its emailed code.
    RegistrationId = "registration";
    /// Names one question for a second factor.
    ChallengeId = "challenge";
    /// Names one sign-in of one person on one device.
    SessionId = "session";
    /// Names an account of the ledger: a person's or the bank's own.
    AccountId = "account";
    /// Names one movement of money.
    TransactionId = "transaction";
    /// Names a file that somebody brought.
    FileId = "file";
    /// Names a letter in the outbox or the captured inbox.
    LetterId = "letter";
    /// Names one run of the program, from its start to its end.
    ProcessId = "process";
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{AccountId, UserId, decode, encode, fresh, made_at, split};
    use crate::types::{
        clock::{Clock as _, SystemClock},
        entropy::SystemEntropy,
    };

    #[test]
    fn an_identifier_tells_when_it_was_made() {
        let before = SystemClock.now().timestamp_millis();
        let made = made_at(fresh(&SystemClock, &SystemEntropy)).unwrap().timestamp_millis();
        assert!((before..=SystemClock.now().timestamp_millis()).contains(&made));
    }

    #[test]
    fn the_code_is_the_one_of_typeid() {
        // The examples of the TypeID specification.
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(encode(uuid), "01h455vb4pex5vsknk084sn02q");
        assert_eq!(encode(Uuid::nil()), "00000000000000000000000000");
        assert_eq!(encode(Uuid::max()), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(decode("01h455vb4pex5vsknk084sn02q"), Some(uuid));
    }

    #[test]
    fn what_was_never_encoded_is_not_decoded() {
        for text in ["", "01h455vb4pex5vsknk084sn02", "8zzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("01H455VB4PEX5VSKNK084SN02Q"), None, "upper case");
        assert_eq!(decode("01h455vb4pex5vsknk084sn0éq"), None, "not ASCII");
        assert_eq!(decode("01h455vb4pex5vsknk084sn02u"), None, "u is no digit");
    }

    #[test]
    fn an_identifier_of_one_noun_is_none_of_another() {
        let id = UserId::generate(&SystemClock, &SystemEntropy);
        assert_eq!(UserId::from_wire(&id.to_wire()), Some(id));
        assert_eq!(AccountId::from_wire(&id.to_wire()), None);
        assert_eq!(split(&id.to_wire()), Some(("user", id.uuid())));
    }
}
