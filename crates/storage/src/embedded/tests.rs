//! What only the embedded store has: a file, a lock, a format, a process that can die.

use super::*;

fn open(path: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(path, Options::default())
}

#[tokio::test]
async fn a_second_open_of_the_same_file_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let first = open(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::InUse { .. })));
    first.close().await.unwrap();
    open(&path).unwrap().ping().await.unwrap();
}
