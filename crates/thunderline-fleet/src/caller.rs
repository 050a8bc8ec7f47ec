//! Who calls: the signature that every request carries.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::HeaderMap;
use thunderline_core::{Error, ErrorKind, NodeId, Result, SignedDuration, Timestamp};
use thunderline_flower::auth::{self, Credentials, PublicKey};

/// gRPC's binary headers come with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request's signature proves.
#[derive(Debug, PartialEq)]
pub(crate) struct Signed {
    /// The key that signed it.
    pub(crate) key: PublicKey,
    /// How long ago, by the clocks of both sides.
    pub(crate) age: SignedDuration,
}

/// Who signed a request over HTTP.
///
/// # Errors
/// `unauthenticated`, with what is wrong.
pub(crate) fn over_http(headers: &HeaderMap, now: Timestamp) -> Result<Signed> {
    let [key, timestamp, signature] =
        [auth::PUBLIC_KEY, auth::TIMESTAMP, auth::SIGNATURE].map(|name| text(headers, name));
    let (key, age) = Credentials::from_headers(key?, timestamp?, signature?)?.verify(now)?;
    Ok(Signed { key, age })
}

/// Who signed a request over gRPC.
///
/// # Errors
/// `unauthenticated`, with what is wrong.
pub(crate) fn over_grpc(headers: &HeaderMap, now: Timestamp) -> Result<Signed> {
    let binary = |name: &str| {
        LENIENT.decode(text(headers, name)?).map_err(|_| refuse(format!("the header {name} is not base64")))
    };
    let credentials = Credentials {
        public_key: binary(auth::PUBLIC_KEY_BIN)?,
        timestamp: text(headers, auth::TIMESTAMP)?.into(),
        signature: binary(auth::SIGNATURE_BIN)?,
    };
    let (key, age) = credentials.verify(now)?;
    Ok(Signed { key, age })
}

/// Checks that the node id in a request is the caller's.
///
/// # Errors
/// `unauthenticated` where it is another's.
pub(crate) fn is_own(caller: NodeId, claimed: u64) -> Result<()> {
    if caller.get() == claimed {
        Ok(())
    } else {
        Err(refuse(format!("the request is of node {claimed}, its key is of node {caller}")))
    }
}

/// Checks that the key in a request is the caller's.
///
/// # Errors
/// `unauthenticated` where it is another's.
pub(crate) fn is_own_key(caller: &PublicKey, claimed: &[u8]) -> Result<()> {
    match PublicKey::from_pem(claimed) {
        Ok(key) if key == *caller => Ok(()),
        _ => Err(refuse("the request's key is not the one that signed it")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    let value = headers.get(name).ok_or_else(|| refuse(format!("the header {name} is missing")))?;
    value.to_str().map_err(|_| refuse(format!("the header {name} is not text")))
}

fn refuse(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthenticated, reason)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use thunderline_flower::auth::SigningKey;

    use super::*;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap()))
            .collect()
    }

    #[test]
    fn both_transports_prove_the_same_key() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let credentials = key.sign(now).unwrap();
        let http = headers(&credentials.to_headers());
        assert_eq!(over_http(&http, now).unwrap().key, key.public_key());
        for padded in [true, false] {
            let encode = |bytes: &[u8]| {
                let text = base64::engine::general_purpose::STANDARD.encode(bytes);
                if padded { text } else { text.trim_end_matches('=').to_owned() }
            };
            let grpc = headers(&[
                (auth::PUBLIC_KEY_BIN, encode(&credentials.public_key)),
                (auth::TIMESTAMP, credentials.timestamp.clone()),
                (auth::SIGNATURE_BIN, encode(&credentials.signature)),
            ]);
            assert_eq!(over_grpc(&grpc, now).unwrap().key, key.public_key());
        }
        let node = key.public_key().node_id();
        assert!(is_own(node, node.get()).is_ok() && is_own(node, 1).is_err());
        assert!(is_own_key(&key.public_key(), key.public_key().pem().as_bytes()).is_ok());
        assert!(is_own_key(&key.public_key(), b"other").is_err());
    }

    #[test]
    fn a_missing_header_is_named() {
        let error = over_http(&HeaderMap::new(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(
            (error.code(), error.external()),
            ("unauthenticated", "the header flwr-public-key is missing")
        );
    }
}
