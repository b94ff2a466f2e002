//! When a server is ready.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Failure;

/// Longer than any start may take.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// Asks every two milliseconds; the milliseconds since `since` when the server is ready.
pub fn wait(address: SocketAddr, since: u128) -> Result<f64, Failure> {
    loop {
        let ready = is_ready(address);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let passed = now.saturating_sub(since);
        if ready {
            return Ok(passed as f64 / 1e6);
        }
        if passed > GIVEN_UP.as_nanos() {
            return Err("the server is not ready".into());
        }
        sleep(Duration::from_millis(2));
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    ask().is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
}
