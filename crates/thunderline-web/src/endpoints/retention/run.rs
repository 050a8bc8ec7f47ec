//! `POST /api/v1/retention/run`

use axum::{Json, extract::State};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        page::Page,
        retention::{RetentionRun, RetentionSwept},
    },
    problem::Failure,
    state::Web,
};

/// Forget now what need not be kept, as the server does every hour. Needs the role admin.
#[utoipa::path(
    post, path = "/api/v1/retention/run", tag = "retention", request_body(content = RetentionRun),
    responses((status = OK, body = Page<RetentionSwept>))
)]
pub async fn run(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(request): Input<RetentionRun>,
) -> Result<Json<Page<RetentionSwept>>, Failure> {
    let block = &web.domains().block;
    let swept = thunderblock::retention::sweep(&cx, block, request.resource.as_deref()).await?;
    Ok(Json(Page::whole(swept)))
}
