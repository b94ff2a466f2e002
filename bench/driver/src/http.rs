//! Kept-alive HTTP/1.1 connections that do not block.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

use crate::Failure;

/// Status and body of a response.
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// What reading brought.
pub enum Incoming {
    Response(Response),
    /// More has to arrive.
    Nothing,
    /// The server has closed the connection.
    Closed,
}

/// One connection. It has at most one request in flight.
pub struct Connection {
    pub stream: TcpStream,
    received: Vec<u8>,
    /// Length of the head and of the whole response, when the head is complete.
    expected: Option<(u16, usize, usize)>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            received: Vec::with_capacity(8192),
            expected: None,
        })
    }

    /// Sends a request. It fits into the send buffer, so waiting is the exception.
    pub fn send(&mut self, mut request: &[u8]) -> Result<(), Failure> {
        while !request.is_empty() {
            match self.stream.write(request) {
                Ok(sent) => request = &request[sent..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what has arrived. With `to_the_end` it reads on after a response, to see whether the server has closed.
    pub fn receive(&mut self, to_the_end: bool) -> Result<Incoming, Failure> {
        let mut chunk = [0; 16 * 1024];
        loop {
            let count = match self.stream.read(&mut chunk) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Incoming::Nothing);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Ok(Incoming::Closed);
                }
                Err(error) => return Err(error.into()),
            };
            if count == 0 {
                return Ok(Incoming::Closed);
            }
            self.received.extend(&chunk[..count]);
            if let Some(response) = self.complete()? {
                return Ok(Incoming::Response(response));
            }
            if count < chunk.len() && !to_the_end {
                return Ok(Incoming::Nothing);
            }
        }
    }

    fn complete(&mut self) -> Result<Option<Response>, Failure> {
        if self.expected.is_none() {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(length) = head.parse(&self.received)? else {
                return Ok(None);
            };
            let body = head
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case("content-length"))
                .ok_or("the response has no Content-Length")?;
            let body: usize = std::str::from_utf8(body.value)?.trim().parse()?;
            self.expected = Some((head.code.unwrap_or(0), length, length + body));
        }
        let Some((status, head, whole)) = self.expected else {
            return Ok(None);
        };
        if self.received.len() < whole {
            return Ok(None);
        }
        let body = self.received[head..whole].to_vec();
        self.received.clear();
        self.expected = None;
        Ok(Some(Response { status, body }))
    }

    /// Sends a request and waits for its response; for the setup, before the load.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Response, Failure> {
        self.send(request)?;
        loop {
            match self.receive(false)? {
                Incoming::Response(response) => return Ok(response),
                Incoming::Nothing => std::thread::sleep(std::time::Duration::from_micros(200)),
                Incoming::Closed => return Err("the server has closed the connection".into()),
            }
        }
    }
}
