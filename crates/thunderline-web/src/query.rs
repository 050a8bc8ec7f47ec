//! Parameters that an endpoint does not know are refused rather than ignored: a filter with a typo would answer with everything.
//!
//! Which ones an endpoint knows is in the OpenAPI document, so that nothing is listed again. Health checks are left alone: they must
//! answer whatever a probe adds.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Query, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use thunderline_core::{Error, Problem};
use utoipa::openapi::{
    OpenApi, RefOr,
    path::{Operation, ParameterIn},
};

use crate::problem::Failure;

/// Of each method and path of the REST interface, the parameters.
#[derive(Clone)]
pub(crate) struct Known(Arc<HashMap<(Method, String), Vec<String>>>);

impl Known {
    /// What the document says.
    pub fn of(document: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            let methods = [
                (Method::GET, &item.get),
                (Method::PUT, &item.put),
                (Method::POST, &item.post),
                (Method::DELETE, &item.delete),
                (Method::PATCH, &item.patch),
            ];
            for (method, operation) in methods {
                if let Some(operation) = operation.as_ref().filter(|_| path.starts_with("/api/")) {
                    known.insert((method, path.clone()), names(operation));
                }
            }
        }
        Self(Arc::new(known))
    }

    /// What an endpoint takes; `None` where it is not described.
    fn at(&self, method: &Method, path: &str) -> Option<&[String]> {
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        self.0.get(&(method, path.to_owned())).map(Vec::as_slice)
    }
}

fn names(operation: &Operation) -> Vec<String> {
    let own = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    own.filter(|parameter| parameter.parameter_in == ParameterIn::Query)
        .map(|parameter| parameter.name.clone())
        .collect()
}

/// Refuses a request with parameters that its endpoint does not know, all of them at once.
pub(crate) async fn known_only(State(known): State<Known>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let names = path.and_then(|path| known.at(request.method(), path));
    let given = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    if let (Some(names), Ok(Query(given))) = (names, given) {
        let problems = unknown(names, &given);
        if let Some(first) = problems.first() {
            return Failure(Error::invalid(first.to_string(), problems)).into_response();
        }
    }
    next.run(request).await
}

fn unknown(names: &[String], given: &[(String, String)]) -> Vec<Problem> {
    let allowed = if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") };
    given
        .iter()
        .filter(|(name, _)| !names.contains(name))
        .map(|(name, _)| Problem {
            path: name.clone(),
            reason: "no such parameter".into(),
            allowed: allowed.clone(),
        })
        .collect()
}
