//! The letters of the dialect financelime: plain text, in the language of the person.
//!
//! Mail filters know the subjects, which are those of the service that its clients were
//! written for.

use super::letter::Letter;
use crate::types::{
    clock::{Instant, show},
    language::Language,
};

/// Who came in, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'s> {
    /// When.
    pub at: Instant,
    /// What their device called itself.
    pub platform: Option<&'s str>,
    /// Where from.
    pub ip_address: &'s str,
    /// Where the dialect answers.
    pub public_url: &'s str,
}

fn letter(to: &str, subject: &str, paragraphs: &[&str]) -> Letter {
    let text = paragraphs.join("\n\n") + "\n\nTeller\n";
    Letter { to: to.to_owned(), subject: subject.to_owned(), text, html: String::new() }
}

/// The link that proves an address; good for 24 hours.
pub fn verify_email(language: Language, to: &str, link: &str) -> Letter {
    match language {
        Language::En => letter(
            to,
            "Please verify your email address",
            &[
                "Open this link to confirm your registration:",
                link,
                "It is good once, for 24 hours. A letter with your password follows.",
                "If you did not register, ignore this letter.",
            ],
        ),
        Language::Ru => letter(
            to,
            "Пожалуйста, подтвердите ваш email-адрес",
            &[
                "Откройте эту ссылку, чтобы подтвердить регистрацию:",
                link,
                "Она действует один раз, в течение 24 часов. Пароль придёт следующим письмом.",
                "Если вы не регистрировались, не обращайте внимания на это письмо.",
            ],
        ),
    }
}

/// The password that was made for a new customer.
pub fn first_password(language: Language, to: &str, password: &str) -> Letter {
    match language {
        Language::En => letter(
            to,
            "Your password to login Financelime",
            &[
                "Your registration is confirmed. This is your password:",
                password,
                "Keep it where nobody else sees it, and delete this letter.",
            ],
        ),
        Language::Ru => letter(
            to,
            "Ваш пароль для входа в Financelime",
            &[
                "Ваша регистрация подтверждена. Это ваш пароль:",
                password,
                "Храните его там, где его никто не увидит, и удалите это письмо.",
            ],
        ),
    }
}

/// Somebody came in by the password.
pub fn signed_in(language: Language, to: &str, seen: &Seen<'_>) -> Letter {
    let Seen { at, platform, ip_address, public_url } = seen;
    let at = show(*at);
    let reset = format!("{public_url}/v1/user/password");
    match language {
        Language::En => {
            let platform = platform.unwrap_or("unknown");
            let seen = format!("Time: {at} (UTC)\nPlatform: {platform}\nAddress: {ip_address}");
            let reset = format!(
                "If it was not you, reset your password at once: by the program that you sign in \
                with, which asks {reset} for it."
            );
            let said = ["Somebody logged in with your password.", &seen, &reset];
            letter(to, "You are logged into your account", &said)
        }
        Language::Ru => {
            let platform = platform.unwrap_or("неизвестна");
            let seen = format!("Время: {at} (UTC)\nПлатформа: {platform}\nАдрес: {ip_address}");
            let reset = format!(
                "Если это были не вы, немедленно сбросьте пароль в программе, через которую вы \
                входите: она запрашивает это по адресу {reset}."
            );
            let said = ["Выполнен вход с вашим паролем.", &seen, &reset];
            letter(to, "Вы вошли в свой аккаунт", &said)
        }
    }
}

/// The link that makes a new password; good for 15 minutes.
pub fn confirm_reset(language: Language, to: &str, ip_address: &str, link: &str) -> Letter {
    match language {
        Language::En => {
            let asked = format!(
                "Somebody at the address {ip_address} asked for a new password for you. If it was \
                you, open this link:"
            );
            let after = [
                "It is good once, for 15 minutes. A letter with the new password follows.",
                "If it was not you, ignore this letter: your password stays.",
            ];
            letter(to, "Please confirm password reset", &[&asked, link, after[0], after[1]])
        }
        Language::Ru => {
            let asked = format!(
                "С адреса {ip_address} запрошен новый пароль для вас. Если это были вы, откройте \
                эту ссылку:"
            );
            let after = [
                "Она действует один раз, в течение 15 минут. Новый пароль придёт следующим \
                    письмом.",
                "Если это были не вы, не обращайте внимания на это письмо: пароль не изменится.",
            ];
            let said = [&asked, link, after[0], after[1]];
            letter(to, "Пожалуйста, подтвердите сброс пароля", &said)
        }
    }
}

/// The password that was made in place of a lost one.
pub fn new_password(language: Language, to: &str, password: &str) -> Letter {
    match language {
        Language::En => letter(
            to,
            "Your new password to login Financelime",
            &[
                "Your password was reset, and all your sessions were ended. This is the new one:",
                password,
                "Keep it where nobody else sees it, and delete this letter.",
            ],
        ),
        Language::Ru => letter(
            to,
            "Ваш новый пароль для входа в Financelime",
            &[
                "Ваш пароль сброшен, все ваши сеансы завершены. Это новый пароль:",
                password,
                "Храните его там, где его никто не увидит, и удалите это письмо.",
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, first_password, new_password, signed_in, verify_email};
    use crate::types::language::Language;

    #[test]
    fn a_password_stands_alone_on_a_line_and_in_no_subject() {
        for language in [Language::En, Language::Ru] {
            for made in [first_password, new_password] {
                let letter = made(language, "ann@example.org", "k0v2m8q1x7z4t3w9");
                assert!(letter.text.lines().any(|line| line == "k0v2m8q1x7z4t3w9"));
                assert!(!letter.subject.contains("k0v2"), "{}", letter.subject);
            }
        }
    }

    #[test]
    fn a_letter_is_in_the_language_of_its_person() {
        let link = "http://127.0.0.1:8080/u/abcefghijkmnopq2?rid=K7800-H7625-Z5852-N1693-K1972";
        let english = verify_email(Language::En, "ann@example.org", link);
        assert_eq!(english.subject, "Please verify your email address");
        let russian = verify_email(Language::Ru, "ann@example.org", link);
        assert_eq!(russian.subject, "Пожалуйста, подтвердите ваш email-адрес");
        for letter in [english, russian] {
            assert!(letter.text.lines().any(|line| line == link), "{}", letter.text);
        }
    }

    #[test]
    fn a_login_is_told_with_its_time_platform_and_address() {
        let at = "2026-11-21T10:00:00Z".parse().unwrap();
        let public_url = "https://api.example.org";
        let seen = Seen { at, platform: Some("Linux x86_64"), ip_address: "192.0.2.7", public_url };
        for language in [Language::En, Language::Ru] {
            let text = signed_in(language, "ann@example.org", &seen).text;
            for part in ["2026-11-21T10:00:00.000000Z", "Linux x86_64", "192.0.2.7", public_url] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}
