//! Markdown of `docs/` as HTML. The pages have nothing inline and load nothing from elsewhere.

use std::collections::HashMap;
use std::fmt::Write as _;

use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd,
};

use super::frame::escaped;
use super::sources::{self, CONTENTS, Contents, OPERATING, root, url};

/// The folder of the pages in the repository.
const DOCS: &str = "docs";

/// A rendered page.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// Its first heading.
    pub title: String,
    /// Its first paragraph as text, for search engines and lists.
    pub opening: String,
    /// The page without its first heading.
    pub html: String,
    /// Its sections, in order. The first has no anchor.
    pub sections: Vec<Section>,
}

/// A part of a page, from one heading to the next.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// How deep its heading is: 1 is that of the page.
    pub level: u8,
    /// Its heading as text.
    pub heading: String,
    /// The id of its heading.
    pub anchor: String,
    /// Its text.
    pub text: String,
}

/// Where a link of a page leads.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// To this URL, relative to the page if it is in the book.
    Url(String),
    /// To a file of the repository that is not in the book.
    Outside,
}

/// Where a link in a file leads, from a page with this root.
pub(super) fn target(contents: &Contents, file: &str, root: &str, link: &str) -> Target {
    if link.starts_with("https://") || link.starts_with("http://") || link.starts_with('#') {
        return Target::Url(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let Some(path) = joined(file, path) else {
        return Target::Outside;
    };
    let of_anchor = if anchor.is_empty() {
        String::new()
    } else {
        format!("#{anchor}")
    };
    match (path.as_str(), anchor) {
        // Each code and each reason has a page of its own.
        ("errors.md", code) if !code.is_empty() => Target::Url(format!("{root}errors/{code}")),
        ("reasons.md", reason) if !reason.is_empty() => {
            Target::Url(format!("{root}reasons/{reason}"))
        }
        _ => match contents.of_file(&path) {
            Some(index) => Target::Url(format!(
                "{}{of_anchor}",
                url(root, &contents.chapters[index].place)
            )),
            None if sources::file(&path).is_some() => Target::Url(format!("{root}{path}")),
            None => Target::Outside,
        },
    }
}

/// A relative path, from the folder of a file; `None` if it leads neither below `docs/` nor to a file for operators.
fn joined(file: &str, path: &str) -> Option<String> {
    let mut parts = vec![DOCS];
    parts.extend(file.split('/'));
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    if parts.first() == Some(&DOCS) {
        return Some(parts[1..].join("/"));
    }
    let path = parts.join("/");
    path.starts_with(OPERATING).then_some(path)
}

const EXTENSIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);

/// The source of a file for programs that read Markdown: links that lead out of the book are their text.
pub(super) fn twin(contents: &Contents, file: &str, source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let (mut copied, mut cut) = (0, None);
    for (event, range) in Parser::new_ext(source, EXTENSIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. })
                if target(contents, file, "", &dest_url) == Target::Outside =>
            {
                text.push_str(&source[copied..range.start]);
                copied = range.end;
                cut = Some(range.start + 1..range.start + 1);
            }
            Event::End(TagEnd::Link) => {
                if let Some(inner) = cut.take() {
                    text.push_str(&source[inner]);
                }
            }
            _ => {
                if let Some(inner) = &mut cut {
                    inner.end = inner.end.max(range.end);
                }
            }
        }
    }
    text.push_str(&source[copied..]);
    text
}

/// The page of a file.
pub(super) fn page<'s>(file: &'s str, place: &str, source: &'s str) -> Rendered {
    let mut writer = Writer::new(file, root(place));
    let events = Parser::new_ext(source, EXTENSIONS).filter_map(|event| writer.event(event));
    let mut html = String::with_capacity(source.len() * 2);
    pulldown_cmark::html::push_html(&mut html, events);
    // Wide tables scroll, and the page does not. Text is escaped, so only tables are found.
    let html = html
        .replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>")
        // A column without a name has no heading.
        .replace("<th></th>", "<td></td>");
    let Writer { sections, .. } = writer;
    let opening = sections
        .first()
        .map(|section| opening(&section.text))
        .unwrap_or_default();
    Rendered {
        title: sections
            .first()
            .map(|section| section.heading.clone())
            .unwrap_or_default(),
        opening,
        html,
        sections,
    }
}

/// The first sentences of a text, at most 200 bytes.
pub(super) fn opening(text: &str) -> String {
    let text = text.trim();
    if text.len() <= 200 {
        return text.to_owned();
    }
    let end = (0..=200).rev().find(|at| text.is_char_boundary(*at));
    let start = &text[..end.unwrap_or_default()];
    match start.rfind(". ").or_else(|| start.rfind(' ')) {
        Some(at) if start[at..].starts_with(". ") => start[..=at].to_owned(),
        Some(at) => format!("{} ...", &start[..at]),
        None => start.to_owned(),
    }
}

/// Turns the events of the parser into those of the page.
struct Writer<'s> {
    file: &'s str,
    root: String,
    sections: Vec<Section>,
    /// How often each anchor was given.
    anchors: HashMap<String, usize>,
    /// The level of the heading that is open.
    heading: Option<u8>,
    /// The events of the heading that is open.
    inside: Vec<Event<'s>>,
    /// For each link that is open, whether it leads somewhere.
    links: Vec<bool>,
    /// The title of the page to which the open link leads.
    leads_to: Option<&'static str>,
}

impl<'s> Writer<'s> {
    fn new(file: &'s str, root: String) -> Self {
        Self {
            file,
            root,
            sections: vec![Section::default()],
            anchors: HashMap::new(),
            heading: None,
            inside: Vec::new(),
            links: Vec::new(),
            leads_to: None,
        }
    }

    fn event(&mut self, event: Event<'s>) -> Option<Event<'s>> {
        self.note(&event);
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some(depth(level));
                self.sections.push(Section {
                    level: depth(level),
                    ..Section::default()
                });
                None
            }
            Event::End(TagEnd::Heading(level)) => self.end_of_heading(depth(level)),
            event => {
                let event = self.inline(event)?;
                if self.heading.is_some() {
                    self.inside.push(event);
                    return None;
                }
                Some(event)
            }
        }
    }

    /// Collects the texts of the sections.
    fn note(&mut self, event: &Event<'_>) {
        let Some(section) = self.sections.last_mut() else {
            return;
        };
        let text = if self.heading.is_some() {
            &mut section.heading
        } else {
            &mut section.text
        };
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(part),
            Event::SoftBreak
            | Event::HardBreak
            | Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell)
                if !text.ends_with(' ') =>
            {
                text.push(' ');
            }
            _ => {}
        }
    }

    fn end_of_heading(&mut self, level: u8) -> Option<Event<'s>> {
        self.heading = None;
        let mut inner = String::new();
        pulldown_cmark::html::push_html(&mut inner, self.inside.drain(..));
        let mut section = self.sections.pop()?;
        section.anchor = self.anchor(&section.heading);
        // The page's own heading is written by its frame.
        if level == 1 && self.sections.len() == 1 {
            section.anchor.clear();
            self.sections.clear();
            self.sections.push(section);
            return None;
        }
        let anchor = escaped(&section.anchor);
        self.sections.push(section);
        let html = format!(
            "<h{level} id=\"{anchor}\">{inner}<a class=\"here\" href=\"#{anchor}\" aria-label=\"Link to this section\">#</a></h{level}>\n"
        );
        Some(Event::Html(html.into()))
    }

    /// The anchor of a heading, as GitHub builds it.
    fn anchor(&mut self, heading: &str) -> String {
        let name: String = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let seen = self.anchors.entry(name.clone()).or_default();
        *seen += 1;
        match *seen {
            1 => name,
            more => format!("{name}-{}", more - 1),
        }
    }

    fn inline(&mut self, event: Event<'s>) -> Option<Event<'s>> {
        Some(match event {
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let leads = target(&CONTENTS, self.file, &self.root, &dest_url);
                self.leads_to = joined(self.file, &dest_url)
                    .and_then(|path| CONTENTS.of_file(&path))
                    .map(|index| CONTENTS.chapters[index].title.as_str());
                self.links.push(leads != Target::Outside);
                match leads {
                    Target::Url(url) => Event::Start(Tag::Link {
                        link_type,
                        dest_url: url.into(),
                        title,
                        id,
                    }),
                    Target::Outside => return None,
                }
            }
            Event::End(TagEnd::Link) => {
                self.leads_to = None;
                if self.links.pop() == Some(false) {
                    return None;
                }
                Event::End(TagEnd::Link)
            }
            // In the repository a link is named after its file, here after its page.
            Event::Text(name) if name.ends_with(".md") => match self.leads_to {
                Some(title) => Event::Text(title.into()),
                None => Event::Text(name),
            },
            Event::Start(Tag::Image {
                dest_url,
                title,
                id,
                link_type,
            }) => {
                let dest_url = match target(&CONTENTS, self.file, &self.root, &dest_url) {
                    Target::Url(url) => url.into(),
                    Target::Outside => dest_url,
                };
                Event::Start(Tag::Image {
                    link_type,
                    dest_url,
                    title,
                    id,
                })
            }
            // Alignment would be an inline style.
            Event::Start(Tag::Table(columns)) => {
                Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))
            }
            Event::Start(Tag::CodeBlock(kind)) => Event::Html(code_start(&kind)),
            Event::End(TagEnd::CodeBlock) => Event::Html("</code></pre></figure>\n".into()),
            // Comments are for the tools of the repository. Places that a page marks itself stay.
            Event::Html(html) | Event::InlineHtml(html) => {
                if html.starts_with("<a id=") || &*html == "</a>" {
                    Event::InlineHtml(html)
                } else {
                    return None;
                }
            }
            event => event,
        })
    }
}

const fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// The start of a block of code, with the name of its language.
fn code_start(kind: &CodeBlockKind<'_>) -> CowStr<'static> {
    let language = match kind {
        CodeBlockKind::Fenced(language) => language.as_ref(),
        CodeBlockKind::Indented => "",
    };
    let caption = match language {
        "sh" | "bash" => "Shell",
        "http" => "HTTP",
        "js" => "JavaScript",
        "ts" => "TypeScript",
        "python" => "Python",
        "json" | "ndjson" => "JSON",
        "toml" => "TOML",
        "nginx" => "nginx",
        "go" => "Go",
        "php" => "PHP",
        "ruby" => "Ruby",
        "java" => "Java",
        "rust" => "Rust",
        "html" => "HTML",
        "yaml" => "YAML",
        "sql" => "SQL",
        "swift" => "Swift",
        "kotlin" => "Kotlin",
        _ => "",
    };
    let mut html = String::from("<figure class=\"code\">");
    if !caption.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(html, "<figcaption>{caption}</figcaption>");
    }
    html.push_str("<pre tabindex=\"0\"><code>");
    html.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(source: &str) -> String {
        page("wires/nevis.md", "wires/nevis", source).html
    }

    #[test]
    fn links_lead_to_pages_and_those_out_of_the_book_are_their_text() {
        assert_eq!(
            html("[a](../twilio.md#register) [b](twilio.md) [../nevis.md](../nevis.md)"),
            "<p><a href=\"../twilio#register\">a</a> <a href=\"../wires/twilio\">b</a> \
             <a href=\"../nevis\">The Authentication Cloud API</a></p>\n"
        );
        assert_eq!(
            html("[a](../errors.md#60378) [b](../reasons.md) [c](../README.md)"),
            "<p><a href=\"../errors/60378\">a</a> <a href=\"../reasons\">b</a> <a href=\"../\">c</a></p>\n"
        );
        assert_eq!(
            html("[*the* test](../../test.sh) [readme](../../README.md)"),
            "<p><em>the</em> test readme</p>\n"
        );
        assert_eq!(
            html("[settings](../../ops/passkeyd.toml)"),
            "<p><a href=\"../ops/passkeyd.toml\">settings</a></p>\n"
        );
    }

    #[test]
    fn a_heading_has_an_anchor_and_html_of_the_source_is_dropped() {
        assert_eq!(
            html("## `a` and B\n\n<!-- x -->\n\n<b>c</b>\n\n<a id=\"d\"></a>\n"),
            "<h2 id=\"a-and-b\"><code>a</code> and B<a class=\"here\" href=\"#a-and-b\" aria-label=\"Link to this section\">#</a></h2>\n\
             <p>c</p>\n<p><a id=\"d\"></a></p>\n"
        );
    }

    #[test]
    fn no_page_has_html_of_its_own() {
        for chapter in &CONTENTS.chapters {
            let source = sources::text(&chapter.file).unwrap();
            for event in Parser::new_ext(&source, EXTENSIONS) {
                if let Event::Html(html) | Event::InlineHtml(html) = event {
                    assert!(
                        html.starts_with("<!--") || html.starts_with("<a id=") || &*html == "</a>",
                        "{}: {html}",
                        chapter.file
                    );
                }
            }
        }
    }

    #[test]
    fn every_link_of_a_twin_leads_somewhere() {
        for chapter in &CONTENTS.chapters {
            let source = sources::text(&chapter.file).unwrap();
            let text = twin(&CONTENTS, &chapter.file, &source);
            for event in Parser::new_ext(&text, EXTENSIONS) {
                if let Event::Start(Tag::Link { dest_url, .. }) = event {
                    assert_ne!(
                        target(&CONTENTS, &chapter.file, "", &dest_url),
                        Target::Outside,
                        "{}: {dest_url}",
                        chapter.file
                    );
                }
            }
        }
    }
}
