//! Password hashing by Argon2id, off the async threads, in a bounded pool.
//!
//! A hash takes about 20 ms of a core on purpose. One core is left to serve the
//! others, whoever would wait too long is told to come again, and the threads that hash
//! stand back where another one wants their core.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    thread::available_parallelism,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use tokio::sync::{Semaphore, oneshot};

use crate::types::{courtesy::stand_back, depth::Depth, entropy, entropy::Entropy, secret::Secret};

/// Memory in KiB, passes and lanes, as OWASP recommends for Argon2id.
const PARAMETERS: (u32, u32, u32) = (19 * 1024, 2, 1);
/// How many may wait for each thread that hashes: about two seconds' worth.
const WAITING_PER_THREAD: usize = 64;
/// How far a thread that hashes stands back, in steps of `nice`.
const NICE: i32 = 10;

/// A password could not be hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting.
    #[error("too many passwords wait to be checked")]
    Overloaded,
    /// The stored hash is not one, or the pool is gone.
    #[error("the password could not be hashed: {0}")]
    Broken(&'static str),
}

/// Something for a thread that hashes to do.
type Job = Box<dyn FnOnce() + Send>;

/// The pool of threads that hash; they end with its last clone.
#[derive(Debug, Clone)]
pub struct Hasher {
    waiting: Arc<Semaphore>,
    waiting_max: usize,
    jobs: mpsc::Sender<Job>,
    argon2: Argon2<'static>,
    /// A hash of nothing at all, checked where there is no person, so that an unknown
    /// address takes as long as a known one.
    nobody: Arc<str>,
}

impl Hasher {
    /// A pool of the cores less one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let threads = available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1);
        let (memory, passes, lanes) = PARAMETERS;
        let parameters = Params::new(memory, passes, lanes, None).expect("OWASP's are valid");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let waiting_max = threads * WAITING_PER_THREAD;
        Self {
            waiting: Arc::new(Semaphore::new(waiting_max)),
            waiting_max,
            jobs: start(threads),
            nobody: nobody(argon2.params(), entropy).into(),
            argon2,
        }
    }

    /// How many wait, those that are being hashed included.
    pub fn queue_depth(&self) -> Depth {
        let free = self.waiting.available_permits();
        Depth { waiting: self.waiting_max.saturating_sub(free), most: self.waiting_max }
    }

    /// Hashes a new password into a PHC string.
    pub async fn hash(
        &self,
        entropy: &dyn Entropy,
        password: Secret,
    ) -> Result<String, PasswordError> {
        let salt: [u8; 16] = entropy::bytes(entropy);
        let argon2 = self.argon2.clone();
        self.run(move || hash_now(&argon2, password.expose().as_bytes(), &salt)).await?
    }

    /// Tells whether the password is the one that was hashed.
    ///
    /// Without a hash the answer is no, and takes just as long.
    pub async fn verify(
        &self,
        password: Secret,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let fits = self
            .run(move || {
                let hash = PasswordHash::new(&hash)
                    .map_err(|_| PasswordError::Broken("the stored hash is not a PHC string"))?;
                Ok(argon2.verify_password(password.expose().as_bytes(), &hash).is_ok())
            })
            .await??;
        Ok(known && fits)
    }

    /// The hash was made with other parameters than today's, and should be made anew once
    /// its password is known again.
    pub fn is_stale(&self, hash: &str) -> bool {
        let made_with = PasswordHash::new(hash).ok();
        let made_with = made_with.and_then(|hash| {
            let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
            Some((algorithm, hash.version, Params::try_from(&hash).ok()?))
        });
        let today = self.argon2.params();
        !made_with.is_some_and(|(algorithm, version, made_with)| {
            algorithm == Algorithm::Argon2id
                && version == Some(Version::V0x13.into())
                && made_with.m_cost() == today.m_cost()
                && made_with.t_cost() == today.t_cost()
                && made_with.p_cost() == today.p_cost()
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place =
            Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| PasswordError::Overloaded)?;
        let (tell, told) = oneshot::channel();
        let job = move || {
            // The place is kept until the work is done.
            let _place = place;
            if !tell.is_closed() {
                // Whoever has gone meanwhile is not told.
                let _ = tell.send(work());
            }
        };
        self.jobs.send(Box::new(job)).map_err(|_| PasswordError::Broken("the pool has stopped"))?;
        told.await.map_err(|_| PasswordError::Broken("the thread has stopped"))
    }
}

/// Starts threads that do one job after the other.
fn start(threads: usize) -> mpsc::Sender<Job> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..threads {
        let jobs = Arc::clone(&jobs);
        let hash = move || {
            stand_back(NICE);
            loop {
                let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                // A job that panics costs its caller the answer and not the pool a thread.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            }
        };
        let thread = thread::Builder::new().name("teller-hash".to_owned());
        thread.spawn(hash).expect("the system has a thread for us");
    }
    sender
}

/// Random bytes in the place of a hash, which no password has: nothing was hashed, as that
/// would take its memory at every start.
fn nobody(parameters: &Params, entropy: &dyn Entropy) -> String {
    let (salt, hash): ([u8; 16], [u8; 32]) = (entropy::bytes(entropy), entropy::bytes(entropy));
    let (memory, passes, lanes) = (parameters.m_cost(), parameters.t_cost(), parameters.p_cost());
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
}

fn hash_now(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8; 16],
) -> Result<String, PasswordError> {
    let hash: PasswordHash = argon2
        .hash_password_with_salt(password, salt)
        .map_err(|_| PasswordError::Broken("Argon2 refused its input"))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::Hasher;
    use crate::types::{entropy::SystemEntropy, secret::Secret};

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let hasher = Hasher::new(&SystemEntropy);
        let hash = hasher.hash(&SystemEntropy, Secret::new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |password: &str, hash| hasher.verify(Secret::new(password), hash);
        assert!(verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!verify("Correct horse", Some(hash)).await.unwrap());
        assert!(!verify("correct horse", None).await.unwrap());
    }

    #[tokio::test]
    async fn the_hash_of_nobody_asks_for_the_same_work_as_any_other() {
        let hasher = Hasher::new(&SystemEntropy);
        let hash = hasher.hash(&SystemEntropy, Secret::new("correct horse")).await.unwrap();
        let shape = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(shape(&hasher.nobody), shape(&hash));
        assert!(!hasher.is_stale(&hasher.nobody), "{}", hasher.nobody);
        // It can be read as a hash, or nothing would be computed at all.
        let nobody = Some(hasher.nobody.to_string());
        assert!(!hasher.verify(Secret::new("correct horse"), nobody).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_stale() {
        let hasher = Hasher::new(&SystemEntropy);
        let hash = hasher.hash(&SystemEntropy, Secret::new("correct horse")).await.unwrap();
        assert!(!hasher.is_stale(&hash));
        for (now, then) in [("t=2", "t=1"), ("m=19456", "m=9216"), ("argon2id", "argon2i")] {
            let weaker = hash.replace(now, then);
            assert_ne!(weaker, hash);
            assert!(hasher.is_stale(&weaker), "{weaker}");
        }
    }

    #[tokio::test]
    async fn nothing_is_cut_off_a_long_password() {
        let hasher = Hasher::new(&SystemEntropy);
        let long = "x".repeat(100);
        let hash = hasher.hash(&SystemEntropy, Secret::new(format!("{long}a"))).await.unwrap();
        assert!(!hasher.verify(Secret::new(format!("{long}b")), Some(hash)).await.unwrap());
    }
}
