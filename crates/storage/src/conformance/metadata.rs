//! The metadata BLOB.

use std::sync::Arc;

use domain::model::metadata::{MetadataSource, StoredMetadata};
use domain::store::ReplaceMetadata;

use super::fixture::{Bed, End, at};

fn blob(no: u64, bytes: &[u8]) -> StoredMetadata {
    StoredMetadata {
        no,
        imported: at(i64::try_from(no % 1000).unwrap()),
        source: MetadataSource::Fetch,
        blob: bytes.into(),
    }
}

pub(crate) async fn metadata_give_way_to_a_greater_number_only(bed: &mut dyn Bed) {
    let store = bed.store();
    assert_eq!(store.metadata(None).await, Ok(None));
    let first = blob(0, b"first");
    let replaced = store.replace_metadata(&first).await;
    assert_eq!(replaced, Ok(ReplaceMetadata::Replaced));
    assert_eq!(store.metadata(None).await, Ok(Some(first)));

    let seventh = StoredMetadata {
        source: MetadataSource::Management,
        ..blob(7, b"seventh")
    };
    let replaced = store.replace_metadata(&seventh).await;
    assert_eq!(replaced, Ok(ReplaceMetadata::Replaced));
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
    assert_eq!(repeated, Ok(ReplaceMetadata::Replaced));
    assert_eq!(store.metadata(None).await, Ok(Some(seventh.clone())));
    assert_eq!(store.metadata(Some(6)).await, Ok(Some(seventh)));
    assert_eq!(store.metadata(Some(7)).await, Ok(None));
    assert_eq!(store.metadata(Some(u64::MAX)).await, Ok(None));
}

pub(crate) async fn of_many_imports_at_once_the_greatest_number_stays(bed: &mut dyn Bed) {
    let store = bed.store();
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
            (ReplaceMetadata::Replaced, new) => winners.push(new),
            (ReplaceMetadata::NotNewer { no }, new) => assert!(no >= new.no),
        }
    }
    let stored = store.metadata(None).await.unwrap().unwrap();
    assert_eq!(stored.no, 19);
    // Of those with one number at most one got in, and the last of them is what is there.
    winners.sort_by_key(|winner| winner.no);
    assert!(winners.windows(2).all(|pair| pair[0].no < pair[1].no));
    assert_eq!(winners.last(), Some(&stored));
}

pub(crate) async fn metadata_that_were_removed_are_in_nobodys_way(bed: &mut dyn Bed) {
    assert_eq!(bed.store().remove_metadata().await, Ok(false));
    let replaced = bed.store().replace_metadata(&blob(9, b"ninth")).await;
    assert_eq!(replaced, Ok(ReplaceMetadata::Replaced));
    assert_eq!(bed.store().remove_metadata().await, Ok(true));
    assert_eq!(bed.store().metadata(None).await, Ok(None));
    bed.reopen(End::Closed).await;
    let store = bed.store();
    assert_eq!(store.remove_metadata().await, Ok(false));
    let replaced = store.replace_metadata(&blob(1, b"first")).await;
    assert_eq!(replaced, Ok(ReplaceMetadata::Replaced));
}

pub(crate) async fn metadata_are_there_after_a_restart_and_still_in_the_way(bed: &mut dyn Bed) {
    let large = blob(9, &vec![0x5a; 9 * 1024 * 1024]);
    let replaced = bed.store().replace_metadata(&large).await;
    assert_eq!(replaced, Ok(ReplaceMetadata::Replaced));
    for end in [End::Closed, End::Dropped] {
        bed.reopen(end).await;
        let store = bed.store();
        assert_eq!(store.metadata(None).await, Ok(Some(large.clone())));
        let kept = store.replace_metadata(&blob(8, b"eighth")).await;
        assert_eq!(kept, Ok(ReplaceMetadata::NotNewer { no: 9 }));
    }
}
