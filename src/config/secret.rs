//! The sandbox's own secret, made once and kept.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use crate::types::{entropy, entropy::Entropy, secret::Secret};

/// Makes a folder that its owner alone may look into: it will hold people's data.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Reads the sandbox's secret, or makes it where there is none.
pub(super) fn kept(folder: &Path, file: &Path, entropy: &dyn Entropy) -> io::Result<Secret> {
    make_private_folder(folder)?;
    let drawn: [u8; 32] = entropy::bytes(entropy);
    let drawn = hex::encode(drawn);
    // Written whole under another name and then linked, so that two that start at
    // once agree, and one that dies half-way leaves no half of a secret.
    let unique: [u8; 8] = entropy::bytes(entropy);
    let draft = folder.join(format!("secret.key.{:016x}", u64::from_be_bytes(unique)));
    if !file.exists() {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut writer = options.open(&draft)?;
        writer.write_all(drawn.as_bytes())?;
        writer.sync_all()?;
        let linked = fs::hard_link(&draft, file);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut text = String::new();
    fs::File::open(file)?.read_to_string(&mut text)?;
    Ok(Secret::new(text.trim()))
}
