//! The letters about leaving the bank.

use super::{
    letter::Letter,
    templates::{plain, set},
};

fn notice(to: &str, subject: &str, paragraphs: &[&str]) -> Letter {
    set(to, &plain(subject, paragraphs))
}

/// Somebody asked that this person be let go.
pub fn deactivation_requested(to: &str) -> Letter {
    notice(
        to,
        "You asked to close your account",
        &[
            "We were asked to close your account. Our staff will confirm it.",
            "If it was not you, change your password and tell us.",
        ],
    )
}

/// The person has left.
pub fn deactivated(to: &str) -> Letter {
    notice(
        to,
        "Your account is deactivated",
        &[
            "Your account is deactivated. You are signed out everywhere and cannot sign in.",
            "If you did not want this, tell us: our staff can open it again.",
        ],
    )
}

/// The person is a customer again.
pub fn reactivated(to: &str) -> Letter {
    notice(
        to,
        "Your account is active again",
        &["Your account is active again. Sign in as before."],
    )
}

/// The person was forgotten.
pub fn deleted(to: &str) -> Letter {
    notice(
        to,
        "Your account is deleted",
        &[
            "Your account is deleted, and with it all that we knew of you.",
            "This is our last letter. You can register again with this address at any time.",
        ],
    )
}
