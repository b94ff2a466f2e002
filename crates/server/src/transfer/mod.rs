//! The data of a store as a file: what leaves it, and what comes in from other products. The formats are here; the command line is in
//! `cli`, and what is stored is decided in the domain.

mod columns;
mod cose;
mod disabled;
mod encoding;
pub mod export;
mod file;
pub mod import;
mod json;
pub mod leaving;
mod names;
pub mod own;
mod products;
pub mod record;
mod rows;
mod shapes;
pub mod source;
pub mod table;
pub mod text;
mod values;

/// The JSON Schema of the lines of an export.
pub fn schema_json() -> String {
    let schema = schemars::schema_for!(record::Line);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
