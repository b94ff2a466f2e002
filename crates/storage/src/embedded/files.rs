//! Names of files beside a database file, and what is done with names.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The name of a file with more behind it.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    PathBuf::from(name)
}

/// Writes the names of a directory to the disk.
pub(super) fn flush_names(of: &Path) -> io::Result<()> {
    let directory = of.parent().filter(|d| !d.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Makes a file for its owner only, which must not be there.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives files beside a store to its owner: that of the database file, or of the directory where there is none.
pub(super) fn give_to_owner_of_store(store: &Path, files: &[&Path]) -> io::Result<()> {
    let directory = store.parent().filter(|d| !d.as_os_str().is_empty());
    let owner = if store.exists() {
        Some(store)
    } else {
        directory
    };
    for file in files {
        if let Some(owner) = owner {
            give_to_owner(owner, file)?;
        }
    }
    Ok(())
}

/// Gives a file to the owner of another one: a command of the administrator must leave files that the server can open.
pub(super) fn give_to_owner(of: &Path, file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, lchown};
        let (wanted, present) = (fs::metadata(of)?, fs::symlink_metadata(file)?);
        if (wanted.uid(), wanted.gid()) != (present.uid(), present.gid()) {
            // Not what a link leads to.
            lchown(file, Some(wanted.uid()), Some(wanted.gid()))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (of, file);
    Ok(())
}
