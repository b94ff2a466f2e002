//! A database file takes the place of the store that is there: wholly, or not at all.
//!
//! Several files change their names for it. Before the first one does, a note beside the store says what was there. The last step removes the
//! note. As long as it is there, whoever takes the lock next undoes what was done, and the store is the one that was there before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::files::{beside, flush_names, remove_if_there};
use super::marker::{self, Left};

/// What is replaced, and where it is kept.
#[derive(Debug)]
pub(super) struct Replacement {
    path: PathBuf,
    /// Whether there was a database file.
    file: bool,
    /// Whether there was a log.
    log: bool,
    left: Left,
    /// Ends the names of what is kept, and of the report.
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
            let aside = this.aside();
            aside.exists() || marker::log_of(&aside).exists() || this.report().exists()
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

    /// Where the store that was there is kept.
    pub(super) fn aside(&self) -> PathBuf {
        beside(&self.path, &format!(".replaced-{}", self.stamp))
    }

    /// Where the report about it is.
    pub(super) fn report(&self) -> PathBuf {
        beside(&self.path, &format!(".restored-{}.txt", self.stamp))
    }

    /// Puts `new` in the place of the store. All of `new` is on disk.
    pub(super) fn with(&self, new: &Path, lock: &File) -> io::Result<()> {
        let path = &self.path;
        self.note()?;
        if self.log {
            fs::rename(marker::log_of(path), marker::log_of(&self.aside()))?;
        }
        if self.file {
            fs::rename(path, self.aside())?;
        }
        remove_if_there(&beside(path, "-shm"))?;
        // A log of the old file must not stay beside the new one, not even after a loss of power.
        flush_names(path)?;
        fs::rename(new, path)?;
        flush_names(path)?;
        marker::closed(lock)?;
        fs::remove_file(note_of(path))?;
        flush_names(path)
    }

    /// Says what is there, before anything changes its name.
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
        let left = match self.left {
            Left::Unknown => "unknown",
            Left::Open => "open",
            Left::Closed => "closed",
        };
        let text = format!("{} {} {left} {}\n", self.file, self.log, self.stamp);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &note)?;
        flush_names(&self.path)
    }

    /// What a note says.
    fn noted(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(note_of(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let words: Vec<_> = text.split_whitespace().collect();
        let &[file, log, left, stamp] = &words[..] else {
            return Err(io::Error::other(
                "the note about an interrupted restore (.restoring) is damaged",
            ));
        };
        Ok(Some(Self {
            path: path.to_owned(),
            file: file == "true",
            log: log == "true",
            left: match left {
                "open" => Left::Open,
                "closed" => Left::Closed,
                _ => Left::Unknown,
            },
            stamp: stamp.to_owned(),
        }))
    }
}

/// Undoes a replacement that was interrupted, if there is one. It may be interrupted, too.
pub(super) fn undo(path: &Path, lock: &File) -> io::Result<()> {
    let Some(replacement) = Replacement::noted(path)? else {
        return Ok(());
    };
    let aside = replacement.aside();
    // Where a database file is aside, or where there was none, the one that is here is the new one.
    if aside.exists() || !replacement.file {
        remove_if_there(path)?;
        remove_if_there(&beside(path, "-shm"))?;
    }
    for (kept, name) in [
        (marker::log_of(&aside), marker::log_of(path)),
        (aside, path.to_owned()),
    ] {
        if kept.exists() {
            fs::rename(kept, name)?;
        }
    }
    remove_if_there(&replacement.report())?;
    marker::again(lock, replacement.left)?;
    flush_names(path)?;
    fs::remove_file(note_of(path))?;
    flush_names(path)?;
    tracing::warn!(
        store = %path.display(),
        "a restore was interrupted; the store is the one that was there before it"
    );
    Ok(())
}
