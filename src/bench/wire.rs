//! HTTP/1.1 over one kept connection, written by hand: a client that shares the
//! cores with the server must cost next to nothing.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::error::{BenchError, io, unexpected};

/// The largest head or body that is waited for.
const LONGEST: usize = 1 << 20;

/// A request, ready to be written.
#[derive(Debug, Clone)]
pub struct Request(Vec<u8>);

impl Request {
    /// A GraphQL document with its variables, both as JSON: `{"query":…,"variables":…}`.
    pub fn graphql(token: Option<&str>, body: &str) -> Self {
        let mut request = Self(Vec::new());
        request.set_graphql(&bearer(token), body);
        request
    }

    /// The same into the place of an earlier one, whose memory it takes.
    pub fn set_graphql(&mut self, bearer: &str, body: &str) {
        use std::io::Write as _;
        self.0.clear();
        // Writing into memory does not fail.
        let _ = write!(
            self.0,
            "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}Content-Type: application/json\r\n\
             Accept: application/graphql-response+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }

    /// What everybody may ask.
    pub fn server_info() -> Self {
        Self::graphql(None, r#"{"query":"{ serverInfo { sandbox } }"}"#)
    }

    /// A path, asked for by somebody.
    pub fn get(token: &str, path: &str) -> Self {
        let bearer = bearer(Some(token));
        Self(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}\r\n").into_bytes())
    }
}

/// The header's line of an access token.
pub fn bearer(token: Option<&str>) -> String {
    token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"))
}

/// One kept connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer's status and body.
#[derive(Debug)]
pub struct Answer<'w> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'w [u8],
}

impl Answer<'_> {
    /// The body has this text.
    pub fn has(&self, text: &str) -> bool {
        let text = text.as_bytes();
        self.body.windows(text.len()).any(|window| window == text)
    }

    /// The body for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }
}

fn end_of_head(buffer: &[u8]) -> Option<usize> {
    buffer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Status and length of the body.
fn read_head(head: &[u8]) -> Option<(u16, usize)> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    (length <= LONGEST).then_some((status, length))
}

impl Wire {
    /// Connects to a server.
    pub async fn connect(address: SocketAddr) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(address).await.map_err(io("a connection"))?;
        stream.set_nodelay(true).map_err(io("TCP_NODELAY"))?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096) })
    }

    /// Sends a request and waits for its answer, whatever it is.
    pub async fn send(&mut self, request: &Request) -> Result<Answer<'_>, BenchError> {
        self.buffer.clear();
        self.stream.write_all(&request.0).await.map_err(io("a request"))?;
        let mut whole = None;
        loop {
            if whole.is_none()
                && let Some(head) = end_of_head(&self.buffer)
            {
                let read = read_head(&self.buffer[..head]);
                let (status, length) = read.ok_or_else(|| unexpected("an answer of no length"))?;
                whole = Some((status, head, head + length));
            }
            if let Some((status, head, end)) = whole
                && self.buffer.len() >= end
            {
                return Ok(Answer { status, body: &self.buffer[head..end] });
            }
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(io("an answer"))?;
            if read == 0 || self.buffer.len() > 2 * LONGEST {
                return Err(unexpected("the server closed a connection in the middle"));
            }
        }
    }

    /// Sends a request that must succeed without any GraphQL error.
    pub async fn ask(&mut self, request: &Request) -> Result<String, BenchError> {
        let answer = self.send(request).await?;
        if answer.status == 200 && !answer.has("\"extensions\":{\"code\"") {
            return Ok(answer.text());
        }
        let (status, text) = (answer.status, answer.text());
        Err(unexpected(format!("the server answered {status}: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{end_of_head, read_head};

    #[test]
    fn a_head_tells_status_and_length() {
        let head = b"HTTP/1.1 503 Busy\r\nContent-Length: 12\r\nx: y\r\n\r\n";
        assert_eq!(end_of_head(head), Some(head.len()));
        assert_eq!(read_head(head), Some((503, 12)));
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), None);
    }
}
