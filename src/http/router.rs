//! All routes on one page.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, header},
    middleware,
    routing::{get, post},
};

use tower_cookies::CookieManagerLayer;

use super::{
    cors, docs, document_cache, file,
    file::Counter,
    graphql,
    graphql::Graphql,
    health, home, host, inbox, legacy,
    legacy::Old,
    live::{socket, stream},
    metrics,
    metrics::{Counted, Readers, Sights},
    playground,
    playground::Playground,
    sandbox as tools, tally,
    web::Web,
};
use crate::{
    bank::context::Bank,
    compat::wire::doors::{Doors, Settings},
    types::secret::Secret,
};

/// The whole server.
///
/// It must be served with the peer's address (`ConnectInfo<SocketAddr>`), which
/// stands in sessions and limits.
pub fn router(bank: Bank, web: Web) -> Router {
    with_transport(Graphql { web, ..Graphql::new(bank, document_cache::BYTES_MAX) })
}

/// The whole server over a transport whose figures the caller wants to read.
pub fn with_transport(transport: Graphql) -> Router {
    let doors = Doors::new(transport.bank.clone(), Settings::default());
    with_doors(transport, doors)
}

/// The whole server over a transport, with old doors as the operator has set them.
pub fn with_doors(transport: Graphql, doors: Doors) -> Router {
    with_figures(transport, doors, None)
}

/// Who reads the figures where everybody else is served.
pub struct Figures {
    /// What was counted.
    pub counted: Counted,
    /// What a reader must show.
    pub token: Option<Secret>,
}

/// The same, with figures for whoever may read them here.
pub fn with_figures(transport: Graphql, doors: Doors, figures: Option<Figures>) -> Router {
    let (pulse, tally) = (transport.bank.pulse.clone(), transport.tally.clone());
    let sights = Sights {
        bank: transport.bank.clone(),
        crowd: transport.open.crowd.clone(),
        usage: doors.usage.clone(),
    };
    let bank = transport.bank.clone();
    let sandbox = bank.rules.sandbox;
    let web = transport.web.clone();
    let cors = cors::layer(&web);
    let https = web.https;
    // Front ends and everybody who speaks GraphQL.
    let mut router = Router::new()
        .route("/graphql", get(socket::get).post(graphql::post))
        // Who can only read: browsers' EventSource, and whatever stands behind old proxies.
        .route("/graphql/stream", get(stream::get).post(stream::post))
        .with_state(Arc::new(transport));
    // Front ends, which bring files and show them.
    let files = Router::new()
        .route("/files", post(file::post))
        .route("/files/{name}", get(file::get))
        .with_state(Counter { bank: bank.clone(), web: web.clone() });
    router = router.merge(files).layer(CookieManagerLayer::new());
    if sandbox {
        // Developers, who read the letters of their own sandbox and move its clock.
        let dev = Router::new()
            .route("/dev/inbox", get(inbox::get))
            .route("/dev/clock", get(tools::show_clock).post(tools::move_clock))
            .route("/dev/amounts", get(tools::amounts))
            .with_state(bank);
        // Developers, who try the API out.
        let playground = Router::new()
            .route("/playground", get(playground::page))
            .route("/playground/", get(playground::page))
            .route("/playground/{*path}", get(playground::file))
            .with_state(Playground::embedded());
        router = router.merge(dev).merge(playground);
    }
    router = router.layer(cors);
    // Developers whose clients speak one of the legacy APIs.
    router = router.merge(docs::routes(&doors.settings));
    // Clients of the five legacy APIs; also whoever asks for a path that is nobody's.
    let web = if sandbox { web.and(legacy::OF_DEVELOPERS) } else { web };
    let old = Router::new()
        // And people, who look what is here.
        .route("/", get(home::get).fallback(legacy::serve))
        .fallback(legacy::serve)
        .with_state(Old { doors, web });
    router = router.merge(old);
    if let Some(Figures { counted, token }) = figures {
        router = router.merge(metrics::routes(Readers { counted, sights, token }));
    }
    if sandbox {
        router = router.layer(middleware::from_fn(host::require_loopback));
    }
    // What starts and watches the process, by whatever name it reaches it.
    router = router.merge(health::routes(pulse));
    router = router.layer(middleware::from_fn_with_state(tally, tally::count));
    router.layer(middleware::map_response(move |response| guarded(response, https)))
}

/// What an answer may load and who may frame it, where it says nothing itself.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// For a year browsers come by TLS alone.
const BY_TLS: &str = "max-age=31536000";

/// What every answer carries, and where clients come by https alone, that they shall.
async fn guarded(response: Response<Body>, https: bool) -> Response<Body> {
    let mut response = guard(response).await;
    if https {
        let by_tls = HeaderValue::from_static(BY_TLS);
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, by_tls);
    }
    response
}

/// What every answer carries.
pub async fn guard(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::REFERRER_POLICY)
        .or_insert_with(|| HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert_with(|| HeaderValue::from_static("no-store"));
    response
}
