use crate::support::*;

#[test]
fn the_generated_documentation_is_written_and_its_description_of_the_api_is_json() {
    let out = tempfile::tempdir().unwrap();
    let output = ended(passkeyd().arg("generate").arg("--out").arg(out.path()));
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(out.path().join("openapi/manage-v1.json")).unwrap();
    let api: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(api["paths"]["/manage/v1/api-keys"]["post"].is_object());
    assert!(out.path().join("configuration.md").is_file());
}
