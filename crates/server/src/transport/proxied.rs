//! The PROXY protocol, versions 1 and 2: a proxy that forwards bytes says first whose they are.
//!
//! Only a trusted proxy is asked for it. What it says is read strictly, and no byte after it: the rest belongs to TLS or HTTP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a header of version 2 begins with. No header of version 1, and no request, begins so.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest line of version 1, with its end.
const LONGEST_LINE: usize = 107;
/// Longest rest of a header of version 2: its addresses, and what proxies add about TLS and their networks.
const LONGEST_REST: usize = 2048;

/// Reads the header. Returns the address of the client; `None` where the proxy speaks for itself, as it does when it checks whether this server
/// is there, or does not know the client.
///
/// # Errors
/// There is no header, or it is not in form.
pub(super) async fn client(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    // The shortest line of version 1 has 15 bytes.
    let mut begin = [0; SIGNATURE.len()];
    stream.read_exact(&mut begin).await?;
    if begin == *SIGNATURE {
        return second(stream).await;
    }
    if !begin.starts_with(b"PROXY ") {
        return Err(malformed());
    }
    let mut line = begin.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE {
            return Err(malformed());
        }
        line.push(stream.read_u8().await?);
    }
    let text = line.strip_suffix(b"\r\n").unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    first(text).ok_or_else(malformed)
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the connection does not begin with a PROXY protocol header",
    )
}

/// `PROXY TCP4 <source> <destination> <port> <port>`; `None` if it is not in form.
#[expect(
    clippy::option_option,
    reason = "a line in form may name nobody, which is not the same as a line that is not in form"
)]
fn first(line: &str) -> Option<Option<IpAddr>> {
    let mut words = line.split(' ');
    if words.next() != Some("PROXY") {
        return None;
    }
    let family = words.next()?;
    if family == "UNKNOWN" {
        // The rest of the line has no meaning.
        return Some(None);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let ports = [words.next()?, words.next()?];
    let in_form = |port: &&str| {
        port.bytes().all(|b| b.is_ascii_digit())
            && (!port.starts_with('0') || port.len() == 1)
            && port.parse::<u16>().is_ok()
    };
    if words.next().is_some() || !ports.iter().all(in_form) {
        return None;
    }
    let source = match family {
        "TCP4" => {
            destination.parse::<Ipv4Addr>().ok()?;
            IpAddr::V4(source.parse().ok()?)
        }
        "TCP6" => {
            destination.parse::<Ipv6Addr>().ok()?;
            IpAddr::V6(source.parse().ok()?)
        }
        _ => return None,
    };
    Some(Some(source))
}

/// The rest of a header of version 2.
async fn second(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let [version, family] = [stream.read_u8().await?, stream.read_u8().await?];
    let length = usize::from(stream.read_u16().await?);
    let itself = match version {
        0x20 => true,
        0x21 => false,
        _ => return Err(malformed()),
    };
    if length > LONGEST_REST {
        return Err(malformed());
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    if itself {
        return Ok(None);
    }
    let source = match family {
        // Unspecified, and addresses of files: nobody is named.
        0x00 | 0x31 | 0x32 => None,
        0x11 => Some(of_v4(&rest).ok_or_else(malformed)?),
        0x21 => Some(of_v6(&rest).ok_or_else(malformed)?),
        _ => return Err(malformed()),
    };
    Ok(source)
}

/// Two addresses of 4 bytes and two ports of 2; then what has no meaning here.
fn of_v4(rest: &[u8]) -> Option<IpAddr> {
    let addresses = rest.get(..12)?;
    let source: [u8; 4] = addresses.get(..4)?.try_into().ok()?;
    Some(IpAddr::V4(source.into()))
}

/// Two addresses of 16 bytes and two ports of 2.
fn of_v6(rest: &[u8]) -> Option<IpAddr> {
    let addresses = rest.get(..36)?;
    let source: [u8; 16] = addresses.get(..16)?.try_into().ok()?;
    Some(IpAddr::V6(source.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client, as text, and what is left of the bytes.
    async fn read(bytes: &[u8]) -> Result<(Option<String>, Vec<u8>), io::ErrorKind> {
        let mut stream = bytes;
        let client = client(&mut stream).await.map_err(|error| error.kind())?;
        Ok((client.map(|ip| ip.to_string()), stream.to_vec()))
    }

    fn binary(head: [u8; 2], rest: &[u8], after: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &head[..], &length, rest, after].concat()
    }

    #[tokio::test]
    async fn the_client_is_read_and_nothing_behind_it() {
        let request = b"GET / HTTP/1.1\r\n";
        let v4 = [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
        let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0; 20]].concat();
        let more = [&v4[..], b"\x04\0\x01x"].concat();
        for (header, named) in [
            (
                b"PROXY TCP4 203.0.113.9 10.0.0.1 4660 80\r\n".to_vec(),
                Some("203.0.113.9"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 ::1 0 65535\r\n".to_vec(),
                Some("2001:db8::7"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN what ever\r\n".to_vec(), None),
            (binary([0x21, 0x11], &v4, b""), Some("203.0.113.9")),
            (binary([0x21, 0x11], &more, b""), Some("203.0.113.9")),
            (binary([0x21, 0x21], &v6, b""), Some("2001:db8::7")),
            (binary([0x20, 0x00], b"", b""), None),
            (binary([0x20, 0x11], &v4, b""), None),
            (binary([0x21, 0x00], b"abc", b""), None),
        ] {
            let bytes = [&header[..], request].concat();
            let (client, rest) = read(&bytes).await.unwrap();
            assert_eq!(client.as_deref(), named, "{}", header.escape_ascii());
            assert_eq!(rest, request, "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn what_is_not_in_form_is_refused() {
        for header in [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            b"proxy TCP4 203.0.113.9 10.0.0.1 1 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1 80 81\r\n".to_vec(),
            b"PROXY TCP4  203.0.113.9 10.0.0.1 1 80\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::7 10.0.0.1 1 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 ::1 1 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.09 10.0.0.1 1 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 01 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1 65536\r\n".to_vec(),
            b"PROXY UDP4 203.0.113.9 10.0.0.1 1 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1 \xff\r\n".to_vec(),
            [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat(),
            binary([0x31, 0x11], &[0; 12], b""),
            binary([0x22, 0x11], &[0; 12], b""),
            binary([0x21, 0x12], &[0; 12], b""),
            binary([0x21, 0x11], &[0; 11], b""),
            binary([0x21, 0x21], &[0; 35], b""),
            binary([0x21, 0x11], &[0; LONGEST_REST + 1], b""),
        ] {
            let refused = read(&header).await.unwrap_err();
            assert_eq!(
                refused,
                io::ErrorKind::InvalidData,
                "{}",
                header.escape_ascii()
            );
        }
    }

    #[tokio::test]
    async fn a_header_that_breaks_off_is_refused() {
        let v4 = binary([0x21, 0x11], &[1; 12], b"");
        let line = b"PROXY TCP4 203.0.113.9 10.0.0.1 1 80\r\n";
        for whole in [&v4[..], line] {
            for length in 0..whole.len() {
                let refused = read(&whole[..length]).await.unwrap_err();
                assert_eq!(refused, io::ErrorKind::UnexpectedEof, "{length}");
            }
        }
    }
}
