//! The letters of the dialect card-bank. Its clients look for a code in the element whose
//! class is `code`.

use askama::Template as _;

use super::{
    letter::Letter,
    templates::{Page, set},
};

/// A letter whose code a program can find.
#[derive(askama::Template)]
#[template(path = "code.html")]
struct CodePage<'c> {
    subject: &'c str,
    heading: &'c str,
    code: &'c str,
    after: &'c [&'c str],
}

fn coded(to: &str, page: &CodePage<'_>) -> Letter {
    let CodePage { subject, heading, code, after } = page;
    let after = after.join("\n\n");
    let text = format!("{heading}\n\n    {code}\n\n{after}\n\nTeller\n");
    let html = page.render().expect("a page of plain texts is always rendered");
    Letter { to: to.to_owned(), subject: (*subject).to_owned(), text, html }
}

/// The code that proves an address at registration; good for 24 hours.
pub fn verify_email(to: &str, code: &str) -> Letter {
    let page = CodePage {
        subject: "Email Verification",
        heading: "Your confirmation code",
        code,
        after: &[
            "The code is good for 24 hours.",
            "If you did not ask for an account, ignore this letter.",
        ],
    };
    coded(to, &page)
}

/// The second step of a login; good for ten minutes.
pub fn login_code(to: &str, code: &str) -> Letter {
    let page = CodePage {
        subject: "Login 2FA code",
        heading: "Your login confirmation code",
        code,
        after: &[
            "The code is good for ten minutes. Tell it to nobody: we never ask for it.",
            "If it was not you, change your password.",
        ],
    };
    coded(to, &page)
}

/// The link for a new password, to a front end where there is one, else to a page of this
/// server; good for an hour.
pub fn password_reset(
    to: &str,
    token: &str,
    frontend_url: Option<&str>,
    public_url: &str,
) -> Letter {
    let link = match frontend_url {
        Some(url) => format!("{}/reset?token={token}", url.trim_end_matches('/')),
        None => format!("{public_url}/compat/card-bank/reset?token={token}"),
    };
    let page = Page {
        subject: "Password reset",
        before: &["Somebody asked for a new password for you. If it was you, follow this link:"],
        code: None,
        token: None,
        link: Some(&link),
        after: &[
            "It is good once, for one hour.",
            "If it was not you, ignore this letter: your password stays.",
        ],
    };
    set(to, &page)
}

#[cfg(test)]
mod tests {
    use super::{login_code, password_reset, verify_email};

    #[test]
    fn a_program_finds_the_code_in_its_element() {
        for (letter, subject, heading) in [
            (verify_email("a@b.org", "A1B2C3D4"), "Email Verification", "Your confirmation code"),
            (login_code("a@b.org", "A1B2C3D4"), "Login 2FA code", "Your login confirmation code"),
        ] {
            assert_eq!(letter.subject, subject);
            assert!(letter.html.contains("<div class=\"code\">A1B2C3D4</div>"), "{}", letter.html);
            for text in [&letter.html, &letter.text] {
                assert!(text.contains(heading), "{text}");
            }
            assert!(letter.text.contains("\n    A1B2C3D4\n"), "{}", letter.text);
        }
    }

    #[test]
    fn a_link_leads_to_the_front_end_or_to_our_own_page() {
        let public = "https://api.bank.org";
        for (front, link) in [
            (Some("https://bank.org/"), "https://bank.org/reset?token=t0k-en"),
            (None, "https://api.bank.org/compat/card-bank/reset?token=t0k-en"),
        ] {
            let letter = password_reset("a@b.org", "t0k-en", front, public);
            assert!(letter.html.contains(&format!("<a href=\"{link}\"")), "{}", letter.html);
            assert!(letter.text.contains(&format!("\n    {link}\n")), "{}", letter.text);
        }
    }
}
