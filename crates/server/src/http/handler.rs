//! Handlers: functions from a wire's request to a response or the wire's error.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

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
    fn run(
        &self,
        request: Self::Request,
        uri: &Uri,
        call: &Call<Self>,
    ) -> impl Future<Output = Response> + Send {
        async move {
            let done = call(request).await;
            done.unwrap_or_else(|error| self.refuse(error, uri.path()))
        }
    }
}

/// What a handler returns.
pub type Answer<W> =
    Pin<Box<dyn Future<Output = Result<Response, <W as Wire>::Error>> + Send + 'static>>;

/// A handler without its type: the compiler makes what surrounds it once for each wire, and not once for each route.
pub type Call<W> = dyn Fn(<W as Wire>::Request) -> Answer<W> + Send + Sync;

/// What serves a route of a wire.
#[derive(Clone)]
pub struct Handle<W: Wire> {
    needs: Needs,
    call: Arc<Call<W>>,
}

/// Makes a handler of a route of what a key needs for it, and a function from the wire's request to a response or the wire's error.
pub fn handle<W, F, Fut>(needs: Needs, function: F) -> Handle<W>
where
    W: Wire,
    F: Fn(W::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, W::Error>> + Send + 'static,
{
    let call = Arc::new(move |request| -> Answer<W> { Box::pin(function(request)) });
    Handle { needs, call }
}

impl<W: Wire> Handle<W> {
    /// Serves one request.
    pub async fn serve(&self, wire: &W, request: Request) -> Response {
        let uri = request.uri().clone();
        match wire.admit(request, self.needs).await {
            Ok(request) => wire.run(request, &uri, &*self.call).await,
            Err(error) => wire.refuse(error, uri.path()),
        }
    }
}

impl<W: Wire> Handler<(), W> for Handle<W> {
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, wire: W) -> Self::Future {
        Box::pin(async move { self.serve(&wire, request).await })
    }
}
