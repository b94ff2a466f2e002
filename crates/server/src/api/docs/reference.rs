//! The API reference as pages of the book, from the OpenAPI documents: that of the management API comes from its code, those of
//! the wires are written by hand in `docs/openapi/`, and a test compares them with the routes.

use serde_json::Value;

use super::markdown::{GENERATED, put};

/// The documents of the wires.
const WIRES: [(&str, &str, &str); 2] = [
    (
        "api/twilio.md",
        "twilio-v2.json",
        include_str!("../../../../../docs/openapi/twilio-v2.json"),
    ),
    (
        "api/authentication-cloud.md",
        "authentication-cloud-v1.json",
        include_str!("../../../../../docs/openapi/authentication-cloud-v1.json"),
    ),
];

/// A page of objects of the management API: its name, its title, and whether an object whose name begins so is on it.
type ObjectsPage = (&'static str, &'static str, fn(char) -> bool);

/// The pages of objects of the management API.
const OBJECTS: [ObjectsPage; 2] = [
    (
        "api/manage-objects.md",
        "Objects of the management API, A to L",
        |first| first.to_ascii_lowercase() < 'm',
    ),
    (
        "api/manage-objects-2.md",
        "Objects of the management API, M to Z",
        |first| first.to_ascii_lowercase() >= 'm',
    ),
];

/// Name (below `docs/`) and content of each page.
pub(super) fn files() -> Vec<(&'static str, String)> {
    let manage = crate::api::manage::openapi_json();
    let manage = ("api/manage.md", "manage-v1.json", manage.as_str());
    let mut files = Vec::new();
    for (name, document, text) in WIRES.into_iter().chain([manage]) {
        let Ok(api) = serde_json::from_str(text) else {
            continue;
        };
        let calls = calls(&api, document);
        if name == "api/manage.md" {
            // Its objects are pages of their own, because all would be a long one.
            files.push((name, to_objects(&calls)));
            for (page, title, ours) in OBJECTS {
                let text = objects(&api, ours).replace("\n### ", "\n## ");
                let text = to_objects(text.trim_start());
                files.push((page, format!("# {title}\n\n{GENERATED}{text}")));
            }
        } else {
            let objects = objects(&api, |_| true);
            files.push((name, format!("{calls}\n## Objects\n{objects}")));
        }
    }
    files
}

/// A text whose links to objects lead to the pages that have them. Only objects are linked to by an anchor.
fn to_objects(text: &str) -> String {
    let mut parts = text.split("](#");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let first = part.chars().next().unwrap_or_default();
        let page = OBJECTS.iter().find(|(.., ours)| ours(first));
        let page = page.map_or("", |(page, ..)| page.trim_start_matches("api/"));
        put(&mut linked, format_args!("]({page}#{part}"));
    }
    linked
}

fn calls(api: &Value, document: &str) -> String {
    let mut text = format!("# {}\n\n{GENERATED}", words(&api["info"]["title"]));
    let link = format!("[openapi/{document}](../openapi/{document})");
    let about = words(&api["info"]["description"]);
    put(
        &mut text,
        format_args!("{about} The OpenAPI document is {link}.\n"),
    );
    if let Some(schemes) = api["components"]["securitySchemes"].as_object() {
        text.push_str("\n## Who may call\n\n| name | sent as | |\n|---|---|---|\n");
        for (name, scheme) in schemes {
            let sent = match scheme["scheme"].as_str() {
                Some("basic") => "`Authorization: Basic`",
                _ => "`Authorization: Bearer`",
            };
            put(
                &mut text,
                format_args!("| {name} | {sent} | {} |\n", words(&scheme["description"])),
            );
        }
    }
    for tag in tags(api) {
        put(&mut text, format_args!("\n## {tag}\n"));
        for (path, method, operation) in operations(api) {
            if operation["tags"][0] == *tag {
                operation_text(&mut text, api, path, method, operation);
            }
        }
    }
    text
}

/// The objects that several calls have: those of which the name begins so.
fn objects(api: &Value, ours: fn(char) -> bool) -> String {
    let mut text = String::new();
    let schemas = api["components"]["schemas"].as_object();
    let schemas = schemas.into_iter().flatten();
    for (name, schema) in schemas.filter(|(name, _)| name.starts_with(ours)) {
        put(&mut text, format_args!("\n### {name}\n\n"));
        if let Some(about) = schema["description"].as_str() {
            put(&mut text, format_args!("{}\n\n", plain(about)));
        }
        members(&mut text, schema);
    }
    text
}

/// The tags in the order in which they first occur.
fn tags(api: &Value) -> Vec<&str> {
    let mut tags: Vec<&str> = Vec::new();
    for (_, _, operation) in operations(api) {
        let tag = operation["tags"][0].as_str().unwrap_or("Other");
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Path, method and description of each operation.
fn operations(api: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = api["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn operation_text(text: &mut String, api: &Value, path: &str, method: &str, operation: &Value) {
    let summary = words(&operation["summary"]);
    // The first sentence is the heading.
    let (title, rest) = summary.split_once(". ").unwrap_or((&summary, ""));
    let (title, method) = (title.trim_end_matches('.'), method.to_uppercase());
    put(text, format_args!("\n### {title}\n\n`{method} {path}`\n\n"));
    if !rest.is_empty() {
        put(text, format_args!("{rest}\n\n"));
    }
    if let Some(about) = operation["description"].as_str() {
        put(text, format_args!("{}\n\n", plain(about)));
    }
    let needed = operation.get("security").unwrap_or(&api["security"]);
    let needed: Vec<_> = needed.as_array().into_iter().flatten().collect();
    if api["components"]["securitySchemes"].is_object() {
        let names = needed.iter().map(|one| {
            let mut names = one.as_object().into_iter().flatten().map(|(name, _)| name);
            names.next().map_or("nothing", String::as_str)
        });
        let names: Vec<_> = names.collect();
        let names = if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(" or ")
        };
        put(text, format_args!("Needs: {names}.\n\n"));
    }
    if let Some(parameters) = operation["parameters"].as_array() {
        text.push_str("| parameter | in | required | |\n|---|---|---|---|\n");
        for parameter in parameters {
            let required = if parameter["required"] == true {
                "yes"
            } else {
                "no"
            };
            put(
                text,
                format_args!(
                    "| `{}` | {} | {required} | {} |\n",
                    words(&parameter["name"]),
                    words(&parameter["in"]),
                    words(&parameter["description"])
                ),
            );
        }
        text.push('\n');
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        for (kind, body) in content {
            put(text, format_args!("The body is `{kind}`"));
            of(text, &body["schema"], ":\n\n");
        }
    }
    text.push_str("| status | response |\n|---|---|\n");
    let responses = operation["responses"].as_object();
    for (status, response) in responses.into_iter().flatten() {
        let mut about = words(&response["description"]);
        let content = response["content"].as_object();
        let schema = content.and_then(|content| content.values().next());
        if let Some(name) = schema.and_then(|content| named(&content["schema"])) {
            put(&mut about, format_args!(" {}", link(name)));
        }
        put(text, format_args!("| {status} | {about} |\n"));
    }
    let success = responses.and_then(|all| all.values().next());
    let inline = success
        .and_then(|response| response["content"].as_object())
        .and_then(|content| content.values().next())
        .map(|content| &content["schema"])
        .filter(|schema| schema["properties"].is_object());
    if let Some(schema) = inline {
        text.push_str("\nThe response:\n\n");
        members(text, schema);
    }
}

/// Goes on in a sentence with the name of the object, or with its members.
fn of(text: &mut String, schema: &Value, before: &str) {
    if let Some(name) = named(schema) {
        put(text, format_args!(": {}.\n\n", link(name)));
    } else if schema["properties"].is_object() {
        text.push_str(before);
        members(text, schema);
        text.push('\n');
    } else {
        text.push_str(".\n\n");
    }
}

/// The table of an object's members, or what else it is.
fn members(text: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        let words = schema["enum"].as_array().into_iter().flatten();
        let words: Vec<_> = words
            .map(|word| format!("`{}`", self::words(word)))
            .collect();
        let kind = kind(schema);
        let list = if words.is_empty() {
            kind
        } else {
            words.join(", ")
        };
        put(text, format_args!("{list}\n"));
        return;
    };
    let required = schema["required"].as_array();
    text.push_str("| member | type | required | |\n|---|---|---|---|\n");
    for (name, property) in properties {
        let must = required.is_some_and(|all| all.iter().any(|one| one == name.as_str()));
        put(
            text,
            format_args!(
                "| `{name}` | {} | {} | {} |\n",
                kind(property),
                if must { "yes" } else { "no" },
                words(&property["description"])
            ),
        );
    }
}

/// The name of a shared object, if it is one.
fn named(schema: &Value) -> Option<&str> {
    let name = schema["$ref"].as_str()?;
    name.strip_prefix("#/components/schemas/")
}

fn link(name: &str) -> String {
    format!("[{name}](#{})", name.to_lowercase())
}

/// The type in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = named(schema) {
        return link(name);
    }
    for member in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[member].as_array() {
            let kinds: Vec<_> = choices.iter().map(kind).collect();
            return kinds.join(" or ");
        }
    }
    if schema["items"].is_object() {
        return format!("list of {}", kind(&schema["items"]));
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => "list".to_owned(),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        _ => "any".to_owned(),
    }
}

/// A text in a table: one line, without bars.
fn words(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default()).replace('|', "\\|")
}

/// A text on one line.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
