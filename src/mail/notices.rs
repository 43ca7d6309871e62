//! Letters that tell a person what was changed of theirs, so that a change which they
//! did not make does not go unseen. They have no secret in them.

use super::{
    letter::Letter,
    templates::{plain, set},
};

/// What to do where it was somebody else.
const NOT_YOU: &str = "If it was not you, set a new password at once and end your sessions.";

fn told(to: &str, subject: &str, what: &str) -> Letter {
    set(to, &plain(subject, &[what, NOT_YOU]))
}

/// The password was changed by who knew the old one.
pub fn password_changed(to: &str) -> Letter {
    let what = "Your password was changed. Your other sessions were ended.";
    told(to, "Your password was changed", what)
}

/// The password was set by the token of a letter.
pub fn password_reset(to: &str) -> Letter {
    let what = "A new password was set by the token of a letter. All your sessions were ended.";
    told(to, "Your password was changed", what)
}

/// The address was changed; this goes to the old one, and hides most of the new one.
pub fn email_changed(to: &str, new_masked: &str) -> Letter {
    let what = format!("Your email address was changed to {new_masked}. This one is used no more.");
    told(to, "Your email address was changed", &what)
}

/// The phone number was changed or removed.
pub fn phone_changed(to: &str) -> Letter {
    told(to, "Your phone number was changed", "Your phone number was changed.")
}

/// An authenticator was set up.
pub fn totp_added(to: &str) -> Letter {
    let what = "An authenticator was set up. From now on a sign-in needs a code of it, or a \
        recovery code; codes by letter and programs that know a password alone open nothing.";
    told(to, "An authenticator was set up", what)
}

/// The authenticator was removed.
pub fn totp_removed(to: &str) -> Letter {
    let what = "Your authenticator and your recovery codes were removed. From now on codes come \
        by letter.";
    told(to, "Your authenticator was removed", what)
}

/// There are new recovery codes.
pub fn recovery_codes_renewed(to: &str) -> Letter {
    let what = "New recovery codes were made for you. The old ones open nothing any more.";
    told(to, "Your recovery codes were renewed", what)
}

/// A recovery code was used.
pub fn recovery_code_used(to: &str, remaining: i64) -> Letter {
    let what = format!("One of your recovery codes was used. Not used yet: {remaining}.");
    told(to, "A recovery code was used", &what)
}

/// A dialect that knows a password alone may sign the person in, or may not any more.
pub fn legacy_access_changed(to: &str, dialect: &str, enabled: bool) -> Letter {
    let what = if enabled {
        format!("Programs of the legacy API {dialect} may now sign in with your password alone.")
    } else {
        format!("Programs of the legacy API {dialect} may not sign in any more.")
    };
    told(to, "Access of legacy programs was changed", &what)
}

#[cfg(test)]
mod tests {
    use super::{email_changed, recovery_code_used};

    #[test]
    fn a_notice_says_what_was_changed_and_what_to_do() {
        let letter = email_changed("old@example.org", "n•••@example.org");
        assert_eq!(letter.to, "old@example.org");
        for text in [&letter.text, &letter.html] {
            assert!(text.contains("changed to n•••@example.org"), "{text}");
            assert!(text.contains("If it was not you"), "{text}");
        }
        assert!(recovery_code_used("a@b.org", 9).text.contains("Not used yet: 9."));
    }
}
