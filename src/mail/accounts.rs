//! The letter of the dialect accounts.

use super::{
    letter::Letter,
    templates::{Page, set},
};

/// The code that a new password is set by; good for two minutes.
pub fn reset_code(to: &str, code: &str) -> Letter {
    let page = Page {
        subject: "Reset password code",
        before: &["Somebody asked for a new password for you. If it was you, this is the code:"],
        code: Some(code),
        token: None,
        link: None,
        after: &[
            "The code is good for two minutes. Tell it to nobody: we never ask for it.",
            "If it was not you, ignore this letter: your password stays.",
        ],
    };
    set(to, &page)
}

#[cfg(test)]
mod tests {
    use super::reset_code;

    #[test]
    fn the_letter_has_the_subject_that_clients_look_for() {
        let letter = reset_code("ann@example.org", "0420");
        assert_eq!(letter.subject, "Reset password code");
        assert!(letter.text.contains("\n\n    0420\n\n"), "{}", letter.text);
        assert!(letter.text.contains("two minutes"), "{}", letter.text);
    }
}
