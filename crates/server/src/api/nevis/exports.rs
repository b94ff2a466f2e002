//! Exports of the log that are on their way to a client.
//!
//! An export is a large text that is kept until the client has read it. So there are only a few at once: for each Relying Party, and on this
//! node.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use domain::model::ids::RelyingPartyId;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

/// Most exports of one Relying Party at once.
const MOST_OF_ONE: usize = 2;
/// Most exports of this node at once.
const MOST: usize = 8;
/// Bytes that the connection takes at once.
const PIECE: usize = 64 * 1024;

/// The exports of a node.
#[derive(Debug, Default)]
pub struct Exports(Mutex<HashMap<RelyingPartyId, usize>>);

/// One export. Dropping it ends it.
#[derive(Debug)]
pub struct Slot {
    exports: Arc<Exports>,
    rp: RelyingPartyId,
}

impl Exports {
    /// A slot for an export of this Relying Party; `None` if there are too many.
    pub fn begin(self: &Arc<Self>, rp: RelyingPartyId) -> Option<Slot> {
        let mut running = self.0.lock();
        if running.values().sum::<usize>() >= MOST {
            return None;
        }
        let of_rp = running.entry(rp).or_default();
        if *of_rp >= MOST_OF_ONE {
            return None;
        }
        *of_rp += 1;
        Some(Slot {
            exports: Arc::clone(self),
            rp,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.exports.0.lock();
        if let Some(of_rp) = running.get_mut(&self.rp) {
            *of_rp = of_rp.saturating_sub(1);
            if *of_rp == 0 {
                running.remove(&self.rp);
            }
        }
    }
}

/// The text of an export. It keeps the slot until the connection has taken it, or is closed.
#[derive(Debug)]
pub struct Exported {
    rest: Bytes,
    _slot: Slot,
}

impl Exported {
    /// The body of a response.
    pub fn new(text: String, slot: Slot) -> Self {
        Self {
            rest: Bytes::from(text),
            _slot: slot,
        }
    }
}

impl Body for Exported {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn one_relying_party_cannot_take_the_exports_of_another() {
        let exports = Arc::<Exports>::default();
        let rp = |number| RelyingPartyId([number; 16]);
        let held: Vec<_> = (0..MOST_OF_ONE)
            .map(|_| exports.begin(rp(1)).unwrap())
            .collect();
        assert!(exports.begin(rp(1)).is_none());
        let others: Vec<_> = (2..)
            .map_while(|number| exports.begin(rp(number)))
            .collect();
        assert_eq!(held.len() + others.len(), MOST);
        drop(held);
        assert!(exports.begin(rp(1)).is_some());
        drop(others);
        assert!(exports.0.lock().is_empty());
    }

    #[tokio::test]
    async fn an_export_is_whole_and_keeps_its_slot_until_it_is_read() {
        let exports = Arc::<Exports>::default();
        let text = "line\r\n".repeat(PIECE);
        let slot = exports.begin(RelyingPartyId([1; 16])).unwrap();
        let mut body = Exported::new(text.clone(), slot);
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.len(), PIECE);
        assert_eq!(exports.0.lock().len(), 1);
        let rest = body.collect().await.unwrap().to_bytes();
        assert!([first, rest].concat() == text.as_bytes());
        assert!(exports.0.lock().is_empty());
    }
}
