//! Who asks: from the request's headers to a [`Cx`].

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use thunderline_core::{Actor, Cx, Error, ErrorKind};

use crate::{problem::Failure, request::RequestCx, state::Web};

/// The name of somebody without a token on this machine, in audit rows.
const LOOPBACK: &str = "loopback";

/// Headers that a proxy adds: behind one, everybody seems to come from this machine.
const PROXIES: [&str; 3] = ["forwarded", "via", "x-real-ip"];

/// The caller's context, with the request's correlation. Where the settings say so, a caller on this machine needs no
/// token.
pub struct Caller(pub Cx);

/// The context of a caller who has a token.
pub struct TokenCaller(pub Cx);

impl FromRequestParts<Web> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Failure> {
        if let Some(cx) = with_token(parts, web).await? {
            return Ok(Self(cx));
        }
        let may = loopback_host(parts) && !proxied(&parts.headers);
        match web.settings().loopback_role.filter(|_| may) {
            Some(role) => {
                let edge = edge(parts, web);
                let actor = Actor::User { name: LOOPBACK.into(), role };
                let cx = edge.for_actor(actor, edge.tenant());
                Ok(Self(cx.caused_by(edge.tenant(), edge.correlation(), None)))
            }
            None => Err(no_token()),
        }
    }
}

impl FromRequestParts<Web> for TokenCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Failure> {
        with_token(parts, web).await?.map(Self).ok_or_else(no_token)
    }
}

fn edge(parts: &Parts, web: &Web) -> Cx {
    parts.extensions.get::<RequestCx>().map_or_else(|| web.edge().clone(), |RequestCx(cx)| cx.clone())
}

async fn with_token(parts: &Parts, web: &Web) -> Result<Option<Cx>, Failure> {
    let Some(token) = bearer(&parts.headers)? else { return Ok(None) };
    let edge = edge(parts, web);
    let cx = thundergate::authenticate(&edge, web.db(), token).await?;
    Ok(Some(cx.caused_by(cx.tenant(), edge.correlation(), None)))
}

fn no_token() -> Failure {
    unauthenticated("send 'Authorization: Bearer <token>'").into()
}

/// True where the request came through a proxy, so that its origin is not known.
fn proxied(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| PROXIES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-"))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.map(Some).ok_or_else(|| unauthenticated("the Authorization header is not 'Bearer <token>'").into())
}

fn unauthenticated(message: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

/// True where the caller addressed this machine by a loopback name. A page on another site that had its own name point
/// here (DNS rebinding) still sends that name.
fn loopback_host(parts: &Parts) -> bool {
    let header = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let Some(host) = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str())) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name, "127.0.0.1" | "localhost" | "::1")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn only_loopback_names_are_trusted_without_a_token() {
        let asked = |host: &str| {
            let (parts, ()) = Request::builder().header(header::HOST, host).body(()).unwrap().into_parts();
            loopback_host(&parts)
        };
        for good in ["127.0.0.1", "127.0.0.1:4000", "localhost:4000", "[::1]:4000", "[::1]"] {
            assert!(asked(good), "{good}");
        }
        for bad in [
            "evil.example",
            "127.0.0.1.evil.example:4000",
            "localhost.evil.example",
            "10.0.0.1:4000",
            "[::2]",
            "",
        ] {
            assert!(!asked(bad), "{bad}");
        }
    }

    #[test]
    fn a_header_that_is_not_a_bearer_token_is_refused_rather_than_ignored() {
        let mut headers = HeaderMap::new();
        assert!(bearer(&headers).unwrap().is_none());
        headers.insert(header::AUTHORIZATION, "bearer  tl_x".parse().unwrap());
        assert_eq!(bearer(&headers).unwrap(), Some("tl_x"));
        headers.insert(header::AUTHORIZATION, "Basic eDp5".parse().unwrap());
        assert_eq!(bearer(&headers).unwrap_err().0.code(), "unauthenticated");
    }
}
