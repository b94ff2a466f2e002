//! The pages of the book below `/docs/`, their Markdown, and the other files that they use.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{Frame, absent, page, redirect, respond};
use super::render;
use super::sources::{self, CONTENTS, Chapter, OPERATING, url};

const MARKDOWN: &str = "text/markdown; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

#[derive(Template)]
#[template(path = "docs/page.html")]
struct BookPage {
    frame: Frame,
    title: String,
    opening: String,
    /// The links to the sections of a long page: anchor and heading.
    sections: Vec<(String, String)>,
    html: String,
    twin: String,
    before: Option<(String, &'static str)>,
    after: Option<(String, &'static str)>,
}

/// `GET /docs/`.
pub(super) async fn start() -> Response {
    chapter(0)
}

/// `GET /docs/...`.
pub(super) async fn read(Path(path): Path<String>) -> Response {
    if let Some(index) = CONTENTS.at(&path) {
        return chapter(index);
    }
    // The links of a page are relative, so each page has one URL, and its other spelling leads to it.
    if let Some(index) = path.strip_suffix('/').and_then(|place| CONTENTS.at(place)) {
        let last = CONTENTS.chapters[index].place.rsplit('/').next();
        if let Ok(target) = HeaderValue::try_from(format!("../{}", last.unwrap_or_default())) {
            return redirect(target);
        }
    }
    file(&path).unwrap_or_else(|| absent(&path))
}

/// A file that is not a page.
fn file(path: &str) -> Option<Response> {
    let content_type = match path.rsplit('.').next()? {
        "md" => {
            CONTENTS.of_file(path)?;
            let source = sources::text(path)?;
            let twin = render::twin(&CONTENTS, path, &source);
            return Some(respond(StatusCode::OK, MARKDOWN, twin));
        }
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ if path.starts_with(OPERATING) => PLAIN,
        _ => return None,
    };
    let bytes = sources::file(path)?;
    Some(respond(StatusCode::OK, content_type, bytes.into_owned()))
}

fn chapter(index: usize) -> Response {
    let Some(chapter) = CONTENTS.chapters.get(index) else {
        return absent("");
    };
    let Some(source) = sources::text(&chapter.file) else {
        return absent(&chapter.place);
    };
    let rendered = render::page(&chapter.file, &chapter.place, &source);
    let frame = Frame::of(&chapter.place);
    let sections: Vec<(String, String)> = rendered
        .sections
        .into_iter()
        .filter(|section| section.level == 2)
        .map(|section| (section.anchor, section.heading))
        .collect();
    let near = |index: Option<usize>| {
        let chapter = CONTENTS.chapters.get(index?)?;
        Some((url(&frame.root, &chapter.place), chapter.title.as_str()))
    };
    let template = BookPage {
        title: rendered.title,
        opening: rendered.opening,
        sections: if sections.len() > 3 {
            sections
        } else {
            Vec::new()
        },
        html: rendered.html,
        twin: format!("{}{}", frame.root, chapter.file),
        before: near(index.checked_sub(1)),
        after: near(Some(index + 1)),
        frame,
    };
    page(StatusCode::OK, &template)
}

/// `GET /docs/llms.txt`: the contents for programs that read text.
pub(super) async fn list_for_programs() -> Response {
    respond(StatusCode::OK, MARKDOWN, list(""))
}

/// `GET /llms.txt`: the same from the root.
pub(super) async fn list_for_programs_at_root() -> Response {
    respond(StatusCode::OK, MARKDOWN, list("docs/"))
}

fn list(root: &str) -> String {
    let mut text = String::from(
        "# passkeyd\n\n> A passkey (WebAuthn / FIDO2) server that you run yourself. These pages are its documentation as Markdown.\n",
    );
    let mut part = 0;
    for chapter in &CONTENTS.chapters {
        if chapter.part != part {
            part = chapter.part;
            text.push_str("\n## ");
            text.push_str(&CONTENTS.parts[part]);
            text.push('\n');
        }
        text.push_str(&line(root, chapter));
    }
    text
}

fn line(root: &str, chapter: &Chapter) -> String {
    let source = sources::text(&chapter.file).unwrap_or_default();
    let rendered = render::page(&chapter.file, &chapter.place, &source);
    let opening = if rendered.opening.is_empty() {
        String::new()
    } else {
        format!(": {}", rendered.opening.replace('\n', " "))
    };
    format!("- [{}]({root}{}){opening}\n", chapter.title, chapter.file)
}
