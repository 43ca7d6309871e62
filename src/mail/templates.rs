//! What the bank's letters say.

use askama::Template as _;

use super::letter::Letter;

#[derive(askama::Template)]
#[template(path = "letter.html")]
struct Page<'l> {
    subject: &'l str,
    before: &'l [&'l str],
    code: Option<&'l str>,
    after: &'l [&'l str],
}

/// Sets one text as plain text and as a page.
fn set(to: &str, page: &Page<'_>) -> Letter {
    let code = page.code.map(|code| format!("    {code}"));
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
    let page = Page {
        subject: "You already have an account",
        before: &[
            "Somebody asked to register with this email address, but you are a customer already.",
        ],
        code: None,
        after: &[
            "If it was you, sign in instead of registering.",
            "If it was not you, you need not do anything.",
        ],
    };
    set(to, &page)
}

/// The second step of a login; good for ten minutes.
pub fn login_code(to: &str, code: &str) -> Letter {
    let page = Page {
        subject: "Your login code",
        before: &["Somebody signed in with your password. If it was you, this is the code:"],
        code: Some(code),
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
        after: &[
            "The code is good for ten minutes. Tell it to nobody: we never ask for it.",
            "If it was not you, end your sessions and change your password.",
        ],
    };
    set(to, &page)
}

#[cfg(test)]
mod tests {
    use super::login_code;

    #[test]
    fn a_letter_says_its_code_in_text_and_in_html() {
        let letter = login_code("ann@example.org", "123456");
        assert!(letter.text.contains("\n\n    123456\n\n"), "{}", letter.text);
        assert!(letter.html.contains(">123456</p>"), "{}", letter.html);
        assert!(letter.html.contains("<h1"), "{}", letter.html);
    }
}
