//! The server's end of the control socket: one command on each connection, a line of JSON each way.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::commands::{AdminCommand, execute};
use super::message::{Request, Response};
use super::model::{Administered, NotDone};

/// Longest command, in bytes.
pub(super) const MAX_COMMAND: u64 = 1 << 20;
/// Time for a command to arrive, and for its response to be read.
const TIME: Duration = Duration::from_secs(10);
/// Commands at once. Others wait.
const AT_ONCE: usize = 4;
/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket of a running server. Its file goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Socket {
    /// Listens at the path, for the user of this process only. A socket that nobody listens at is replaced.
    ///
    /// # Errors
    /// Another process listens there, the path is too long for a socket (108 bytes on Linux), or the directory cannot be written to.
    pub fn listen(path: &Path) -> io::Result<Self> {
        if Blocking::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens there",
            ));
        }
        // Nobody could connect to a longer one.
        std::os::unix::net::SocketAddr::from_pathname(path)?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // A socket gets its mode only after it is there. In a directory that nobody else can enter, nobody can connect before.
        let private = tempfile::Builder::new()
            .prefix(".s")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(directory)?;
        let first = private.path().join("s");
        let listener = UnixListener::bind(&first)?;
        std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&first, path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Executes commands until the future is dropped.
    pub async fn serve(self, on: Administered) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let on = on.clone();
                    tokio::spawn(async move {
                        if let Err(error) = one(stream, &on).await {
                            tracing::warn!(%error, "an administration command was not answered");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections of the control socket");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn one(stream: UnixStream, on: &Administered) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut line = String::new();
    let mut input = BufReader::new(input.take(MAX_COMMAND));
    tokio::time::timeout(TIME, input.read_line(&mut line)).await??;
    let response = match serde_json::from_str::<Request>(&line) {
        Ok(Request { store, .. })
            if !on.file.as_deref().is_some_and(|own| is_same(own, &store)) =>
        {
            Response::NotDone(NotDone::because(format!(
                "the passkeyd that listens at this control socket has another store than {}",
                store.display()
            )))
        }
        Ok(Request {
            execute: command, ..
        }) => {
            let name = name_of(&command);
            let done = execute(on, command).await;
            tracing::info!(
                command = name,
                done = done.is_ok(),
                why = done.as_ref().err().map(|why| why.message.as_str()),
                "administration command"
            );
            done.map_or_else(Response::NotDone, Response::Done)
        }
        Err(error) => Response::NotDone(NotDone::because(format!(
            "the running passkeyd ({}) does not know this command: {error}",
            env!("CARGO_PKG_VERSION")
        ))),
    };
    let mut text = serde_json::to_vec(&response)?;
    text.push(b'\n');
    tokio::time::timeout(TIME, output.write_all(&text)).await??;
    output.shutdown().await
}

/// Whether both paths lead to one file.
fn is_same(own: &Path, named: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(own).is_some_and(|own| real(named) == Some(own))
}

/// The name of a command, for the log.
fn name_of(command: &AdminCommand) -> String {
    let value = serde_json::to_value(command).unwrap_or_default();
    value["command"].as_str().unwrap_or_default().to_owned()
}
