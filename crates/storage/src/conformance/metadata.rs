//! The metadata BLOB.

use std::sync::Arc;

use domain::model::metadata::{MetadataRecord, MetadataSource, MetadataVersion, StoredMetadata};
use domain::store::{Fault, ReplaceMetadata, Storage};

use super::fixture::{End, StoreUnderTest, at};

fn blob(no: u64, bytes: &[u8]) -> StoredMetadata {
    StoredMetadata {
        no,
        imported: at(i64::try_from(no % 1000).unwrap()),
        source: MetadataSource::Fetch,
        blob: bytes.into(),
    }
}

const REPLACED: Result<ReplaceMetadata, Fault> = Ok(ReplaceMetadata::Replaced { removals: 0 });

/// What the store has.
async fn stored(store: &dyn Storage) -> Option<StoredMetadata> {
    let record = store.metadata(None).await.unwrap();
    record.and_then(|record| record.stored)
}

/// What the store says to a process that has read this number, before any removal.
async fn above(store: &dyn Storage, no: u64) -> Option<StoredMetadata> {
    let known = MetadataVersion {
        removals: 0,
        no: Some(no),
    };
    let record = store.metadata(Some(known)).await.unwrap();
    record.and_then(|record| record.stored)
}

pub async fn metadata_is_replaced_by_a_greater_number_only(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    assert_eq!(store.metadata(None).await, Ok(None));
    assert_eq!(
        store.metadata(Some(MetadataVersion::default())).await,
        Ok(None)
    );
    let first = blob(0, b"first");
    let replaced = store.replace_metadata(&first).await;
    assert_eq!(replaced, REPLACED);
    assert_eq!(stored(&*store).await, Some(first));

    let seventh = StoredMetadata {
        source: MetadataSource::Management,
        ..blob(7, b"seventh")
    };
    let replaced = store.replace_metadata(&seventh).await;
    assert_eq!(replaced, REPLACED);
    for other in [blob(7, b"another"), blob(6, b"sixth"), blob(0, b"first")] {
        let kept = store.replace_metadata(&other).await;
        assert_eq!(kept, Ok(ReplaceMetadata::NotNewer { no: 7 }));
    }
    // The very same, taken in at another moment, is no exception; the same call sent again has the outcome of the first time.
    let later = StoredMetadata {
        imported: at(8),
        ..seventh.clone()
    };
    let kept = store.replace_metadata(&later).await;
    assert_eq!(kept, Ok(ReplaceMetadata::NotNewer { no: 7 }));
    let repeated = store.replace_metadata(&seventh).await;
    assert_eq!(repeated, REPLACED);
    assert_eq!(stored(&*store).await, Some(seventh.clone()));
    assert_eq!(above(&*store, 6).await, Some(seventh));
    assert_eq!(above(&*store, 7).await, None);
    assert_eq!(above(&*store, u64::MAX).await, None);
}

pub async fn of_many_imports_at_once_the_greatest_number_stays(
    under_test: &mut dyn StoreUnderTest,
) {
    let store = under_test.store();
    let tasks: Vec<_> = (0..40_u64)
        .map(|n| {
            let store = Arc::clone(&store);
            // Every number is there twice, with different bytes.
            let new = blob(n * 7 % 20, &n.to_be_bytes());
            tokio::spawn(async move {
                let outcome = store.replace_metadata(&new).await.unwrap();
                (outcome, new)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (ReplaceMetadata::Replaced { .. }, new) => winners.push(new),
            (ReplaceMetadata::NotNewer { no }, new) => assert!(no >= new.no),
        }
    }
    let stored = stored(&*store).await.unwrap();
    assert_eq!(stored.no, 19);
    // Of those with one number at most one got in, and the last of them is what is there.
    winners.sort_by_key(|winner| winner.no);
    assert!(winners.windows(2).all(|pair| pair[0].no < pair[1].no));
    assert_eq!(winners.last(), Some(&stored));
}

pub async fn removed_metadata_refuses_no_number(under_test: &mut dyn StoreUnderTest) {
    assert_eq!(under_test.store().remove_metadata().await, Ok(false));
    let replaced = under_test
        .store()
        .replace_metadata(&blob(9, b"ninth"))
        .await;
    assert_eq!(replaced, REPLACED);
    assert_eq!(under_test.store().remove_metadata().await, Ok(true));
    assert_eq!(stored(&*under_test.store()).await, None);
    under_test.reopen(End::Closed).await;
    let store = under_test.store();
    assert_eq!(store.remove_metadata().await, Ok(false));
    let replaced = store.replace_metadata(&blob(1, b"first")).await;
    assert_eq!(replaced, Ok(ReplaceMetadata::Replaced { removals: 1 }));
    // The new number counts again.
    let kept = store.replace_metadata(&blob(1, b"another")).await;
    assert_eq!(kept, Ok(ReplaceMetadata::NotNewer { no: 1 }));
}

pub async fn every_reader_of_the_metadata_notices_a_removal(under_test: &mut dyn StoreUnderTest) {
    let (ninth, first) = (blob(9, b"ninth"), blob(1, b"first"));
    let at_ninth = MetadataVersion {
        removals: 0,
        no: Some(9),
    };
    assert_eq!(under_test.store().replace_metadata(&ninth).await, REPLACED);
    assert_eq!(under_test.store().metadata(Some(at_ninth)).await, Ok(None));
    assert_eq!(under_test.store().remove_metadata().await, Ok(true));
    under_test.reopen(End::Closed).await;
    let store = under_test.store();
    let removed = MetadataRecord {
        removals: 1,
        stored: None,
    };
    assert_eq!(
        store.metadata(Some(at_ninth)).await,
        Ok(Some(removed.clone()))
    );
    assert_eq!(store.metadata(None).await, Ok(Some(removed.clone())));
    assert_eq!(store.metadata(Some(removed.version())).await, Ok(None));
    // What comes then is later than all that was there before, whatever its number.
    store.replace_metadata(&first).await.unwrap();
    let replaced = MetadataRecord {
        removals: 1,
        stored: Some(first),
    };
    for known in [at_ninth, removed.version()] {
        assert_eq!(
            store.metadata(Some(known)).await,
            Ok(Some(replaced.clone()))
        );
    }
    assert_eq!(store.metadata(Some(replaced.version())).await, Ok(None));
    assert_eq!(store.remove_metadata().await, Ok(true));
    let twice = store.metadata(Some(replaced.version())).await.unwrap();
    assert_eq!(twice.unwrap().removals, 2);
}

pub async fn metadata_is_there_after_a_restart_and_refuses_a_smaller_number(
    under_test: &mut dyn StoreUnderTest,
) {
    let large = blob(9, &vec![0x5a; 9 * 1024 * 1024]);
    let replaced = under_test.store().replace_metadata(&large).await;
    assert_eq!(replaced, REPLACED);
    for end in [End::Closed, End::Dropped] {
        under_test.reopen(end).await;
        let store = under_test.store();
        assert_eq!(stored(&*store).await, Some(large.clone()));
        let kept = store.replace_metadata(&blob(8, b"eighth")).await;
        assert_eq!(kept, Ok(ReplaceMetadata::NotNewer { no: 9 }));
    }
}
