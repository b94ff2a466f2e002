//! Files that are lost: a store that was there is not taken for a new one.

use super::*;

/// The files of a store whose process has died, in another directory, with what the lock file says.
fn died(under_test: &Directory) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(under_test.place.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
    }
    directory
}

fn lost(directory: &tempfile::TempDir) -> Option<&'static str> {
    match open(&directory.path().join("store.db")) {
        Ok(_) => None,
        Err(OpenError::Lost { what, .. }) => Some(what),
        Err(other) => panic!("{other}"),
    }
}

async fn written(commits: usize) -> Directory {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    for n in 0..commits {
        store
            .write(move |c| put(c, &format!("{n:02}")))
            .await
            .unwrap();
    }
    under_test
}

#[tokio::test]
async fn a_store_that_died_and_lost_nothing_is_opened() {
    let under_test = written(20).await;
    let directory = died(&under_test);
    let store = open(&directory.path().join("store.db")).unwrap();
    assert_eq!(names(&store).len(), 20);
    // And one that has written nothing yet.
    assert_eq!(lost(&died(&written(0).await)), None);
}

#[tokio::test]
async fn a_store_whose_database_file_is_gone_or_empty_is_refused() {
    let under_test = written(3).await;
    let crashed = died(&under_test);
    under_test.store.clone().unwrap().close().await.unwrap();
    let closed = died(&under_test);
    for directory in [crashed, closed] {
        let path = directory.path().join("store.db");
        let lock = directory.path().join("store.db.lock");
        for empty in [true, false] {
            if empty {
                std::fs::write(&path, b"").unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
            assert!(lost(&directory).is_some());
            let error = open(&path).unwrap_err().to_string();
            assert!(error.contains("store.db.lock"), "{error}");
        }
        // Who wants a new store says so.
        std::fs::remove_file(&lock).unwrap();
        let _ = std::fs::remove_file(directory.path().join("store.db-wal"));
        assert_eq!(lost(&directory), None);
    }
}

#[tokio::test]
async fn a_lost_log_is_noticed_after_a_crash_and_not_missed_after_a_stop() {
    let under_test = written(3).await;
    let crashed = died(&under_test);
    std::fs::remove_file(crashed.path().join("store.db-wal")).unwrap();
    assert!(lost(&crashed).is_some());
    under_test.store.clone().unwrap().close().await.unwrap();
    assert_eq!(lost(&died(&under_test)), None);
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_that_hides_commits_is_noticed() {
    let under_test = written(20).await;
    let whole = died(&under_test);
    let log = std::fs::read(whole.path().join("store.db-wal")).unwrap();
    let (mut noticed, mut kept) = (0, std::collections::BTreeSet::new());
    for place in (0..log.len()).step_by(log.len() / 40) {
        let directory = died(&under_test);
        let mut damaged = log.clone();
        damaged[place] ^= 4;
        std::fs::write(directory.path().join("store.db-wal"), &damaged).unwrap();
        if lost(&directory).is_some() {
            noticed += 1;
        } else {
            kept.insert(names(&open(&directory.path().join("store.db")).unwrap()).len());
        }
    }
    assert!(noticed > 20, "{noticed}");
    // What is not noticed hides the last commits only: a loss of power could have left it so.
    assert!(kept.iter().all(|kept| *kept >= 15), "{kept:?}");
    // A log that ends early is what a loss of power leaves.
    let torn = died(&under_test);
    std::fs::write(torn.path().join("store.db-wal"), &log[..log.len() / 2]).unwrap();
    assert_eq!(lost(&torn), None);
}

#[tokio::test]
async fn a_log_that_has_only_grown_before_the_power_was_lost_is_not_missed() {
    let under_test = written(0).await;
    for length in [1, 32, 4096] {
        let directory = died(&under_test);
        std::fs::write(directory.path().join("store.db-wal"), vec![0; length]).unwrap();
        assert_eq!(lost(&directory), None, "{length}");
    }
    // Where commits lie behind, zeros are damage.
    let under_test = written(20).await;
    let directory = died(&under_test);
    let path = directory.path().join("store.db-wal");
    let mut log = std::fs::read(&path).unwrap();
    log[..32].fill(0);
    std::fs::write(path, log).unwrap();
    assert!(lost(&directory).is_some());
}

#[tokio::test]
async fn no_more_commits_are_under_way_to_the_disk_than_a_start_forgives() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let flushes = |c: &Connection| Ok(c.query_row("PRAGMA synchronous", [], |row| row.get(0))?);
    let mut unconfirmed = 0;
    for n in 0..10 {
        let job = store.writer.run(Durability::Process, move |c| {
            put(c, &format!("{n}"))?;
            flushes(c)
        });
        unconfirmed += 1;
        assert!(unconfirmed <= super::super::marker::UNCONFIRMED, "{n}");
        if job.await == Ok(2) {
            unconfirmed = 0;
        }
    }
    assert_eq!(names(&store).len(), 10);
}

#[tokio::test]
async fn a_stop_says_that_the_log_is_moved_before_it_removes_the_log() {
    let under_test = written(3).await;
    let (log, lock) = ["store.db-wal", "store.db.lock"]
        .map(|name| under_test.place.path().join(name))
        .into();
    let watch = std::thread::spawn(move || {
        while log.exists() {
            std::hint::spin_loop();
        }
        std::fs::read(lock).unwrap()
    });
    under_test.store.clone().unwrap().close().await.unwrap();
    assert_eq!(watch.join().unwrap(), b"closed\n");
}

#[tokio::test]
async fn an_idle_store_has_all_in_its_database_file() {
    let under_test = written(3).await;
    for _ in 0..600 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        std::fs::copy(under_test.place.path().join("store.db"), &path).unwrap();
        if names(&open(&path).unwrap()).len() == 3 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the log was not moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_writer_that_stands_still_refuses_instead_of_letting_wait_for_ever() {
    let under_test = Directory::small();
    let store = under_test.store.clone().unwrap();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (started, begun) = tokio::sync::oneshot::channel();
    let held = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .write(move |_| {
                    let _ = started.send(());
                    let _ = wait.recv();
                    Ok(())
                })
                .await
        })
    };
    begun.await.unwrap();
    // Two fit into the queue; all others are refused while the writer stands still.
    let waiting: Vec<_> = (0..8)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.write(move |c| put(c, &format!("{n}"))).await })
        })
        .collect();
    let mut refused = 0;
    while waiting.iter().filter(|caller| caller.is_finished()).count() < 6 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    for caller in waiting {
        match caller.await.unwrap() {
            Ok(()) => {}
            Err(fault) => {
                assert!(fault.to_string().contains("busy"), "{fault}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 6, "{refused}");
    // What was refused has not happened.
    assert_eq!(names(&store).len(), 8 - refused);
    store.write(|c| put(c, "next")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_has_waited_too_long_for_its_turn_is_refused_and_a_later_one_is_done() {
    type Job = Box<dyn FnOnce(&Connection) -> Outcome<()> + Send>;
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (started, begun) = tokio::sync::oneshot::channel();
    let write = |job: Job| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.write(job).await })
    };
    let held = write(Box::new(move |_| {
        let _ = started.send(());
        let _ = wait.recv();
        Ok(())
    }));
    begun.await.unwrap();
    let early = write(Box::new(|c| put(c, "early")));
    tokio::time::sleep(std::time::Duration::from_millis(5200)).await;
    let late = write(Box::new(|c| put(c, "late")));
    // It is in the queue when this task goes on.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    release.send(()).unwrap();
    assert_eq!(held.await.unwrap(), Ok(()));
    let fault = early.await.unwrap().unwrap_err();
    assert!(matches!(fault, Fault::Retryable(_)), "{fault}");
    assert!(fault.to_string().contains("busy"), "{fault}");
    assert_eq!(late.await.unwrap(), Ok(()));
    assert_eq!(names(&store), ["late"]);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_not_ready_until_it_can() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let pages: i64 = store
        .write(|c| Ok(c.query_row("PRAGMA page_count", [], |row| row.get(0))?))
        .await
        .unwrap();
    room(&store, pages).await;
    let big = "x".repeat(60_000);
    let full = store.write(move |c| put(c, &big)).await;
    assert!(matches!(full, Err(Fault::Retryable(_))), "{full:?}");
    assert!(store.writer.is_failing());
    room(&store, 100_000).await;
    store.ping().await.unwrap();
    assert!(!store.writer.is_failing());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reserve_is_given_up_for_the_removal_and_made_again_when_there_is_room() {
    const RESERVE: u64 = 1 << 20;
    let under_test = Directory::with(Options {
        reserve: Some(RESERVE),
        ..Options::default()
    });
    let store = under_test.store.clone().unwrap();
    let file = under_test.place.path().join("store.db.reserve");
    let length = || std::fs::metadata(&file).unwrap().len();
    assert_eq!(length(), RESERVE);
    let pages = |store: Arc<Embedded>| async move {
        let asked = store.write(|c| Ok(c.query_row("PRAGMA page_count", [], |row| row.get(0))?));
        asked.await.unwrap()
    };
    room(&store, pages(Arc::clone(&store)).await).await;
    let big = "x".repeat(60_000);
    let full = store.write(move |c| put(c, &big)).await;
    assert!(matches!(full, Err(Fault::Retryable(_))), "{full:?}");
    assert_eq!(length(), 0);
    assert!(store.writer.is_failing() && store.writer.is_for_removal());
    // The disk of this test has room, and the next write finds it.
    let big = "y".repeat(60_000);
    store.write(move |c| put(c, &big)).await.unwrap();
    assert_eq!(length(), RESERVE);
    assert!(!store.writer.is_failing() && !store.writer.is_for_removal());

    // A process that died meanwhile has left an empty file, which is no reserve; and a server that wants none removes it.
    store.close().await.unwrap();
    let path = under_test.place.path().join("store.db");
    let again = |reserve| {
        let options = Options {
            reserve,
            ..Options::default()
        };
        drop(Embedded::open(&path, options).unwrap());
    };
    std::fs::write(&file, b"").unwrap();
    again(None);
    assert_eq!(length(), 0);
    again(Some(RESERVE));
    assert_eq!(length(), RESERVE);
    // One of holes takes up no room.
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(0)
        .unwrap();
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(RESERVE)
        .unwrap();
    again(Some(RESERVE));
    assert!(super::super::reserve::has_its_blocks(
        &std::fs::metadata(&file).unwrap()
    ));
    again(Some(0));
    assert!(!file.exists());
}
