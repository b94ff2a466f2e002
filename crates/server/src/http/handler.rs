//! Handlers: functions from a wire's request to a response or the wire's error.

use std::future::Future;
use std::pin::Pin;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Uri;
use axum::response::Response;

use super::needs::Needs;

/// What a wire does with every request before and after the handler. It is implemented by the state of the wire's routes.
pub trait Wire: Clone + Send + Sync + 'static {
    /// What a handler gets: the request, and what the wire knows of its caller.
    type Request: Send + 'static;
    /// What a handler refuses with.
    type Error: Send + 'static;

    /// Takes a request apart, and refuses what no handler of this wire is to see, and a caller whose key lacks what the route needs.
    fn admit(
        &self,
        request: Request,
        needs: Needs,
    ) -> impl Future<Output = Result<Self::Request, Self::Error>> + Send;

    /// The response to what was refused. `path` is the path of the request.
    fn refuse(&self, error: Self::Error, path: &str) -> Response;

    /// Runs the handler.
    fn run<F, Fut>(
        &self,
        request: Self::Request,
        uri: &Uri,
        handler: F,
    ) -> impl Future<Output = Response> + Send
    where
        F: FnOnce(Self::Request) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Response, Self::Error>> + Send,
    {
        async move {
            let done = handler(request).await;
            done.unwrap_or_else(|error| self.refuse(error, uri.path()))
        }
    }
}

/// A function that serves a route of a wire.
#[derive(Clone, Copy, Debug)]
pub struct Handle<F> {
    needs: Needs,
    function: F,
}

/// Makes a handler of a route of what a key needs for it, and a function from the wire's request to a response or the wire's error.
pub fn handle<F>(needs: Needs, function: F) -> Handle<F> {
    Handle { needs, function }
}

/// Serves one request.
pub async fn serve<W, F, Fut>(wire: &W, request: Request, needs: Needs, function: F) -> Response
where
    W: Wire,
    F: FnOnce(W::Request) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Response, W::Error>> + Send,
{
    let uri = request.uri().clone();
    match wire.admit(request, needs).await {
        Ok(request) => wire.run(request, &uri, function).await,
        Err(error) => wire.refuse(error, uri.path()),
    }
}

impl<W, F, Fut> Handler<(), W> for Handle<F>
where
    W: Wire,
    F: FnOnce(W::Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, W::Error>> + Send,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, wire: W) -> Self::Future {
        Box::pin(async move { serve(&wire, request, self.needs, self.function).await })
    }
}
