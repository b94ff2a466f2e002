//! A database file takes the place of the store that is there: wholly, or not at all.
//!
//! Several files change their names for it. Before the first one does, a note beside the store says what is there. The last step removes the
//! note. As long as it is there, the next process that takes the lock settles what was begun. No file is deleted that might be the only one.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::files::{beside, create_new, flush_names, give_to_owner_of_store, remove_if_there};
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
    /// The [image](image_of) of the file that takes the place of the store.
    new: u64,
    /// Ends the names of what is kept, and of the report: digits, and a hyphen between them.
    stamp: String,
}

/// Where a restored store is while it is made.
pub fn new_file_of(path: &Path) -> PathBuf {
    beside(path, ".restore")
}

/// What may lie beside a database file and belongs to it: its log, or the journal of a change that was interrupted.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

fn note_of(path: &Path) -> PathBuf {
    beside(path, ".restoring")
}

impl Replacement {
    /// What is at this place now. `second` names what is kept; two replacements in one second keep both stores.
    pub(super) fn of(path: &Path, left: Left, second: i64) -> Self {
        let mut this = Self {
            path: path.to_owned(),
            file: path.exists(),
            log: BESIDE.iter().any(|more| beside(path, more).exists()),
            left,
            new: 0,
            stamp: second.to_string(),
        };
        let taken = |this: &Self| {
            let aside = this.aside();
            aside.exists()
                || BESIDE.iter().any(|more| beside(&aside, more).exists())
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

    /// What of the store that was there is kept: its database file, or what lies beside where that was.
    pub(super) fn kept(&self) -> Option<PathBuf> {
        let aside = self.aside();
        let mut beside_it = BESIDE.iter();
        match (self.file, self.log) {
            (true, _) => Some(aside),
            (false, true) => {
                let more = beside_it.find(|more| beside(&self.path, more).exists())?;
                Some(beside(&aside, more))
            }
            (false, false) => None,
        }
    }

    /// Where the store that was there is kept.
    pub(super) fn aside(&self) -> PathBuf {
        beside(&self.path, &format!(".replaced-{}", self.stamp))
    }

    /// Where the report about it is.
    pub(super) fn report(&self) -> PathBuf {
        beside(&self.path, &format!(".restored-{}.txt", self.stamp))
    }

    /// The file that takes the place of the store, before it does.
    pub(super) fn new_file(&self) -> PathBuf {
        new_file_of(&self.path)
    }

    /// Puts the new file, all of which is on disk, in the place of the store. The [note](Self::note) is there.
    pub(super) fn put(&self, lock: &File) -> io::Result<()> {
        let path = &self.path;
        for more in BESIDE {
            if beside(path, more).exists() {
                fs::rename(beside(path, more), beside(&self.aside(), more))?;
            }
        }
        if self.file {
            fs::rename(path, self.aside())?;
        }
        remove_if_there(&beside(path, "-shm"))?;
        // A log of the old file must not stay beside the new one, not even after a loss of power.
        flush_names(path)?;
        fs::rename(self.new_file(), path)?;
        self.end(lock)
    }

    /// The new file is in its place.
    fn end(&self, lock: &File) -> io::Result<()> {
        flush_names(&self.path)?;
        marker::closed(lock)?;
        fs::remove_file(note_of(&self.path))?;
        flush_names(&self.path)
    }

    /// Says what is there, before anything changes its name. The note belongs to the owner of the store.
    pub(super) fn note(&mut self) -> io::Result<()> {
        self.new = image_of(&self.new_file())?;
        let (partial, note) = (
            beside(&self.path, ".restoring.partial"),
            note_of(&self.path),
        );
        remove_if_there(&partial)?;
        let mut file = create_new(&partial)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        give_to_owner_of_store(&self.path, &[&partial])?;
        fs::rename(&partial, &note)?;
        flush_names(&self.path)
    }

    fn text(&self) -> String {
        let left = match self.left {
            Left::Unknown => "unknown",
            Left::Open => "open",
            Left::Closed => "closed",
        };
        let words = format!(
            "{} {} {left} {} {}",
            self.file, self.log, self.new, self.stamp
        );
        let seal = u64::from_be_bytes(seals::of_text(&words));
        format!("{words} {seal:016x}\n")
    }

    /// What a note says.
    fn noted(path: &Path) -> io::Result<Option<Self>> {
        let note = note_of(path);
        // A pipe of this name would never end.
        let text = match fs::symlink_metadata(&note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(found) if found.is_file() => fs::read(&note)?,
            Ok(_) => Vec::new(),
        };
        Self::read(path, &text).map(Some).ok_or_else(|| {
            io::Error::other(format!(
                "the note about an interrupted restore, {}, is damaged. Compare the files of the store with those that end in .replaced-<seconds>, \
                 give the right ones their names, and remove the note",
                note.display()
            ))
        })
    }

    fn read(path: &Path, text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let words: Vec<_> = text.split_whitespace().collect();
        let &[file, log, left, new, stamp, _] = &words[..] else {
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
            new: new.parse().ok()?,
            stamp: stamp.to_owned(),
        };
        // The seal is in the text.
        (plain(stamp) && this.text() == text).then_some(this)
    }
}

/// An image of a database file: its length and its first page. Another store may have the same one: the first page counts changes of the file,
/// and not those that are in the log.
fn image_of(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut first = Vec::new();
    (&mut file).take(4096).read_to_end(&mut first)?;
    Ok(u64::from_be_bytes(seals::of_file(length, &first)))
}

/// How a replacement that was interrupted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// There was none.
    Nothing,
    /// The new file is in its place.
    Complete,
    /// The store is the one that was there before.
    Undone,
}

/// Ends a replacement that was interrupted, if there is one. Where the new file is in its place already, nothing is left to do but the note.
/// Otherwise what was done is undone. It may be interrupted, too.
///
/// # Errors
/// The files are not those that the note tells of: a person has to say which of them is the store.
pub(super) fn settle(path: &Path, lock: &File) -> io::Result<Settled> {
    let Some(replacement) = Replacement::noted(path)? else {
        return Ok(Settled::Nothing);
    };
    let aside = replacement.aside();
    let here = path.exists();
    // The image alone would take the store that was there for the new file, where that store came from a restore, too.
    let gone = !replacement.new_file().exists();
    let moved = gone && (aside.exists() || !replacement.file);
    let is_new = here && gone && image_of(path)? == replacement.new;
    if is_new && moved {
        replacement.end(lock)?;
        tracing::warn!(store = %path.display(), "a restore was interrupted at its end; it is complete now");
        return Ok(Settled::Complete);
    }
    let expected = match (here, aside.exists()) {
        // The new file, or one that is equal, and the one before is gone: nobody can say which.
        (true, false) if is_new => false,
        (true, true) => false,
        (false, false) => !replacement.file,
        (true, false) | (false, true) => replacement.file,
    };
    if !expected {
        return Err(io::Error::other(format!(
            "a restore was interrupted, and the files were changed since. Compare {} with {}, give the right one the name of the store, and \
             remove {}",
            path.display(),
            aside.display(),
            note_of(path).display()
        )));
    }
    remove_if_there(&beside(path, "-shm"))?;
    for more in BESIDE.iter().chain(&[""]) {
        if beside(&aside, more).exists() {
            fs::rename(beside(&aside, more), beside(path, more))?;
        }
    }
    remove_if_there(&replacement.report())?;
    remove_if_there(&replacement.new_file())?;
    marker::again(lock, replacement.left)?;
    flush_names(path)?;
    fs::remove_file(note_of(path))?;
    flush_names(path)?;
    tracing::warn!(
        store = %path.display(),
        "a restore was interrupted; the store is the one that was there before it"
    );
    Ok(Settled::Undone)
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
            new: 77,
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
            new: 77,
            stamp: "/../../elsewhere".to_owned(),
        };
        let text = elsewhere.text();
        assert_eq!(Replacement::read(path, text.as_bytes()), None);
    }
}
