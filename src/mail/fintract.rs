//! The letters of the dialect fintract; its login code is everybody's.

use super::{
    letter::Letter,
    templates::{Page, set},
};

/// The link that proves an address; good for 24 hours.
pub fn verify_email(to: &str, link: &str) -> Letter {
    linked(to, link, "Open this link to verify your email address:", "24 hours")
}

/// The link that makes an address a person's own; good for half an hour.
pub fn move_email(to: &str, link: &str) -> Letter {
    let before = "Somebody who is signed in wants to use this email address from now on. If it \
        was you, open this link:";
    linked(to, link, before, "30 minutes")
}

fn linked(to: &str, link: &str, before: &str, life: &str) -> Letter {
    let good = format!("The link is good once, for {life}.");
    let page = Page {
        subject: "Verify your email address",
        before: &[before],
        code: None,
        token: None,
        link: Some(link),
        after: &[&good, "If it was not you, ignore this letter."],
    };
    set(to, &page)
}
