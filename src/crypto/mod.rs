//! Floor 2: what keeps secrets secret.
//!
//! Keys made from the secrets and from a data key that outlives them, sealing of personal data, keyed indexes that find
//! what is sealed, hashes of codes and tokens, and password hashing off the
//! async threads. This floor knows no noun of the bank and no table: it takes
//! bytes and gives bytes.
//!
//! To add a use of a key: give it a name in `keyring`, so that no two uses ever
//! share one. To add a sealed column: see `store::rekey`.

pub mod keyring;
pub mod seal;
pub mod mac;
pub mod password;
pub mod token;
pub mod ticket;
pub mod totp;
pub mod recovery;
