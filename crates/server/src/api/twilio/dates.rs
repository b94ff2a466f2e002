//! Dates of this wire (contract section 1.6): the form that all wires share.

pub use crate::api::dates::Date;
