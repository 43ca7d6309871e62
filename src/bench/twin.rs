//! The plain JSON twin: what `{ me { firstName cards { last4 balance { available
//! { amount } } } } }` costs where nobody speaks GraphQL.
//!
//! It is the same program with the same allocator, runtime, pool, HTTP library and
//! token check (and so the same memory of sessions), and answers with the same
//! members. `/me` reads the same rows by as many statements as the product may have,
//! one for each noun in one snapshot; `/me-joined` by one joined statement.

use std::{io::Write, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    routing::get,
    serve::ListenerExt as _,
};
use serde::Serialize;

use crate::{
    app,
    app::AppError,
    bank::{context::Bank, permit::Visitor, session},
    config::checked::Config,
    db::error::DbError,
    domain::session::Facade,
    types::{
        id,
        id::{AccountId, UserId},
        money::{Currency, Minor, Money},
    },
};

const PERSON: &str = "SELECT first_name FROM users WHERE user_id = $1";

const ACCOUNTS: &str = "
    SELECT a.account_id, a.currency, b.posted, b.held, b.overdraft_limit
    FROM accounts a JOIN balances b ON b.account_id = a.account_id
    WHERE a.owner_id = $1 AND a.kind = 'CARD' AND b.status <> 'CLOSED'
    ORDER BY a.created_at, a.account_id";

const CARDS: &str = "SELECT account_id, last4 FROM cards WHERE account_id IN ($1..)";

const JOINED: &str = "
    SELECT u.first_name, c.last4, a.currency, b.posted, b.held, b.overdraft_limit
    FROM users u
    JOIN accounts a ON a.owner_id = u.user_id AND a.kind = 'CARD'
    JOIN balances b ON b.account_id = a.account_id AND b.status <> 'CLOSED'
    JOIN cards c ON c.account_id = a.account_id
    WHERE u.user_id = $1
    ORDER BY a.created_at, a.account_id";

/// The answer, in the shape of the GraphQL one.
#[derive(Serialize)]
struct Answer {
    data: Data,
}

#[derive(Serialize)]
struct Data {
    me: Me,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Me {
    first_name: Option<String>,
    cards: Vec<Card>,
}

#[derive(Serialize)]
struct Card {
    last4: String,
    balance: Balance,
}

#[derive(Serialize)]
struct Balance {
    available: Amount,
}

#[derive(Serialize)]
struct Amount {
    amount: String,
}

/// Why there is no answer.
enum Fault {
    Stranger,
    Broken,
}

impl From<DbError> for Fault {
    fn from(_: DbError) -> Self {
        Self::Broken
    }
}

type Told = Result<([(HeaderName, &'static str); 1], Vec<u8>), StatusCode>;

fn card(last4: String, currency: &str, (posted, held, limit): (i64, i64, i64)) -> Option<Card> {
    let available = Money::new(Minor(posted - held + limit), Currency::parse(currency)?);
    Some(Card { last4, balance: Balance { available: Amount { amount: available.decimal() } } })
}

async fn user(bank: &Bank, headers: &HeaderMap) -> Result<UserId, Fault> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Fault::Stranger)?;
    let visitor = Visitor {
        ip_address: String::new(),
        user_agent: None,
        request_id: id::encode(id::fresh(bank.clock.as_ref(), bank.entropy.as_ref())),
    };
    let permit = session::authenticate(bank, Facade::Graphql, token, &visitor).await;
    permit.map(|permit| permit.user_id).map_err(|_| Fault::Stranger)
}

async fn read(bank: &Bank, headers: &HeaderMap) -> Result<Me, Fault> {
    let user_id = user(bank, headers).await?;
    let mut s = bank.db.read().await?;
    let first_name: Option<String> = s.query(PERSON).bind(user_id).scalar().await?;
    let accounts: Vec<(AccountId, String, i64, i64, i64)> =
        s.query(ACCOUNTS).bind(user_id).all().await?;
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.0).collect();
    let plastic: Vec<(AccountId, String)> = s.query(CARDS).bind_list(&ids).all().await?;
    let cards = accounts.into_iter().filter_map(|(id, currency, posted, held, limit)| {
        let (_, last4) = plastic.iter().find(|card| card.0 == id)?;
        card(last4.clone(), &currency, (posted, held, limit))
    });
    Ok(Me { first_name, cards: cards.collect() })
}

async fn read_joined(bank: &Bank, headers: &HeaderMap) -> Result<Me, Fault> {
    type Row = (Option<String>, String, String, i64, i64, i64);
    let user_id = user(bank, headers).await?;
    let mut s = bank.db.read().await?;
    let rows: Vec<Row> = s.query(JOINED).bind(user_id).all().await?;
    let first_name = rows.first().and_then(|row| row.0.clone());
    let cards = rows.into_iter().filter_map(|(_, last4, currency, posted, held, limit)| {
        card(last4, &currency, (posted, held, limit))
    });
    Ok(Me { first_name, cards: cards.collect() })
}

fn tell(read: Result<Me, Fault>) -> Told {
    let me = read.map_err(|fault| match fault {
        Fault::Stranger => StatusCode::UNAUTHORIZED,
        Fault::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    })?;
    let body = serde_json::to_vec(&Answer { data: Data { me } });
    let body = body.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body))
}

async fn me(State(bank): State<Arc<Bank>>, headers: HeaderMap) -> Told {
    tell(read(&bank, &headers).await)
}

async fn me_joined(State(bank): State<Arc<Bank>>, headers: HeaderMap) -> Told {
    tell(read_joined(&bank, &headers).await)
}

/// Serves until the process is ended; says where, as the real server does.
pub async fn serve(config: &Config, out: &mut impl Write) -> Result<(), AppError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |source| AppError::Io { what, source }
    };
    let bank = app::assemble(config, app::open_existing_database(config).await?)?;
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(io("listening"))?;
    let address: SocketAddr = listener.local_addr().map_err(io("the listening socket"))?;
    let terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    let mut terminated = terminated.map_err(io("a signal"))?;
    writeln!(out, "  listening on  http://{address}").map_err(io("standard output"))?;
    out.flush().map_err(io("standard output"))?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let router = Router::new()
        .route("/me", get(me))
        .route("/me-joined", get(me_joined))
        .with_state(Arc::new(bank));
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        terminated.recv().await;
    });
    server.await.map_err(io("the twin"))
}
