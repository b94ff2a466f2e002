//! A stream that closes itself when its client is too slow.
//!
//! It limits two times: from the first byte of a request's head to its last, and the time that a
//! response stays unread. A timer is set only if the stream has to wait, so a request that
//! arrives in one piece needs no timer. The connection limits the idle time between requests (see
//! `super`), because a stream that is not polled cannot do it. The body has a limit of its own.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// From the first byte of a head to its end.
    pub(super) head: Duration,
    /// Without a byte between requests.
    pub(super) idle: Duration,
    /// With a response that the client does not read.
    pub(super) write: Duration,
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const SERVING: u8 = 2;

/// How long a stream is read after the response to a request whose rest is dropped.
const LINGER: Duration = Duration::from_secs(1);
/// Most bytes of that rest that are read and dropped. The client has to wait with further bytes.
const LINGER_BYTES: usize = 128 * 1024;
/// Bytes that are read at once.
const LINGER_PIECE: usize = 4 * 1024;

/// The state of a connection. The stream, which sees bytes, and the service, which knows
/// when a head is complete and when the response is ready, share it.
#[derive(Clone, Debug)]
pub(super) struct Phase(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    phase: AtomicU8,
    opened: Instant,
    /// The start of the idle time, in milliseconds after the connection was opened.
    idle_since: AtomicU64,
    /// Whether the body of the request that is being served has not come to its end.
    arriving: AtomicBool,
    /// Whether the response to the last request was ready before the request was complete.
    unread: AtomicBool,
}

impl Phase {
    /// The state of a new connection.
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            phase: AtomicU8::new(IDLE),
            opened: Instant::now(),
            idle_since: AtomicU64::new(0),
            arriving: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        }))
    }

    /// A head is complete, and the service processes the request.
    pub(super) fn serving(&self) {
        self.0.phase.store(SERVING, Ordering::Relaxed);
    }

    /// The response is ready. The next byte starts a new head.
    pub(super) fn idle(&self) {
        let since = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.store(since, Ordering::Relaxed);
        self.0.phase.store(IDLE, Ordering::Relaxed);
    }

    /// Notes whether the body of the request that is being served is still to come.
    pub(super) fn arriving(&self, arriving: bool) {
        self.0.arriving.store(arriving, Ordering::Relaxed);
    }

    /// Whether the body of the request that is being served was not read to its end.
    pub(super) fn is_arriving(&self) -> bool {
        self.0.arriving.load(Ordering::Relaxed)
    }

    /// The response is ready, and the rest of its request may still arrive.
    pub(super) fn unread(&self) {
        self.0.unread.store(true, Ordering::Relaxed);
    }

    /// The idle time so far, if no request is being read or served.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let since = Duration::from_millis(self.0.idle_since.load(Ordering::Relaxed));
        (self.get() == IDLE).then(|| self.0.opened.elapsed().saturating_sub(since))
    }

    fn get(&self) -> u8 {
        self.0.phase.load(Ordering::Relaxed)
    }
}

/// The stream.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    phase: Phase,
    timeouts: Timeouts,
    read: Timer,
    /// Whether the read timer runs for the current head.
    read_armed: bool,
    write: Timer,
    write_armed: bool,
    /// The rest that is read and dropped before the stream is closed; `None` if it is not being closed.
    linger: Option<usize>,
}

/// A timer that is created when it is first needed.
#[derive(Debug, Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn arm(&mut self, after: Duration) {
        let deadline = Instant::now() + after;
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.0 = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
    }

    fn elapsed(&mut self, cx: &mut Context<'_>) -> bool {
        self.0
            .as_mut()
            .is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client was too slow")
}

impl<S> Timed<S> {
    /// Puts the time limits on a stream.
    pub(super) fn new(stream: S, phase: Phase, timeouts: Timeouts) -> Self {
        Self {
            stream,
            phase,
            timeouts,
            read: Timer::default(),
            read_armed: false,
            write: Timer::default(),
            write_armed: false,
            linger: None,
        }
    }

    /// Call this when a read has to wait.
    fn waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase.get() != HEAD {
            self.read_armed = false;
            return Poll::Pending;
        }
        if !self.read_armed {
            self.read.arm(self.timeouts.head);
            self.read_armed = true;
        }
        if self.read.elapsed(cx) {
            Poll::Ready(Err(too_slow()))
        } else {
            Poll::Pending
        }
    }

    /// Call this with the result of a write.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_armed = false;
            return outcome;
        }
        if !self.write_armed {
            self.write.arm(self.timeouts.write);
            self.write_armed = true;
        }
        if self.write.elapsed(cx) {
            Poll::Ready(Err(too_slow()))
        } else {
            Poll::Pending
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(outcome) => {
                if buffer.filled().len() > before && self.phase.get() == IDLE {
                    self.phase.0.phase.store(HEAD, Ordering::Relaxed);
                    self.read_armed = false;
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => self.waiting(cx),
        }
    }
}

impl<S: AsyncRead + Unpin> Timed<S> {
    /// Lets the client read the response while it is still sending. A stream that is closed with unread bytes is reset, and the
    /// client loses the response.
    fn lingering(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<()> {
        while left > 0 {
            let mut bytes = [0; LINGER_PIECE];
            let mut piece = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut piece) {
                // The client has closed the connection too.
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if piece.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => left = left.saturating_sub(piece.filled().len()),
                Poll::Pending => break,
            }
        }
        self.linger = Some(left);
        if self.read.elapsed(cx) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Over TLS there may still be something to write.
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = if let Some(left) = self.linger {
            left
        } else {
            let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
            let closed = std::task::ready!(self.written(cx, closed));
            if closed.is_err() || !self.phase.0.unread.load(Ordering::Relaxed) {
                return Poll::Ready(closed);
            }
            self.read.arm(LINGER);
            LINGER_BYTES
        };
        self.lingering(cx, left).map(Ok)
    }
}
