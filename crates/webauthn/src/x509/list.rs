//! Lists of certificates that are configured or published, and used again and again.

use super::chain::{Link, parse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// DER certificates: trust anchors, or certificates that complete chains. It never changes.
///
/// The certificates are read when a chain is first judged by them. Clones share the result, so a list that is kept is read once.
#[derive(Clone, Default)]
pub struct CertificateList(Arc<Shared>);

#[derive(Default)]
struct Shared {
    certificates: Vec<Vec<u8>>,
    readable: OnceLock<Vec<Link<'static>>>,
}

impl CertificateList {
    /// Takes what was read of `kept`, if that holds the same certificates.
    pub fn share(&mut self, kept: &Self) {
        if self == kept {
            self.clone_from(kept);
        }
    }

    /// Those that a judgement of these certificates may come to, of one chain or of several: they are one of them, or may have issued one
    /// of them or of the `known` intermediates. A list that is not empty never becomes empty: no chain leads to the one that is left.
    pub(crate) fn within_reach(&self, chains: &[&[u8]], known: &Self) -> Self {
        let chains: Vec<_> = chains.iter().filter_map(|der| parse(der)).collect();
        let links = || chains.iter().chain(known.readable());
        let near = self
            .readable()
            .iter()
            .filter(|anchor| links().any(|link| link.is(anchor) || link.may_be_issued_by(anchor)));
        let near: Vec<_> = near.map(Link::to_der).collect();
        if near.is_empty() {
            return Self::from(self.first().cloned().into_iter().collect::<Vec<_>>());
        }
        Self::from(near)
    }

    /// The ones that can be read, in their order. The others still count as elements of the list: a policy whose anchors cannot
    /// be read has anchors, and no chain leads to them.
    pub(crate) fn readable(&self) -> &[Link<'static>] {
        self.0.readable.get_or_init(|| {
            let links = self.0.certificates.iter().filter_map(|der| parse(der));
            links.map(Link::into_owned).collect()
        })
    }
}

impl From<Vec<Vec<u8>>> for CertificateList {
    fn from(certificates: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Shared {
            certificates,
            readable: OnceLock::new(),
        }))
    }
}

impl Deref for CertificateList {
    type Target = [Vec<u8>];

    fn deref(&self) -> &[Vec<u8>] {
        &self.0.certificates
    }
}

impl PartialEq for CertificateList {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl Eq for CertificateList {}

impl fmt::Debug for CertificateList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for CertificateList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::base64url::list::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for CertificateList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::base64url::list::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Algorithm;
    use testkit::metadata::Service;

    #[test]
    fn clones_share_what_was_read_and_unreadable_certificates_stay_in_the_list() {
        let root = Service::new(Algorithm::ES256).unwrap().root().to_vec();
        let list = CertificateList::from(vec![vec![1, 2, 3], root.clone()]);
        let clone = list.clone();
        assert_eq!(list.len(), 2);
        assert_eq!(list.readable().len(), 1);
        assert!(std::ptr::eq(list.readable(), clone.readable()));
        let mut same = CertificateList::from(list.to_vec());
        same.share(&list);
        assert!(std::ptr::eq(list.readable(), same.readable()));

        let unreadable = CertificateList::from(vec![vec![1, 2, 3]]);
        assert!(unreadable.readable().is_empty() && !unreadable.is_empty());
        assert_ne!(list, unreadable);
        let mut other = unreadable.clone();
        other.share(&list);
        assert_eq!(other, unreadable);
    }

    #[test]
    fn the_text_is_a_list_of_base64url() {
        let list = CertificateList::from(vec![vec![1, 2, 3], vec![]]);
        let text = serde_json::to_string(&list).unwrap();
        assert_eq!(text, r#"["AQID",""]"#);
        assert_eq!(
            serde_json::from_str::<CertificateList>(&text).unwrap(),
            list
        );
        assert!(serde_json::from_str::<CertificateList>(r#"["A=="]"#).is_err());
        // One that was read is written alike.
        assert!(list.readable().is_empty());
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
    }
}
