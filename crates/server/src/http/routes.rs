//! The routes of a wire as a table: method, path, what a key needs for it, and the handler. A row cannot be made without saying what a key needs.

use std::future::Future;

use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::cors::{Pages, Shown};
use super::handler::{Wire, handle};
use super::needs::Needs;

/// A row of the table.
pub struct Route<W> {
    /// The method. `GET` serves `HEAD` too.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: String,
    /// What a key needs.
    pub needs: Needs,
    call: MethodRouter<W>,
}

/// A route.
pub fn route<W, F, Fut>(
    method: Method,
    path: impl Into<String>,
    needs: impl Into<Needs>,
    function: F,
) -> Route<W>
where
    W: Wire,
    F: Fn(W::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, W::Error>> + Send + 'static,
{
    let needs = needs.into();
    Route::new(method, path, needs, handle(needs, function))
}

/// A route whose responses pages may read; `shown` says to which pages.
pub fn page_route<W, F, Fut>(
    method: Method,
    path: impl Into<String>,
    needs: impl Into<Needs>,
    shown: Shown,
    function: F,
) -> Route<W>
where
    W: Pages,
    F: Fn(W::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, W::Error>> + Send + 'static,
{
    let needs = needs.into();
    let handler = handle(needs, function).shown_to(shown);
    Route::new(method, path, needs, handler)
}

impl<W: Wire> Route<W> {
    fn new<H: Handler<(), W>>(
        method: Method,
        path: impl Into<String>,
        needs: Needs,
        handler: H,
    ) -> Self {
        // Only methods outside of the HTTP specification have none.
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::TRACE);
        Self {
            method,
            path: path.into(),
            needs,
            call: on(filter, handler),
        }
    }
}

/// The paths in the order of the table, each with all its methods.
pub fn by_path<W: Wire>(routes: Vec<Route<W>>) -> Vec<(String, MethodRouter<W>)> {
    let mut paths: Vec<(String, MethodRouter<W>)> = Vec::new();
    for route in routes {
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, methods)) => *methods = std::mem::take(methods).merge(route.call),
            None => paths.push((route.path, route.call)),
        }
    }
    paths
}

/// What a key needs for each route of a table.
pub fn needs<W>(routes: Vec<Route<W>>) -> impl Iterator<Item = (Method, String, Needs)> {
    let rows = routes.into_iter();
    rows.map(|route| (route.method, route.path, route.needs))
}
