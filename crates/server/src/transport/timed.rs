//! A stream that closes itself when its client is too slow.
//!
//! Three times are watched: the silence between requests, the time from the first byte of a request's
//! head to its last, and the time for which an answer stays unread. A timer is armed only when the
//! stream has to wait, so a request that arrives in one piece costs none. (The body has its own time,
//! see `middleware::front`.)

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
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
const NOT_ARMED: u8 = 3;

/// What a connection is doing; shared by the stream, which sees bytes, and the service, which knows
/// when a head is complete and when it has been answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A head is complete; the service works.
    pub(super) fn serving(&self) {
        self.0.store(SERVING, Ordering::Relaxed);
    }

    /// The answer is made; the next byte begins a new head.
    pub(super) fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The stream.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    phase: Phase,
    timeouts: Timeouts,
    read: Timer,
    /// The phase for which the read timer runs.
    armed: u8,
    write: Timer,
    write_armed: bool,
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
            armed: NOT_ARMED,
            write: Timer::default(),
            write_armed: false,
        }
    }

    /// To be called when a read has to wait.
    fn waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.phase.get();
        if phase == SERVING {
            self.armed = NOT_ARMED;
            return Poll::Pending;
        }
        if self.armed != phase {
            self.read.arm(if phase == HEAD {
                self.timeouts.head
            } else {
                self.timeouts.idle
            });
            self.armed = phase;
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
                let phase = self.phase.get();
                if buffer.filled().len() > before && phase == IDLE {
                    self.phase.0.store(HEAD, Ordering::Relaxed);
                }
                if phase != HEAD {
                    self.armed = NOT_ARMED;
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => self.waiting(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
