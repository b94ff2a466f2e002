//! Lines of bounded length, read one by one.

use std::io::{self, BufRead};

/// Most bytes of a line, without its end.
pub(super) const MAX_LINE: usize = 1024 * 1024;

/// One line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its bytes without the end of line.
    Text(Vec<u8>),
    /// It is longer than [`MAX_LINE`] and was skipped.
    TooLong,
}

/// The lines of an input.
pub(super) struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self(input)
    }

    /// The next line, blank or not; `None` at the end. No more than the limit is ever kept.
    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut kept = Vec::new();
        let mut too_long = false;
        let mut something = false;
        loop {
            let available = match self.0.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() && !something {
                return Ok(None);
            }
            something = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len()));
            let part = part.unwrap_or_default();
            too_long |= kept.len() + part.len() > MAX_LINE;
            if !too_long {
                kept.extend_from_slice(part);
            }
            let at_end = end.is_some() || available.is_empty();
            let used = part.len() + usize::from(end.is_some());
            self.0.consume(used);
            if at_end {
                return Ok(Some(if too_long {
                    Line::TooLong
                } else {
                    Line::Text(kept)
                }));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read().transpose()? {
                Ok(Line::Text(text)) if text.trim_ascii().is_empty() => {}
                line => return Some(line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(input: &[u8], buffer: usize) -> Vec<Line> {
        let reader = BufReader::with_capacity(buffer, input);
        Lines::new(reader).map(Result::unwrap).collect()
    }

    #[test]
    fn blank_lines_are_skipped_and_the_last_line_needs_no_end() {
        for buffer in [1, 2, 3, 100] {
            let expected = [b"a b".to_vec(), b"c\r".to_vec(), b"d".to_vec()].map(Line::Text);
            assert_eq!(lines(b"\na b\n \t\r\nc\r\n\n\nd", buffer), expected);
            assert_eq!(lines(b"", buffer), []);
            assert_eq!(lines(b"\n \n", buffer), []);
        }
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_whole_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE];
        input.push(b'\n');
        input.extend(vec![b'y'; MAX_LINE + 1]);
        input.extend(b"\nz\n");
        let expected = [
            Line::Text(vec![b'x'; MAX_LINE]),
            Line::TooLong,
            Line::Text(b"z".to_vec()),
        ];
        assert_eq!(lines(&input, 8192), expected);
    }
}
