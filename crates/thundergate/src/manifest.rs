//! Signed manifests: JWS compact serialisation (RFC 7515) with Ed25519 (`EdDSA`, RFC 8037).

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Serialize, de::DeserializeOwned};
use thunderline_core::{Error, ErrorKind, Result, Sha256};

use crate::local::write_private;

/// Signs manifests with the installation's key.
pub struct ManifestSigner {
    key: Ed25519KeyPair,
    kid: String,
}

impl ManifestSigner {
    /// Opens the key at this path; makes one, readable by its owner only, where there is none.
    ///
    /// # Errors
    /// `internal` where the file is no Ed25519 key or cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        let pkcs8 = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                    .map_err(|_| Error::internal("no signing key could be made"))?;
                write_private(path, made.as_ref())?;
                made.as_ref().to_vec()
            }
            Err(error) => return Err(error.into()),
        };
        let key = Ed25519KeyPair::from_pkcs8(&pkcs8)
            .map_err(|_| Error::internal(format!("{} is not an Ed25519 key", path.display())))?;
        let kid = URL_SAFE_NO_PAD.encode(Sha256::of(key.public_key().as_ref()).head::<9>());
        Ok(Self { key, kid })
    }

    /// The public key: 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// The signed manifest.
    ///
    /// # Errors
    /// `internal` where the claims are no JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String> {
        let header = serde_json::json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.kid });
        let claims = serde_json::to_vec(claims)
            .map_err(|error| Error::internal("a manifest could not be written").caused_by(error))?;
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }
}

/// The claims of a manifest whose signature is right. Times and audience are the caller's to check.
///
/// # Errors
/// `unauthenticated` where it is not signed by this key, by any other algorithm, or is no manifest at all.
pub fn verify<T: DeserializeOwned>(manifest: &str, public_key: &[u8]) -> Result<T> {
    let wrong =
        |why: &str| Error::new(ErrorKind::Unauthenticated, format!("the manifest cannot be trusted: {why}"));
    let (signed, signature) = manifest.rsplit_once('.').ok_or_else(|| wrong("it has no signature"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| wrong("it has no claims"))?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| wrong("it is not base64url"));
    let header: serde_json::Value =
        serde_json::from_slice(&decode(header)?).map_err(|_| wrong("its header is not JSON"))?;
    if header.get("alg").and_then(|alg| alg.as_str()) != Some("EdDSA") {
        return Err(wrong("its algorithm is not EdDSA"));
    }
    UnparsedPublicKey::new(&ED25519, public_key)
        .verify(signed.as_bytes(), &decode(signature)?)
        .map_err(|_| wrong("its signature is wrong"))?;
    serde_json::from_slice(&decode(claims)?).map_err(|_| wrong("its claims are not the expected ones"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_trusted_only_unchanged_and_under_its_own_key() {
        let folder = tempfile::tempdir().unwrap();
        let signer = ManifestSigner::open(&folder.path().join("one.key")).unwrap();
        let other = ManifestSigner::open(&folder.path().join("two.key")).unwrap();
        let manifest = signer.sign(&serde_json::json!({ "aud": "7" })).unwrap();
        let claims: serde_json::Value = verify(&manifest, signer.public_key()).unwrap();
        assert_eq!(claims["aud"], "7");
        assert!(verify::<serde_json::Value>(&manifest, other.public_key()).is_err());
        let forged = format!("{manifest}x");
        assert!(verify::<serde_json::Value>(&forged, signer.public_key()).is_err());
        let (_, rest) = manifest.split_once('.').unwrap();
        let unsigned = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        assert!(verify::<serde_json::Value>(&unsigned, signer.public_key()).is_err());
    }

    #[test]
    fn the_key_is_the_same_after_a_restart_and_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.key");
        let first = ManifestSigner::open(&path).unwrap().public_key().to_vec();
        assert_eq!(ManifestSigner::open(&path).unwrap().public_key(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
