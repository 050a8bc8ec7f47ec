//! `GET /`: the page, its style and its script, carried in the program.

use axum::{Router, http::header, response::IntoResponse, routing::get};

use crate::state::Web;

const HTML: (&str, &str) = ("text/html; charset=utf-8", include_str!("../page/index.html"));
const STYLE: (&str, &str) = ("text/css; charset=utf-8", include_str!("../page/style.css"));
const SCRIPT: (&str, &str) = ("text/javascript; charset=utf-8", include_str!("../page/app.js"));
const ICON: (&str, &str) = ("image/svg+xml", include_str!("../page/icon.svg"));

/// The page's files.
pub fn router() -> Router<Web> {
    let file = |(kind, text): (&'static str, &'static str)| {
        get(async move || {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
        })
    };
    Router::new()
        .route("/", file(HTML))
        .route("/style.css", file(STYLE))
        .route("/app.js", file(SCRIPT))
        .route("/icon.svg", file(ICON))
}
