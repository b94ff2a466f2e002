//! What is wrong with the fields of a form, said beside each of them.

/// What is wrong with fields: the name of each, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Wrong(Vec<(&'static str, String)>);

impl Wrong {
    /// One field is wrong.
    pub(super) fn only(field: &'static str, why: impl Into<String>) -> Self {
        Self(vec![(field, why.into())])
    }

    /// This field is wrong, too.
    pub(super) fn mark(&mut self, field: &'static str, why: impl Into<String>) {
        self.0.push((field, why.into()));
    }

    /// What is wrong with a field; empty if nothing is.
    pub(super) fn of(&self, field: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| *name == field);
        found.map_or("", |(_, why)| why)
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
