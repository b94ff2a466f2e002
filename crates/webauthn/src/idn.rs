//! International domain names.

/// Most bytes of a text that is mapped. The mapping takes time that grows with the text, and no longer one is a name.
const MAX_TEXT: usize = 4 * 253;

/// The ASCII form of a domain name, in lower case.
pub(crate) fn punycode(domain: &str) -> Option<String> {
    if domain.is_empty() || domain.len() > MAX_TEXT {
        return None;
    }
    idna::domain_to_ascii(domain).ok()
}
