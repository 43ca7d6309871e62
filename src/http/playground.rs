//! `/playground`: the page where developers try the API, from files inside this program.
//!
//! `make playground` builds them into one pack, each file as it is and compressed. A
//! program that was compiled without them says what to run. Nothing of the page comes from
//! anywhere else, and its policy lets it load nothing else.

use std::{collections::HashMap, sync::Arc};

use askama::Template as _;
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use serde::Deserialize;

use super::negotiation;

/// What `web-playground/embed.rs` found; empty where nothing was built.
static PACK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/playground.pack"));

/// The page itself.
const INDEX: &str = "index.html";
/// A file whose name has its hash in it never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The page is asked for again each time, and answered with 304 while it is the same.
const ASK_AGAIN: &str = "no-cache";

/// Where the bytes of a file stand behind the index: how far in, and how many.
type Span = (usize, usize);

/// One file, as the index of the pack lists it.
#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    #[serde(rename = "type")]
    content_type: String,
    etag: String,
    immutable: bool,
    plain: Span,
    br: Span,
    gzip: Span,
}

#[derive(askama::Template)]
#[template(path = "unbuilt.html")]
struct Unbuilt;

/// The files of the page.
#[derive(Debug, Clone)]
pub struct Playground {
    files: Arc<HashMap<String, Entry>>,
    bodies: Bytes,
}

impl Playground {
    /// What this program was compiled with.
    pub fn embedded() -> Self {
        Self::read(Bytes::from_static(PACK)).expect("the pack is what its builder writes")
    }

    /// Reads a pack: four bytes say how long the index is; an empty one has no files.
    fn read(pack: Bytes) -> Option<Self> {
        if pack.is_empty() {
            return Some(Self { files: Arc::default(), bodies: pack });
        }
        let length = u32::from_be_bytes(pack.get(..4)?.try_into().ok()?);
        let behind = usize::try_from(length).ok()?.checked_add(4)?;
        let entries: Vec<Entry> = serde_json::from_slice(pack.get(4..behind)?).ok()?;
        let bodies = pack.slice(behind..);
        let fits =
            |(start, count): Span| start.checked_add(count).is_some_and(|end| end <= bodies.len());
        if !entries.iter().all(|entry| fits(entry.plain) && fits(entry.br) && fits(entry.gzip)) {
            return None;
        }
        let files = entries.into_iter().map(|entry| (entry.path.clone(), entry));
        Some(Self { files: Arc::new(files.collect()), bodies })
    }

    /// The page was there when this program was compiled.
    pub fn is_built(&self) -> bool {
        self.files.contains_key(INDEX)
    }

    fn answer(&self, path: &str, headers: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let Some(entry) = self.files.get(path) else {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        };
        let asked = headers.get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes);
        let same = asked.is_some_and(|asked| asked == entry.etag.as_bytes());
        let (span, encoding) = if negotiation::takes_encoding(headers, "br") {
            (entry.br, Some("br"))
        } else if negotiation::takes_encoding(headers, "gzip") {
            (entry.gzip, Some("gzip"))
        } else {
            (entry.plain, None)
        };
        if same {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(self.bodies.slice(span.0..span.0 + span.1));
        }
        let caching = if entry.immutable { FOR_EVER } else { ASK_AGAIN };
        let mut put = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        };
        put(header::CONTENT_TYPE, &entry.content_type);
        put(header::CACHE_CONTROL, caching);
        put(header::ETAG, &entry.etag);
        put(header::VARY, "accept-encoding");
        put(header::CONTENT_SECURITY_POLICY, &policy(headers));
        if let Some(encoding) = encoding {
            put(header::CONTENT_ENCODING, encoding);
        }
        response
    }
}

/// What the page may load and ask: its own files and this server alone. The editor writes
/// its own styles; no script but those files runs, and nothing is evaluated.
///
/// Some browsers do not count sockets of the same host as their own, so it is named.
fn policy(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:-[]".contains(c);
    let socket = if !host.is_empty() && host.chars().all(is_plain) {
        format!(" ws://{host}")
    } else {
        String::new()
    };
    format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'{socket}; \
         style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// `GET /playground`: the page, or what to run for it.
pub async fn page(State(playground): State<Playground>, headers: HeaderMap) -> Response<Body> {
    if playground.is_built() {
        return playground.answer(INDEX, &headers);
    }
    let page = Unbuilt.render().expect("a page of plain texts is always rendered");
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// `GET /playground/…`: one of its files.
pub async fn file(
    State(playground): State<Playground>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    playground.answer(&path, &headers)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
    use bytes::Bytes;

    use super::{Playground, State, page};

    fn pack() -> Vec<u8> {
        let index = br#"[{"path":"index.html","type":"text/html; charset=utf-8","etag":"\"x\"",
            "immutable":false,"plain":[0,5],"br":[5,2],"gzip":[7,1]}]"#;
        let length = u32::try_from(index.len()).unwrap().to_be_bytes();
        [&length[..], index, b"plainbrg"].concat()
    }

    fn told(
        playground: &Playground,
        name: header::HeaderName,
        value: &str,
    ) -> (StatusCode, String) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        let answer = playground.answer("index.html", &headers);
        let encoding = answer.headers().get(header::CONTENT_ENCODING);
        let encoding = encoding.map(|value| value.to_str().unwrap().to_owned());
        (answer.status(), encoding.unwrap_or_default())
    }

    #[test]
    fn a_file_comes_in_the_encoding_that_was_asked_for_and_once() {
        let playground = Playground::read(Bytes::from(pack())).unwrap();
        assert!(playground.is_built());
        for (accepted, encoding) in [
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("br;q=0, gzip", "gzip"),
            ("identity", ""),
            ("", ""),
        ] {
            let told = told(&playground, header::ACCEPT_ENCODING, accepted);
            assert_eq!(told, (StatusCode::OK, encoding.to_owned()), "{accepted}");
        }
        let known = told(&playground, header::IF_NONE_MATCH, "\"x\"");
        assert_eq!(known.0, StatusCode::NOT_MODIFIED);
        assert_eq!(
            playground.answer("nothing.js", &HeaderMap::new()).status(),
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn without_the_page_one_that_says_what_to_run_is_there() {
        let unbuilt = Playground::read(Bytes::new()).unwrap();
        let answer = page(State(unbuilt), HeaderMap::new()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("<code>make playground</code>"));
    }

    #[test]
    fn a_pack_that_is_cut_short_is_none_and_an_empty_one_has_no_page() {
        assert!(!Playground::read(Bytes::new()).unwrap().is_built());
        let whole = pack();
        for length in 1..whole.len() {
            assert!(Playground::read(Bytes::from(whole[..length].to_vec())).is_none(), "{length}");
        }
    }
}
