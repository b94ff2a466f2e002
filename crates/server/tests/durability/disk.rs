//! A disk that loses what was not flushed.
//!
//! The server runs with the library `disk.c`, which keeps a journal of its writes, flushes and changes of names. From the files before
//! and the journal up to some moment follows what a loss of power at that moment may leave: everything that a flush had confirmed, and
//! of the rest any part, in sectors.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The smallest part of a file that is written whole or not at all.
const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// The library, compiled.
pub(crate) fn compile(place: &Path) -> PathBuf {
    let library = place.join("disk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/disk.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([&library, &source])
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(compiled.unwrap().success(), "cc compiles disk.c");
    library
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Luck(u64);

impl Luck {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn half(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[derive(Debug)]
enum Deed {
    /// A file is opened, and made if it is new. An empty name is the directory itself.
    Opened {
        is_new: bool,
        name: String,
    },
    Written {
        at: usize,
        bytes: Vec<u8>,
    },
    Cut {
        length: usize,
    },
    FlushBegan,
    /// What was noted before `began` is on the disk.
    FlushEnded {
        began: u64,
    },
    Removed {
        name: String,
    },
    Renamed {
        from: String,
        to: String,
    },
}

struct Entry {
    /// Where it lies in the journal.
    position: u64,
    handle: u32,
    deed: Deed,
}

/// What a server has asked of the disk, in order.
pub(crate) struct Journal(Vec<Entry>);

impl Journal {
    pub(crate) fn read(path: &Path) -> Self {
        let all = std::fs::read(path).unwrap();
        let mut rest = &all[..];
        let mut entries = Vec::new();
        while let Some((head, body)) = rest.split_at_checked(17) {
            let length = u32::from_le_bytes(head[13..].try_into().unwrap()) as usize;
            // The last entry was cut off with the process that wrote it.
            let Some((bytes, after)) = body.split_at_checked(length) else {
                break;
            };
            let number = u64::from_le_bytes(head[5..13].try_into().unwrap());
            let text = || String::from_utf8(bytes.to_vec()).unwrap();
            let deed = match head[0] {
                b'O' => Deed::Opened {
                    is_new: number == 1,
                    name: text(),
                },
                b'W' => Deed::Written {
                    at: usize::try_from(number).unwrap(),
                    bytes: bytes.to_vec(),
                },
                b'T' => Deed::Cut {
                    length: usize::try_from(number).unwrap(),
                },
                b'B' => Deed::FlushBegan,
                b'E' => Deed::FlushEnded { began: number },
                b'U' => Deed::Removed { name: text() },
                b'R' => {
                    let names = text();
                    let (from, to) = names.split_once('/').unwrap();
                    Deed::Renamed {
                        from: from.to_owned(),
                        to: to.to_owned(),
                    }
                }
                _ => panic!("the journal does not know: {}", text()),
            };
            entries.push(Entry {
                position: u64::try_from(all.len() - rest.len()).unwrap(),
                handle: u32::from_le_bytes(head[1..5].try_into().unwrap()),
                deed,
            });
            rest = after;
        }
        Self(entries)
    }

    /// Behind the last entry.
    pub(crate) fn end(&self) -> u64 {
        self.0.last().map_or(0, |last| last.position + 1)
    }

    /// A moment to lose the power: anywhere, around a flush, or around a deed that is rare.
    pub(crate) fn moment(&self, luck: &mut Luck) -> u64 {
        let kind = luck.below(3);
        let chosen: Vec<_> = (0..self.0.len())
            .filter(|at| match (kind, &self.0[*at].deed) {
                (0, _) => true,
                (1, deed) => matches!(deed, Deed::FlushBegan | Deed::FlushEnded { .. }),
                (_, deed) => !matches!(
                    deed,
                    Deed::Written { .. } | Deed::FlushBegan | Deed::FlushEnded { .. }
                ),
            })
            .collect();
        let near = chosen[luck.below(chosen.len())] + luck.below(4);
        self.0.get(near).map_or(self.end(), |entry| entry.position)
    }
}

/// How truthful the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushes {
    /// A flush that has ended is on the disk.
    Kept,
    /// A flush does nothing.
    Ignored,
}

#[derive(Clone, Default)]
struct File {
    flushed: Vec<u8>,
    waiting: Vec<(u64, Change)>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, new) => write(bytes, *at, new),
        Change::Cut(length) => bytes.resize(*length, 0),
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = at + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(new);
}

impl File {
    /// What is there after the loss of power.
    fn left(&self, luck: &mut Luck) -> Vec<u8> {
        let mut bytes = self.flushed.clone();
        // None, all, whole changes, parts of them, or all up to one of them.
        let kind = luck.below(6);
        let kept = luck.below(self.waiting.len() + 1);
        for (number, (_, change)) in self.waiting.iter().enumerate() {
            match (kind, change) {
                (0, _) => {}
                (1, change) => apply(&mut bytes, change),
                (2, change) => {
                    if number < kept {
                        apply(&mut bytes, change);
                    }
                }
                (3, change) | (_, change @ Change::Cut(_)) => {
                    if luck.half() {
                        apply(&mut bytes, change);
                    }
                }
                (kind, Change::Write(at, new)) => {
                    let unit = if kind == 4 { SECTOR } else { PAGE };
                    let mut from = 0;
                    while from < new.len() {
                        let to = new.len().min((at + from) / unit * unit + unit - at);
                        if luck.half() {
                            write(&mut bytes, at + from, &new[from..to]);
                        } else if luck.half() && bytes.len() < at + to {
                            // The file has grown, and its new part was not written.
                            bytes.resize(at + to, 0);
                        }
                        from = to;
                    }
                }
            }
        }
        bytes
    }
}

type Names = BTreeMap<String, usize>;

/// Files get a name, or lose it, all at once.
type Renaming = Vec<(String, Option<usize>)>;

/// The files of a directory and their names, as they are and as they are on the disk.
#[derive(Default)]
struct Disk {
    files: Vec<File>,
    names: Names,
    flushed_names: Names,
    waiting_names: Vec<(u64, Renaming)>,
    /// The file of a handle; none: the directory.
    handles: HashMap<u32, Option<usize>>,
}

fn rename(names: &mut Names, renaming: &Renaming) {
    for (name, file) in renaming {
        match file {
            Some(file) => names.insert(name.clone(), *file),
            None => names.remove(name),
        };
    }
}

impl Disk {
    fn before(directory: &Path) -> Self {
        let mut disk = Self::default();
        for (name, flushed) in contents(directory) {
            disk.names.insert(name, disk.files.len());
            disk.files.push(File {
                flushed,
                waiting: Vec::new(),
            });
        }
        disk.flushed_names = disk.names.clone();
        disk
    }

    fn after(directory: &Path, journal: &Journal, until: u64, flushes: Flushes) -> Self {
        let mut disk = Self::before(directory);
        for entry in journal.0.iter().filter(|entry| entry.position < until) {
            disk.go_on(entry, flushes);
        }
        disk
    }

    fn go_on(&mut self, entry: &Entry, flushes: Flushes) {
        let file = self.handles.get(&entry.handle).copied().flatten();
        let change = match &entry.deed {
            Deed::Opened { is_new, name } => {
                if *is_new {
                    let file = self.files.len();
                    self.files.push(File::default());
                    self.name(entry.position, vec![(name.clone(), Some(file))]);
                }
                let file = self.names.get(name).copied();
                assert!(file.is_some() || name.is_empty(), "{name}");
                self.handles.insert(entry.handle, file);
                return;
            }
            Deed::Removed { name } => {
                return self.name(entry.position, vec![(name.clone(), None)]);
            }
            Deed::Renamed { from, to } => {
                let file = self.names.get(from).copied();
                let renaming = vec![(from.clone(), None), (to.clone(), file)];
                return self.name(entry.position, renaming);
            }
            Deed::FlushBegan => return,
            Deed::FlushEnded { began } => {
                if flushes == Flushes::Kept {
                    self.flush(file, *began);
                }
                return;
            }
            Deed::Written { at, bytes } => Change::Write(*at, bytes.clone()),
            Deed::Cut { length } => Change::Cut(*length),
        };
        let file = &mut self.files[file.expect("a file was opened")];
        file.waiting.push((entry.position, change));
    }

    fn name(&mut self, position: u64, renaming: Renaming) {
        rename(&mut self.names, &renaming);
        self.waiting_names.push((position, renaming));
    }

    /// What was asked of the file, or of the names of all, is on the disk.
    fn flush(&mut self, file: Option<usize>, began: u64) {
        let Some(file) = file.map(|file| &mut self.files[file]) else {
            for (_, renaming) in self.waiting_names.extract_if(.., |(at, _)| *at < began) {
                rename(&mut self.flushed_names, &renaming);
            }
            return;
        };
        for (_, change) in file.waiting.extract_if(.., |(at, _)| *at < began) {
            apply(&mut file.flushed, &change);
        }
    }

    /// The files after the loss of power. Names change in order.
    fn left(&self, luck: &mut Luck) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.flushed_names.clone();
        let kept = luck.below(self.waiting_names.len() + 1);
        for (_, renaming) in &self.waiting_names[..kept] {
            rename(&mut names, renaming);
        }
        let left = |(name, file): (String, usize)| (name, self.files[file].left(luck));
        names.into_iter().map(left).collect()
    }

    /// The files as the server saw them.
    fn seen(&self) -> BTreeMap<String, Vec<u8>> {
        let seen = |(name, file): (&String, &usize)| {
            let mut bytes = self.files[*file].flushed.clone();
            for (_, change) in &self.files[*file].waiting {
                apply(&mut bytes, change);
            }
            (name.clone(), bytes)
        };
        self.names.iter().map(seen).collect()
    }
}

/// The files of a directory. The index of the log is no data: `SQLite` makes it anew. Nor is the control socket.
pub(crate) fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(directory).unwrap();
    let content = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let is_file = file.file_type().unwrap().is_file();
        is_file.then(|| (name, std::fs::read(file.path()).unwrap()))
    };
    let all = files.filter_map(content);
    all.filter(|(name, _)| !name.ends_with("-shm")).collect()
}

/// Fills a directory.
pub(crate) fn fill(directory: &Path, files: &BTreeMap<String, Vec<u8>>) {
    std::fs::create_dir(directory).unwrap();
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with("-shm")) {
        let path = directory.join(name);
        std::fs::write(&path, bytes).unwrap();
        // As passkeyd makes its files: it refuses a master key that others may read.
        let owners = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, owners).unwrap();
    }
}

/// The files that a loss of power leaves.
///
/// `before` has the files as they were when the server started, and `until` is the moment in its journal.
pub(crate) fn after_a_cut(
    before: &Path,
    journal: &Journal,
    until: u64,
    flushes: Flushes,
    luck: &mut Luck,
) -> BTreeMap<String, Vec<u8>> {
    Disk::after(before, journal, until, flushes).left(luck)
}

/// The files as the server saw them at the end of the journal.
pub(crate) fn as_seen(before: &Path, journal: &Journal) -> BTreeMap<String, Vec<u8>> {
    let mut seen = Disk::after(before, journal, journal.end(), Flushes::Kept).seen();
    seen.retain(|name, _| !name.ends_with("-shm"));
    seen
}
