//! `GET /docs/search`: the sections that hold all words of the query. The index is made at the first search.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::Response;
use domain::Reason;
use serde::Deserialize;

use super::frame::{Frame, page};
use super::render::{self, opening};
use super::sources::{self, CONTENTS};
use crate::api::twilio::codes::Code;

/// What is looked at of a query. More words, and more letters of them, are ignored.
const MOST_WORDS: usize = 8;
const MOST_BYTES: usize = 200;
const MOST_RESULTS: usize = 20;

static INDEX: LazyLock<Index> = LazyLock::new(Index::of_all_pages);

/// The query of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
}

#[derive(Template)]
#[template(path = "docs/search.html")]
struct SearchPage {
    frame: Frame,
    found: Vec<&'static Entry>,
}

/// Shows what was found.
pub(super) async fn search(asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let mut query = asked.map(|Query(asked)| asked.q).unwrap_or_default();
    let end = (0..=query.len().min(MOST_BYTES))
        .rev()
        .find(|at| query.is_char_boundary(*at));
    query.truncate(end.unwrap_or_default());
    let found = INDEX.find(&query);
    let mut frame = Frame::of("search");
    frame.query = query;
    let mut response = page(StatusCode::OK, &SearchPage { frame, found });
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A section that can be found.
#[derive(Debug)]
struct Entry {
    /// The page and the heading.
    title: String,
    /// Where it is below `/docs/`.
    url: String,
    opening: String,
}

#[derive(Debug, Default)]
struct Index {
    entries: Vec<Entry>,
    /// For each word the entries that have it, with their weights.
    words: BTreeMap<String, Vec<(usize, u32)>>,
}

impl Index {
    fn of_all_pages() -> Self {
        let mut index = Self::default();
        for chapter in &CONTENTS.chapters {
            // These have a page for each entry.
            if matches!(chapter.file.as_str(), "errors.md" | "reasons.md") {
                continue;
            }
            let source = sources::text(&chapter.file).unwrap_or_default();
            let rendered = render::page(&chapter.file, &chapter.place, &source);
            for section in &rendered.sections {
                let (title, url) = if section.anchor.is_empty() {
                    (rendered.title.clone(), sources::url("", &chapter.place))
                } else {
                    (
                        format!("{}: {}", rendered.title, section.heading),
                        format!("{}#{}", sources::url("", &chapter.place), section.anchor),
                    )
                };
                // A page is more than a section of it.
                let weight = if section.level == 1 { 12 } else { 8 };
                index.add(title, url, (&section.heading, weight), &section.text);
            }
        }
        for code in Code::ALL {
            let title = format!("Error {}: {}", code.number(), code.title());
            let text = format!("{} {} {}", code.what(), code.causes().join(" "), code.fix());
            let heading = format!("error {} {}", code.number(), code.title());
            index.add(
                title,
                format!("errors/{}", code.number()),
                (&heading, 20),
                &text,
            );
        }
        for reason in Reason::ALL {
            let name = reason.name();
            let text = format!("{} {} {}", reason.what(), reason.causes(), reason.fix());
            index.add(
                format!("Reason {name}"),
                format!("reasons/{name}"),
                (name, 20),
                &text,
            );
        }
        index
    }

    fn add(&mut self, title: String, url: String, (heading, weight): (&str, u32), text: &str) {
        let entry = self.entries.len();
        let mut weights: HashMap<String, u32> = HashMap::new();
        for word in words(text) {
            let weight = weights.entry(word).or_default();
            *weight = (*weight + 1).min(4);
        }
        for word in words(heading) {
            *weights.entry(word).or_default() += weight;
        }
        for (word, weight) in weights {
            self.words.entry(word).or_default().push((entry, weight));
        }
        self.entries.push(Entry {
            title,
            url,
            opening: opening(text),
        });
    }

    /// The entries that have words with all these beginnings, best first.
    fn find(&self, query: &str) -> Vec<&Entry> {
        let mut scores: Option<HashMap<usize, u32>> = None;
        for word in words(query).take(MOST_WORDS) {
            let mut here: HashMap<usize, u32> = HashMap::new();
            let from = self.words.range(word.clone()..);
            for (full, entries) in from.take_while(|(full, _)| full.starts_with(&word)) {
                let factor = if *full == word { 2 } else { 1 };
                for (entry, weight) in entries {
                    let score = here.entry(*entry).or_default();
                    *score = (*score).max(weight * factor);
                }
            }
            scores = Some(match scores {
                None => here,
                Some(before) => here
                    .into_iter()
                    .filter_map(|(entry, score)| Some((entry, score + before.get(&entry)?)))
                    .collect(),
            });
        }
        let mut found: Vec<(usize, u32)> = scores.unwrap_or_default().into_iter().collect();
        found.sort_unstable_by_key(|(entry, score)| (u32::MAX - score, *entry));
        found
            .into_iter()
            .take(MOST_RESULTS)
            .filter_map(|(entry, _)| self.entries.get(entry))
            .collect()
    }
}

/// The words of a text: in lower case, and names such as `user_not_verified` both whole and in parts.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .flat_map(|name| {
            let parts: Vec<&str> = name.split('_').filter(|part| !part.is_empty()).collect();
            let whole = (parts.len() > 1).then(|| name.to_lowercase());
            whole
                .into_iter()
                .chain(parts.into_iter().map(str::to_lowercase))
                .collect::<Vec<_>>()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_be_there_and_a_heading_counts_more_than_a_text() {
        let mut index = Index::default();
        index.add("A".into(), "a".into(), ("Backups", 8), "Copy the file.");
        index.add(
            "B".into(),
            "b".into(),
            ("Files", 8),
            "A backup is a file. user_not_verified",
        );
        let titles = |query: &str| {
            index
                .find(query)
                .iter()
                .map(|entry| entry.title.clone())
                .collect::<String>()
        };
        assert_eq!(titles("backup"), "AB");
        assert_eq!(titles("file"), "BA");
        assert_eq!(titles("BACKUP copy"), "A");
        assert_eq!(titles("user_not_verified"), "B");
        assert_eq!(titles("verified"), "B");
        assert_eq!(titles("nothing"), "");
        assert_eq!(titles(""), "");
    }

    #[test]
    fn codes_and_reasons_are_found_by_their_names() {
        assert_eq!(INDEX.find("60378")[0].url, "errors/60378");
        assert_eq!(
            INDEX.find("origin_not_allowed")[0].url,
            "reasons/origin_not_allowed"
        );
    }
}
