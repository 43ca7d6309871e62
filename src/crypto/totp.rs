//! Time-based one-time codes (RFC 6238): SHA-1, six digits, steps of 30 seconds, which is
//! what every authenticator can do.

use totp_rs::{Builder, Secret as Key, Totp};

use crate::types::{clock::Instant, entropy, entropy::Entropy, secret::Secret};

/// Bytes of a secret, as RFC 4226 recommends.
const SECRET_LENGTH: usize = 20;
/// Steps before and after the present one whose codes are taken: clocks differ.
const SKEW: u16 = 1;
/// What authenticators show above the codes.
const ISSUER: &str = "Teller";

/// What an authenticator must know to begin.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The secret in base 32, to be typed.
    pub secret: Secret,
    /// The same as a link, to be shown as a picture.
    pub url: Secret,
}

/// A stored secret is none: it has too few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an authenticator's secret is not usable")]
pub struct UnusableSecret;

/// A fresh secret.
pub fn draw(entropy: &dyn Entropy) -> [u8; SECRET_LENGTH] {
    entropy::bytes(entropy)
}

fn totp(secret: &[u8], account: &str) -> Result<Totp, UnusableSecret> {
    let key = Key::new(secret.into());
    let builder = Builder::new().with_secret(key).with_skew(SKEW).with_issuer(Some(ISSUER));
    builder.with_account_name(account).build().map_err(|_| UnusableSecret)
}

/// What the authenticator of an account must know.
pub fn enrolment(secret: &[u8], account: &str) -> Result<Enrolment, UnusableSecret> {
    let totp = totp(secret, account)?;
    let url = totp.to_url().map_err(|_| UnusableSecret)?;
    Ok(Enrolment { secret: Secret::new(totp.secret().to_base32()), url: Secret::new(url) })
}

/// The time step of which this is the code, among the present one and its neighbours.
pub fn step(secret: &[u8], code: &str, now: Instant) -> Result<Option<i64>, UnusableSecret> {
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    let step = totp(secret, "")?.check(code.trim(), seconds);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{enrolment, step};
    use crate::types::clock::Instant;

    /// The secret of RFC 6238's examples.
    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // 287082 is the end of 94287082, the example for 59 seconds: the second step.
        let at = |seconds| Instant::from_timestamp(seconds, 0).unwrap();
        assert_eq!(step(SECRET, "287082", at(59)), Ok(Some(1)));
        assert_eq!(step(SECRET, "050471", at(1_111_111_111)), Ok(Some(37_037_037)));
        assert_eq!(step(SECRET, "050472", at(1_111_111_111)), Ok(None));
    }

    #[test]
    fn a_code_is_good_in_its_step_and_the_ones_beside_it() {
        let within = Instant::from_timestamp(59, 0).unwrap();
        for (seconds, fits) in [(-30, true), (0, true), (30, true), (31, false), (90, false)] {
            let found = step(SECRET, "287082", within + Duration::seconds(seconds));
            assert_eq!(found.unwrap().is_some(), fits, "{seconds}");
        }
        for code in ["", "28708", "2870820", "28708x", "+28708"] {
            assert_eq!(step(SECRET, code, within), Ok(None), "{code}");
        }
    }

    #[test]
    fn an_authenticator_is_told_whose_codes_they_are() {
        let told = enrolment(SECRET, "ann@example.org").unwrap();
        assert_eq!(told.secret.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let url = told.url.expose();
        assert!(url.starts_with("otpauth://totp/Teller:ann"), "{url}");
        assert!(url.contains("issuer=Teller") && url.contains("secret=GEZD"), "{url}");
        assert!(enrolment(b"short", "ann@example.org").is_err());
    }
}
