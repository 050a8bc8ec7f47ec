//! Bearer tokens: 256 random bits, of which only the digest is kept.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Sha256, Subject};
use thunderline_store::Db;

use crate::rows::{self, Token};

/// Administrators, and the first start.
pub const ACTION: Action = Action::new("gate.token.create", Rule::AtLeast(Role::Admin));

/// What every token begins with, so that a leaked one is recognised for what it is.
const PREFIX: &str = "tl_";

/// Makes a token and revokes earlier ones of the same name. The result is shown once and cannot be had again.
///
/// # Errors
/// `invalid` for a name that is empty or longer than 100 characters.
pub async fn create(cx: &Cx, db: &Db, name: &str, role: Role) -> Result<String> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(Error::invalid_value("name", "empty or too long", "1 to 100 characters"));
    }
    let mut secret = [0; 32];
    cx.fill_random(&mut secret);
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let mut write = db.write(cx, &ACTION).await?;
    rows::revoke(&mut write, cx.tenant(), name, cx.now()).await?;
    let token = Token { tenant: cx.tenant(), name: name.into(), role };
    rows::insert(&mut write, cx.uuid(), &token, &digest(&text), cx.now()).await?;
    write.commit(&Subject::new("token", name)).await?;
    Ok(text)
}

/// What is stored of a token.
pub(crate) fn digest(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()
}
