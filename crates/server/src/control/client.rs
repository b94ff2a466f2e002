//! The other end of the control socket: asks a running server.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::commands::AdminCommand;
use super::message::{Request, Response};
use super::model::NotDone;

/// How long the server may take. It has the store open, so its own limits end a command much earlier.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest response, in bytes.
const MAX_RESPONSE: u64 = 64 << 20;

/// Sends a command to the server that listens at the path and has this store, and returns its result. Blocks the thread.
///
/// # Errors
/// The outer error: nobody listens there, or the response does not come. The inner one is the server's.
pub fn ask(path: &Path, store: &Path, command: AdminCommand) -> io::Result<Result<Value, NotDone>> {
    let request = Request {
        // The working directory of the server is another one.
        store: std::path::absolute(store)?,
        execute: command,
    };
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_vec(&request)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_RESPONSE)).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it closed the connection before its response was complete",
        ));
    }
    Ok(match serde_json::from_str(&line)? {
        Response::Done(result) => Ok(result),
        Response::NotDone(why) => Err(why),
    })
}
