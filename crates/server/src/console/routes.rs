//! The one table of routes: what each needs, and what serves it. There is no route of a page elsewhere.

use std::pin::Pin;

use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use domain::model::console::Role;

use super::failure::Failure;
use super::page::Frame;
use super::route::{Needs, Route};
use super::state::State;
use super::visit::{self, Visit};
use super::{
    account, account_events, administrators, attempts, authentication_cloud, ceremonies,
    client_events, health, keys, metadata, overview, people, policy, services, sign_in, token_keys,
    webhooks,
};

/// What a route does.
pub(super) type Run = fn(Visit) -> Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

macro_rules! routes {
    ($($method:ident $path:literal $needs:ident $run:path $(, $json:ident)?;)+) => {
        /// Every route, and what serves it.
        const SERVED: &[(Route, Run)] = &[$((
            Route {
                method: stringify!($method),
                path: concat!("/console", $path),
                needs: routes!(@needs $needs),
                json: routes!(@json $($json)?),
            },
            |visit| Box::pin($run(visit)),
        )),+];
    };
    (@needs Nobody) => { Needs::Nobody };
    (@needs $role:ident) => { Needs::Role(Role::$role) };
    (@json) => { false };
    (@json json) => { true };
}

routes! {
    GET "/" Support overview::show;
    GET "/sign-in" Nobody sign_in::page;
    POST "/sign-in/options" Nobody sign_in::options, json;
    POST "/sign-in" Nobody sign_in::finish, json;
    POST "/sign-out" Support sign_in::sign_out;
    GET "/invite/{token}" Nobody sign_in::invite;
    POST "/invite/{token}/options" Nobody sign_in::invite_options, json;
    POST "/invite/{token}" Nobody sign_in::accept, json;

    GET "/you" Support account::show;
    POST "/you/passkey" Support account::add_passkey;
    POST "/you/passkeys/{key}/remove" Support account::remove_passkey;
    POST "/you/sessions/{session}/end" Support account::end_session;

    GET "/administrators" Owner administrators::list;
    POST "/administrators" Owner administrators::invite;
    POST "/administrators/invites/{invite}/revoke" Owner administrators::revoke;
    GET "/administrators/{administrator}" Owner administrators::show;
    POST "/administrators/{administrator}/role" Owner administrators::change_role;
    POST "/administrators/{administrator}/passkey" Owner administrators::new_passkey;
    POST "/administrators/{administrator}/passkeys/{key}/remove" Owner administrators::remove_passkey;
    POST "/administrators/{administrator}/sessions/{session}/end" Owner administrators::end_session;
    POST "/administrators/{administrator}/remove" Owner administrators::remove;

    GET "/services" Support services::list;
    GET "/services/new" Operator services::blank;
    POST "/services/new" Operator services::create;
    GET "/services/{service}" Support services::show;
    POST "/services/{service}" Operator services::change;
    POST "/services/{service}/delete" Owner services::delete;
    GET "/services/{service}/policy" Support policy::show;
    POST "/services/{service}/policy" Operator policy::change;
    GET "/services/{service}/authentication-cloud" Support authentication_cloud::show;
    POST "/services/{service}/authentication-cloud" Operator authentication_cloud::change;

    GET "/services/{service}/people" Support people::list;
    GET "/services/{service}/people/{user}" Support people::show;
    POST "/services/{service}/people/{user}/passkeys/{key}/rename" Support people::rename;
    POST "/services/{service}/people/{user}/passkeys/{key}/revoke" Support people::revoke;

    POST "/services/{service}/people/{user}/enrolment" Operator people::enrol;
    POST "/services/{service}/people/{user}/enrolment/{link}/revoke" Support people::revoke_link;

    GET "/services/{service}/ceremonies" Support ceremonies::list;
    GET "/services/{service}/ceremonies/{id}" Support ceremonies::show;
    GET "/services/{service}/client-events" Support client_events::of_service;
    GET "/explorer" Support attempts::blank;
    POST "/explorer" Support attempts::explain;

    GET "/services/{service}/webhooks" Support webhooks::list;
    GET "/services/{service}/webhooks/{webhook}" Support webhooks::show;
    GET "/services/{service}/webhooks/{webhook}/secrets" Operator webhooks::secrets;
    POST "/services/{service}/webhooks/{webhook}/secrets" Operator webhooks::rotate;
    POST "/services/{service}/webhooks/{webhook}/test" Operator webhooks::test;
    POST "/services/{service}/webhooks/{webhook}/status" Operator webhooks::set_status;
    POST "/services/{service}/webhooks/{webhook}/redeliver" Operator webhooks::redeliver_failed;
    GET "/services/{service}/webhooks/{webhook}/deliveries/{delivery}" Support webhooks::delivery;
    POST "/services/{service}/webhooks/{webhook}/deliveries/{delivery}/redeliver" Operator webhooks::redeliver;

    GET "/services/{service}/keys" Operator keys::of_service;
    POST "/services/{service}/keys" Operator keys::create_access_key;
    POST "/services/{service}/keys/{key}/revoke" Operator keys::revoke_access_key;
    POST "/services/{service}/token-keys/{kind}/rotate" Owner token_keys::rotate;
    POST "/services/{service}/token-keys/{kind}/retire" Owner token_keys::retire;
    GET "/accounts/{account}/keys" Operator keys::of_account;
    POST "/accounts/{account}/keys" Operator keys::create_api_key;
    POST "/accounts/{account}/keys/{key}/revoke" Operator keys::revoke_api_key;

    GET "/accounts/{account}/events" Owner account_events::list;

    GET "/client-events" Support client_events::show;
    GET "/metadata" Support metadata::show;
    GET "/metadata/in-use" Support metadata::in_use;
    GET "/health" Support health::show;
    GET "/health/doctor" Operator health::doctor;
    POST "/health/doctor" Operator health::examine;
}

/// Every route.
pub fn all() -> impl Iterator<Item = &'static Route> {
    SERVED.iter().map(|(route, _)| route)
}

/// Every path, once.
pub(super) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = all().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// What serves a path.
pub(super) fn at(path: &str) -> MethodRouter<State> {
    let mut served = MethodRouter::new().fallback(visit::not_allowed);
    for served_by in SERVED.iter().filter(|(route, _)| route.path == path) {
        let filter = match served_by.0.method {
            "GET" => MethodFilter::GET,
            _ => MethodFilter::POST,
        };
        let handler = move |axum::extract::State(state): axum::extract::State<State>,
                            request: Request| {
            enter(state, request, served_by)
        };
        served = served.merge(on(filter, handler));
    }
    served
}

/// Serves a request to a route.
async fn enter(state: State, request: Request, (route, run): &(Route, Run)) -> Response {
    let fail = |failure: &Failure, frame: Option<Frame>| {
        if route.json {
            failure.as_json(&state)
        } else {
            failure.as_page(&state, frame)
        }
    };
    match visit::admit(&state, request, route).await {
        Ok(visit) => {
            let frame = visit.frame().ok();
            match run(visit).await {
                Ok(response) => response,
                Err(failure) => fail(&failure, frame),
            }
        }
        Err((failure, frame)) => fail(&failure, frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_before_a_sign_in_needs_no_role() {
        for route in all() {
            let before = ["/console/sign-in", "/console/invite"]
                .iter()
                .any(|prefix| route.path.starts_with(prefix));
            assert_eq!(route.needs == Needs::Nobody, before, "{}", route.path);
            assert!(["GET", "POST"].contains(&route.method));
            assert!(
                !route.json || route.needs == Needs::Nobody,
                "{}",
                route.path
            );
        }
    }
}
