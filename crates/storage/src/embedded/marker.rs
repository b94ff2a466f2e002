//! What the lock file says of the store, so that a store which was lost is not taken for a new one.
//!
//! An empty file, or none: nothing is known. `open`: there is a store, and a process has it open or has died. `closed`: there is a
//! store, and all of it is in the database file. It is written once at a start and once at a stop.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const UNKNOWN: &str = "";
const OPEN: &str = "open\n";
const CLOSED: &str = "closed\n";

/// How a store was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing is known.
    Unknown,
    /// Its process has died. Its log belongs to it.
    Open,
    /// All is in the database file.
    Closed,
}

/// What the lock file says.
pub(super) fn read(mut lock: &File) -> io::Result<Left> {
    let mut text = Vec::new();
    lock.seek(SeekFrom::Start(0))?;
    lock.take(64).read_to_end(&mut text)?;
    Ok(match &text[..] {
        text if text == OPEN.as_bytes() => Left::Open,
        text if text == CLOSED.as_bytes() => Left::Closed,
        _ => Left::Unknown,
    })
}

fn write(mut lock: &File, text: &str) -> io::Result<()> {
    lock.seek(SeekFrom::Start(0))?;
    lock.write_all(text.as_bytes())?;
    lock.set_len(u64::try_from(text.len()).unwrap_or(0))?;
    lock.sync_all()
}

/// The store at `path` is open, and its log is there.
pub(super) fn opened(lock: &File, path: &Path) -> io::Result<()> {
    // The names of the files must survive as long as what the marker says of them.
    if let Some(directory) = path.parent() {
        let here = Path::new(".");
        let directory = if directory.as_os_str().is_empty() {
            here
        } else {
            directory
        };
        File::open(directory)?.sync_all()?;
    }
    write(lock, OPEN)
}

/// All is in the database file.
pub(super) fn closed(lock: &File) -> io::Result<()> {
    write(lock, CLOSED)
}

/// The store is as it was left before.
pub(super) fn again(lock: &File, left: Left) -> io::Result<()> {
    let text = match left {
        Left::Unknown => UNKNOWN,
        Left::Open => OPEN,
        Left::Closed => CLOSED,
    };
    write(lock, text)
}

/// The log of `SQLite` beside a database file.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// As many commits may lie behind the first frame of a log that does not check out: after a loss of power some of what no flush had
/// confirmed is on the disk and some is not. The writer never has more of them under way.
pub(super) const UNCONFIRMED: usize = 3;

/// What was lost of the log of a store whose process has died, if that can be seen.
pub(super) fn lost_log(path: &Path) -> io::Result<Option<&'static str>> {
    let log = match std::fs::read(log_of(path)) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some("its log (-wal) is missing after a crash"));
        }
        Err(error) => return Err(error),
    };
    Ok(if hidden_commits(&log) > UNCONFIRMED {
        Some("its log (-wal) is damaged, and commits lie behind the damage")
    } else {
        None
    })
}

/// How many commits lie behind the first part of a log that does not check out.
fn hidden_commits(log: &[u8]) -> usize {
    const HEADER: usize = 32;
    let word = |bytes: &[u8], at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_be_bytes(word)
    };
    let Some(header) = log.get(..HEADER) else {
        return 0;
    };
    // The lowest bit of the magic number says in which order the words of the sums are read.
    let big = word(header, 0) & 1 == 1;
    let sum = |mut sums: (u32, u32), bytes: &[u8]| {
        for pair in bytes.chunks_exact(8) {
            let read = |at: usize| {
                let word = word(pair, at);
                if big { word } else { word.swap_bytes() }
            };
            sums.0 = sums.0.wrapping_add(read(0)).wrapping_add(sums.1);
            sums.1 = sums.1.wrapping_add(read(4)).wrapping_add(sums.0);
        }
        sums
    };
    let mut sums = sum((0, 0), &header[..24]);
    let page = usize::try_from(word(header, 8)).unwrap_or(0);
    let sound = word(header, 0) & !1 == 0x377f_0682
        && sums == (word(header, 24), word(header, 28))
        && (512..=65_536).contains(&page);
    if log.iter().all(|byte| *byte == 0) {
        // The file had grown when the power was lost, and nothing was written to it. SQLite flushes the header before it writes a frame.
        return 0;
    }
    if !sound {
        // SQLite reads nothing of it. What it held cannot be counted.
        return log.len();
    }
    let mut valid = true;
    let mut hidden = 0;
    for frame in log[HEADER..].chunks_exact(24 + page) {
        let ours = frame[8..16] == header[16..24];
        if valid {
            let next = sum(sum(sums, &frame[..8]), &frame[24..]);
            valid = ours && next == (word(frame, 16), word(frame, 20));
            sums = next;
        } else if ours && word(frame, 4) != 0 {
            hidden += 1;
        }
    }
    hidden
}
