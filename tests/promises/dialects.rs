//! What holds for all legacy dialects: whose path is whose, switches, counters, origins.

use axum::{Router, extract::connect_info::MockConnectInfo};
use std::net::SocketAddr;
use teller::{
    compat::wire::{
        dialect::Dialect,
        doors::{Doors, Settings},
    },
    http::{document_cache, graphql::Graphql, router},
};

use tower::ServiceExt as _;

use crate::support::{
    bank::{TestBank, each_database},
    wire::Check,
};

/// The bank's routes with dialects as an operator has set them.
pub fn with_doors(bank: &TestBank, settings: Settings) -> (Router, Doors) {
    let doors = Doors::new(bank.bank.clone(), settings);
    let transport = Graphql::new(bank.bank.clone(), document_cache::BYTES_MAX);
    let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
    let router = router::with_doors(transport, doors.clone()).layer(MockConnectInfo(peer));
    (router, doors)
}

async fn status(router: &Router, method: &str, path: &str) -> (u16, String) {
    let method = method.parse().expect("a method");
    let request = TestBank::request(method, path).header("user-agent", "okhttp/4.9.1");
    let request = request.body(axum::body::Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("the router never fails");
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

const NOWHERE: &str = r#"{"detail":"Not Found"}"#;

#[tokio::test]
async fn a_path_of_nobody_is_told_in_one_shape_and_redirects_nowhere() {
    each_database(async |bank| {
        for path in
            ["/nothing", "/api", "/api/nothing", "/compat/", "/compat/nobody/x", "/API/topup"]
        {
            Check::new("GET", path)
                .gets("content-type", "application/json")
                .gets_no("deprecation")
                .gets_no("location")
                .expect(bank, 404, NOWHERE)
                .await;
        }
        // A path with and without its slash is one, and answered directly.
        for path in ["/api/topup", "/api/topup/", "/compat/ewallet/api/topup/"] {
            Check::new("POST", path)
                .gets_no("location")
                .expect(bank, 401, "{\"msg\":\"Missing cookie \\\"access_token_cookie\\\"\"}\n")
                .await;
        }
        let told = r#"{"detail":"Authentication credentials were not provided."}"#;
        for path in
            ["/api/users/settings", "/api/users/settings/", "/compat/accounts/api/users/settings"]
        {
            Check::new("GET", path).gets_no("location").expect(bank, 401, told).await;
        }
        // Below its own prefix a dialect knows no path of another.
        Check::new("POST", "/compat/accounts/api/topup")
            .expect(bank, 404, r#"{"detail":"Not found."}"#)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_dialect_that_is_switched_off_is_an_unknown_path() {
    each_database(async |bank| {
        let settings = Settings { open: vec![Dialect::Accounts], ..Settings::default() };
        let (router, _) = with_doors(bank, settings);
        for path in ["/token/auth", "/compat/ewallet/token/auth", "/api/topup"] {
            assert_eq!(status(&router, "POST", path).await, (404, NOWHERE.to_owned()), "{path}");
        }
        assert_eq!(status(&router, "GET", "/").await, (404, NOWHERE.to_owned()));
        assert_eq!(status(&router, "GET", "/api/users/settings/").await.0, 401);
        let settings = Settings { open: Vec::new(), ..Settings::default() };
        let (router, _) = with_doors(bank, settings);
        assert_eq!(status(&router, "GET", "/api/users/settings/").await.0, 404);
    })
    .await;
}

#[tokio::test]
async fn calls_are_counted_by_route_and_client() {
    each_database(async |bank| {
        let (router, doors) = with_doors(bank, Settings::default());
        for _ in 0..2 {
            status(&router, "POST", "/token/remove/").await;
        }
        status(&router, "GET", "/api/users/settings/").await;
        status(&router, "GET", "/token/remove").await;
        status(&router, "GET", "/nothing").await;
        let counted: Vec<(String, u64)> = doors
            .usage
            .all()
            .into_iter()
            .map(|(used, count)| {
                let dialect = used.dialect.name();
                (format!("{dialect} {} {} {}", used.method, used.path, used.client), count)
            })
            .collect();
        let row = |text: &str, count| (text.to_owned(), count);
        assert_eq!(
            counted,
            [
                row("accounts GET /api/users/settings/ okhttp", 1),
                row("ewallet POST /token/remove okhttp", 2),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn every_answer_of_a_dialect_says_that_it_is_old_and_names_its_request() {
    each_database(async |bank| {
        let settings = Settings { deprecated_at: 7, ..Settings::default() };
        let (router, _) = with_doors(bank, settings);
        for (method, path) in [
            ("POST", "/token/remove"),
            ("GET", "/token/x"),
            ("GET", "/token/auth"),
            ("GET", "/api/users/settings/"),
        ] {
            let request = TestBank::request(method.parse().expect("a method"), path);
            let request = request.body(axum::body::Body::empty()).expect("a request");
            let answer = router.clone().oneshot(request).await.expect("the router never fails");
            let header = |name: &str| {
                answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
            };
            assert_eq!(header("deprecation"), "@7", "{path}");
            assert_eq!(header("link"), "</docs>; rel=\"deprecation\"", "{path}");
            assert_eq!(header("x-request-id").len(), 26, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_of_allowed_origins_read_what_their_dialect_shares() {
    each_database(async |bank| {
        let allowed = "http://localhost:3000";
        let denied = r#"{"detail":"Authentication credentials were not provided."}"#;
        let settings =
            |origin: &str| Check::new("GET", "/api/users/settings/").header("origin", origin);
        settings(allowed)
            .gets("access-control-allow-origin", allowed)
            .gets("vary", "Accept | Origin")
            .gets_no("access-control-allow-credentials")
            .expect(bank, 401, denied)
            .await;
        for foreign in ["null", "https://evil.example.org", "*"] {
            settings(foreign)
                .gets_no("access-control-allow-origin")
                .gets_no("access-control-allow-credentials")
                .expect(bank, 401, denied)
                .await;
        }
        let preflight = |path: &str, origin: &str| {
            Check::new("OPTIONS", path)
                .header("origin", origin)
                .header("access-control-request-method", "PATCH")
        };
        preflight("/api/users/settings/", allowed)
            .gets("access-control-allow-origin", allowed)
            .gets("access-control-allow-methods", "GET, PUT, PATCH")
            .gets("access-control-max-age", "600")
            .expect(bank, 200, "")
            .await;
        preflight("/api/users/settings/", "null")
            .gets_no("access-control-allow-origin")
            .gets_no("access-control-allow-methods")
            .expect(bank, 200, "")
            .await;
        // The cookies of ewallet are for pages of its own origin.
        for check in [
            preflight("/api/topup", allowed),
            Check::new("OPTIONS", "/api/topup").header("origin", allowed),
        ] {
            check
                .gets_no("access-control-allow-origin")
                .gets("allow", "OPTIONS, POST")
                .expect(bank, 200, "")
                .await;
        }
    })
    .await;
}
