//! What of a BLOB cannot be read: counted in full, and named up to a limit, so that a report stays short whatever a BLOB holds.

use std::collections::BTreeMap;

/// Most entries that are named for each [`Part`]; all are counted.
pub const MAX_NAMED: usize = 20;

/// A kind of thing that a BLOB may hold and that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A whole entry: nothing in it says which model it is about.
    Entry,
    /// Not dropped: an entry about a model that an entry before it is about, too. An attestation must satisfy both.
    SecondEntry,
    /// `aaguid` of an entry.
    Aaguid,
    /// An element of `attestationCertificateKeyIdentifiers`, or the list.
    KeyIdentifier,
    /// A status report, its status, or the list of them. It may have said that the model is not to be relied upon.
    StatusReport,
    /// `effectiveDate` or `sunsetDate` of a status report.
    StatusDate,
    /// `certificate` or `batchCertificate` of a status report.
    StatusCertificate,
    /// `metadataStatement` as a whole.
    Statement,
    /// An element of `attestationRootCertificates`, or the list.
    RootCertificate,
    /// An element of `attestationTypes`, or the list.
    AttestationType,
    /// An element of `authenticationAlgorithms`, or the list.
    Algorithm,
    /// Any other member that is kept, from which nothing follows for a ceremony.
    Member,
}

impl Part {
    /// Stable name in `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::SecondEntry => "second_entry",
            Self::Aaguid => "aaguid",
            Self::KeyIdentifier => "key_identifier",
            Self::StatusReport => "status_report",
            Self::StatusDate => "status_date",
            Self::StatusCertificate => "status_certificate",
            Self::Statement => "statement",
            Self::RootCertificate => "root_certificate",
            Self::AttestationType => "attestation_type",
            Self::Algorithm => "algorithm",
            Self::Member => "member",
        }
    }
}

/// Things of one kind that could not be read in one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The place of the entry among `entries`, from 0; `None`: beside the entries.
    pub entry: Option<usize>,
    /// The model that the entry is about: its AAGUID, or else its description or a key identifier, if one can be read.
    pub model: Option<String>,
    /// Where the first of them stands in the entry, for example `metadataStatement.attestationRootCertificates[0]`.
    pub place: String,
    /// What is wrong with the first of them.
    pub why: &'static str,
    /// How many there are.
    pub count: usize,
}

/// All things of one kind that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DroppedPart {
    /// How many there are in the whole BLOB.
    pub count: usize,
    /// The first [`MAX_NAMED`] entries that have them, in the order of the BLOB.
    pub named: Vec<Dropped>,
}

/// What of a BLOB could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DroppedParts(BTreeMap<Part, DroppedPart>);

impl DroppedParts {
    /// The kinds of which there are any.
    pub fn iter(&self) -> impl Iterator<Item = (Part, &DroppedPart)> {
        self.0.iter().map(|(part, dropped)| (*part, dropped))
    }

    /// How many there are of this kind.
    pub fn count(&self, part: Part) -> usize {
        self.0.get(&part).map_or(0, |dropped| dropped.count)
    }

    /// Those of this kind that are named.
    pub fn named(&self, part: Part) -> &[Dropped] {
        self.0.get(&part).map_or(&[], |dropped| &dropped.named)
    }

    /// Could everything be read?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, part: Part, dropped: Dropped) {
        let kind = self.0.entry(part).or_default();
        kind.count += dropped.count;
        if kind.named.len() < MAX_NAMED {
            kind.named.push(dropped);
        }
    }

    /// Adds what was noted while one entry was read.
    pub(super) fn add_notes(&mut self, entry: usize, model: Option<&str>, notes: Notes) {
        for (part, note) in notes.0 {
            let dropped = Dropped {
                entry: Some(entry),
                model: model.map(str::to_owned),
                place: note.place,
                why: note.why,
                count: note.count,
            };
            self.add(part, dropped);
        }
    }
}

/// What could not be read in one entry, while it is being read.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<Part, Note>);

#[derive(Debug)]
struct Note {
    place: String,
    why: &'static str,
    count: usize,
}

impl Notes {
    /// The place of the first of a kind is kept; that of others is not even written.
    pub(super) fn add(&mut self, part: Part, place: impl FnOnce() -> String, why: &'static str) {
        self.0
            .entry(part)
            .and_modify(|note| note.count += 1)
            .or_insert_with(|| Note {
                place: place(),
                why,
                count: 1,
            });
    }

    /// What is wrong with the first of this kind.
    pub(super) fn why(&self, part: Part) -> Option<&'static str> {
        self.0.get(&part).map(|note| note.why)
    }
}
