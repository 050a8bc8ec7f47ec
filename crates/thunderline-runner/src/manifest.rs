//! The signed manifest of a lease: a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037).
//!
//! It proves that the server that this runner enrolled with gave this lease to this node; a message alone proves nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use thunderline_core::{Error, ErrorKind, NodeId, Result, RunId, Timestamp};

/// What a manifest must say.
pub(crate) struct Expected<'a> {
    pub(crate) node: NodeId,
    pub(crate) run: RunId,
    pub(crate) lease: &'a str,
    pub(crate) message: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) now: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood; none is.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    aud: NodeId,
    /// Unix time in seconds.
    exp: f64,
    run_id: RunId,
    lease_id: String,
    /// The message's id is the hash of everything in it, so this binds the manifest to model, configuration and app.
    message_id: String,
    /// `train` or `evaluate`.
    purpose: String,
}

/// Checks the signature and the claims.
///
/// # Errors
/// `forbidden` with what is wrong. Nothing of an unsigned manifest is looked at.
pub(crate) fn verify(manifest: &str, key: &[u8], expected: &Expected<'_>) -> Result<()> {
    let mut parts = manifest.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refuse("it is no compact JWS"));
    };
    let signed = &manifest[..header.len() + 1 + payload.len()];
    let header: Header = parse(header)?;
    if header.alg != "EdDSA" || header.crit.is_some() {
        return Err(refuse("its algorithm is not EdDSA"));
    }
    UnparsedPublicKey::new(&ED25519, key)
        .verify(signed.as_bytes(), &decode(signature)?)
        .map_err(|_| refuse("its signature is not the server's"))?;
    let claims: Claims = parse(payload)?;
    if claims.aud != expected.node {
        return Err(refuse("it is for another node"));
    }
    if claims.run_id != expected.run {
        return Err(refuse("it is for another run"));
    }
    if claims.lease_id != expected.lease {
        return Err(refuse("it is for another lease"));
    }
    if claims.message_id != expected.message {
        return Err(refuse("it is for another message"));
    }
    if claims.purpose != expected.purpose {
        return Err(refuse("it is for another kind of task"));
    }
    if claims.exp <= expected.now.as_millisecond() as f64 / 1000.0 {
        return Err(refuse("it has expired"));
    }
    Ok(())
}

fn parse<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T> {
    serde_json::from_slice(&decode(part)?).map_err(|error| refuse("it is not as agreed").caused_by(error))
}

fn decode(part: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| refuse("it is not base64url"))
}

fn refuse(why: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("the lease's manifest is refused: {why}"))
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    fn sign(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn claims() -> Value {
        json!({
            "aud": "5", "run_id": "9", "lease_id": "L", "exp": 1_000, "message_id": "M", "purpose": "train",
        })
    }

    fn expected(now: Timestamp) -> Expected<'static> {
        let (node, run) = (NodeId::from_bits(5), RunId::from_bits(9));
        Expected { node, run, lease: "L", message: "M", purpose: "train", now }
    }

    fn check(manifest: &str, pair: &Ed25519KeyPair) -> Result<()> {
        let now = Timestamp::from_second(999).unwrap();
        verify(manifest, pair.public_key().as_ref(), &expected(now))
    }

    #[test]
    fn a_manifest_for_this_lease_is_accepted_and_any_other_refused() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let good = json!({"alg": "EdDSA", "typ": "JWT"});
        check(&sign(&pair, &good, &claims()), &pair).unwrap();
        let wrong = [
            ("aud", json!("6"), "another node"),
            ("run_id", json!("8"), "another run"),
            ("lease_id", json!("M"), "another lease"),
            ("message_id", json!("N"), "another message"),
            ("purpose", json!("evaluate"), "another kind"),
            ("exp", json!(999), "expired"),
            ("exp", json!("soon"), "not as agreed"),
        ];
        for (claim, value, why) in wrong {
            let mut claims = claims();
            claims[claim] = value;
            let error = check(&sign(&pair, &good, &claims), &pair).unwrap_err();
            assert!(error.to_string().contains(why), "{claim}: {error}");
        }
        for claim in claims().as_object().unwrap().keys() {
            let mut fewer = claims();
            fewer.as_object_mut().unwrap().remove(claim);
            let error = check(&sign(&pair, &good, &fewer), &pair).unwrap_err();
            assert!(error.to_string().contains("not as agreed"), "without {claim}: {error}");
        }
        for header in [json!({"alg": "none"}), json!({"alg": "EdDSA", "crit": ["x"]})] {
            assert!(
                check(&sign(&pair, &header, &claims()), &pair).unwrap_err().to_string().contains("EdDSA")
            );
        }
    }

    #[test]
    fn another_signature_is_refused() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        let manifest = sign(&other, &json!({"alg": "EdDSA"}), &claims());
        assert!(check(&manifest, &pair).unwrap_err().to_string().contains("signature"));
        for nonsense in ["", "a.b", "a.b.c", "a.b.c.d", "....", "e30.e30."] {
            assert!(check(nonsense, &pair).is_err(), "{nonsense}");
        }
    }

    /// RFC 8037, appendix A.4: the signature of a known text by a known key.
    #[test]
    fn the_example_of_the_standard_has_a_good_signature() {
        let key = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let manifest = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
            hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let error = verify(manifest, &key, &expected(Timestamp::UNIX_EPOCH)).unwrap_err();
        // Past the signature: the payload is no JSON.
        assert!(error.to_string().contains("not as agreed"), "{error}");
    }
}
