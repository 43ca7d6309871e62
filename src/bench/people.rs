//! The people of a run, made in this process by the use cases that `teller seed` has.
//!
//! Over the API each would wait for a letter; here all letters of a group are
//! drained at once. What takes the time is the hash of each one's password.

use std::sync::Arc;

use tokio::{sync::Notify, task::JoinSet};

use super::{
    error::{BenchError, unexpected},
    place::{Home, Place},
};
use crate::{
    app,
    bank::{
        context::{Bank, PostOffice},
        outbox,
    },
    crypto::{keyring::Keyring, token, token::Access},
    domain::session::Facade,
    seed::{people as seed, people::Person},
    types::{
        clock::{Clock as _, SystemClock},
        id,
        id::{AccountId, SessionId, UserId},
    },
};

/// People who are made together: fewer than may wait for a password's hash.
const TOGETHER: usize = 32;
/// What everybody has to spend. A transfer is one cent.
const SALARY: &str = "10000.00";

/// A signed-in person with one card.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The person.
    pub user_id: UserId,
    /// Their session.
    pub session_id: SessionId,
    /// Their card.
    pub card: AccountId,
}

impl Caller {
    /// The card's id as clients see it.
    pub fn card_id(&self) -> String {
        format!("card_{}", id::encode(self.card.uuid()))
    }

    /// An access token that is good for ten minutes from now on.
    pub fn token(&self, ring: &Keyring) -> String {
        let now = SystemClock.now();
        let access = Access {
            user_id: self.user_id,
            session_id: self.session_id,
            expires_at: now + Facade::Graphql.access_life(),
        };
        token::sign(ring, Facade::Graphql.audience(), &access, now)
    }
}

/// What one of them says of themselves.
struct Newcomer {
    email: String,
    first_name: String,
    phone: String,
    social_security: String,
}

impl Newcomer {
    fn new(number: u32) -> Self {
        Self {
            email: format!("person{number}@example.org"),
            first_name: "Ann".to_owned(),
            phone: format!("+1202555{number:04}"),
            social_security: format!("078-05-{number:04}"),
        }
    }

    fn person(&self) -> Person<'_> {
        Person {
            email: &self.email,
            first_name: &self.first_name,
            last_name: "Lee",
            phone: &self.phone,
            social_security: &self.social_security,
        }
    }
}

/// Makes a bank with so many people in an empty database, and leaves it.
pub async fn make(place: &Place, home: &Home, count: u32) -> Result<Vec<Caller>, BenchError> {
    let config = place.config(home)?;
    let bank = app::open(&config).await?;
    let post_office = PostOffice {
        captures: true,
        smtp: None,
        frontend_url: None,
        wake: Arc::new(Notify::new()),
    };
    let bank = Bank { post_office, ..bank };
    let numbers: Vec<u32> = (1..=count).collect();
    let mut callers = Vec::new();
    for group in numbers.chunks(TOGETHER) {
        for number in group {
            seed::register(&bank, &Newcomer::new(*number).person()).await?;
        }
        while outbox::drain(&bank).await? > 0 {}
        let mut settling = JoinSet::new();
        for number in group.iter().copied() {
            let bank = bank.clone();
            settling.spawn(async move {
                seed::settle(&bank, &Newcomer::new(number).person(), SALARY).await
            });
        }
        while let Some(settled) = settling.join_next().await {
            let settled = settled.map_err(|_| unexpected("a person could not be made"))??;
            let (permit, card) = settled.ok_or_else(|| unexpected("a person was there before"))?;
            callers.push(Caller {
                user_id: permit.user_id,
                session_id: permit.session_id,
                card: card.account.account_id,
            });
        }
    }
    bank.db.close().await;
    // In the order in which the peers number them.
    callers.sort_by_key(|caller| caller.card);
    Ok(callers)
}
