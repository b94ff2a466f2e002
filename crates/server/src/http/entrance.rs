//! The entrance of a listener: its routes, behind their [front](super::front).
//!
//! It is no layer of the router: a layer costs each request a boxed future and the moves of its state.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use tower::{Layer, Service};

use super::current;
use super::front::Front;
use super::paths::fold;

/// What answers the requests of a listener.
pub trait Answers: Clone + Send + Sync + 'static {
    /// Answers a request.
    fn answer(self, request: Request) -> impl Future<Output = Response> + Send;
}

impl Answers for Router {
    async fn answer(mut self, request: Request) -> Response {
        let Ok(response) = self.call(request).await;
        response
    }
}

/// Routes behind their front.
#[derive(Clone, Debug)]
pub struct Entrance {
    front: Front,
    routes: Router,
}

impl Entrance {
    /// The routes behind this front.
    pub fn new(front: Front, routes: Router) -> Self {
        Self {
            front,
            routes: routes.layer(NotingRoutes),
        }
    }
}

impl Answers for Entrance {
    async fn answer(self, request: Request) -> Response {
        let Self { front, mut routes } = self;
        let route = |request| {
            let routed = routes.call(request);
            async {
                let Ok(response) = routed.await;
                response
            }
        };
        front.guard(fold(request), route).await
    }
}

/// For callers in the same process.
impl Service<Request> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let entrance = self.clone();
        Box::pin(async move { Ok(entrance.answer(request).await) })
    }
}

/// Notes the template of the route of each request, for the front: it knows a request before it is routed.
#[derive(Clone, Copy)]
struct NotingRoutes;

impl<S> Layer<S> for NotingRoutes {
    type Service = NotingRoute<S>;

    fn layer(&self, inner: S) -> NotingRoute<S> {
        NotingRoute(inner)
    }
}

#[derive(Clone)]
struct NotingRoute<S>(S);

impl<S: Service<Request>> Service<Request> for NotingRoute<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        if let Some(route) = request.extensions().get::<MatchedPath>() {
            current::note(|noted| noted.route = Some(route.clone()));
        }
        self.0.call(request)
    }
}
