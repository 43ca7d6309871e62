//! A connection that is closed so that its client still reads the last answer.
//!
//! Where a socket is closed while something that its client sent lies unread, the system
//! resets it, and the client may never see what was answered before. So our half is closed
//! first, and what comes until the client has closed its own is read and thrown away.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long the client may take to close its half.
const LONGEST: Duration = Duration::from_secs(1);
/// The most that is read of what nobody wants, in bytes.
const UNWANTED_MAX: usize = 1024 * 1024;
/// How much of it is read at once.
const PIECE: usize = 4 * 1024;

/// A connection that is closed in two steps.
#[derive(Debug)]
pub struct Farewell<C> {
    connection: C,
    /// Runs once our half is closed.
    ending: Option<Pin<Box<Sleep>>>,
    unwanted: usize,
}

impl<C> Farewell<C> {
    /// The same connection, closed in two steps.
    pub fn new(connection: C) -> Self {
        Self { connection, ending: None, unwanted: 0 }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Farewell<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Farewell<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            ready!(Pin::new(&mut self.connection).poll_shutdown(context))?;
            self.ending = Some(Box::pin(sleep(LONGEST)));
        }
        let mut piece = [0; PIECE];
        while self.unwanted < UNWANTED_MAX {
            let mut read = ReadBuf::new(&mut piece);
            match Pin::new(&mut self.connection).poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.unwanted += read.filled().len();
                }
                // The client has closed its half, or the connection has gone altogether.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let ending = self.ending.as_mut().expect("our half was closed above");
                    return ending.as_mut().poll(context).map(Ok);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        time::timeout,
    };

    use super::Farewell;

    async fn pair() -> (Farewell<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Farewell::new(listener.accept().await.unwrap().0), theirs)
    }

    #[tokio::test]
    async fn the_last_answer_is_read_although_more_was_sent() {
        let (mut ours, mut theirs) = pair().await;
        theirs.write_all(b"what nobody reads any more").await.unwrap();
        ours.write_all(b"goodbye").await.unwrap();
        let closing = tokio::spawn(async move { ours.shutdown().await });
        theirs.write_all(b", nor this").await.unwrap();
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).await.expect("no reset");
        assert_eq!(heard, "goodbye");
        drop(theirs);
        let closed = timeout(Duration::from_millis(900), closing).await;
        closed.expect("at once, as both halves are closed").unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_client_that_does_not_close_is_waited_for_a_while_only() {
        let (mut ours, theirs) = pair().await;
        let begun = Instant::now();
        timeout(Duration::from_secs(10), ours.shutdown()).await.expect("in time").unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(900));
        drop(theirs);
    }
}
