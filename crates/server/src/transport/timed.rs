//! A stream that closes itself when its client is too slow.
//!
//! Two times are watched here: from the first byte of a request's head to its last, and the time for
//! which an answer stays unread. A timer is armed only when the stream has to wait, so a request that
//! arrives in one piece costs none. The silence between requests is watched by the connection (see
//! `super`), for a stream that nobody polls cannot watch anything; the body has its own time (see
//! `middleware::front`).

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The times that a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// From the first byte of a head to its end.
    pub(super) head: Duration,
    /// Without any byte between requests.
    pub(super) idle: Duration,
    /// With an answer that the client does not read.
    pub(super) write: Duration,
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const SERVING: u8 = 2;

/// How long a stream stays open for reading after the response to a request whose rest nobody wants.
const LINGER: Duration = Duration::from_secs(1);
/// Most bytes of that rest that are read and dropped; what comes after them waits in the client.
const LINGER_BYTES: usize = 128 * 1024;
/// Bytes of it that are read at once.
const LINGER_PIECE: usize = 4 * 1024;

/// What a connection is doing; shared by the stream, which sees bytes, and the service, which knows
/// when a head is complete and when it has been answered.
#[derive(Clone, Debug)]
pub(super) struct Phase(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    phase: AtomicU8,
    opened: Instant,
    /// Since when it is idle, in milliseconds after it was opened.
    idle_since: AtomicU64,
    /// Whether the last request was answered before it had come completely.
    unread: AtomicBool,
}

impl Phase {
    /// Of a connection that has just been opened.
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            phase: AtomicU8::new(IDLE),
            opened: Instant::now(),
            idle_since: AtomicU64::new(0),
            unread: AtomicBool::new(false),
        }))
    }

    /// A head is complete; the service works.
    pub(super) fn serving(&self) {
        self.0.phase.store(SERVING, Ordering::Relaxed);
    }

    /// The answer is made; the next byte begins a new head.
    pub(super) fn idle(&self) {
        let since = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.store(since, Ordering::Relaxed);
        self.0.phase.store(IDLE, Ordering::Relaxed);
    }

    /// The response is made, and the rest of its request may still come.
    pub(super) fn unread(&self) {
        self.0.unread.store(true, Ordering::Relaxed);
    }

    /// For how long nothing has come, if nothing is being read or served.
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
    /// Whether the read timer runs for the head that is being read.
    read_armed: bool,
    write: Timer,
    write_armed: bool,
    /// What is still read and dropped before the stream is closed; `None`: it is not being closed.
    linger: Option<usize>,
}

/// A timer that exists once it was needed.
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
    /// Watches the stream.
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

    /// To be called when a read has to wait.
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

    /// To be called with the outcome of a write.
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
    /// Lets the client read the response while it is still sending: a stream that is closed with unread bytes is reset, and the
    /// response is lost with it.
    fn lingering(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<()> {
        while left > 0 {
            let mut bytes = [0; LINGER_PIECE];
            let mut piece = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut piece) {
                // The client has closed, too.
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
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = if let Some(left) = self.linger {
            left
        } else {
            let closed = std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
            if closed.is_err() || !self.phase.0.unread.load(Ordering::Relaxed) {
                return Poll::Ready(closed);
            }
            self.read.arm(LINGER);
            LINGER_BYTES
        };
        self.lingering(cx, left).map(Ok)
    }
}
