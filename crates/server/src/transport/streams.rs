//! The streams of an HTTP/2 connection: how many are open, since when there is none, and whether the client reads the responses.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Most bytes of a response that are handed over at once. The rest waits here until the client has read them.
const PIECE: usize = 16 * 1024;

/// The streams of one connection.
#[derive(Clone, Debug)]
pub(super) struct Streams(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    open: usize,
    /// When the number of open streams changed last.
    since: Instant,
    next: u64,
    /// The responses that are being sent, and when a part of each was taken last.
    departing: HashMap<u64, Instant>,
}

/// An open stream. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Streams,
    number: u64,
}

impl Streams {
    /// Of a new connection.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            open: 0,
            since: Instant::now(),
            next: 0,
            departing: HashMap::new(),
        })))
    }

    /// One more.
    pub(super) fn open(&self) -> Stream {
        let mut state = self.0.lock();
        state.open += 1;
        state.since = Instant::now();
        state.next += 1;
        Stream {
            number: state.next,
            streams: self.clone(),
        }
    }

    /// For how long no stream has been open.
    pub(super) fn idle_for(&self) -> Duration {
        let state = self.0.lock();
        if state.open > 0 {
            return Duration::ZERO;
        }
        state.since.elapsed()
    }

    /// Whether a response has been left unread for so long.
    pub(super) fn unread_for(&self, time: Duration) -> bool {
        let state = self.0.lock();
        state
            .departing
            .values()
            .any(|taken| taken.elapsed() >= time)
    }
}

impl Stream {
    fn taken(&self) {
        let mut state = self.streams.0.lock();
        state.departing.insert(self.number, Instant::now());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.streams.0.lock();
        state.open = state.open.saturating_sub(1);
        state.since = Instant::now();
        state.departing.remove(&self.number);
    }
}

/// The body of a response on its way, in pieces: what is handed over is kept in memory until the client reads it.
pub(super) struct Departing {
    body: Body,
    waiting: Bytes,
    stream: Stream,
}

impl Departing {
    /// The body of the response on this stream.
    pub(super) fn new(body: Body, stream: Stream) -> Self {
        stream.taken();
        Self {
            body,
            waiting: Bytes::new(),
            stream,
        }
    }
}

impl HttpBody for Departing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.stream.taken();
        if self.waiting.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.waiting = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return other,
            }
        }
        let length = self.waiting.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.waiting.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(waiting));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(waiting));
        }
        hint
    }
}
