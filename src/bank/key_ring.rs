//! Which secrets this database was written with, and its data key.
//!
//! The secret of the settings seals; older ones, where the settings name them, still
//! open what they sealed. The keys that must stay (indexes, fingerprints, the digits on
//! a card's back) come from a data key that is drawn with the database and kept in it,
//! sealed. `rekey` seals everything with the newest secret, and then the older ones may
//! go. Who had an old secret and nothing else can do nothing with it after that; who
//! had it and a copy of the database has the data key too, as they had all else.

use super::{
    context::Bank,
    error::{Broken, Failure},
};
use crate::{
    crypto::{
        keyring::{DataKey, Keyring},
        seal,
        seal::Place,
    },
    db::session::Session,
    domain::refusal::Refusal,
    store::key_ring,
};

/// Where the data key is sealed for.
pub(super) const PLACE: Place<'static> = Place { column: "data_keys.sealed", row: b"1" };

/// The ring of this database: the secrets must be those that wrote it.
///
/// A new database gets a data key. With other secrets nothing that is sealed could be
/// read and no card could be found, and every new row would make it worse.
pub async fn open(bank: &Bank) -> Result<Keyring, Failure> {
    let now = bank.now();
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let known = key_ring::all(s).await?;
                refuse_unless_known(&bank.ring, &known)?;
                let newest = bank.ring.key_id_text();
                key_ring::add(s, &newest, now).await?;
                if key_ring::data_key(s).await?.is_none() {
                    let data_key = first_data_key(bank, &known);
                    let sealed = seal::seal(&bank.ring, bank.entropy.as_ref(), PLACE, &data_key.0);
                    key_ring::add_data_key(s, &newest, &sealed, now).await?;
                }
                // Another process may have been faster: what is kept counts.
                Ok(bank.ring.clone().with_data_key(&data_key(&bank.ring, s).await?))
            })
        })
        .await
}

/// The secrets of the settings open this database; nothing is written.
pub async fn check(bank: &Bank) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    refuse_unless_known(&bank.ring, &key_ring::all(&mut s).await?)?;
    data_key(&bank.ring, &mut s).await?;
    Ok(())
}

/// The data key that the database keeps.
pub(super) async fn data_key(ring: &Keyring, s: &mut Session) -> Result<DataKey, Failure> {
    let sealed = key_ring::data_key(s).await?;
    let sealed = sealed.ok_or(Broken::Inconsistent("the database has no data key"))?;
    let plain = seal::open(ring, PLACE, &sealed)?;
    let bytes = plain.try_into().map_err(|_| Broken::Inconsistent("the data key is none"))?;
    Ok(DataKey(bytes))
}

/// A fresh key for a fresh database; one that was written before there were data keys
/// has all its keys from its secret.
fn first_data_key(bank: &Bank, known: &[String]) -> DataKey {
    let wrote = bank.ring.all().find(|ring| known.contains(&ring.key_id_text()));
    wrote.map_or_else(|| DataKey::generate(bank.entropy.as_ref()), Keyring::own_data_key)
}

fn refuse_unless_known(ring: &Keyring, known: &[String]) -> Result<(), Failure> {
    let ours: Vec<String> = ring.all().map(Keyring::key_id_text).collect();
    if known.iter().all(|key_id| ours.contains(key_id)) {
        return Ok(());
    }
    let reason = if known.iter().any(|key_id| ours.contains(key_id)) {
        "Some of this database was written with another secret that is not given: name it in \
            TELLER_OLD_SECRET_KEYS, or finish the change with `teller rekey` and both."
    } else {
        "This database was written with another TELLER_SECRET_KEY: start with that one, or name \
            it in TELLER_OLD_SECRET_KEYS beside a new one."
    };
    Err(Refusal::Forbidden { reason }.into())
}
