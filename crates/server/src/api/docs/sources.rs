//! The files of `docs/` and the table of contents in `docs/SUMMARY.md`, which is that of an mdBook.

use std::borrow::Cow;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

/// A release build has the files in the binary. A debug build reads them from the checkout.
#[derive(RustEmbed)]
#[folder = "../../docs"]
#[include = "*.md"]
#[include = "*.png"]
#[include = "*.svg"]
#[include = "*.json"]
#[exclude = "book/*"]
struct Files;

/// The files for operators in `ops/` that pages lead to.
#[derive(RustEmbed)]
#[folder = "../../ops"]
#[exclude = "debian/*"]
#[exclude = "*.spec"]
struct Operating;

/// Where these files are below `/docs/`, and in the repository.
pub(super) const OPERATING: &str = "ops/";

/// A page of the book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chapter {
    /// Its name in the table of contents.
    pub title: String,
    /// Its file below `docs/`.
    pub file: String,
    /// Where it is below `/docs/`: the file without `.md` or `README.md`.
    pub place: String,
    /// How many chapters it is below.
    pub depth: usize,
    /// The index of its part.
    pub part: usize,
}

/// The table of contents.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Names of the parts. The first has no name.
    pub parts: Vec<String>,
    /// All chapters in order.
    pub chapters: Vec<Chapter>,
}

impl Contents {
    /// The index of the chapter at a place.
    pub(super) fn at(&self, place: &str) -> Option<usize> {
        self.chapters
            .iter()
            .position(|chapter| chapter.place == place)
    }

    /// The index of the chapter that a file has.
    pub(super) fn of_file(&self, file: &str) -> Option<usize> {
        self.chapters
            .iter()
            .position(|chapter| chapter.file == file)
    }
}

/// The table of contents, read once.
pub(super) static CONTENTS: LazyLock<Contents> =
    LazyLock::new(|| contents(&text("SUMMARY.md").unwrap_or_default()));

/// `../` for each level that a page at this place is below `/docs/`.
pub(super) fn root(place: &str) -> String {
    "../".repeat(place.matches('/').count())
}

/// The URL of a place, from a page with this root.
pub(super) fn url(root: &str, place: &str) -> String {
    if root.is_empty() && place.is_empty() {
        "./".to_owned()
    } else {
        format!("{root}{place}")
    }
}

/// A file below `docs/`, or of `ops/`.
pub(super) fn file(path: &str) -> Option<Cow<'static, [u8]>> {
    let found = match path.strip_prefix(OPERATING) {
        Some(path) => Operating::get(path),
        None => Files::get(path),
    };
    found.map(|file| file.data)
}

/// A text below `docs/`.
pub(super) fn text(path: &str) -> Option<Cow<'static, str>> {
    match file(path)? {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// The names of all files.
#[cfg(test)]
pub(super) fn names() -> Vec<String> {
    Files::iter().map(Cow::into_owned).collect()
}

/// Reads `SUMMARY.md`: `# Part`, `[Title](file)` and `- [Title](file)`, two spaces deeper for each level.
fn contents(summary: &str) -> Contents {
    let mut contents = Contents {
        parts: vec![String::new()],
        chapters: Vec::new(),
    };
    for line in summary.lines().skip(1) {
        if let Some(part) = line.strip_prefix("# ") {
            contents.parts.push(part.trim().to_owned());
            continue;
        }
        let entry = line.trim_start();
        let indent = line.len() - entry.len();
        let Some((title, file)) = entry
            .trim_start_matches("- ")
            .strip_prefix('[')
            .and_then(|entry| entry.trim_end().strip_suffix(')'))
            .and_then(|entry| entry.split_once("]("))
        else {
            continue;
        };
        contents.chapters.push(Chapter {
            title: title.to_owned(),
            file: file.to_owned(),
            place: place(file),
            depth: indent / 2,
            part: contents.parts.len() - 1,
        });
    }
    contents
}

/// Where the page of a file is below `/docs/`.
fn place(file: &str) -> String {
    let place = file.strip_suffix(".md").unwrap_or(file);
    place
        .strip_suffix("README")
        .map_or(place, |folder| folder.trim_end_matches('/'))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_chapters_and_depths_are_read() {
        let read = contents(
            "# Summary\n\n[Home](README.md)\n\n# Run\n\n- [Guides](guides/README.md)\n  - [Go](guides/go.md)\n",
        );
        assert_eq!(read.parts, ["", "Run"]);
        let found: Vec<_> = read
            .chapters
            .iter()
            .map(|c| (c.title.as_str(), c.place.as_str(), c.depth, c.part))
            .collect();
        assert_eq!(
            found,
            [
                ("Home", "", 0, 0),
                ("Guides", "guides", 0, 1),
                ("Go", "guides/go", 1, 1)
            ]
        );
    }

    #[test]
    fn every_page_is_in_the_contents_once_and_every_chapter_has_a_page() {
        let mut listed: Vec<&str> = CONTENTS
            .chapters
            .iter()
            .map(|chapter| chapter.file.as_str())
            .collect();
        let mut pages: Vec<String> = names()
            .into_iter()
            .filter(|name| {
                std::path::Path::new(name)
                    .extension()
                    .is_some_and(|end| end == "md")
                    && name != "SUMMARY.md"
            })
            .collect();
        listed.sort_unstable();
        pages.sort_unstable();
        assert_eq!(listed, pages);
    }
}
