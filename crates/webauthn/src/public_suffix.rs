//! The public suffix list, which is compiled in.

use psl::{Domain, Info, List, Psl, Suffix};

/// The list, asked with labels behind a pointer. The crate compiles its search, a function for each branch of the list, for the type of the iterator: so
/// there is one type.
struct Asked;

impl Psl for Asked {
    fn find<'a, T>(&self, mut labels: T) -> Info
    where
        T: Iterator<Item = &'a [u8]>,
    {
        List.find(&mut labels as &mut dyn Iterator<Item = &'a [u8]>)
    }
}

/// The public suffix of a domain: `co.uk` of `www.example.co.uk`.
pub fn suffix(domain: &str) -> Option<Suffix<'_>> {
    Asked.suffix(domain.as_bytes())
}

/// The registrable domain of a host: `example.co.uk` of `www.example.co.uk`.
pub fn registrable(host: &str) -> Option<&str> {
    let domain: Domain<'_> = Asked.domain(host.as_bytes())?;
    std::str::from_utf8(domain.trim().as_bytes()).ok()
}
