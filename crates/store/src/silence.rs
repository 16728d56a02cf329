//! A stream that ends when the other side takes a request and then says nothing.
//!
//! The server's own `statement_timeout` bounds a statement only while the server lives. One that is frozen, or gone
//! behind a network that swallows packets, would hold its callers until the kernel gives up, which takes a quarter of an
//! hour. Here the limit is ours: the stream fails, every caller that waits on it gets an error, and the pool opens a new one.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream with a limit on the silence after a request. Silence that nobody asked to end is not limited.
pub(crate) struct Bounded<S> {
    stream: S,
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
    /// Something was sent and nothing has come back since.
    is_asking: bool,
}

impl<S> Bounded<S> {
    /// A stream that fails after `limit` of silence.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            alarm: Box::pin(sleep(limit)),
            is_asking: false,
        }
    }

    fn check_alarm(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_asking && self.alarm.as_mut().poll(context).is_ready() {
            let message = format!("no answer within {:?}", self.limit);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(done) => {
                self.is_asking = false;
                Poll::Ready(done)
            }
            Poll::Pending => self.check_alarm(context),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        if !self.is_asking {
            // From here on, also when the other side does not even take the request.
            self.is_asking = true;
            let deadline = Instant::now() + self.limit;
            self.alarm.as_mut().reset(deadline);
        }
        // The reader may not be polled again before something happens, so the alarm is set to wake the task here.
        match (written, self.check_alarm(context)) {
            (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (written, _) => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_request_without_an_answer_fails() {
        let (near, mut far) = duplex(64);
        let mut near = Bounded::new(near, LIMIT);
        near.write_all(b"select").await.unwrap();
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(far.read_u8().await.unwrap(), b's');
    }

    #[tokio::test]
    async fn a_request_that_nobody_takes_fails() {
        let (near, _far) = duplex(4);
        let mut near = Bounded::new(near, LIMIT);
        let error = near.write_all(b"select 1").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn silence_that_follows_an_answer_is_peace() {
        let (near, mut far) = duplex(64);
        let mut near = Bounded::new(near, LIMIT);
        near.write_all(b"?").await.unwrap();
        far.write_all(b"!").await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'!');
        let later = async {
            // Time is what this test is about.
            sleep(LIMIT * 4).await;
            far.write_all(b"notice").await.unwrap();
        };
        let (read, ()) = tokio::join!(near.read_u8(), later);
        assert_eq!(read.unwrap(), b'n');
    }
}
