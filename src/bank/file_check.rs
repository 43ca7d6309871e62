//! The files of people, each compared with what was brought.

use uuid::Uuid;

use super::{context::Bank, error::Failure};
use crate::{
    crypto::mac,
    store::{file, file::Kept},
};

/// Files that are looked up at once.
const PAGE: i64 = 200;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many are as they were brought.
    pub count: usize,
    /// The first that is not, and what is wrong with it.
    pub broken: Option<String>,
}

/// Reads every file that is kept. One that was brought before digests were kept is
/// compared by its size alone; one that is removed meanwhile is no fault.
pub async fn run(bank: &Bank) -> Result<Checked, Failure> {
    let mut checked = Checked::default();
    let mut after = Uuid::nil();
    loop {
        let mut s = bank.db.read().await?;
        let page = file::kept_after(&mut s, after, PAGE).await?;
        drop(s);
        let Some(last) = page.last() else {
            return Ok(checked);
        };
        after = last.file_id.uuid();
        for kept in page {
            if let Some(fault) = fault_of(bank, &kept).await? {
                let mut s = bank.db.read().await?;
                if file::lookup(&mut s, kept.file_id).await?.is_some() {
                    checked.broken = Some(format!("file {}: {fault}", kept.file_id.to_wire()));
                    return Ok(checked);
                }
            } else {
                checked.count += 1;
            }
        }
    }
}

async fn fault_of(bank: &Bank, kept: &Kept) -> Result<Option<&'static str>, Failure> {
    let Some(found) = bank.files.objects.get(&kept.name).await? else {
        return Ok(Some("has no bytes"));
    };
    let bytes = found.bytes().await.map_err(crate::files::objects::ObjectsError::from)?;
    let of_its_size = i64::try_from(bytes.len()) == Ok(kept.size);
    let same = kept.digest.as_ref().is_none_or(|digest| mac::sha256(&bytes).as_ref() == digest);
    Ok((!of_its_size || !same).then_some("is not as it was brought"))
}
