//! Tells whoever waits that something was committed, and whom it concerns.
//!
//! A ring is a hint and no more: what was written stands in the database, and whoever
//! hears of it reads there. In this process it is heard after the commit; other
//! processes on PostgreSQL hear the same by `NOTIFY`.

use std::{
    fmt::Write as _,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
};

use tokio::sync::broadcast;
use uuid::Uuid;

/// Rings that may wait for a listener before it is told that it missed some.
const WAITING: usize = 1_024;
/// The longest message that PostgreSQL carries is 7,999 bytes.
const SUBJECTS_IN_A_MESSAGE: usize = 200;

/// What a listener has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something was committed that concerns these.
    These(Arc<[Uuid]>),
    /// More than could be told: anybody may be concerned.
    Anybody,
    /// Nothing that is news here.
    Nothing,
}

/// The bell of one process. A clone is the same bell.
#[derive(Debug, Clone)]
pub struct Bell {
    rung: broadcast::Sender<Arc<[Uuid]>>,
    /// Marks this process's own messages, which it has heard already.
    tag: Arc<str>,
}

impl Bell {
    /// A bell that nobody hears yet.
    pub fn new() -> Self {
        // Drawn by the hasher's own key: nobody gains by guessing it.
        let tag = format!("{:016x}", RandomState::new().build_hasher().finish());
        Self { rung: broadcast::channel(WAITING).0, tag: tag.into() }
    }

    /// Tells this process that something was committed which concerns these.
    pub fn ring(&self, subjects: Vec<Uuid>) {
        if !subjects.is_empty() {
            // Where nobody listens nobody waits.
            let _ = self.rung.send(subjects.into());
        }
    }

    /// Hears what is rung from here on.
    pub fn listen(&self) -> Ear {
        Ear(self.rung.subscribe())
    }

    /// What other processes are told: as few messages as carry all subjects.
    pub fn messages(&self, subjects: &[Uuid]) -> Vec<String> {
        let message = |some: &[Uuid]| {
            let mut message = String::with_capacity(self.tag.len() + some.len() * 33);
            message.push_str(&self.tag);
            for subject in some {
                write!(message, " {}", subject.simple()).expect("a text takes what is written");
            }
            message
        };
        subjects.chunks(SUBJECTS_IN_A_MESSAGE).map(message).collect()
    }

    /// What stands before the subjects in each message of this process.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// What a message of any process says.
    pub(super) fn read(&self, message: &str) -> Heard {
        let mut words = message.split(' ');
        match words.next() {
            Some(tag) if tag == &*self.tag => Heard::Nothing,
            _ => {
                let subjects: Result<Vec<Uuid>, _> = words.map(str::parse).collect();
                // A message that cannot be read may be about anybody.
                subjects.map_or(Heard::Anybody, |subjects| Heard::These(subjects.into()))
            }
        }
    }
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}

/// Hears the bell of its own process.
#[derive(Debug)]
pub struct Ear(broadcast::Receiver<Arc<[Uuid]>>);

impl Ear {
    /// Waits for the next ring.
    pub async fn hear(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(subjects) => Heard::These(subjects),
            Err(broadcast::error::RecvError::Lagged(_)) => Heard::Anybody,
            // No bell can ring any more.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Bell, Heard, WAITING};

    #[tokio::test]
    async fn who_hears_too_slowly_is_told_that_something_was_missed() {
        let bell = Bell::new();
        bell.ring(vec![Uuid::from_u128(1)]);
        let mut ear = bell.listen();
        bell.ring(vec![Uuid::from_u128(2)]);
        bell.ring(Vec::new());
        assert_eq!(ear.hear().await, Heard::These(vec![Uuid::from_u128(2)].into()));
        for number in 0..=WAITING as u128 {
            bell.ring(vec![Uuid::from_u128(number)]);
        }
        assert_eq!(ear.hear().await, Heard::Anybody);
    }

    #[test]
    fn a_message_is_read_by_others_and_fits_what_carries_it() {
        let (own, other) = (Bell::new(), Bell::new());
        let subjects: Vec<Uuid> = (0..512).map(Uuid::from_u128).collect();
        let messages = own.messages(&subjects);
        let mut read = Vec::new();
        for message in &messages {
            assert!(message.len() < 8_000, "{}", message.len());
            assert_eq!(own.read(message), Heard::Nothing, "its own");
            let Heard::These(some) = other.read(message) else { panic!("{message}") };
            read.extend_from_slice(&some);
        }
        assert_eq!((messages.len(), read), (3, subjects));
        let hyphenated = format!("{} {}", own.tag(), Uuid::from_u128(7));
        assert_eq!(other.read(&hyphenated), Heard::These(vec![Uuid::from_u128(7)].into()));
        assert_eq!(other.read("nonsense of somebody's"), Heard::Anybody);
    }
}
