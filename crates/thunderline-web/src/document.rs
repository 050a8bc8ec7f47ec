//! The OpenAPI document, completed: what every endpoint may answer is said in one place.

use axum::http::Method;
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
    path::{Operation, PathItem},
};

use crate::problem::MEDIA_TYPE;

/// An operation of each method.
pub(crate) fn operations(item: &PathItem) -> [(Method, &Option<Operation>); 5] {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ]
}

/// Adds to every endpoint that takes something how it refuses it, where its own file does not say that.
pub(crate) fn with_refusals(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        if !path.starts_with("/api/") {
            continue;
        }
        let methods = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in methods.into_iter().flatten() {
            add_refusals(operation);
        }
    }
    document
}

fn add_refusals(operation: &mut Operation) {
    let takes_parameters = operation.parameters.iter().flatten().next().is_some();
    let bodies = operation.request_body.as_ref().map(|body| match body {
        RefOr::T(body) => body.content.contains_key("application/json"),
        RefOr::Ref(_) => false,
    });
    let answers = &mut operation.responses.responses;
    if takes_parameters || bodies.is_some() {
        let all = "All that is wrong with what was given, at once.";
        answers.entry("422".into()).or_insert_with(|| refusal(all));
    }
    if bodies == Some(true) {
        answers.entry("415".into()).or_insert_with(|| refusal("The body is not said to be JSON."));
    }
}

fn refusal(description: &str) -> RefOr<Response> {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDetails"))).build();
    ResponseBuilder::new().description(description).content(MEDIA_TYPE, problem).build().into()
}
