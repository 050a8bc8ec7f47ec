//! Parameters are held against the OpenAPI document before a handler sees them, so that nothing is listed again and everything that
//! is wrong is told at once, in one shape: names that an endpoint does not know (a filter with a typo would answer with everything),
//! values that are no number or flag or out of range, what is missing or given twice, and what is not UTF-8.
//!
//! What only a domain can judge (ids, states, places in a list) is refused by the handler, in the same shape. Health checks are left
//! alone: they must answer whatever a probe adds.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Query, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use thunderline_core::{Error, Problem, brief};
use utoipa::openapi::{
    OpenApi, RefOr, Required,
    path::{Operation, Parameter, ParameterIn},
};

use crate::{document, kind::Kind, problem::Failure};

/// Characters of a wrong value that are repeated.
const REPEATED: usize = 100;

/// Of each method and path of the REST interface, the parameters.
#[derive(Clone)]
pub(crate) struct Known(Arc<HashMap<(Method, String), Vec<Described>>>);

/// A parameter, as the document describes it.
struct Described {
    name: String,
    place: ParameterIn,
    required: bool,
    kind: Kind,
    description: String,
}

impl Known {
    /// What the document says.
    pub fn of(document: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in document::operations(item) {
                if let Some(operation) = operation.as_ref().filter(|_| path.starts_with("/api/")) {
                    known.insert((method, path.clone()), described(operation));
                }
            }
        }
        Self(Arc::new(known))
    }

    /// What an endpoint takes; `None` where it is not described.
    fn at(&self, method: &Method, path: &str) -> Option<&[Described]> {
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        self.0.get(&(method, path.to_owned())).map(Vec::as_slice)
    }
}

fn described(operation: &Operation) -> Vec<Described> {
    let own = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    own.map(Described::from).collect()
}

impl From<&Parameter> for Described {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name.clone(),
            place: parameter.parameter_in.clone(),
            required: matches!(parameter.required, Required::True),
            kind: parameter.schema.as_ref().map_or(Kind::Text, Kind::of),
            description: parameter.description.clone().unwrap_or_default(),
        }
    }
}

impl Described {
    /// What is wrong with the values given under this name.
    fn problem(&self, values: &[&str]) -> Option<Problem> {
        let refused = |reason: String, allowed: String| Problem { path: self.name.clone(), reason, allowed };
        match values {
            [] if self.required => {
                let described = self.description.trim_end_matches('.');
                let allowed = if described.is_empty() { "a value" } else { described };
                Some(refused("missing".into(), allowed.into()))
            }
            [] => None,
            [value] => {
                let reason = self.kind.refuses(value)?;
                Some(refused(format!("'{}' {reason}", brief(value, REPEATED)), self.kind.to_string()))
            }
            several => Some(refused(format!("given {} times", several.len()), "once".into())),
        }
    }
}

/// Refuses a request whose parameters are not what its endpoint takes, with all that is wrong with them.
pub(crate) async fn check(State(known): State<Known>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if let Some(pattern) = path
        && let Some(described) = known.at(request.method(), pattern)
    {
        let mut problems = in_path(pattern, request.uri().path());
        problems.extend(in_headers(described, &request));
        problems.extend(in_query(described, &request));
        if let Some(first) = problems.first() {
            return Failure(Error::invalid(first.to_string(), problems)).into_response();
        }
    }
    next.run(request).await
}

/// Pieces of the path that are not UTF-8.
fn in_path(pattern: &str, path: &str) -> Vec<Problem> {
    let pieces = pattern.split('/').zip(path.split('/'));
    let unreadable = pieces.filter_map(|(name, given)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        percent_decode_str(given).decode_utf8().is_err().then(|| Problem {
            path: name.to_owned(),
            reason: format!("'{}' is not text", brief(given, REPEATED)),
            allowed: "UTF-8, percent-encoded".into(),
        })
    });
    unreadable.collect()
}

fn in_headers(described: &[Described], request: &Request) -> Vec<Problem> {
    let headers = described.iter().filter(|it| it.place == ParameterIn::Header);
    let wrong = headers.filter_map(|it| {
        let values: Result<Vec<_>, _> =
            request.headers().get_all(&it.name).iter().map(|value| value.to_str()).collect();
        match values {
            Ok(values) => it.problem(&values),
            Err(_) => Some(Problem {
                path: it.name.clone(),
                reason: "not text".into(),
                allowed: "printable ASCII".into(),
            }),
        }
    });
    wrong.collect()
}

fn in_query(described: &[Described], request: &Request) -> Vec<Problem> {
    let Ok(Query(given)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
        return Vec::new();
    };
    let own: Vec<_> = described.iter().filter(|it| it.place == ParameterIn::Query).collect();
    let names: Vec<_> = own.iter().map(|it| it.name.as_str()).collect();
    let allowed = if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") };
    let unknown = given.iter().filter(|(name, _)| !names.contains(&name.as_str())).map(|(name, _)| Problem {
        path: name.clone(),
        reason: "no such parameter".into(),
        allowed: allowed.clone(),
    });
    let wrong = own.iter().filter_map(|it| {
        let values = given.iter().filter(|(name, _)| *name == it.name).map(|(_, value)| value.as_str());
        it.problem(&values.collect::<Vec<_>>())
    });
    unknown.chain(wrong).collect()
}
