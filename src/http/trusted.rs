//! The allow-list of trusted documents: with one, nothing else runs.
//!
//! The file is a JSON object of names and texts, as code generators write it
//! (`persisted-documents.json`). A client names a document by `documentId`, by the hash of
//! an automatic persisted query, or sends the very text.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::persisted::Hash;

/// The largest file, in bytes.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// A file of trusted documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// It cannot be read.
    #[error("{}: {source}", file.display())]
    Unread {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has another form.
    #[error("{}: {reason}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, as the rest of a sentence.
        reason: String,
    },
}

/// The documents that may run. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    by_name: Arc<HashMap<String, Arc<str>>>,
    hashes: Arc<HashSet<Hash>>,
}

impl Trusted {
    /// Reads a file; `judge` says what is wrong with a text that could never run.
    pub fn from_file(
        file: &Path,
        judge: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Self, TrustedError> {
        let unread = |source| TrustedError::Unread { file: file.to_owned(), source };
        let malformed = |reason| TrustedError::Malformed { file: file.to_owned(), reason };
        let length = fs::metadata(file).map_err(unread)?.len();
        if length > FILE_MAX {
            return Err(malformed(format!("it may have at most {FILE_MAX} bytes")));
        }
        let text = fs::read_to_string(file).map_err(unread)?;
        let texts: HashMap<String, String> = serde_json::from_str(&text).map_err(|error| {
            malformed(format!("it must be a JSON object of names and texts: {error}"))
        })?;
        if texts.is_empty() {
            return Err(malformed("it names no document, so nothing could run".to_owned()));
        }
        let mut by_name = HashMap::with_capacity(texts.len() * 2);
        let mut hashes = HashSet::with_capacity(texts.len());
        for (name, text) in texts {
            judge(&text).map_err(|reason| malformed(format!("document {name}: {reason}")))?;
            let (hash, text): (Hash, Arc<str>) = (Hash::of(&text), text.into());
            hashes.insert(hash);
            by_name.insert(hash.to_string(), Arc::clone(&text));
            by_name.insert(name, text);
        }
        Ok(Self { by_name: Arc::new(by_name), hashes: Arc::new(hashes) })
    }

    /// A document by its name in the file, or by its hash.
    pub fn find(&self, name: &str) -> Option<Arc<str>> {
        self.by_name.get(name).cloned()
    }

    /// The text is one of the documents.
    pub fn has(&self, text: &str) -> bool {
        self.hashes.contains(&Hash::of(text))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Trusted;

    #[test]
    fn a_file_that_cannot_serve_is_refused_with_its_name_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("documents.json");
        let judge = |text: &str| {
            if text.starts_with('{') { Ok(()) } else { Err("it is not GraphQL".to_owned()) }
        };
        let missing = Trusted::from_file(&file, judge).unwrap_err().to_string();
        assert!(missing.contains("documents.json"), "{missing}");
        for (text, reason) in [
            ("[]", "must be a JSON object of names and texts"),
            ("{\"a\": 1}", "must be a JSON object of names and texts"),
            ("{}", "names no document"),
            ("{\"a\": \"nonsense\"}", "document a: it is not GraphQL"),
        ] {
            fs::write(&file, text).unwrap();
            let told = Trusted::from_file(&file, judge).unwrap_err().to_string();
            assert!(told.contains(reason), "{told}");
        }
        fs::write(&file, "{\"a\": \"{ me { id } }\"}").unwrap();
        let trusted = Trusted::from_file(&file, judge).unwrap();
        assert_eq!(trusted.find("a").as_deref(), Some("{ me { id } }"));
        assert!(trusted.has("{ me { id } }"));
        assert!(!trusted.has("{ me { id  } }"));
        assert!(trusted.find("b").is_none());
    }
}
