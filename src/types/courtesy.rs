//! Threads that stand back for others.

use std::sync::Once;

/// Lets the thread that calls this stand back by so many steps of `nice`. Where it may not,
/// which is said once, it works as everybody else does.
pub fn stand_back(steps: i32) {
    static SAID: Once = Once::new();
    if let Err(error) = rustix::process::nice(steps) {
        SAID.call_once(|| {
            tracing::warn!(%error, "no thread may stand back: requests get a smaller share");
        });
    }
}
