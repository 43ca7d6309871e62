//! What stays open: sockets and streams, which tell what happens as it happens.
//!
//! `feed` drives one subscription, whoever it is for, `message` reads and writes the messages of
//! graphql-transport-ws, `operation` runs one operation of a socket, `socket` is one
//! connection of that protocol, and `stream` is graphql-sse, one stream an operation. They run
//! on `http::threads`, apart from the requests.
//!
//! Nobody is queued for: whoever reads slowly is read for slowly, and whoever does not
//! read at all is let go by the connection underneath.

pub mod feed;
pub mod message;
pub mod operation;
pub mod socket;
pub mod stream;
