//! A little collector: it reads what is posted to it, and responds or does not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// How long a test waits for a span.
const PATIENCE: Duration = Duration::from_secs(30);

/// A post: its head in lower case, and its body.
pub struct Post {
    pub head: String,
    pub body: Vec<u8>,
}

impl Post {
    pub fn decoded(&self) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(self.body.as_slice()).unwrap()
    }

    pub fn spans(&self) -> Vec<Span> {
        let resources = self.decoded().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

pub struct Collector {
    pub endpoint: String,
    posts: Receiver<Post>,
    pub received: Vec<Post>,
}

impl Collector {
    /// One that responds to each post with this status; `None`: it never responds.
    pub fn start(status: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (send, posts) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let send = send.clone();
                std::thread::spawn(move || serve(&stream, status, &send));
            }
        });
        Self {
            endpoint,
            posts,
            received: Vec::new(),
        }
    }

    /// The next post.
    pub fn next(&self) -> Post {
        self.posts.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits until so many spans with this name have arrived; they.
    pub fn wait_for(&mut self, name: &str, number: usize) -> Vec<Span> {
        let begun = Instant::now();
        loop {
            let spans = self.received.iter().flat_map(Post::spans);
            let found: Vec<_> = spans.filter(|span| span.name == name).collect();
            if found.len() >= number {
                return found;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.posts.recv_timeout(left) {
                Ok(post) => self.received.push(post),
                Err(error) => panic!("no {number} spans {name} ({error})"),
            }
        }
    }

    /// Everything that has come.
    pub fn all(mut self) -> Vec<Post> {
        self.received.extend(self.posts.try_iter());
        self.received
    }
}

/// Serves one connection until it ends.
fn serve(mut stream: &TcpStream, status: Option<u16>, send: &Sender<Post>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let _ = send.send(Post { head, body });
        let Some(status) = status else {
            // The connection stays open until the other end gives up.
            let _ = reader.read_to_end(&mut Vec::new());
            return;
        };
        let response = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// An attribute of a span; empty if it has none.
pub fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|one| one.key == key);
    let value = found.and_then(|one| one.value.as_ref()?.value.clone());
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => panic!("{key}: {other:?}"),
        None => String::new(),
    }
}
