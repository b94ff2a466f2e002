//! Room on the disk for the removal of old records, which writes before it frees anything.
//!
//! A file beside the database takes up the room. When a write does not fit on the disk, the file is emptied. From then on only the
//! removal of old records may write, so that nobody else uses the room up. When that has made room inside the database, others write
//! again, but the database may not grow: what the disk has left is for the log alone. The file is made again as soon as the disk has
//! room for it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::open::make_file;
use super::sql::{Outcome, checkpoint_if_free};

/// With less free space than this a start does not succeed: it writes, too.
const LITTLE: u64 = 1 << 20;

/// The most pages that a database can have.
const NO_CEILING: i64 = 4_294_967_294;

/// A part of the reserve: so much more must be free before it is made again, so much must be free inside the database before others
/// write again, and so long may the log become.
const PART: u64 = 8;

/// What has become of the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The file is there.
    Kept,
    /// There has not been room for it so far. The store works as if none was wanted.
    Missing,
    /// It is given up. Only the removal of old records may write.
    Removal,
    /// It is given up, and others write to the room inside the database.
    Within,
}

/// The reserve of a store.
pub(super) struct Reserve {
    /// The file.
    path: PathBuf,
    bytes: u64,
    stage: Stage,
    /// Pages of the database when the reserve was given up.
    ceiling: i64,
    /// It was said that the removal has not made enough room.
    told: bool,
}

impl Reserve {
    /// The reserve of the store at `path`, as the last process has left it; none if it is to have no bytes. Where the disk is full, the
    /// reserve is given up.
    pub(super) fn find(path: &Path, bytes: u64) -> Option<Self> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut name = real.into_os_string();
        name.push(".reserve");
        let path = PathBuf::from(name);
        if bytes == 0 {
            let _ = fs::remove_file(&path);
            return None;
        }
        let mut reserve = Self {
            path,
            bytes,
            stage: Stage::Missing,
            ceiling: 0,
            told: false,
        };
        match fs::metadata(&reserve.path) {
            Ok(file) if file.len() == 0 => reserve.stage = Stage::Removal,
            Ok(file) if file.len() != bytes || !has_its_blocks(&file) => {
                let _ = fs::remove_file(&reserve.path);
            }
            Ok(_) if reserve.free() < LITTLE => {
                reserve.empty();
                reserve.stage = Stage::Removal;
                reserve.say_given_up();
            }
            Ok(_) => reserve.stage = Stage::Kept,
            Err(_) => {}
        }
        Some(reserve)
    }

    /// Makes the reserve, if it is not there and the disk has the room; else the connection, which is the one that writes, gets its
    /// limit.
    pub(super) fn start(&mut self, connection: &Connection) -> Outcome<()> {
        match self.stage {
            Stage::Kept | Stage::Within => {}
            Stage::Missing => match self.make() {
                Ok(()) => self.stage = Stage::Kept,
                Err(error) => tracing::warn!(
                    %error,
                    mebibytes = self.mebibytes(),
                    "the disk of the store has no room for the reserve of `disk_reserve_mib`; if the disk becomes full, old records \
                     cannot be removed. Make the disk larger, or set a smaller reserve"
                ),
            },
            Stage::Removal if self.make().is_ok() => self.stage = Stage::Kept,
            Stage::Removal => {
                tracing::error!(
                    "the disk of the store was full before this start and has no room yet. Writes are refused with 503 until the \
                     removal of old records has made room"
                );
                self.ceiling = pages(connection)?;
                self.let_removal_grow(connection)?;
            }
        }
        Ok(())
    }

    /// Whether only the removal of old records may write.
    pub(super) fn is_for_removal(&self) -> bool {
        self.stage == Stage::Removal
    }

    /// Whether the file is not there.
    pub(super) fn is_lacking(&self) -> bool {
        self.stage != Stage::Kept
    }

    /// After how many pages the log is to be moved by the writer and begun anew, if the room for it is small.
    pub(super) fn longest_log(&self) -> Option<usize> {
        let pages = usize::try_from(self.bytes / PART / 4096).unwrap_or(usize::MAX);
        matches!(self.stage, Stage::Removal | Stage::Within).then_some(pages)
    }

    /// A write did not fit.
    ///
    /// # Errors
    /// The log could not be moved.
    pub(super) fn full(&mut self, connection: &Connection) -> Outcome<()> {
        let before = self.stage;
        match before {
            Stage::Missing => return Ok(()),
            Stage::Kept => {
                self.empty();
                self.told = false;
                self.say_given_up();
            }
            Stage::Within => tracing::error!(
                "the room inside the store is used up. Writes are refused with 503 until the removal of old records has made more"
            ),
            Stage::Removal => {}
        }
        self.stage = Stage::Removal;
        let moved = checkpoint_if_free(connection);
        if before == Stage::Kept {
            self.ceiling = pages(connection)?;
        }
        self.let_removal_grow(connection)?;
        moved.map(drop)
    }

    /// Makes the reserve again if it was given up and the disk has room by now.
    pub(super) fn look_for_room(&mut self, connection: &Connection) -> Outcome<()> {
        if matches!(self.stage, Stage::Removal | Stage::Within) && self.make().is_ok() {
            self.stage = Stage::Kept;
            limit(connection, NO_CEILING)?;
            tracing::info!(
                "the disk of the store has room again, and so the reserve is kept again"
            );
        }
        Ok(())
    }

    /// The removal of old records has come to an end.
    ///
    /// # Errors
    /// The log could not be moved, or the database does not say how large it is.
    pub(super) fn removed(&mut self, connection: &Connection) -> Outcome<()> {
        if self.stage == Stage::Kept {
            return Ok(());
        }
        // The disk gets the room of the log back.
        checkpoint_if_free(connection)?;
        if self.stage == Stage::Missing {
            if self.make().is_ok() {
                self.stage = Stage::Kept;
                tracing::info!("the disk of the store has room for the reserve now");
            }
            return Ok(());
        }
        self.look_for_room(connection)?;
        if self.stage != Stage::Removal {
            return Ok(());
        }
        let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
        if u64::try_from(free).unwrap_or(0) * 4096 >= self.bytes / PART {
            self.stage = Stage::Within;
            limit(connection, self.ceiling)?;
            tracing::info!(
                mebibytes = (free * 4096) >> 20,
                "the removal of old records has made room inside the store, and others may write to it. The database does not grow \
                 until the disk has room for the reserve"
            );
        } else if !self.told {
            self.told = true;
            tracing::error!(
                "the removal of old records has not made enough room: writes are still refused with 503. Make the disk larger, \
                 remove other files from it, delete Services and users that are not needed, or set shorter times in `[retention]` \
                 and start passkeyd again"
            );
        }
        Ok(())
    }

    /// The removal moves records in the database before it frees room. It may use a half of what the disk has for that, and leaves the
    /// other half to the log.
    fn let_removal_grow(&self, connection: &Connection) -> Outcome<()> {
        let room = self.free().min(self.bytes) / 2 / 4096;
        limit(
            connection,
            self.ceiling
                .saturating_add(i64::try_from(room).unwrap_or(0)),
        )
    }

    fn say_given_up(&self) {
        tracing::error!(
            mebibytes = self.mebibytes(),
            "the disk of the store is full. The reserve is given up for the removal of old records, and other writes are refused \
             with 503 until that has made room. Make the disk larger, remove other files from it, or delete Services and users that \
             are not needed"
        );
    }

    fn mebibytes(&self) -> u64 {
        self.bytes >> 20
    }

    /// Bytes that the disk has free for this process.
    fn free(&self) -> u64 {
        #[cfg(unix)]
        {
            let here = Path::new(".");
            let directory = self.path.parent().filter(|d| !d.as_os_str().is_empty());
            rustix::fs::statvfs(directory.unwrap_or(here))
                .map_or(0, |space| space.f_bavail.saturating_mul(space.f_frsize))
        }
        #[cfg(not(unix))]
        0
    }

    /// Gives the room back. An empty file tells the next start why.
    fn empty(&self) {
        let emptied = File::options()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.set_len(0));
        if emptied.is_err() {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Makes the file, if the disk has room for it and some more.
    fn make(&self) -> io::Result<()> {
        if self.free() < self.bytes + self.bytes / PART {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = make_file(&self.path)?;
        let made = file
            .set_len(self.bytes)
            .and_then(|()| take_up(&file, self.bytes))
            .and_then(|()| file.sync_all());
        if made.is_err() {
            drop(file);
            // As it was before.
            self.empty();
            if self.stage == Stage::Missing {
                let _ = fs::remove_file(&self.path);
            }
        }
        made
    }
}

/// Whether a file has all the blocks of its length.
pub(super) fn has_its_blocks(file: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        file.blocks().saturating_mul(512) >= file.len()
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        true
    }
}

/// Gives a file real blocks. Where the file system cannot do so by itself, bytes are written; not zeros, which some file systems do not
/// store.
fn take_up(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    write_all(file, bytes)
}

fn write_all(mut file: &File, bytes: u64) -> io::Result<()> {
    let mut block = [0; 4096];
    // Different bytes in each block: xorshift.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..bytes / 4096 {
        for part in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            part.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    Ok(())
}

fn pages(connection: &Connection) -> Outcome<i64> {
    Ok(connection.query_row("PRAGMA page_count", [], |row| row.get(0))?)
}

/// How many pages the database may have; never less than it has.
fn limit(connection: &Connection, pages: i64) -> Outcome<()> {
    connection.query_row(&format!("PRAGMA max_page_count={pages}"), [], |_| Ok(()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_written_has_all_its_blocks_and_one_of_holes_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("written");
        let file = make_file(&path).unwrap();
        file.set_len(1 << 20).unwrap();
        assert!(!has_its_blocks(&file.metadata().unwrap()));
        write_all(&file, 1 << 20).unwrap();
        file.sync_all().unwrap();
        let written = file.metadata().unwrap();
        assert_eq!(written.len(), 1 << 20);
        assert!(has_its_blocks(&written));
    }
}
