//! What the bank's letters say.

use askama::Template as _;

use super::letter::Letter;

#[derive(askama::Template)]
#[template(path = "letter.html")]
pub(super) struct Page<'l> {
    pub(super) subject: &'l str,
    pub(super) before: &'l [&'l str],
    /// Short, to be typed.
    pub(super) code: Option<&'l str>,
    /// Long, to be copied.
    pub(super) token: Option<&'l str>,
    /// To be followed.
    pub(super) link: Option<&'l str>,
    pub(super) after: &'l [&'l str],
}

/// A letter of paragraphs alone.
pub(super) fn plain<'l>(subject: &'l str, before: &'l [&'l str]) -> Page<'l> {
    Page { subject, before, code: None, token: None, link: None, after: &[] }
}

/// Sets one text as plain text and as a page.
pub(super) fn set(to: &str, page: &Page<'_>) -> Letter {
    let code = page.code.or(page.token).or(page.link).map(|code| format!("    {code}"));
    let paragraphs = page.before.iter().map(|line| (*line).to_owned()).chain(code);
    let paragraphs = paragraphs.chain(page.after.iter().map(|line| (*line).to_owned()));
    let text = paragraphs.collect::<Vec<_>>().join("\n\n") + "\n\nTeller\n";
    let html = page.render().expect("a page of plain texts is always rendered");
    Letter { to: to.to_owned(), subject: page.subject.to_owned(), text, html }
}

/// The code that proves an email address at registration; good for 24 hours.
///
/// It names the end of the phone number that registered with it: whoever gets a
/// letter that somebody else has asked for can tell it from their own.
pub fn verify_email(to: &str, code: &str, phone_number: &str) -> Letter {
    let end = phone_number.get(phone_number.len().saturating_sub(4)..).unwrap_or_default();
    let about = format!("It is for the registration with the phone number that ends in {end}.");
    let page = Page {
        subject: "Verify your email address",
        before: &["Welcome to Teller. Send this code back to finish your registration:"],
        code: Some(code),
        token: None,
        link: None,
        after: &[
            &about,
            "The code is good for 24 hours.",
            "If you did not ask for an account, or that is not your number, ignore this letter.",
        ],
    };
    set(to, &page)
}

/// What a customer is told when their address registers again.
pub fn already_customer(to: &str) -> Letter {
    let said = [
        "Somebody asked to register with this email address, but you are a customer already.",
        "If it was you, sign in instead of registering.",
        "If it was not you, you need not do anything.",
    ];
    set(to, &plain("You already have an account", &said))
}

/// The second step of a login; good for ten minutes.
pub fn login_code(to: &str, code: &str) -> Letter {
    let page = Page {
        subject: "Your login code",
        before: &["Somebody signed in with your password. If it was you, this is the code:"],
        code: Some(code),
        token: None,
        link: None,
        after: &[
            "The code is good for ten minutes. Tell it to nobody: we never ask for it.",
            "If it was not you, change your password.",
        ],
    };
    set(to, &page)
}

/// The confirmation of a risky step; good for ten minutes.
pub fn step_up_code(to: &str, code: &str) -> Letter {
    let page = Page {
        subject: "Confirm it is you",
        before: &["You are about to do something that needs a second confirmation:"],
        code: Some(code),
        token: None,
        link: None,
        after: &[
            "The code is good for ten minutes. Tell it to nobody: we never ask for it.",
            "If it was not you, end your sessions and change your password.",
        ],
    };
    set(to, &page)
}

/// The proof of an address that is to become a person's own; good for half an hour.
pub fn email_change_code(to: &str, code: &str) -> Letter {
    let page = Page {
        subject: "Confirm your new email address",
        before: &["Somebody who is signed in wants to use this email address from now on:"],
        code: Some(code),
        token: None,
        link: None,
        after: &[
            "The code is good for 30 minutes, in the session that asked for it.",
            "If it was not you, ignore this letter.",
        ],
    };
    set(to, &page)
}

/// What a customer is told when another wants to use their address.
pub fn address_in_use(to: &str) -> Letter {
    let said = [
        "Somebody who is signed in with another address wants to use this one from now on. It \
            is yours already, so nothing was changed.",
        "If it was not you, you need not do anything.",
    ];
    set(to, &plain("This email address is in use", &said))
}

/// The token for a new password, as a link to a front end where there is one; good for
/// half an hour.
///
/// The token stands behind the link's `#`, which browsers send to no server.
pub fn password_reset(to: &str, token: &str, frontend_url: Option<&str>) -> Letter {
    let link = frontend_url.map(|url| {
        let url = url.trim_end_matches('/');
        format!("{url}/reset-password#token={token}")
    });
    let before = match link {
        Some(_) => "Somebody asked for a new password for you. If it was you, follow this link:",
        None => "Somebody asked for a new password for you. If it was you, this is the token:",
    };
    let how = match link {
        Some(_) => "It is good once, for 30 minutes.",
        None => "Give it to the mutation resetPassword. It is good once, for 30 minutes.",
    };
    let page = Page {
        subject: "Set a new password",
        before: &[before],
        code: None,
        token: link.is_none().then_some(token),
        link: link.as_deref(),
        after: &[
            how,
            "Where an authenticator is set up, a code of it, or a recovery code, is needed too.",
            "If it was not you, ignore this letter: your password stays.",
        ],
    };
    set(to, &page)
}

/// What a person is told whose session ended because a refresh token was used twice.
pub fn session_ended_by_reuse(to: &str, platform: Option<&str>) -> Letter {
    let about = platform.map(|platform| format!("The session was opened on: {platform}."));
    let mut said = vec![
        "Somebody used a key of your session that had been used before, as a thief of it would.",
        "We have ended the session, because we cannot tell which of the two was you. If you \
            were signed in there, sign in again.",
    ];
    said.extend(about.as_deref());
    said.push(
        "If you do not know why this happened, change your password and look through your \
            sessions.",
    );
    set(to, &plain("We have ended one of your sessions", &said))
}

#[cfg(test)]
mod tests {
    use super::{login_code, password_reset};

    #[test]
    fn a_token_comes_as_a_link_or_by_itself() {
        let linked = password_reset("ann@example.org", "t0k-en", Some("https://bank.org/"));
        let link = "https://bank.org/reset-password#token=t0k-en";
        assert!(linked.text.contains(&format!("\n    {link}\n")), "{}", linked.text);
        let anchor = format!("<a href=\"{link}\"");
        assert!(linked.html.contains(&anchor), "{}", linked.html);
        let bare = password_reset("ann@example.org", "t0k-en", None);
        assert!(bare.text.contains("\n    t0k-en\n"), "{}", bare.text);
        assert!(bare.html.contains(">t0k-en</p>"), "{}", bare.html);
        for letter in [linked, bare] {
            assert!(!letter.subject.contains("t0k-en"));
        }
    }

    #[test]
    fn a_letter_says_its_code_in_text_and_in_html() {
        let letter = login_code("ann@example.org", "123456");
        assert!(letter.text.contains("\n\n    123456\n\n"), "{}", letter.text);
        assert!(letter.html.contains(">123456</p>"), "{}", letter.html);
        assert!(letter.html.contains("<h1"), "{}", letter.html);
    }
}
