//! A connection whose client must take what is sent to it.
//!
//! A client that reads nothing would hold its place and what waits for it for ever. So
//! a write that makes no progress for a while is an error, which ends the connection,
//! whatever it carries.

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

/// A connection whose writes may stand still for a while only.
#[derive(Debug)]
pub struct Patience<C> {
    connection: C,
    most: Duration,
    /// Runs while a write stands still.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<C> Patience<C> {
    /// A connection whose writes may stand still for so long.
    pub fn new(connection: C, most: Duration) -> Self {
        Self { connection, most, waiting: None }
    }

    /// What became of a write, unless it has stood still for too long.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.waiting = None;
            return write;
        }
        let most = self.most;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(most)));
        ready!(waiting.as_mut().poll(context));
        let reason = "the client takes nothing of what is sent to it";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, reason)))
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Patience<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Patience<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.connection).poll_write(context, bytes);
        self.judge(context, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.connection).poll_write_vectored(context, bytes);
        self.judge(context, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.connection).poll_flush(context);
        self.judge(context, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::{sleep, timeout},
    };

    use super::Patience;

    #[tokio::test]
    async fn a_write_that_stands_still_ends_and_one_that_moves_does_not() {
        let (ours, mut theirs) = duplex(16);
        let mut ours = Patience::new(ours, Duration::from_millis(200));
        let writing = tokio::spawn(async move { ours.write_all(&[7; 64]).await.map(|()| ours) });
        let mut read = [0; 16];
        for _ in 0..4 {
            sleep(Duration::from_millis(100)).await;
            theirs.read_exact(&mut read).await.unwrap();
        }
        let mut ours = writing.await.unwrap().unwrap();
        let stuck = timeout(Duration::from_secs(5), ours.write_all(&[7; 64])).await;
        let error = stuck.expect("it does not wait for ever").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
