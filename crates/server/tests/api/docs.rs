//! `/docs`: the pages that `more_info` leads to.

use domain::Reason;
use server::api::docs::markdown_files;
use server::api::twilio::codes::Code;

use crate::common::TestApp;

#[tokio::test]
async fn every_code_has_a_page_that_says_what_happened_why_and_how_to_fix_it() {
    // Pages are for people: no credentials are asked for.
    let reader = TestApp::new().await.stranger();
    for code in Code::ALL {
        let reply = reader.get(&format!("/docs/errors/{}", code.number())).await;
        assert_eq!(reply.status, 200, "{code:?}");
        let page = text(reply.bytes);
        for text in [code.title(), code.what(), code.fix()]
            .iter()
            .chain(code.causes())
        {
            assert!(page.contains(&escaped(text)), "{code:?} lacks {text}");
        }
        for block in code.example() {
            assert!(page.contains(&escaped(block.code)), "{code:?} {block:?}");
        }
        // The page of a code of enrolment has the warning, and no other page.
        assert_eq!(
            page.contains("is an account takeover"),
            code.of_enrolment(),
            "{code:?}"
        );
    }
}

#[tokio::test]
async fn every_reason_has_a_page_and_the_lists_name_them_all() {
    let reader = TestApp::new().await.stranger();
    let codes = String::from_utf8(reader.get("/docs/errors").await.bytes).unwrap();
    let reasons = String::from_utf8(reader.get("/docs/reasons").await.bytes).unwrap();
    for code in Code::ALL {
        assert!(
            codes.contains(&format!("href=\"errors/{}\"", code.number())),
            "{code:?}"
        );
    }
    for reason in Reason::ALL {
        assert!(
            reasons.contains(&format!("href=\"reasons/{reason}\"")),
            "{reason}"
        );
        let reply = reader.get(&format!("/docs/reasons/{reason}")).await;
        assert_eq!(reply.status, 200, "{reason}");
        let page = text(reply.bytes);
        assert!(page.contains(&escaped(reason.fix())), "{reason}");
    }
}

#[tokio::test]
async fn a_page_may_load_files_of_this_server_only_and_has_nothing_inline() {
    let reader = TestApp::new().await.stranger();
    let reply = reader.get("/docs/errors/60378").await;
    assert_eq!(
        reply.headers["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    for (file, kind) in [
        ("style.css", "text/css; charset=utf-8"),
        ("script.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let reply = reader.get(&format!("/docs/{file}")).await;
        assert_eq!(reply.status, 200, "{file}");
        assert_eq!(reply.headers["content-type"], kind);
    }
}

#[tokio::test]
async fn an_unknown_page_is_not_found_and_repeats_nothing_of_the_request() {
    let reader = TestApp::new().await.stranger();
    for path in [
        "/docs/errors/60389",
        "/docs/errors/x%3Cscript%3E",
        "/docs/reasons/nothing",
        "/docs/x%3Cscript%3E/y",
        "/docs/SUMMARY.md",
        "/docs/../Cargo.toml",
        "/docs/openapi",
    ] {
        let reply = reader.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        let page = text(reply.bytes);
        assert!(
            page.contains("Page not found") && !page.contains("script>/") && !page.contains("%3C"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_spellings_of_a_page_lead_to_it_behind_a_prefix_too() {
    let reader = TestApp::new().await.stranger();
    for (path, location, page) in [
        ("/docs", "docs/", "/docs/"),
        ("/docs/migrate/", "../migrate", "/docs/migrate"),
        ("/docs/wires/twilio/", "../twilio", "/docs/wires/twilio"),
        ("/docs/errors/", "../errors", "/docs/errors"),
        ("/docs/reasons/", "../reasons", "/docs/reasons"),
        ("/docs/errors/60378/", "../60378", "/docs/errors/60378"),
        (
            "/docs/reasons/origin_not_allowed/",
            "../origin_not_allowed",
            "/docs/reasons/origin_not_allowed",
        ),
    ] {
        let reply = reader.get(path).await;
        assert_eq!(reply.status, 307, "{path}");
        // Relative, so that it holds wherever a proxy has put this.
        assert_eq!(reply.headers["location"], location, "{path}");
        assert_eq!(reader.get(page).await.status, 200, "{page}");
    }
    for path in [
        "/docs/errors/60389/",
        "/docs/reasons/nothing/",
        "/docs/errors//example.com/",
    ] {
        let reply = reader.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
    }
}

/// A page without its blocks of code, which may be HTML themselves.
fn without_code(page: &str) -> String {
    let mut parts = page.split("<pre");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once("</pre>").unwrap().1);
    }
    text
}

/// The values of an attribute in a page.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    page.split(&format!(" {attribute}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// The path that a link of the page at this path leads to.
fn followed(path: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    if link.is_empty() {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => assert!(parts.pop().is_some_and(|p| !p.is_empty()), "{path}: {link}"),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Follows every link from `/` on. A page is at most 60 kB with nothing inline, and each link leads to a page that is there, and to a
/// place in it.
#[tokio::test]
async fn no_link_is_dead_and_no_page_is_heavy() {
    const MOST: usize = 60_000;
    let reader = TestApp::new().await.stranger();
    let mut waiting = vec!["/".to_owned(), "/llms.txt".to_owned()];
    let mut anchors: Vec<(String, String)> = Vec::new();
    let mut pages: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    let mut seen: std::collections::BTreeSet<String> = waiting.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        let reply = reader.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        let kind = reply.headers["content-type"].to_str().unwrap().to_owned();
        if !kind.starts_with("text/html") {
            continue;
        }
        assert!(reply.bytes.len() <= MOST, "{path}: {}", reply.bytes.len());
        let page = without_code(&String::from_utf8(reply.bytes).unwrap());
        for inline in [" style=", "<style", " onclick=", "<script>"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        let ids = values(&page, "id");
        for id in &ids {
            assert_eq!(
                ids.iter().filter(|other| other == &id).count(),
                1,
                "{path}: {id}"
            );
        }
        let loads = values(&page, "src").into_iter();
        let links = values(&page, "href").into_iter().chain(loads);
        for link in links.chain(values(&page, "action")) {
            if link.starts_with("https://") || link.starts_with("http://") {
                assert!(!page.contains(&format!("src=\"{link}")), "{path}: {link}");
                continue;
            }
            // A path from the root would miss the prefix under which a proxy may have put this.
            assert!(!link.starts_with('/'), "{path}: {link}");
            let target = followed(&path, link);
            if let Some((_, anchor)) = link.split_once('#') {
                anchors.push((target.clone(), anchor.to_owned()));
            }
            if seen.insert(target.clone()) {
                waiting.push(target);
            }
        }
        pages.insert(path, page);
    }
    for (path, anchor) in anchors {
        let page = &pages[&path];
        assert!(
            page.contains(&format!(" id=\"{anchor}\"")),
            "{path}#{anchor}"
        );
    }
    // Every code and every reason, and as many chapters again.
    assert!(
        pages.len() > Code::ALL.len() + Reason::ALL.len() + 80,
        "{}",
        pages.len()
    );
}

#[tokio::test]
async fn a_search_finds_sections_and_repeats_the_query_as_text_only() {
    let reader = TestApp::new().await.stranger();
    let page = text(reader.get("/docs/search?q=reset+token").await.bytes);
    assert!(page.contains("href=\"administration#a-lost-auth-token\""));
    let page = text(reader.get("/docs/search?q=%22%3E%3Cscript%3E").await.bytes);
    assert!(page.contains("value=\"&#34;&#62;&#60;script&#62;\""));
    // Long queries are cut, also within a character, and bad ones are no error of the server.
    let long = format!("/docs/search?q={}", "%C3%A4".repeat(150));
    assert_eq!(reader.get(&long).await.status, 200);
    assert_eq!(reader.get("/docs/search?q=%ff").await.status, 200);
    assert_eq!(reader.get("/docs/search").await.status, 200);
}

#[tokio::test]
async fn a_page_has_a_twin_in_markdown_and_the_list_names_all_of_them() {
    let reader = TestApp::new().await.stranger();
    let reply = reader.get("/docs/twilio.md").await;
    assert_eq!(
        reply.headers["content-type"],
        "text/markdown; charset=utf-8"
    );
    assert!(
        String::from_utf8(reply.bytes)
            .unwrap()
            .starts_with("# The Twilio Verify Passkeys API\n")
    );
    for (list, root) in [("/llms.txt", "docs/"), ("/docs/llms.txt", "")] {
        let list = String::from_utf8(reader.get(list).await.bytes).unwrap();
        let files: Vec<&str> = list
            .split(&format!("]({root}"))
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .collect();
        assert!(files.len() > 80);
        for file in files {
            let reply = reader.get(&format!("/docs/{file}")).await;
            assert_eq!(reply.status, 200, "{file}");
        }
    }
}

#[test]
fn the_generated_files_hold_every_code_and_every_reason() {
    let files = markdown_files();
    let file = |name: &str| &files.iter().find(|(n, _)| *n == name).unwrap().1;
    for code in Code::ALL {
        assert!(
            file("errors.md").contains(&format!("\n## {}\n", code.number())),
            "{code:?}"
        );
    }
    for reason in Reason::ALL {
        assert!(
            file("reasons.md").contains(&format!("\n## {reason}\n")),
            "{reason}"
        );
        assert!(
            file("twilio-reasons.md").contains(&format!("\n| {reason} |")),
            "{reason}"
        );
    }
}

/// A page with its code in backticks, as the tables write it.
fn text(page: Vec<u8>) -> String {
    String::from_utf8(page)
        .unwrap()
        .replace("<code>", "`")
        .replace("</code>", "`")
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}
