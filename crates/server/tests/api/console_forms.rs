//! Every form of the console, found on its pages, with fields as no browser sends them.

use std::collections::{BTreeMap, BTreeSet};

use domain::model::audit::trail_of;
use domain::model::console::{CONSOLE_PARTY, Role};
use domain::service::deliveries::Attempt;
use domain::store::EventFilter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use server::console::{Needs, routes};

use crate::common::{ACCOUNT, Answer, TestApp};
use crate::console_browser::{Browser, Filled, fill};

/// What a browser adds to a path of the test app.
const PREFIX: &str = "/prefix";

/// A control of a form.
#[derive(Clone, Debug)]
struct Control {
    name: String,
    /// What a browser sends; `None` for a box that is not ticked.
    value: Option<String>,
    hidden: bool,
    invalid: bool,
    /// Identifiers of the texts about it.
    described_by: Vec<String>,
}

#[derive(Clone, Debug)]
struct Form {
    action: String,
    controls: Vec<Control>,
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

/// The element that begins here: its tag, and what is inside.
fn element<'a>(html: &'a str, name: &str) -> (&'a str, &'a str) {
    let (tag, rest) = html.split_once('>').unwrap();
    let inside = rest.split_once(&format!("</{name}>"));
    (tag, inside.map_or("", |(inside, _)| inside))
}

fn option_of(select: &str) -> Option<String> {
    let options: Vec<_> = select
        .split("<option")
        .skip(1)
        .map(|option| option.split_once('>').unwrap())
        .collect();
    let chosen = options.iter().find(|(tag, _)| tag.contains(" selected"));
    let (tag, text) = chosen.or(options.first())?;
    let value = attribute(&format!(" {tag}"), "value").map(str::to_owned);
    Some(value.unwrap_or_else(|| {
        text.split_once('<')
            .map_or(*text, |(text, _)| text)
            .to_owned()
    }))
}

fn control(html: &str) -> Option<Control> {
    let kinds = ["input", "select", "textarea", "button"];
    let kind = kinds.into_iter().find(|kind| html.starts_with(kind))?;
    let (tag, inside) = element(html, kind);
    let name = attribute(tag, "name")?;
    let given = attribute(tag, "value").unwrap_or_default().to_owned();
    let value = match (kind, attribute(tag, "type")) {
        ("input", Some("checkbox")) => tag.contains(" checked").then(|| "on".to_owned()),
        ("select", _) => option_of(inside),
        ("textarea", _) => Some(inside.to_owned()),
        _ => Some(given),
    };
    let described_by = attribute(tag, "aria-describedby").unwrap_or_default();
    Some(Control {
        name: name.to_owned(),
        value,
        hidden: attribute(tag, "type") == Some("hidden"),
        invalid: attribute(tag, "aria-invalid") == Some("true"),
        described_by: described_by.split(' ').map(str::to_owned).collect(),
    })
}

/// The forms of a page that change something.
fn forms(page: &str) -> Vec<Form> {
    let found = page.split("<form ").skip(1).map(|html| {
        let (html, _) = html.split_once("</form>").unwrap();
        let (tag, inside) = html.split_once('>').unwrap();
        let tag = format!(" {tag}");
        let mut controls: Vec<Control> = Vec::new();
        let tags = inside.match_indices('<');
        for control in tags.filter_map(|(at, _)| control(&inside[at + 1..])) {
            // A form is sent by one of its buttons.
            if controls.iter().all(|one| one.name != control.name) {
                controls.push(control);
            }
        }
        let posts = attribute(&tag, "method") == Some("post");
        posts.then(|| {
            let action = attribute(&tag, "action").unwrap();
            Form {
                action: action.strip_prefix(PREFIX).unwrap().to_owned(),
                controls,
            }
        })
    });
    found.flatten().collect()
}

/// The route that serves an action, as the table has it.
fn route_of(action: &str) -> &'static str {
    let fits = |path: &str| {
        let (path, action) = (path.split('/'), action.split('/'));
        path.clone().count() == action.clone().count()
            && path
                .zip(action)
                .all(|(part, given)| part == given || part.starts_with('{'))
    };
    let posted = routes().filter(|route| route.method == "POST");
    let mut fitting: Vec<_> = posted.filter(|route| fits(route.path)).collect();
    fitting.sort_by_key(|route| route.path.matches('{').count());
    let first = fitting.first();
    first
        .unwrap_or_else(|| unreachable!("no route serves {action}"))
        .path
}

/// How a field is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoiled {
    Missing,
    Empty,
    TooLong,
    Control,
    Bidi,
    Twice,
    OfAnotherType,
}

impl Spoiled {
    const ALL: [Self; 7] = [
        Self::Missing,
        Self::Empty,
        Self::TooLong,
        Self::Control,
        Self::Bidi,
        Self::Twice,
        Self::OfAnotherType,
    ];

    /// What is sent instead.
    fn values(self, value: &str) -> Vec<String> {
        match self {
            Self::Missing => Vec::new(),
            Self::Empty => vec![String::new()],
            Self::TooLong => vec!["a".repeat(5_000)],
            Self::Control => vec![format!("x{value}\u{7}y")],
            Self::Bidi => vec![format!("x{value}\u{202e}y")],
            Self::Twice => vec![value.to_owned(), value.to_owned()],
            // Another list for each field: what one form saves is no confirmation for another one.
            Self::OfAnotherType => vec![format!("[{}]", value.len())],
        }
    }

    /// Whether such a field means something.
    fn is_meant(self, field: &str) -> bool {
        match field {
            // Boxes: they are ticked if they are there. And a button, which shows what would change.
            "user_verification_required" | "read" | "enrol" | "approve" | "manage" | "action" => {
                self != Self::Twice
            }
            // What need not be set.
            "rp_id" | "origins" | "attachment" | "resident_key" | "user_verification"
            | "android_apps" | "apple_apps" | "passkey_enroll_url" | "passkey_manage_url" => {
                self == Self::Empty
            }
            "until" => [Self::Empty, Self::Missing].contains(&self),
            // Texts of any kind.
            "rp_name" => [Self::Empty, Self::OfAnotherType].contains(&self),
            "name" => self == Self::OfAnotherType,
            _ => false,
        }
    }
}

fn encoded<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = fields.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

impl Form {
    /// The form as a browser sends it, but for one field.
    fn with(&self, field: &str, values: &[String]) -> String {
        let fields = self.controls.iter().flat_map(|control| {
            let own: Vec<&str> = if control.name == field {
                values.iter().map(String::as_str).collect()
            } else {
                control.value.as_deref().into_iter().collect()
            };
            own.into_iter().map(|value| (control.name.as_str(), value))
        });
        encoded(fields)
    }

    /// The form as a browser sends it, with these fields.
    fn of(&self, fields: &[(&str, &str)]) -> String {
        let chosen = |control: &Control| {
            let found = fields.iter().find(|(name, _)| *name == control.name);
            found
                .map(|(_, value)| (*value).to_owned())
                .or(control.value.clone())
        };
        let values: Vec<_> = self.controls.iter().map(chosen).collect();
        let sent = self.controls.iter().zip(&values);
        let sent = sent.filter_map(|(one, value)| Some((one.name.as_str(), value.as_deref()?)));
        encoded(sent)
    }

    /// Fills in what somebody has to type.
    fn filled_in(mut self) -> Self {
        for control in &mut self.controls {
            if control.name == "name" && control.value.as_deref() == Some("") {
                control.value = Some("Somebody".to_owned());
            }
        }
        self
    }
}

/// How many events there are: each change makes one.
async fn events(app: &TestApp, filled: &Filled) -> usize {
    let (rp, ..) = filled.ids();
    let mut count = 0;
    for trail in [rp, CONSOLE_PARTY, trail_of(ACCOUNT)] {
        let all = EventFilter::default();
        let found = app.passkeys.find_events(trail, &all, 10_000).await.unwrap();
        assert!(found.complete);
        count += found.events.len();
    }
    count
}

/// An owner, and a store in which every form is on a page.
async fn everything(app: &TestApp) -> (Browser, Filled) {
    let mut filled = fill(app).await;
    let mut ada = app.administrator("Ada", Role::Owner).await;
    app.administrator("Bob", Role::Support).await;
    let all = app.passkeys.administrators().await.unwrap();
    let bob = all.iter().find(|one| one.name == "Bob").unwrap();
    filled.administrator = bob.id.to_hex();
    ada.sign_in(&app.browser()).await;
    let (rp, webhook, delivery) = filled.ids();
    let record = app.passkeys.delivery(rp, webhook, delivery).await.unwrap();
    let failed = Attempt::Failed {
        status: Some(500),
        problem: "the receiver did not accept it".to_owned(),
        retry_after: None,
    };
    let noted = app.passkeys.conclude_delivery(record.unwrap(), failed);
    noted.await.unwrap();
    let key = "name=shop&read=on&enrol=on&approve=on&manage=on";
    let here = "rp_id=passkeys.test&origins=https%3A%2F%2Fpasskeys.test&name=Acme&rp_name=&attachment=any\
                &resident_key=preferred&user_verification=preferred";
    for (path, fields) in [
        ("/console/administrators", "name=Eve&role=support"),
        ("/console/services/{service}/keys", key),
        ("/console/services/{service}/token-keys/access/rotate", ""),
        ("/console/accounts/{account}/keys", key),
        // A link leads to a page of this server, so its passkeys must work there.
        ("/console/services/{service}", here),
        (
            "/console/services/{service}/people/{user}/enrolment",
            "hours=24",
        ),
    ] {
        let path = filled.path(path);
        let done = match path.matches('/').count() {
            // The settings of a Service: the form says what it has shown.
            3 if path.contains("/services/") => ada.save(&path, fields).await,
            _ => ada.post(&path, fields).await,
        };
        assert!([200, 303].contains(&done.status), "{path}: {}", done.text());
    }
    (ada, filled)
}

/// Every form on the pages of an owner, by its action.
async fn all_forms(ada: &Browser, filled: &Filled) -> BTreeMap<String, Form> {
    let mut found = BTreeMap::new();
    for route in routes() {
        if route.method != "GET" || route.needs == Needs::Nobody {
            continue;
        }
        let page = ada.client.get(&filled.path(route.path)).await;
        assert_eq!(page.status, 200, "{}: {}", route.path, page.text());
        for form in forms(page.text()) {
            found.insert(form.action.clone(), form.filled_in());
        }
    }
    found
}

/// The message is beside the field: the control says that it is wrong, and names a text that says why.
fn is_said_beside(answer: &Answer, action: &str, field: &str) {
    let text = answer.text();
    let page = forms(text);
    let form = page.iter().find(|form| form.action == action);
    let form = form.unwrap_or_else(|| unreachable!("{action} {field}: the form is gone: {text}"));
    let control = form.controls.iter().find(|control| control.name == field);
    let control = control.unwrap_or_else(|| unreachable!("{action}: no {field}"));
    let message = if control.hidden {
        format!("{field}-wrong")
    } else {
        assert!(control.invalid, "{action} {field}: {text}");
        let mut described = control.described_by.iter();
        let wrong = described.find(|id| id.ends_with("-wrong"));
        wrong
            .unwrap_or_else(|| unreachable!("{action} {field}: {text}"))
            .clone()
    };
    let (_, said) = text.split_once(&format!("id=\"{message}\">")).unwrap();
    assert!(!said.starts_with('<'), "{action} {field} says nothing");
}

#[tokio::test]
async fn every_form_says_beside_the_field_what_is_wrong_and_changes_nothing() {
    let app = TestApp::new().await;
    let (ada, filled) = everything(&app).await;
    let found = all_forms(&ada, &filled).await;
    let on_pages: BTreeSet<_> = found.keys().map(String::as_str).map(route_of).collect();
    let in_table: BTreeSet<_> = routes()
        .filter(|route| route.method == "POST" && !route.json)
        .map(|route| route.path)
        .collect();
    // A new form is on a page of the owner, or this test does not know it.
    assert_eq!(on_pages, in_table);

    let mut spoilt = 0;
    for form in found.values() {
        let fields = form.controls.iter();
        // What a form has shown matters only when somebody else has changed it.
        let other = |name: &str| !["form_token", "seen", "looked"].contains(&name);
        for control in fields.filter(|control| other(&control.name)) {
            let value = control.value.as_deref().unwrap_or("on");
            for how in Spoiled::ALL {
                spoilt += 1;
                let about = format!("{} {} {how:?}", form.action, control.name);
                let before = events(&app, &filled).await;
                let body = form.with(&control.name, &how.values(value));
                let answer = ada.client.post(&form.action, body.as_str()).await;
                if how.is_meant(&control.name) {
                    assert!([200, 303].contains(&answer.status), "{about}");
                    continue;
                }
                assert_eq!(events(&app, &filled).await, before, "{about}");
                if how == Spoiled::Twice {
                    assert_eq!(answer.status, 400, "{about}");
                    assert!(answer.text().contains("has a field twice"), "{about}");
                } else {
                    assert_eq!(answer.status, 422, "{about}: {}", answer.text());
                    is_said_beside(&answer, &form.action, &control.name);
                }
            }
        }
    }
    assert!(spoilt > 200, "{spoilt}");
}

#[tokio::test]
async fn no_form_does_anything_without_its_token() {
    let app = TestApp::new().await;
    let (ada, filled) = everything(&app).await;
    for form in all_forms(&ada, &filled).await.values() {
        for how in Spoiled::ALL {
            let before = events(&app, &filled).await;
            let token = form.controls.iter().find(|one| one.name == "form_token");
            let token = token.and_then(|one| one.value.as_deref()).unwrap();
            let body = form.with("form_token", &how.values(token));
            let answer = ada.client.post(&form.action, body.as_str()).await;
            let expected = if how == Spoiled::Twice { 400 } else { 403 };
            assert_eq!(answer.status, expected, "{} {how:?}", form.action);
            assert_eq!(events(&app, &filled).await, before, "{}", form.action);
        }
    }
}

/// Two administrators have the same page open, and both save it.
#[tokio::test]
async fn a_form_changes_only_what_its_sender_changed() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let bob = app.administrator("Bob", Role::Operator).await;
    for (page, action, mine, theirs) in [
        (
            "/console/services/{service}",
            "",
            ("rp_name", "Mine"),
            ("attachment", "platform"),
        ),
        (
            "/console/services/{service}/policy",
            "save",
            ("max_credentials", "7"),
            ("user_verification_required", "on"),
        ),
        (
            "/console/services/{service}/authentication-cloud",
            "",
            ("timeout_seconds", "90"),
            ("username_rule", "relaxed"),
        ),
    ] {
        let path = filled.path(page);
        let form = async |browser: &Browser| {
            let shown = browser.client.get(&path).await;
            let found = forms(shown.text());
            found.into_iter().find(|form| form.action == path).unwrap()
        };
        let sent = async |browser: &Browser, form: &Form, fields: &[(&str, &str)]| {
            let body = form.of(fields);
            let answer = browser.client.post(&path, body.as_str()).await;
            if action.is_empty() || answer.status != 200 {
                return answer;
            }
            // What it changes was looked at.
            let mut found = forms(answer.text()).into_iter();
            let looked = found.find(|form| form.action == path).unwrap();
            let body = looked.of(&[("action", action)]);
            browser.client.post(&path, body.as_str()).await
        };
        let value = async |name: &str| {
            let form = form(&ada).await;
            let control = form.controls.into_iter().find(|one| one.name == name);
            control.and_then(|control| control.value)
        };
        let (hers, his) = (form(&ada).await, form(&bob).await);
        assert_eq!(sent(&bob, &his, &[theirs]).await.status, 303, "{page}");
        // Her page is older, and has what he has changed as it was.
        let saved = sent(&ada, &hers, &[mine]).await;
        assert_eq!(saved.status, 303, "{page}: {}", saved.text());
        assert_eq!(value(mine.0).await.as_deref(), Some(mine.1), "{page}");
        assert_eq!(value(theirs.0).await.as_deref(), Some(theirs.1), "{page}");

        // Both have changed the same field: the second one sees that before it is saved.
        let his = form(&bob).await;
        let other = (mine.0, "60");
        assert_eq!(sent(&ada, &hers, &[mine]).await.status, 303, "{page}");
        let hers = form(&ada).await;
        assert_eq!(sent(&ada, &hers, &[other]).await.status, 303, "{page}");
        let his_own = (mine.0, "80");
        let refused = sent(&bob, &his, &[his_own]).await;
        assert_eq!(refused.status, 422, "{page}: {}", refused.text());
        let said = "Somebody else changed this after you opened the page. It is now: 60.";
        assert!(refused.text().contains(said), "{page}: {}", refused.text());
        assert_eq!(value(mine.0).await.as_deref(), Some("60"), "{page}");
        let shown = forms(refused.text());
        let again = shown.iter().find(|form| form.action == path).unwrap();
        assert_eq!(sent(&bob, again, &[]).await.status, 303, "{page}");
        assert_eq!(value(mine.0).await.as_deref(), Some("80"), "{page}");
    }
}
