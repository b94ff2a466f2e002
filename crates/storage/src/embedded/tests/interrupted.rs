//! Restores that end before their last step.

use super::copies::{BLINDLY, again, database, restore};
use super::restores::Revocable;
use super::*;
use crate::conformance::fixture::{Fixture, NOW};
use crate::embedded::replacement::Replacement;

/// A replacement is interrupted after so many of its steps.
fn interrupted(path: &Path, new: &Path, lock: &File, steps: usize) {
    let left = marker::read(lock).unwrap();
    let mut replacement = Replacement::of(path, left, 7);
    let aside = replacement.aside();
    std::fs::copy(new, replacement.new_file()).unwrap();
    replacement.note().unwrap();
    std::fs::write(replacement.report(), "what comes back").unwrap();
    let moves: [&dyn Fn(); 4] = [
        &|| {
            let log = marker::log_of(path);
            if log.exists() {
                std::fs::rename(log, marker::log_of(&aside)).unwrap();
            }
        },
        &|| {
            if path.exists() {
                std::fs::rename(path, &aside).unwrap();
            }
        },
        &|| std::fs::rename(replacement.new_file(), path).unwrap(),
        &|| marker::closed(lock).unwrap(),
    ];
    for step in &moves[..steps] {
        step();
    }
}

#[tokio::test]
async fn a_restore_that_is_interrupted_anywhere_is_undone_by_the_next_who_takes_the_store() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let file = under_test.place.path().join("backup.db");
    backup(&database(&under_test), &file).unwrap();
    let bob = fixture.user("bob").await;
    for steps in 0..=4 {
        for crashed in [false, true] {
            let elsewhere = tempfile::tempdir().unwrap();
            let path = elsewhere.path().join("store.db");
            let new = elsewhere.path().join("new.db");
            std::fs::copy(&file, &new).unwrap();
            let log = marker::log_of(&path);
            std::fs::copy(database(&under_test), &path).unwrap();
            std::fs::copy(marker::log_of(&database(&under_test)), &log).unwrap();
            let lock = File::create_new(elsewhere.path().join("store.db.lock")).unwrap();
            drop(lock);
            if crashed {
                std::fs::write(elsewhere.path().join("store.db.lock"), "open\n").unwrap();
            } else {
                open(&path).unwrap().close().await.unwrap();
            }
            let lock = open::lock(&path).unwrap();
            interrupted(&path, &new, &lock, steps);
            drop(lock);
            // The new file has taken its place, or nothing has changed.
            let complete = steps > 2;
            let (fixture, store) = again(&path, &fixture);
            for (user, is_there) in [(&ann, true), (&bob, !complete)] {
                let found = store.user(fixture.rp, UserRef::Id(user.id)).await;
                assert_eq!(found.unwrap().is_some(), is_there, "{steps} {crashed}");
            }
            let names = std::fs::read_dir(elsewhere.path()).unwrap();
            let names = names.map(|f| f.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.filter(|name| name.starts_with("store.db.")).collect();
            names.retain(|name| !name.ends_with("-wal"));
            names.sort();
            let expected = [
                "store.db.lock",
                "store.db.replaced-7",
                "store.db.restored-7.txt",
            ];
            assert_eq!(names, expected[..if complete { 3 } else { 1 }], "{steps}");
        }
        // Where there was nothing, there is nothing, or the restored store.
        let elsewhere = tempfile::tempdir().unwrap();
        let path = elsewhere.path().join("store.db");
        let new = elsewhere.path().join("new.db");
        std::fs::copy(&file, &new).unwrap();
        let lock = open::lock(&path).unwrap();
        interrupted(&path, &new, &lock, steps);
        drop(lock);
        let store = open(&path).unwrap();
        let found = store.user(fixture.rp, UserRef::Id(ann.id)).await;
        assert_eq!(found.unwrap().is_some(), steps > 2, "{steps}");
    }
    // Files that somebody has put there meanwhile are not touched.
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("store.db");
    let new = elsewhere.path().join("new.db");
    std::fs::copy(&file, &new).unwrap();
    let lock = open::lock(&path).unwrap();
    interrupted(&path, &new, &lock, 2);
    drop(lock);
    let other = database(&under_test);
    std::fs::copy(&other, &path).unwrap();
    let refused = open(&path).unwrap_err().to_string();
    assert!(refused.contains("files were changed since"), "{refused}");
    assert_eq!(
        std::fs::read(&path).unwrap(),
        std::fs::read(&other).unwrap()
    );
}

/// The file of a store that came from a restore is equal to the next one, as long as all that was changed is in its log.
#[tokio::test]
async fn a_restore_that_is_interrupted_is_not_complete_because_the_files_are_equal() {
    let under_test = Directory::new();
    let set = Revocable::new(&under_test).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, path) = (
        elsewhere.path().join("backup.db"),
        elsewhere.path().join("store.db"),
    );
    backup(&database(&under_test), &file).unwrap();
    for steps in 0..=1 {
        let _ = std::fs::remove_file(&path);
        restore(&file, &path, BLINDLY, NOW).unwrap();
        let new = elsewhere.path().join("new.db");
        std::fs::copy(&path, &new).unwrap();
        // Not closed: what was revoked is in the log.
        let store = open(&path).unwrap();
        set.revoke(&store).await;
        let crashed = elsewhere.path().join("crashed.db");
        for more in ["", "-wal", ".lock"] {
            let name = |of: &Path| {
                let mut name = of.as_os_str().to_owned();
                name.push(more);
                name
            };
            std::fs::copy(name(&path), name(&crashed)).unwrap();
        }
        assert_eq!(
            std::fs::read(&crashed).unwrap()[..4096],
            std::fs::read(&new).unwrap()[..4096]
        );
        store.close().await.unwrap();
        drop(store);
        let lock = open::lock(&crashed).unwrap();
        interrupted(&crashed, &new, &lock, steps);
        drop(lock);
        let store = open(&crashed).unwrap();
        set.assert_revoked(&store).await;
        store.close().await.unwrap();
        drop(store);
    }
}

#[tokio::test]
async fn what_has_the_name_of_the_note_and_is_no_file_is_refused_as_damaged() {
    let mut under_test = Directory::new();
    let path = database(&under_test);
    let store = under_test.store.take().unwrap();
    store.close().await.unwrap();
    drop(store);
    let note = under_test.place.path().join("store.db.restoring");
    let made = std::process::Command::new("mkfifo").arg(&note).status();
    assert!(made.unwrap().success());
    let refused = open(&path).map(drop).unwrap_err().to_string();
    assert!(refused.contains("is damaged"), "{refused}");
    std::fs::remove_file(&note).unwrap();
    open(&path).unwrap();
}

#[tokio::test]
async fn an_interrupted_restore_whose_old_store_is_gone_is_left_to_a_person() {
    let under_test = Directory::new();
    Fixture::new(&under_test).await;
    let file = under_test.place.path().join("backup.db");
    backup(&database(&under_test), &file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("store.db");
    std::fs::copy(&file, &path).unwrap();
    let lock = open::lock(&path).unwrap();
    interrupted(&path, &file, &lock, 3);
    drop(lock);
    std::fs::remove_file(elsewhere.path().join("store.db.replaced-7")).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = open(&path).map(drop).unwrap_err().to_string();
    assert!(refused.contains("files were changed since"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_backup_has_no_name_of_a_file_of_the_store_and_none_with_a_log_beside_it() {
    let under_test = Directory::new();
    let place = under_test.place.path();
    for own in ["store.db-journal", "store.db.restoring", "store.db.compact"] {
        let refused = backup(&database(&under_test), &place.join(own));
        assert!(
            matches!(refused, Err(CopyError::OwnFile(_))),
            "{own} {refused:?}"
        );
    }
    let log = place.join("backup.db-wal");
    std::fs::write(&log, "of another file").unwrap();
    let refused = backup(&database(&under_test), &place.join("backup.db"));
    assert!(matches!(refused, Err(CopyError::Exists(there)) if there == log));
    backup(&database(&under_test), &place.join("store.db.bak")).unwrap();
}
