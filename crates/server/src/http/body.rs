//! Reading a body of limited length in limited time.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use bytes::BytesMut;
use http_body_util::BodyExt as _;

use super::refusal::TransportRefusal;

/// How long a body may be, and how long it may take to arrive.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    /// Most bytes.
    pub bytes: usize,
    /// Most time for the whole body.
    pub time: Duration,
}

impl BodyLimit {
    /// Refuses a body whose announced length is over the limit. It reads nothing.
    ///
    /// # Errors
    /// [`TransportRefusal::BodyTooLarge`].
    pub fn admit(&self, body: &Body) -> Result<(), TransportRefusal> {
        if body.size_hint().lower() > self.bytes as u64 {
            return Err(TransportRefusal::BodyTooLarge);
        }
        Ok(())
    }

    /// Reads a whole body. A body that comes in one piece is not copied.
    ///
    /// # Errors
    /// The body is too large, too slow or broken.
    pub async fn read(&self, body: Body) -> Result<Bytes, TransportRefusal> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        tokio::time::timeout(self.time, read(body, self.bytes))
            .await
            .map_err(|_| TransportRefusal::BodyTooSlow)?
    }
}

/// Reads a whole body of at most `most` bytes, without a limit of time. A body that comes in one piece is not copied.
///
/// # Errors
/// The body is too large or broken.
pub async fn read(mut body: Body, most: usize) -> Result<Bytes, TransportRefusal> {
    if body.size_hint().lower() > most as u64 {
        return Err(TransportRefusal::BodyTooLarge);
    }
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| TransportRefusal::BodyBroken)?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() + pieces.len() + data.len() > most {
            return Err(TransportRefusal::BodyTooLarge);
        }
        if pieces.is_empty() && whole.is_empty() {
            whole = data;
            continue;
        }
        if pieces.is_empty() {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
        }
        pieces.extend_from_slice(&data);
    }
    Ok(if pieces.is_empty() {
        whole
    } else {
        pieces.freeze()
    })
}
