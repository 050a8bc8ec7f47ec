//! The edge that people and programs talk to over HTTP: REST, its OpenAPI document, the event stream, the page.
//!
//! Every endpoint is one file under [`endpoints`]; a handler turns a request into one call of a domain and the result into
//! a type of [`dto`]. Around all of them: [`request`] (correlation, span, log), [`caller`] (who asks) and [`problem`]
//! (errors, in one place). Deliberately absent: rules (the domains'), SQL (the store's), Flower's wire (the fleet's).

mod body;
pub mod caller;
mod document;
mod download;
pub mod dto;
mod endpoints;
mod kind;
mod parameters;
pub mod problem;
pub mod request;
mod security;
mod serve;
mod state;
mod upload;

use axum::{Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use security::BearerToken;
pub use serve::serve;
pub use state::{Domains, Settings, Web};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Thunderline",
        description = "Governed federated training. Errors are problem+json (RFC 9457). What cannot be accepted is \
                       answered with 422 and all that is wrong with it at once: each field in 'problems', with the reason \
                       and what is allowed. Reading needs the role viewer, everything else operator."
    ),
    modifiers(&BearerToken),
    security(("token" = []))
)]
struct Document;

fn endpoints() -> OpenApiRouter<Web> {
    use endpoints::{
        artifacts, backups, blackboard, changes, checkpoints, consumers, dead_letters, decisions, domains,
        events, executions, federations, flags, health, jobs, lineage, node_groups, nodes, privacy,
        retention, rounds, schedules, sessions, strategies, webhooks, workflows, zones,
    };
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(federations::submit::submit, federations::list::list))
        .routes(routes!(federations::show::show))
        .routes(routes!(federations::pause::pause))
        .routes(routes!(federations::resume::resume))
        .routes(routes!(federations::cancel::cancel))
        .routes(routes!(federations::rounds::rounds))
        .routes(routes!(federations::rollups::rollups))
        .routes(routes!(rounds::leases::leases))
        .routes(routes!(strategies::list::list))
        .routes(routes!(privacy::list::list_budgets))
        .routes(routes!(privacy::show::show_budget, privacy::set::set_budget))
        .routes(routes!(nodes::list::list))
        .routes(routes!(nodes::show::show))
        .routes(routes!(nodes::evict::evict))
        .routes(routes!(nodes::readmit::readmit))
        .routes(routes!(nodes::set_capability::set, nodes::unset_capability::unset))
        .routes(routes!(nodes::heartbeats::heartbeats))
        .routes(routes!(sessions::list::list))
        .routes(routes!(node_groups::list::list, node_groups::create::create))
        .routes(routes!(node_groups::show::show, node_groups::delete::delete))
        .routes(routes!(node_groups::reparent::reparent))
        .routes(routes!(node_groups::members::members))
        .routes(routes!(zones::list::list, zones::create::create))
        .routes(routes!(zones::assign::assign))
        .routes(routes!(zones::show::show, zones::delete::delete))
        .routes(routes!(zones::nodes::nodes))
        .routes(routes!(zones::claim::claim))
        .routes(routes!(zones::renew::renew))
        .routes(routes!(zones::release::release))
        .routes(routes!(artifacts::upload::upload, artifacts::list::list))
        .routes(routes!(artifacts::show::show))
        .routes(routes!(artifacts::content::content))
        .routes(routes!(artifacts::verify::verify))
        .routes(routes!(domains::list::list))
        .routes(routes!(domains::show::show))
        .routes(routes!(domains::order::activate))
        .routes(routes!(domains::order::deactivate))
        .routes(routes!(domains::order::kill))
        .routes(routes!(events::list::list, events::publish::publish))
        .routes(routes!(events::stream::stream))
        .routes(routes!(events::types::types))
        .routes(routes!(events::show::show))
        .routes(routes!(consumers::list::list))
        .routes(routes!(consumers::replay::replay))
        .routes(routes!(consumers::forget::forget))
        .routes(routes!(dead_letters::list::list))
        .routes(routes!(dead_letters::replay_all::replay_all))
        .routes(routes!(dead_letters::show::show))
        .routes(routes!(dead_letters::replay::replay))
        .routes(routes!(dead_letters::drop::drop))
        .routes(routes!(webhooks::list::list, webhooks::create::create))
        .routes(routes!(webhooks::show::show, webhooks::delete::delete))
        .routes(routes!(webhooks::enable::enable))
        .routes(routes!(webhooks::disable::disable))
        .routes(routes!(webhooks::test::test))
        .routes(routes!(webhooks::deliveries::deliveries))
        .routes(routes!(flags::list::list))
        .routes(routes!(flags::show::show, flags::set::set, flags::unset::unset))
        .routes(routes!(blackboard::list::list))
        .routes(routes!(blackboard::get::get, blackboard::put::put, blackboard::delete::delete))
        .routes(routes!(lineage::show::show))
        .routes(routes!(decisions::list::list))
        .routes(routes!(decisions::show::show))
        .routes(routes!(decisions::trail::trail))
        .routes(routes!(backups::request::request, backups::list::list))
        .routes(routes!(backups::show::show))
        .routes(routes!(checkpoints::list::list))
        .routes(routes!(checkpoints::show::show))
        .routes(routes!(retention::list::list))
        .routes(routes!(retention::run::run))
        .routes(routes!(retention::set::set))
        .routes(routes!(retention::unset::unset))
        .routes(routes!(retention::preview::preview))
        .routes(routes!(jobs::list::list))
        .routes(routes!(jobs::show::show))
        .routes(routes!(jobs::cancel::cancel))
        .routes(routes!(jobs::retry::retry))
        .routes(routes!(jobs::run::run))
        .routes(routes!(schedules::create::create, schedules::list::list))
        .routes(routes!(schedules::show::show, schedules::delete::delete))
        .routes(routes!(schedules::pause::pause))
        .routes(routes!(schedules::resume::resume))
        .routes(routes!(schedules::run::run))
        .routes(routes!(workflows::define::define, workflows::list::list))
        .routes(routes!(workflows::show::show))
        .routes(routes!(workflows::start::start))
        .routes(routes!(executions::list::list))
        .routes(routes!(executions::show::show))
        .routes(routes!(executions::cancel::cancel))
        .routes(routes!(executions::decide::decide))
        .routes(routes!(executions::snapshot::snapshot))
        .routes(routes!(health::health))
        .routes(routes!(changes::changes))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// The OpenAPI document, as it is served and committed.
#[must_use]
pub fn openapi() -> String {
    let mut document = document::with_refusals(endpoints().into_openapi());
    document.info.version = "1".into();
    let mut text = document.to_pretty_json().expect("the document is plain data");
    text.push('\n');
    text
}

/// Everything that is served on the web port.
pub fn router(web: Web) -> Router {
    let (api, document) = endpoints().split_for_parts();
    let known = parameters::Known::of(&document);
    api.merge(endpoints::page::router())
        .route("/openapi.json", axum::routing::get(endpoints::openapi::openapi))
        .fallback(endpoints::unknown)
        .layer(middleware::from_fn_with_state(known, parameters::check))
        .layer(middleware::from_fn(security::headers))
        .layer(middleware::from_fn_with_state(web.clone(), request::in_context))
        .with_state(web)
}

#[cfg(test)]
mod tests {
    /// Regenerate with `cargo xtask goldens`.
    #[test]
    fn the_committed_openapi_document_is_the_generated_one() {
        let committed = include_str!("../../../docs/openapi.json");
        assert!(committed == super::openapi(), "docs/openapi.json is outdated: run `cargo xtask goldens`");
    }
}
