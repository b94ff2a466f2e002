//! The body of a request as it arrives. It notes whether it has come to its end, since a connection whose client is still sending
//! must not simply be closed.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::timed::Phase;

/// A body whose end is noted.
pub(super) struct Arriving {
    body: Incoming,
    phase: Phase,
}

impl Arriving {
    /// The body of the request that is served in this phase of its connection.
    pub(super) fn new(body: Incoming, phase: Phase) -> Self {
        phase.arriving(!body.is_end_stream());
        Self { body, phase }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.phase.arriving(false);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
