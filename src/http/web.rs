//! What browsers are told apart by: the origins whose pages may use this server.

use std::{net::SocketAddr, sync::Arc};

use axum::http::{HeaderMap, HeaderValue, header};
use url::Url;

/// Where the page that sends a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nothing is said: no browser, or a page of ours that only reads.
    Absent,
    /// An allowed one.
    Allowed,
    /// Any other, `null` among them.
    Foreign,
}

/// What an operator has set of browsers.
#[derive(Debug, Clone, Default)]
pub struct Web {
    origins: Arc<[HeaderValue]>,
    /// Cookies have the names and attributes of a server behind TLS.
    pub secure: bool,
    /// Clients reach the server by https alone, and are told to stay with it.
    pub https: bool,
}

/// The origin of a URL of the web, as browsers write it.
fn origin(url: &str) -> Option<HeaderValue> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    HeaderValue::from_str(&url.origin().ascii_serialization()).ok()
}

impl Web {
    /// The origins of these URLs are allowed; what is no URL of the web allows nothing.
    pub fn new<'u>(urls: impl IntoIterator<Item = &'u str>, secure: bool) -> Self {
        Self { origins: urls.into_iter().filter_map(origin).collect(), secure, https: false }
    }

    /// The same, where clients come by https alone.
    #[must_use]
    pub fn over_https(self, https: bool) -> Self {
        Self { https, ..self }
    }

    /// The same with pages of these URLs beside.
    #[must_use]
    pub fn and<'u>(&self, urls: impl IntoIterator<Item = &'u str>) -> Self {
        let more = urls.into_iter().filter_map(origin);
        Self { origins: self.origins.iter().cloned().chain(more).collect(), ..self.clone() }
    }

    /// Where a server is reached by its own pages, where nobody has said it: a loopback
    /// address has other names.
    pub fn own_urls(scheme: &str, address: SocketAddr) -> Vec<String> {
        let port = address.port();
        let mut urls = vec![format!("{scheme}://{address}")];
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            let names = ["localhost", "127.0.0.1", "[::1]"];
            urls.extend(names.map(|host| format!("{scheme}://{host}:{port}")));
        }
        urls
    }

    /// Pages of this origin may use the server.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        self.origins.contains(origin)
    }

    /// Where the page that sends a request came from.
    pub fn origin_of(&self, headers: &HeaderMap) -> Origin {
        let mut said = headers.get_all(header::ORIGIN).iter();
        match (said.next(), said.next()) {
            (None, _) => Origin::Absent,
            (Some(origin), None) if self.allows(origin) => Origin::Allowed,
            (Some(_), _) => Origin::Foreign,
        }
    }

    /// A page that may not use the server made a browser send this. Where no Origin says
    /// so, as when a page leads the browser here, the browser tells how far the page is.
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        match self.origin_of(headers) {
            Origin::Allowed => false,
            Origin::Foreign => true,
            Origin::Absent => !matches!(site, None | Some(b"same-origin" | b"none")),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

    use super::{Origin, Web};

    #[test]
    fn only_the_very_origins_of_the_settings_are_allowed() {
        let web =
            Web::new(["https://Bank.example.org/app?x", "http://127.0.0.1:80", "mailto:x"], true);
        let told = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            web.origin_of(&headers)
        };
        assert_eq!(web.origin_of(&HeaderMap::new()), Origin::Absent);
        for allowed in ["https://bank.example.org", "http://127.0.0.1"] {
            assert_eq!(told(allowed), Origin::Allowed, "{allowed}");
        }
        for foreign in [
            "null",
            "",
            "*",
            "http://bank.example.org",
            "https://bank.example.org:8443",
            "https://bank.example.org.evil.org",
            "https://evil.bank.example.org",
            "https://bank.example.org/",
            "http://127.0.0.1:8080",
        ] {
            assert_eq!(told(foreign), Origin::Foreign, "{foreign}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::ORIGIN, HeaderValue::from_static("http://127.0.0.1"));
        twice.append(header::ORIGIN, HeaderValue::from_static("http://127.0.0.1"));
        assert_eq!(web.origin_of(&twice), Origin::Foreign);
    }

    #[test]
    fn a_page_that_leads_a_browser_here_is_foreign() {
        let web = Web::new(["http://127.0.0.1"], false);
        let foreign = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            web.is_foreign(&pairs.collect())
        };
        assert!(!foreign(&[]), "no browser");
        for (site, is_foreign) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)]
        {
            assert_eq!(foreign(&[("sec-fetch-site", site)]), is_foreign, "{site}");
        }
        assert!(!foreign(&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1")]));
        assert!(foreign(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
    }
}
