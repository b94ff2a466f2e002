//! The receiver of a webhook: it accepts everything, or never answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::Failure;

/// Answers requests until the process ends.
pub fn run(address: SocketAddr, silent: bool) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        return Err("the receiver is for this machine only".into());
    }
    for stream in TcpListener::bind(address)?.incoming() {
        let stream = stream?;
        // When a connection breaks, the sender opens another one.
        thread::spawn(move || serve(&stream, silent));
    }
    Ok(())
}

/// Answers the requests of a connection until it ends.
fn serve(mut stream: &TcpStream, silent: bool) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        if silent {
            continue;
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}
