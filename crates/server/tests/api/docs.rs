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
        assert!(
            code.example()
                .is_none_or(|text| page.contains(&escaped(text))),
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
async fn a_page_may_load_nothing_but_its_style_sheet() {
    let reader = TestApp::new().await.stranger();
    let reply = reader.get("/docs/errors/60378").await;
    assert_eq!(
        reply.headers["content-security-policy"],
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    let page = text(reply.bytes);
    assert!(!page.contains("<script") && !page.contains(" style="));
    assert!(page.contains("href=\"../style.css\""));
    let style = reader.get("/docs/style.css").await;
    assert_eq!(
        (
            style.status,
            &style.headers["content-type"] == "text/css; charset=utf-8"
        ),
        (200, true)
    );
}

#[tokio::test]
async fn an_unknown_page_is_not_found_and_repeats_nothing_of_the_request() {
    let reader = TestApp::new().await.stranger();
    for path in [
        "/docs/errors/60389",
        "/docs/errors/x%3Cscript%3E",
        "/docs/reasons/nothing",
    ] {
        let reply = reader.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        let page = text(reply.bytes);
        assert!(
            page.contains("Page not found") && !page.contains("script"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_spellings_of_a_page_lead_to_it_behind_a_prefix_too() {
    let reader = TestApp::new().await.stranger();
    for (path, location, page) in [
        ("/docs", "docs/errors", "/docs/errors"),
        ("/docs/", "errors", "/docs/errors"),
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
