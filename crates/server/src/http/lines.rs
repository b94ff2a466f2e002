//! Responses of lines that are read from the store while they are sent, so that no response is held in memory as a whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use domain::model::refusal::Refusal;
use hyper::body::{Body as HttpBody, Frame};
use serde::Serialize;
use tokio::sync::mpsc;

use super::current;
use super::reply::with_body;

/// The media type of one JSON text in each line.
pub const NDJSON: &str = "application/x-ndjson";

/// How many pieces wait for a client that reads slowly.
const PIECES: usize = 2;

/// The response cannot be completed. The connection ends before the body does, so that the client sees that something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot be read any further")]
pub struct BrokenOff;

/// The client has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Where the lines of a response go.
#[derive(Debug)]
pub struct Lines(mpsc::Sender<Result<Bytes, BrokenOff>>);

impl Lines {
    /// Sends one line for each value.
    ///
    /// # Errors
    /// The client has gone.
    pub async fn send<T: Serialize>(
        &self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), Gone> {
        let mut text = Vec::new();
        for value in values {
            // The lines hold texts, numbers and truth values only: writing them cannot fail.
            if serde_json::to_writer(&mut text, &value).is_ok() {
                text.push(b'\n');
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        self.0.send(Ok(text.into())).await.map_err(|_| Gone)
    }
}

/// 200 with the lines that `write` sends. When it fails, the connection ends before the body does.
pub fn lines<F>(write: impl FnOnce(Lines) -> F) -> Response
where
    F: Future<Output = Result<(), Refusal>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(PIECES);
    let failed = sender.clone();
    let written = write(Lines(sender));
    tokio::spawn(current::carried(async move {
        if let Err(refusal) = written.await {
            tracing::warn!(reason = refusal.reason.name(), "a response was broken off");
            let _ = failed.send(Err(BrokenOff)).await;
        }
    }));
    with_body(StatusCode::OK, NDJSON, Body::new(Pieces(receiver)))
}

struct Pieces(mpsc::Receiver<Result<Bytes, BrokenOff>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
