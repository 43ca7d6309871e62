//! `/docs`: the OpenAPI documents of the legacy dialects, and Swagger UI to read and try them.
//!
//! Everything that the page loads comes from this server, below a path that changes with
//! what is in it, so that browsers may keep it for good.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use askama::Template as _;
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use utoipa_swagger_ui::Config;

use crate::compat::{
    openapi,
    wire::{dialect::Dialect, doors::Settings},
};

/// What the page may load, and that nobody may frame it. The one style that is named by its
/// hash stands in Swagger UI's logo.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file that the page loads.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: Bytes,
}

/// All of them, and what their path is called by.
struct Assets {
    files: Vec<Asset>,
    version: String,
}

/// A file of Swagger UI, which is part of this program.
fn vendored(name: &'static str, content_type: &'static str) -> Asset {
    let config: Arc<Config<'static>> = Arc::new(Config::from("/docs"));
    let file = utoipa_swagger_ui::serve(name, config);
    let file = file.ok().flatten().expect("Swagger UI has its own files");
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Asset { name, content_type, bytes }
}

/// A file of ours.
fn own(name: &'static str, content_type: &'static str, text: &'static str) -> Asset {
    Asset { name, content_type, bytes: Bytes::from_static(text.as_bytes()) }
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let files = vec![
        vendored("favicon-32x32.png", "image/png"),
        vendored("swagger-ui.css", CSS),
        vendored("swagger-ui-bundle.js", SCRIPT),
        vendored("swagger-ui-standalone-preset.js", SCRIPT),
        own("docs.css", CSS, include_str!("pages/docs.css")),
        own("docs.js", SCRIPT, include_str!("pages/docs.js")),
    ];
    let mut hash = Sha256::new();
    for file in &files {
        hash.update(file.name.as_bytes());
        hash.update(&file.bytes);
    }
    let version = hex::encode(&hash.finalize()[..8]);
    Assets { files, version }
});

/// A document as it is sent.
#[derive(Debug, Clone)]
struct Document {
    dialect: Dialect,
    text: Bytes,
}

#[derive(askama::Template)]
#[template(path = "docs.html")]
struct Page<'p> {
    assets: &'p str,
    names: &'p [&'p str],
}

/// The documents of all dialects.
static DOCUMENTS: LazyLock<[Document; Dialect::ALL.len()]> = LazyLock::new(|| {
    Dialect::ALL.map(|dialect| Document { dialect, text: Bytes::from(openapi::text(dialect)) })
});

/// The routes, over the documents of the dialects that answer here.
pub fn routes(settings: &Settings) -> Router {
    let open = DOCUMENTS.iter().filter(|document| settings.open.contains(&document.dialect));
    let documents: Arc<[Document]> = open.cloned().collect();
    Router::new()
        .route("/docs", get(page))
        .route("/docs/", get(page))
        .route("/docs/{file}", get(document_file))
        .route("/docs/assets/{version}/{file}", get(asset))
        .with_state(documents)
}

fn answer(content_type: &'static str, cache: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// There is no such page.
fn nowhere() -> Response<Body> {
    let body = Bytes::from_static(br#"{"detail":"Not Found"}"#);
    let mut response = answer("application/json", "no-store", body);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// `GET /docs`
async fn page(State(documents): State<Arc<[Document]>>) -> Response<Body> {
    if documents.is_empty() {
        return nowhere();
    }
    let names: Vec<&str> = documents.iter().map(|document| document.dialect.name()).collect();
    let assets = format!("/docs/assets/{}", ASSETS.version);
    let page = Page { assets: &assets, names: &names }.render();
    let page = page.expect("a page of plain texts is always rendered");
    let mut response = answer(HTML, "no-cache", Bytes::from(page));
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// `GET /docs/DIALECT.json`
async fn document_file(
    State(documents): State<Arc<[Document]>>,
    Path(file): Path<String>,
) -> Response<Body> {
    let dialect = file.strip_suffix(".json").and_then(Dialect::named);
    let found = documents.iter().find(|document| Some(document.dialect) == dialect);
    match found {
        Some(document) => answer("application/json", "no-cache", document.text.clone()),
        None => nowhere(),
    }
}

/// `GET /docs/assets/VERSION/FILE`
async fn asset(Path((version, file)): Path<(String, String)>) -> Response<Body> {
    let found = ASSETS.files.iter().find(|asset| asset.name == file);
    match found.filter(|_| version == ASSETS.version) {
        Some(asset) => {
            answer(asset.content_type, "public, max-age=31536000, immutable", asset.bytes.clone())
        }
        None => nowhere(),
    }
}
