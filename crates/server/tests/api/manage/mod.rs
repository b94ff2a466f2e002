//! `/manage/v1/`.

mod metadata;
mod policy;
