//! What brings a letter to its address: an SMTP server.

use std::{fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, SinglePart},
    transport::smtp::PoolConfig,
};

use super::letter::Letter;

/// How long one letter may take; the library's own limit covers connecting only.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);
/// Connections kept open to the server.
const CONNECTIONS_MAX: u32 = 4;

/// A letter was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// Worth another try: the server is away, slow or busy.
    #[error("the letter was not delivered yet: {0}")]
    Temporary(String),
    /// Not worth another try: the letter or its address is refused.
    #[error("the letter was refused: {0}")]
    Permanent(String),
}

/// The settings of a carrier are wrong: the rest of a sentence that begins with the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CarrierSettingError(String);

/// An SMTP server that takes our letters.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({})", self.from)
    }
}

impl Smtp {
    /// Says what is wrong with the settings, without a carrier for them.
    pub fn check(url: &str, from: &str) -> Result<(), CarrierSettingError> {
        let wrong =
            |error: &dyn fmt::Display| CarrierSettingError(format!("is not usable: {error}"));
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|error| wrong(&error))?;
        from.parse::<Mailbox>().map_err(|error| wrong(&error))?;
        Ok(())
    }

    /// A carrier for a URL such as `smtps://user:password@mail.example.org` or
    /// `smtp://127.0.0.1:2525`, sending as `from`.
    ///
    /// Must be called within the async runtime.
    pub fn from_url(url: &str, from: &str) -> Result<Self, CarrierSettingError> {
        let wrong =
            |error: &dyn fmt::Display| CarrierSettingError(format!("is not usable: {error}"));
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| wrong(&error))?
            .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX))
            .timeout(Some(DELIVERY_TIMEOUT))
            .build();
        let from = from.parse().map_err(|error| wrong(&error))?;
        Ok(Self { transport, from })
    }

    /// Hands the letter to the server, and answers when the server has taken it.
    pub async fn deliver(&self, letter: &Letter) -> Result<(), CarrierError> {
        let permanent = |error: &dyn fmt::Display| CarrierError::Permanent(error.to_string());
        let to: Mailbox = letter.to.parse().map_err(|error| permanent(&error))?;
        let message = Message::builder().from(self.from.clone()).to(to).subject(&letter.subject);
        let text = letter.text.clone();
        let message = if letter.html.is_empty() {
            message.singlepart(SinglePart::plain(text))
        } else {
            message.multipart(MultiPart::alternative_plain_html(text, letter.html.clone()))
        };
        let message = message.map_err(|error| permanent(&error))?;
        let sending = self.transport.send(message);
        match tokio::time::timeout(DELIVERY_TIMEOUT, sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_of_the_letter(&error) => {
                Err(CarrierError::Permanent(told(&error)))
            }
            Ok(Err(error)) => Err(CarrierError::Temporary(told(&error))),
            Err(_) => Err(CarrierError::Temporary("the server took too long".to_owned())),
        }
    }
}

/// What may be logged of a failure: a server's own words often have the address.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let answered = |code| format!("the server answered {code}");
    error.status().map_or_else(|| error.to_string(), answered)
}

/// The server refused this letter or its address for good.
///
/// Every other refusal (of our password, of our host) is of ourselves: somebody
/// will mend it, and until the letter expires it is worth another try.
fn is_of_the_letter(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    error.is_permanent() && matches!(code.as_deref(), Some("550" | "551" | "552" | "553"))
}
