//! The kinds of values that settings have: what is expected, in words, and how a variable's text becomes one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Value;

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One line of text per event, for people.
    Text,
}

/// Which requests have a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogRequests {
    /// Every request.
    All,
    /// Requests that were refused or failed.
    Refused,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Only what an operator has to act on.
    Error,
    /// And what looks wrong.
    Warn,
    /// And one line for each request, start and stop.
    Info,
    /// And checks of health.
    Debug,
    /// Everything.
    Trace,
}

/// A kind of value.
pub(super) trait Kind: DeserializeOwned {
    /// What is expected, after the word "expected".
    const EXPECTED: &'static str;

    /// The value that a variable's text stands for; a text that stands for none stays a text, and does not fit.
    fn from_text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    /// Whether a value is one of this kind.
    fn fits(value: &Value) -> bool {
        Self::deserialize(value.clone()).is_ok()
    }
}

impl Kind for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_text(text: &str) -> Value {
        text.parse()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Boolean)
    }
}

macro_rules! whole_numbers {
    ($($number:ty: $expected:literal),+) => {
        $(impl Kind for $number {
            const EXPECTED: &'static str = $expected;
            fn from_text(text: &str) -> Value {
                text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)
            }
        })+
    };
}

whole_numbers! {
    u32: "a whole number from 0 to 4294967295",
    u64: "a whole number, 0 or more",
    usize: "a whole number, 0 or more"
}

impl Kind for f64 {
    const EXPECTED: &'static str = "a number, for example 0.25";
    fn from_text(text: &str) -> Value {
        text.parse()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Float)
    }
}

impl Kind for String {
    const EXPECTED: &'static str = "a text";
}

impl Kind for PathBuf {
    const EXPECTED: &'static str = "a path";
}

impl Kind for Vec<PathBuf> {
    const EXPECTED: &'static str = "a list of paths, for example [\"/etc/a.crl\", \"/etc/b.crl\"]";
    fn from_text(text: &str) -> Value {
        list_from_text(text)
    }
}

/// A list of texts, as TOML writes it. In a variable the quotes may be left out.
fn list_from_text(text: &str) -> Value {
    let in_toml = format!("list = {text}").parse::<toml::Table>();
    if let Some(list @ Value::Array(_)) = in_toml.ok().and_then(|mut t| t.remove("list")) {
        return list;
    }
    match text
        .trim()
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
    {
        Some(list) => list
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(|path| Value::String(path.to_owned()))
            .collect::<Vec<_>>()
            .into(),
        None => Value::String(text.to_owned()),
    }
}

impl Kind for Vec<Network> {
    const EXPECTED: &'static str =
        "a list of addresses and networks, for example [\"10.0.0.0/8\", \"2001:db8::1\"]";
    fn from_text(text: &str) -> Value {
        list_from_text(text)
    }
}

/// A network of addresses, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(pub IpNet);

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse().ok().or_else(address);
        network.map(Self).ok_or(<Vec<Self>>::EXPECTED)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0.to_string()
    }
}

impl<T: Kind> Kind for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_text(text: &str) -> Value {
        T::from_text(text)
    }
}

impl Kind for LogRequests {
    const EXPECTED: &'static str = "`all` or `refused`";
}

impl Kind for LogFormat {
    const EXPECTED: &'static str = "`json` or `text`";
}

impl Kind for LogLevel {
    const EXPECTED: &'static str = "`error`, `warn`, `info`, `debug` or `trace`";
}

impl Kind for Listen {
    const EXPECTED: &'static str =
        "an address and a port, for example 127.0.0.1:8080, localhost:8080 or 0.0.0.0:8080";
}

/// Where to listen: an address or a host name, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Listen {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

/// A port may be written as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Port(u16),
}

impl Listen {
    /// The port; 0 lets the system choose one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses that the host has, those of IPv4 first.
    ///
    /// # Errors
    /// The host has no address.
    pub async fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        let name = match &self.host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, self.port)]),
            Host::Name(name) => name.as_str(),
        };
        let mut found: Vec<_> = tokio::net::lookup_host((name, self.port)).await?.collect();
        // Who writes `localhost` is often called at 127.0.0.1; browsers try both.
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::Address(address.ip()),
            port: address.port(),
        }
    }
}

impl std::str::FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        // A port alone is one of this machine: nothing is open to others unless it is written.
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Self::EXPECTED);
        }
        let port = port.parse().map_err(|_| Self::EXPECTED)?;
        let is_name = |host: &str| {
            host.len() <= 253
                && host.split('.').all(|label| {
                    !label.is_empty()
                        && label.len() <= 63
                        && label
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                })
        };
        match host {
            "" => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()),
            // What ends in a number is an IPv4 address, and this one is not in form.
            name if is_name(name) && !name.ends_with(|c: char| c.is_ascii_digit()) => Ok(Self {
                host: Host::Name(name.to_owned()),
                port,
            }),
            _ => Err(Self::EXPECTED),
        }
    }
}

impl TryFrom<Written> for Listen {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Text(text) => text.parse(),
            Written::Port(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()),
        }
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(address) => SocketAddr::new(*address, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_listen_is_an_address_a_name_or_a_port_of_this_machine() {
        for (text, read) in [
            ("127.0.0.1:8081", "127.0.0.1:8081"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:8081", "[::1]:8081"),
            (":8081", "127.0.0.1:8081"),
            ("8081", "127.0.0.1:8081"),
            ("localhost:8081", "localhost:8081"),
            ("node-1.example.com:443", "node-1.example.com:443"),
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), read, "{text}");
        }
        for wrong in [
            "",
            ":",
            "nowhere",
            "localhost",
            "localhost:",
            "localhost:http",
            "127.0.0.1",
            "127.0.0.1:70000",
            "1.2.3:80",
            "300.0.0.1:80",
            "::1:8081x",
            "http://localhost:80",
            "a b:80",
            ":+80",
            "*:80",
            "a..b:80",
        ] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_of_networks_is_read_from_a_variable_with_and_without_quotes() {
        for text in [
            "[10.0.0.0/8, 2001:db8::1]",
            "[\"10.0.0.0/8\", \"2001:db8::1\"]",
        ] {
            let value = <Vec<Network> as Kind>::from_text(text);
            let list = Vec::<Network>::deserialize(value).unwrap();
            let list: Vec<String> = list.into_iter().map(String::from).collect();
            assert_eq!(list, ["10.0.0.0/8", "2001:db8::1/128"], "{text}");
        }
        for wrong in ["10.0.0.0/8", "[10.0.0.0/33]", "[proxy.example.com]"] {
            assert!(!<Vec<Network> as Kind>::fits(
                &<Vec<Network> as Kind>::from_text(wrong)
            ));
        }
    }

    #[tokio::test]
    async fn localhost_is_listened_on_where_ipv4_reaches_it() {
        let listen: Listen = "localhost:8081".parse().unwrap();
        let first = listen.addresses().await.unwrap()[0];
        assert_eq!(first, SocketAddr::from(([127, 0, 0, 1], 8081)));
    }
}
