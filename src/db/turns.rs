//! How many wait for a connection.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Those who wait in this process.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// One who waits, for as long as this lives.
#[derive(Debug)]
pub(super) struct Turn(());

/// Takes a place among those who wait.
pub(super) fn wait() -> Turn {
    WAITING.fetch_add(1, Ordering::Relaxed);
    Turn(())
}

/// How many they are.
pub(super) fn waiting() -> usize {
    WAITING.load(Ordering::Relaxed)
}

impl Drop for Turn {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}
