//! A database file takes the place of the store that is there: wholly, or not at all.
//!
//! Several files change their names for it. Before the first one does, a note beside the store says what is there. The last step removes the
//! note. As long as it is there, the next process that takes the lock undoes what was done, and the store is the one that was there before. No
//! file is deleted that might be the only one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::files::{beside, flush_names, give_to_owner, remove_if_there};
use super::marker::{self, Left};
use super::seals;

/// What is replaced, and where it is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    path: PathBuf,
    /// Whether there was a database file.
    file: bool,
    /// Whether there was a log.
    log: bool,
    left: Left,
    /// Ends the names of what is kept, and of the report: digits, and a hyphen between them.
    stamp: String,
}

fn note_of(path: &Path) -> PathBuf {
    beside(path, ".restoring")
}

impl Replacement {
    /// What is at this place now. `second` names what is kept; two replacements in one second keep both stores.
    pub(super) fn of(path: &Path, left: Left, second: i64) -> Self {
        let mut this = Self {
            path: path.to_owned(),
            file: path.exists(),
            log: marker::log_of(path).exists(),
            left,
            stamp: second.to_string(),
        };
        let taken = |this: &Self| {
            let (aside, undone) = (this.aside(), this.undone());
            aside.exists()
                || marker::log_of(&aside).exists()
                || undone.exists()
                || this.report().exists()
        };
        // The lock is held, so nobody else takes the name.
        for n in 2.. {
            if !taken(&this) {
                break;
            }
            this.stamp = format!("{second}-{n}");
        }
        this
    }

    /// Whether there is something to be kept.
    pub(super) fn moves(&self) -> bool {
        self.file || self.log
    }

    /// Where the store that was there is kept.
    pub(super) fn aside(&self) -> PathBuf {
        beside(&self.path, &format!(".replaced-{}", self.stamp))
    }

    /// Where the report about it is.
    pub(super) fn report(&self) -> PathBuf {
        beside(&self.path, &format!(".restored-{}.txt", self.stamp))
    }

    /// Where a file is put that an undone replacement has left in the place of the store.
    fn undone(&self) -> PathBuf {
        beside(&self.path, &format!(".undone-{}", self.stamp))
    }

    /// The file that takes the place of the store, before it does.
    pub(super) fn new_file(&self) -> PathBuf {
        beside(&self.path, ".restore")
    }

    /// Puts the new file, all of which is on disk, in the place of the store. The [note](Self::note) is there.
    pub(super) fn put(&self, lock: &File) -> io::Result<()> {
        let path = &self.path;
        if self.log {
            fs::rename(marker::log_of(path), marker::log_of(&self.aside()))?;
        }
        if self.file {
            fs::rename(path, self.aside())?;
        }
        remove_if_there(&beside(path, "-shm"))?;
        // A log of the old file must not stay beside the new one, not even after a loss of power.
        flush_names(path)?;
        fs::rename(self.new_file(), path)?;
        flush_names(path)?;
        marker::closed(lock)?;
        fs::remove_file(note_of(path))?;
        flush_names(path)
    }

    /// Says what is there, before anything changes its name. The note belongs to the owner of the store.
    pub(super) fn note(&self) -> io::Result<()> {
        let (partial, note) = (
            beside(&self.path, ".restoring.partial"),
            note_of(&self.path),
        );
        remove_if_there(&partial)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        let directory = self.path.parent().filter(|d| !d.as_os_str().is_empty());
        if self.file {
            give_to_owner(&self.path, &partial)?;
        } else if let Some(directory) = directory {
            give_to_owner(directory, &partial)?;
        }
        fs::rename(&partial, &note)?;
        flush_names(&self.path)
    }

    fn text(&self) -> String {
        let left = match self.left {
            Left::Unknown => "unknown",
            Left::Open => "open",
            Left::Closed => "closed",
        };
        let words = format!("{} {} {left} {}", self.file, self.log, self.stamp);
        let seal = u64::from_be_bytes(seals::of_text(&words));
        format!("{words} {seal:016x}\n")
    }

    /// What a note says.
    fn noted(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(note_of(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        Self::read(path, &text).map(Some).ok_or_else(|| {
            io::Error::other(format!(
                "the note about an interrupted restore, {}, is damaged. Compare the files of the store with those that end in .replaced-<seconds>, \
                 give the right ones their names, and remove the note",
                note_of(path).display()
            ))
        })
    }

    fn read(path: &Path, text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let words: Vec<_> = text.split_whitespace().collect();
        let &[file, log, left, stamp, _] = &words[..] else {
            return None;
        };
        let plain = |stamp: &str| {
            stamp
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        };
        let this = Self {
            path: path.to_owned(),
            file: file.parse().ok()?,
            log: log.parse().ok()?,
            left: match left {
                "unknown" => Left::Unknown,
                "open" => Left::Open,
                "closed" => Left::Closed,
                _ => return None,
            },
            stamp: stamp.to_owned(),
        };
        // The seal is in the text.
        (plain(stamp) && this.text() == text).then_some(this)
    }
}

/// Undoes a replacement that was interrupted, if there is one. It may be interrupted, too.
pub(super) fn undo(path: &Path, lock: &File) -> io::Result<()> {
    let Some(replacement) = Replacement::noted(path)? else {
        return Ok(());
    };
    let aside = replacement.aside();
    // Where a database file is aside, or where there was none, the one that is here is the new one.
    if path.exists() && (aside.exists() || !replacement.file) {
        fs::rename(path, replacement.undone())?;
    }
    remove_if_there(&beside(path, "-shm"))?;
    for (kept, name) in [
        (marker::log_of(&aside), marker::log_of(path)),
        (aside, path.to_owned()),
    ] {
        if kept.exists() {
            fs::rename(kept, name)?;
        }
    }
    if replacement.file && !path.exists() {
        return Err(io::Error::other(format!(
            "a restore was interrupted, and the store that was there is neither here nor at {}",
            replacement.aside().display()
        )));
    }
    remove_if_there(&replacement.report())?;
    remove_if_there(&replacement.new_file())?;
    marker::again(lock, replacement.left)?;
    flush_names(path)?;
    fs::remove_file(note_of(path))?;
    flush_names(path)?;
    let undone = replacement.undone();
    tracing::warn!(
        store = %path.display(),
        not_used = %if undone.exists() { undone.display().to_string() } else { String::new() },
        "a restore was interrupted; the store is the one that was there before it"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_was_changed_says_nothing() {
        let path = Path::new("store.db");
        let replacement = Replacement {
            path: path.to_owned(),
            file: true,
            log: false,
            left: Left::Closed,
            stamp: "1800000000-2".to_owned(),
        };
        let text = replacement.text();
        let read = Replacement::read(path, text.as_bytes());
        assert_eq!(read, Some(replacement));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(Replacement::read(path, &bytes), None, "{at}");
            assert_eq!(Replacement::read(path, &text.as_bytes()[..at]), None);
        }
        // One that was made to lead elsewhere.
        let elsewhere = Replacement {
            path: path.to_owned(),
            file: true,
            log: false,
            left: Left::Closed,
            stamp: "/../../elsewhere".to_owned(),
        };
        let text = elsewhere.text();
        assert_eq!(Replacement::read(path, text.as_bytes()), None);
    }
}
