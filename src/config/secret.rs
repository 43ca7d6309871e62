//! The secrets: typed, in files, or the sandbox's own, made once and kept.

use std::{
    fmt, fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use crate::{
    crypto::keyring::Keyring,
    types::{entropy, entropy::Entropy, secret::Secret},
};

/// The secrets as they are typed.
#[derive(Clone, Default, clap::Args)]
pub struct SecretSettings {
    /// The secret that all keys are made of, 32 random bytes or more; the sandbox makes its own.
    #[arg(
        long,
        global = true,
        env = "TELLER_SECRET_KEY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub secret_key: Option<String>,

    /// A file with the secret in place of --secret-key; others must not be able to read it.
    #[arg(long, global = true, env = "TELLER_SECRET_KEY_FILE", value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,

    /// Other secrets that this database was sealed with, until `teller rekey` is done; repeatable, or with commas.
    #[arg(
        long,
        global = true,
        env = "TELLER_OLD_SECRET_KEYS",
        hide_env_values = true,
        value_name = "TEXTS",
        value_delimiter = ','
    )]
    pub old_secret_keys: Vec<String>,

    /// Files with one such secret each; repeatable, or with commas.
    #[arg(
        long,
        global = true,
        env = "TELLER_OLD_SECRET_KEY_FILES",
        value_name = "FILES",
        value_delimiter = ','
    )]
    pub old_secret_key_files: Vec<PathBuf>,
}

impl fmt::Debug for SecretSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSettings(…)")
    }
}

impl SecretSettings {
    /// A secret is set, rather than left to the sandbox.
    pub(super) const fn is_set(&self) -> bool {
        self.secret_key.is_some() || self.secret_key_file.is_some()
    }

    /// The ring of all secrets, or what is wrong with them; `None` where none is set in
    /// production, which is said elsewhere.
    pub(super) fn ring(
        &self,
        data_dir: &Path,
        production: bool,
        entropy: &dyn Entropy,
        faults: &mut Vec<String>,
    ) -> Option<Keyring> {
        let newest = self.newest(data_dir, production, entropy, faults);
        let mut older = Vec::new();
        for text in &self.old_secret_keys {
            let secret = Secret::new(text.trim());
            older.extend(keys("TELLER_OLD_SECRET_KEYS", &secret, faults));
        }
        for file in &self.old_secret_key_files {
            let secret = of_file("TELLER_OLD_SECRET_KEY_FILES", file, production, faults);
            older.extend(secret.and_then(|s| keys(&file.display().to_string(), &s, faults)));
        }
        let newest = newest?;
        older.retain(|ring| ring.key_id != newest.key_id);
        Some(newest.with_older(older))
    }

    fn newest(
        &self,
        data_dir: &Path,
        production: bool,
        entropy: &dyn Entropy,
        faults: &mut Vec<String>,
    ) -> Option<Keyring> {
        let (name, secret) = match (&self.secret_key, &self.secret_key_file) {
            (Some(_), Some(_)) => {
                faults.push("TELLER_SECRET_KEY and TELLER_SECRET_KEY_FILE: set one".to_owned());
                return None;
            }
            (Some(text), None) => ("TELLER_SECRET_KEY".to_owned(), Some(Secret::new(text))),
            (None, Some(file)) => {
                let secret = of_file("TELLER_SECRET_KEY_FILE", file, production, faults);
                (file.display().to_string(), secret)
            }
            (None, None) if production => return None,
            (None, None) => {
                let file = data_dir.join("secret.key");
                let kept = kept(data_dir, &file, entropy);
                let kept =
                    kept.map_err(|fault| faults.push(format!("{}: {fault}", file.display())));
                (file.display().to_string(), kept.ok())
            }
        };
        keys(&name, &secret?, faults)
    }
}

fn keys(name: &str, secret: &Secret, faults: &mut Vec<String>) -> Option<Keyring> {
    let ring = Keyring::from_secret(secret);
    ring.map_err(|weak| faults.push(format!("{name} {weak}"))).ok()
}

/// The secret in a file that an operator has made.
fn of_file(name: &str, file: &Path, production: bool, faults: &mut Vec<String>) -> Option<Secret> {
    let read = read_private(file, production);
    read.map_err(|error| faults.push(format!("{name}: {}: {error}", file.display()))).ok()
}

/// What is wrong with the rights of a file that holds a secret. In production its group may
/// not use it either, unless it is somebody else's file, which is given to us that way.
fn too_open(about: &fs::Metadata, production: bool) -> Option<&'static str> {
    let mode = about.permissions().mode();
    let ours = about.uid() == rustix::process::geteuid().as_raw();
    if production && ours && mode & 0o077 != 0 {
        Some("others on this machine may use it: take that away with chmod go=")
    } else if mode & 0o007 != 0 {
        Some("everybody on this machine may use it: take that away with chmod o=")
    } else {
        None
    }
}

/// Reads a secret from a file that not everybody on the machine may read.
fn read_private(file: &Path, production: bool) -> io::Result<Secret> {
    let mut reader = fs::File::open(file)?;
    if let Some(reason) = too_open(&reader.metadata()?, production) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(Secret::new(text.trim()))
}

/// Settings that are secrets, and those whose URLs may carry a password.
const SECRETS: [&str; 3] = ["secret-key", "old-secret-keys", "s3-secret-access-key"];
const URLS: [&str; 2] = ["database-url", "smtp-url"];

/// Refuses a file of settings that holds a secret and is open to others.
pub(super) fn check_config(file: &Path, production: bool, faults: &mut Vec<String>) {
    let read = fs::read_to_string(file).and_then(|text| Ok((text, fs::metadata(file)?)));
    let (text, about) = match read {
        Ok(read) => read,
        Err(error) => {
            faults.push(format!("TELLER_CONFIG: {}: {error}", file.display()));
            return;
        }
    };
    let table: toml::Table = text.parse().unwrap_or_default();
    let secret = table.iter().find(|(name, value)| {
        let name = name.replace('_', "-");
        let word = value.as_str().and_then(|url| url::Url::parse(url).ok());
        let word = word.is_some_and(|url| url.password().is_some() || url.query().is_some());
        SECRETS.contains(&name.as_str()) || (word && URLS.contains(&name.as_str()))
    });
    if let Some((name, _)) = secret
        && let Some(reason) = too_open(&about, production)
    {
        faults.push(format!("TELLER_CONFIG: {} has {name}, and {reason}", file.display()));
    }
}

/// Makes a folder that its owner alone may look into: it will hold people's data.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Reads the sandbox's secret, or makes it where there is none.
fn kept(folder: &Path, file: &Path, entropy: &dyn Entropy) -> io::Result<Secret> {
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
    read_private(file, false)
}
