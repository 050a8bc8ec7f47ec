//! `GET /openapi.json`

use axum::{http::header, response::IntoResponse};

/// The OpenAPI document.
pub async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi())
}
