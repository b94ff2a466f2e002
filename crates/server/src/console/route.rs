//! What a route is, apart from what serves it.

use axum::http::Method;
use domain::model::console::Role;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Anybody: nobody can have signed in yet.
    Nobody,
    /// An administrator with this role, or one who may more.
    Role(Role),
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, with the names of its parameters.
    pub path: &'static str,
    /// Who may use it.
    pub needs: Needs,
    /// Whether a script calls it: its body and its response are JSON.
    pub json: bool,
}

impl Route {
    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        self.method == Method::POST.as_str()
    }
}
