//! `passkeyd generate`: the parts of `docs/` that come from the code.

use std::fs;
use std::io;
use std::path::Path;

/// Writes all generated files below the directory.
pub(super) fn run(out: &Path) -> io::Result<()> {
    let mut files = vec![
        ("configuration.md", crate::config::markdown()),
        ("metrics.md", crate::metrics::table::markdown()),
        ("openapi/manage-v1.json", crate::api::manage::openapi_json()),
        ("export.schema.json", crate::transfer::schema_json()),
    ];
    files.extend(crate::api::docs::markdown_files());
    for (name, text) in files {
        let path = out.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
