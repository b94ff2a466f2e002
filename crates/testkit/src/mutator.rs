//! Requests that are nearly right. A seed says what is broken: in the JSON of a body, in the bytes inside of it (CBOR, DER, client
//! data), in its text, and in the head of the request.

use serde_json::{Map, Value};

use crate::encoding::{base64url, from_base64url};
use crate::random::Random;

/// Values that a reader may not expect.
const ODD: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "18446744073709551616",
    "[]",
    "{}",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"%\"",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
];

/// Lines of a head that a reader may not expect.
const LINES: &[&str] = &[
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity, chunked",
    "Content-Length: 0",
    "Content-Length: 1, 1",
    "Content-Length: -1",
    "Content-Encoding: gzip",
    "Content-Type: text/xml",
    "Content-Type: application/json; charset=utf-16",
    "Expect: 100-continue",
    "Authorization: Basic",
    "Authorization: Bearer a.b.c",
    "Host: other.test",
    "X-Forwarded-For: 10.0.0.1, ::1",
    "Forwarded: for=\"",
    "Origin: null",
    "Origin: https://acme.test.",
    "Idempotency-Key: \t",
    "Cookie: a=b; __Host-passkeyd-console=1",
    "Upgrade: h2c",
    "Connection: upgrade, close",
    "X-Request-Id: \u{1b}[31m",
    " folded: yes",
    "no colon",
    ": no name",
    "Range: bytes=0-",
    "Accept: \u{e9}",
];

/// Breaks things as its seed says.
#[derive(Debug)]
pub struct Mutator {
    random: Random,
}

impl Mutator {
    /// The one of this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
        }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    /// One of the values.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        self.random.choose(from)
    }

    /// The text of a body with one thing broken, or a few. `donor` is a body of another ceremony, from which values are taken.
    pub fn json(&mut self, body: &Value, donor: &Value) -> Vec<u8> {
        let mut changed = body.clone();
        for _ in 0..=self.random.below(8) / 6 {
            self.change(&mut changed, donor);
        }
        let mut text = changed.to_string();
        match self.random.below(12) {
            // A member twice: the reader must not choose.
            0 => {
                let doubled = changed.as_object().and_then(|members| {
                    let (name, value) = members.iter().next()?;
                    Some(format!("{{{}:{value},", Value::from(name.as_str())))
                });
                if let Some(doubled) = doubled {
                    text = text.replacen('{', &doubled, 1);
                }
                text.into_bytes()
            }
            1 => self.bytes(text.as_bytes()),
            2 => {
                let odd = self.choose(ODD).copied().unwrap_or_default();
                let at = text.rfind(':').map_or(0, |at| at + 1);
                text.truncate(at);
                format!("{text}{odd}}}").into_bytes()
            }
            _ => text.into_bytes(),
        }
    }

    /// Changes one value somewhere.
    fn change(&mut self, value: &mut Value, donor: &Value) {
        let mut places = Vec::new();
        pointers(value, String::new(), &mut places);
        let Some(place) = self.random.choose(&places).cloned() else {
            *value = Value::Null;
            return;
        };
        let (parent, name) = place.rsplit_once('/').unwrap_or_default();
        match self.random.below(10) {
            0 => {
                if let Some(members) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
                    members.remove(name);
                }
            }
            1 => {
                if let Some(members) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
                    self.rename(members, name);
                }
            }
            2 => {
                let odd = self.choose(ODD).copied().unwrap_or_default();
                put(value, &place, serde_json::from_str(odd).unwrap_or_default());
            }
            3 => {
                let long = 1 << self.random.below(16);
                put(value, &place, "A".repeat(long).into());
            }
            4 => {
                // Two values change places.
                let other = self.random.choose(&places).cloned().unwrap_or_default();
                let one = value.pointer(&place).cloned().unwrap_or_default();
                let two = value.pointer(&other).cloned().unwrap_or_default();
                put(value, &place, two);
                put(value, &other, one);
            }
            5 | 6 => {
                if let Some(foreign) = donor.pointer(&place) {
                    put(value, &place, foreign.clone());
                }
            }
            _ => {
                if let Some(Value::String(text)) = value.pointer_mut(&place) {
                    *text = self.text(text);
                }
            }
        }
    }

    fn rename(&mut self, members: &mut Map<String, Value>, name: &str) {
        let Some(value) = members.remove(name) else {
            return;
        };
        let new = match self.random.below(4) {
            0 => name.to_uppercase(),
            1 => format!("{name} "),
            2 => format!("\u{feff}{name}"),
            _ => "__proto__".to_owned(),
        };
        members.insert(new, value);
    }

    /// A text that is nearly this one: where it is base64url, the bytes in it are broken.
    pub fn text(&mut self, text: &str) -> String {
        let Some(bytes) = from_base64url(text).filter(|bytes| bytes.len() > 3) else {
            let broken = self.bytes(text.as_bytes());
            return String::from_utf8_lossy(&broken).into_owned();
        };
        match self.random.below(10) {
            // The same bytes in another form.
            0 => format!("{text}="),
            1 => text.replace('-', "+").replace('_', "/"),
            2 => format!("{text}\n"),
            3 => {
                // The last letter has bits that mean nothing.
                let mut letters = text.to_owned();
                letters.pop();
                letters.push(*self.choose(&['A', 'B', 'Q', 'g', 'w', '_']).unwrap_or(&'A'));
                letters
            }
            _ => base64url(&self.bytes(&bytes)),
        }
    }

    /// Bytes that are nearly these: as CBOR, as DER, as JSON, or just as bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut broken = bytes.to_vec();
        if broken.is_empty() {
            return self.random.bytes(1);
        }
        let at = self.random.below(broken.len());
        match self.random.below(12) {
            0..=2 => broken[at] ^= 1 << self.random.below(8),
            3 => broken[at] = self.random.byte(),
            4 => broken.truncate(at),
            5 => {
                let count = 1 + self.random.below(16);
                broken.extend(self.random.bytes(count));
            }
            6 => {
                let end = broken.len().min(at + 1 + self.random.below(8));
                broken.drain(at..end);
            }
            7 => {
                let copy = broken[at..].to_vec();
                broken.splice(at..at, copy);
            }
            // The head of a CBOR item gets another length: of more bytes, or without end.
            8 => {
                let major = broken[at] & 0xe0;
                broken[at] = major | (24 + u8::try_from(self.random.below(8)).unwrap_or(0));
            }
            9 => {
                let bomb = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
                broken.splice(at..at, bomb);
            }
            // The length of a DER element.
            10 => {
                let found = broken[at..]
                    .iter()
                    .position(|b| [0x02, 0x03, 0x04, 0x30].contains(b));
                let length = found.map_or(at, |ahead| (at + ahead + 1).min(broken.len() - 1));
                broken[length] = match self.random.below(4) {
                    0 => broken[length].wrapping_add(1),
                    1 => broken[length].wrapping_sub(1),
                    2 => 0x80,
                    _ => 0x84,
                };
            }
            _ => {
                if let Ok(inner @ Value::Object(_)) = serde_json::from_slice(bytes) {
                    let mut changed = inner.clone();
                    self.change(&mut changed, &inner);
                    return changed.to_string().into_bytes();
                }
                broken.reverse();
            }
        }
        broken
    }

    /// The head of a request, without the empty line at its end, with one thing broken.
    pub fn head(&mut self, head: &str) -> Vec<u8> {
        let mut lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
        let at = self.random.below(lines.len());
        match self.random.below(9) {
            0 => {
                lines.remove(at);
            }
            1 => lines.insert(at, lines[at].clone()),
            2 | 3 => {
                let odd = self.choose(LINES).copied().unwrap_or_default();
                lines.insert(at.max(1), odd.to_owned());
            }
            4 => lines[at] = lines[at].replacen(':', " :", 1),
            5 => {
                lines[at] = lines[at].replacen(
                    ": ",
                    &format!(": {}", "a".repeat(1 << self.random.below(16))),
                    1,
                );
            }
            6 => lines.extend((0..1 << self.random.below(8)).map(|n| format!("X-{n}: {n}"))),
            7 => return lines.join("\n").into_bytes(),
            _ => return self.bytes(head.as_bytes()),
        }
        lines.join("\r\n").into_bytes()
    }
}

fn put(value: &mut Value, place: &str, new: Value) {
    if let Some(found) = value.pointer_mut(place) {
        *found = new;
    }
}

/// The places of all members and items below a value, as JSON pointers.
fn pointers(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointers(
                    member,
                    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    places,
                );
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                pointers(item, format!("{at}/{n}"), places);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        places.push(at);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_seed_breaks_the_same_things_again_and_most_of_them_differ_from_the_original() {
        let body =
            json!({"id": "AAECAwQFBgc", "response": {"clientDataJSON": "eyJhIjoxLCJiIjpbMiwzXX0"}});
        let donor = json!({"id": "CAkKCwwNDg8", "response": {"clientDataJSON": "eyJhIjoyfQ"}});
        let all = |seed| {
            let mut mutator = Mutator::new(seed);
            let one = |_| {
                (
                    mutator.json(&body, &donor),
                    mutator.head("GET / HTTP/1.1\r\nHost: x"),
                )
            };
            (0..500).map(one).collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        let whole = body.to_string().into_bytes();
        let changed = all(1).iter().filter(|(text, _)| *text != whole).count();
        assert!(changed > 400, "{changed}");
    }
}
