//! A bank on a real port in this process, and clients of what stays open there.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use teller::{
    bank::context::Bank,
    http::{
        document_cache::BYTES_MAX,
        graphql::Graphql,
        limits::Limits,
        router,
        server::{self, Connections, Site},
        web::Web,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue},
    },
};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The protocol of the sockets.
pub const PROTOCOL: &str = "graphql-transport-ws";

/// The one origin whose pages may open sockets.
pub const ORIGIN: &str = "https://front.example.org";

/// A bank that listens.
pub struct Door {
    /// Where.
    pub address: SocketAddr,
    /// Its transport, whose figures can be read.
    pub transport: Graphql,
    stop: oneshot::Sender<()>,
    served: JoinHandle<bool>,
}

impl Door {
    /// Listens with these limits.
    pub async fn open(bank: &Bank, limits: Limits) -> Self {
        Self::open_with(bank, limits, Connections::default()).await
    }

    /// The same with limits of connections.
    pub async fn open_with(bank: &Bank, limits: Limits, connections: Connections) -> Self {
        let transport = Graphql::new(bank.clone(), BYTES_MAX).with_limits(limits);
        let transport = Graphql { web: Web::new([ORIGIN], false), ..transport };
        let router = router::with_transport(transport.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let drain = Duration::from_secs(10);
        let site = Site { router, connections, certificate: None };
        let served = tokio::spawn(server::serve(listener, site, stopped, drain));
        Self { address, transport, stop, served }
    }

    /// Tells it to stop, and waits; false where something did not end in time.
    pub async fn close(self) -> bool {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.served).await.expect("it stops").expect("it does not panic")
    }

    /// A socket whose handshake has been answered.
    pub async fn socket(&self) -> Socket {
        Socket::connect(self.address, Some(PROTOCOL), &[]).await.expect("the handshake is answered")
    }

    /// A socket of somebody's that was acknowledged.
    pub async fn enter(&self, token: &str) -> Socket {
        let mut socket = self.socket().await;
        socket
            .say(&json!({ "type": "connection_init", "payload": { "accessToken": token } }))
            .await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket
    }
}

/// What a client hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A message.
    Message(Value),
    /// The end, with its code; none where the connection just ended.
    Closed(Option<u16>),
}

/// A client's end of a socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// The protocol that was chosen.
    pub protocol: Option<String>,
}

impl Socket {
    /// Asks for a socket; `Err` is the status of a refusal.
    pub async fn connect(
        address: SocketAddr,
        protocol: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.expect("the door listens");
        Self::over(stream, address, protocol, headers).await
    }

    /// The same on a connection for which the system keeps next to nothing.
    pub async fn connect_narrow(address: SocketAddr) -> Result<Self, u16> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4 * 1024).expect("its size can be said");
        let stream = socket.connect(address).await.expect("the door listens");
        Self::over(stream, address, Some(PROTOCOL), &[]).await
    }

    async fn over(
        stream: TcpStream,
        address: SocketAddr,
        protocol: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let mut request =
            format!("ws://{address}/graphql").into_client_request().expect("a request");
        let mut put = |name: &str, value: &str| {
            let name: HeaderName = name.parse().expect("a header");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a value"));
        };
        if let Some(protocol) = protocol {
            put("sec-websocket-protocol", protocol);
        }
        for (name, value) in headers {
            put(name, value);
        }
        match client_async(request, stream).await {
            Ok((stream, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                let protocol = protocol.map(|one| one.to_str().expect("a text").to_owned());
                Ok(Self { stream, protocol })
            }
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &Value) {
        self.say_raw(Message::Text(message.to_string().into())).await;
    }

    /// Sends whatever it is; a socket that has closed does not hear it.
    pub async fn say_raw(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// Asks for an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    /// What comes next.
    pub async fn hear(&mut self) -> Heard {
        self.hear_within(PATIENCE).await.expect("something comes in time")
    }

    /// What comes within a time.
    pub async fn hear_within(&mut self, limit: Duration) -> Option<Heard> {
        let heard = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message = serde_json::from_str(&text).expect("a message is JSON");
                        return Heard::Message(message);
                    }
                    Some(Ok(Message::Close(frame))) => {
                        return Heard::Closed(frame.map(|frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Heard::Closed(None),
                }
            }
        };
        timeout(limit, heard).await.ok()
    }

    /// The next message, which must be one.
    pub async fn message(&mut self) -> Value {
        match self.hear().await {
            Heard::Message(message) => message,
            Heard::Closed(code) => panic!("the socket was closed: {code:?}"),
        }
    }

    /// The data of the next result of any operation.
    pub async fn next(&mut self) -> Value {
        let mut message = self.message().await;
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].take()
    }

    /// The code with which it is closed, whatever comes before.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sent {
    /// Its kind.
    pub event: String,
    /// Its id.
    pub id: Option<String>,
    /// What it says.
    pub data: String,
}

/// A client's end of a stream of server-sent events.
pub struct Events {
    stream: TcpStream,
    read: String,
    /// The head of the answer.
    pub head: String,
}

impl Events {
    /// Asks for a stream by a query string; the answer's head stands in `head`.
    pub async fn get(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Self {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let mut stream = TcpStream::connect(address).await.expect("the door listens");
        let mut request = format!(
            "GET /graphql/stream?query={query} HTTP/1.1\r\nHost: {address}\r\n\
             Accept: text/event-stream\r\nConnection: close\r\n"
        );
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").expect("a text takes what is written");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        let mut events = Self { stream, read: String::new(), head: String::new() };
        while !events.read.contains("\r\n\r\n") {
            assert!(events.more().await, "the answer has a head: {}", events.read);
        }
        let (head, rest) = events.read.split_once("\r\n\r\n").expect("it is there");
        let (head, rest) = (head.to_owned(), rest.to_owned());
        (events.head, events.read) = (head, rest);
        events
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("it comes in time");
        let count = read.unwrap_or(0);
        self.read.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    /// The next event; none where the stream ends.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            // The chunks' own lines stand between the events, and look like none of theirs.
            while let Some((block, rest)) = self.read.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.read = rest;
                let mut sent = Sent::default();
                for line in block.lines() {
                    match line.split_once(':') {
                        Some(("event", value)) => value.trim().clone_into(&mut sent.event),
                        Some(("id", value)) => sent.id = Some(value.trim().to_owned()),
                        Some(("data", value)) => value.trim().clone_into(&mut sent.data),
                        _ => {}
                    }
                }
                if !sent.event.is_empty() {
                    return Some(sent);
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// What the next event says as JSON, with its id.
    pub async fn told(&mut self) -> (Value, String) {
        let sent = self.next().await.expect("the stream goes on");
        assert_eq!(sent.event, "next", "{sent:?}");
        let data = serde_json::from_str(&sent.data).expect("an event is JSON");
        (data, sent.id.unwrap_or_default())
    }
}
