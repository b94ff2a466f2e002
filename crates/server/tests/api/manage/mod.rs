//! `/manage/v1/`.

mod metadata;
