//! The signature on every request of a node.
//!
//! A node signs the request's time with its elliptic-curve key, and only that: neither path nor body are covered, and
//! within the accepted window a signature can be replayed by whoever reads it. It therefore rests on TLS.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use thunderline_core::{Error, ErrorKind, NodeId, Result, Sha256, SignedDuration, Timestamp};

use crate::malformed;

/// HTTP header: base64 of the PEM public key.
pub const PUBLIC_KEY: &str = "flwr-public-key";
/// HTTP and gRPC header: the ISO 8601 time that is signed.
pub const TIMESTAMP: &str = "flwr-timestamp";
/// HTTP header: base64 of the DER signature.
pub const SIGNATURE: &str = "flwr-signature";
/// gRPC metadata: the PEM public key.
pub const PUBLIC_KEY_BIN: &str = "flwr-public-key-bin";
/// gRPC metadata: the DER signature.
pub const SIGNATURE_BIN: &str = "flwr-signature-bin";

/// How far ahead of ours a client's clock may be.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_secs(5);
/// How old a signature may be.
pub const MAX_AGE: SignedDuration = SignedDuration::from_secs(305);

// What precedes the point in a SubjectPublicKeyInfo (RFC 5480) of each curve.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
const P521: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// A node's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    der: Vec<u8>,
    curve: Curve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl PublicKey {
    /// Reads a PEM SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// `invalid` where it is no PEM, no elliptic-curve key, or on a curve other than P-256 and P-384.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let refused =
            |reason: &str| malformed("public_key", reason, "a P-384 or P-256 key, PEM SubjectPublicKeyInfo");
        let text = std::str::from_utf8(pem).map_err(|_| refused("it is not PEM"))?.trim();
        let body = text
            .strip_prefix(PEM_BEGIN)
            .and_then(|rest| rest.strip_suffix(PEM_END))
            .ok_or_else(|| refused("it is not a PEM public key"))?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64).map_err(|_| refused("it is not base64 inside"))?;
        Self::from_der(der)
    }

    /// Reads a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// As [`Self::from_pem`].
    pub fn from_der(der: Vec<u8>) -> Result<Self> {
        let refused =
            |reason: &str| malformed("public_key", reason, "a P-384 or P-256 key, PEM SubjectPublicKeyInfo");
        let uncompressed = |prefix: &[u8]| der.get(prefix.len()) == Some(&4);
        let curve = if der.starts_with(&P384) && der.len() == P384.len() + 97 && uncompressed(&P384) {
            Curve::P384
        } else if der.starts_with(&P256) && der.len() == P256.len() + 65 && uncompressed(&P256) {
            Curve::P256
        } else if der.starts_with(&P521) {
            return Err(refused(
                "it is a P-521 key, which Thunderline cannot check; make one with 'ssh-keygen -t ecdsa -b 384'",
            ));
        } else {
            return Err(refused("it is no elliptic-curve key in the usual encoding"));
        };
        Ok(Self { der, curve })
    }

    /// The DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The PEM that clients send.
    #[must_use]
    pub fn pem(&self) -> String {
        let base64 = STANDARD.encode(&self.der);
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", lines.join("\n"))
    }

    /// The id of the node that holds this key.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        node_id(&self.der)
    }

    /// Checks a signature over a timestamp, and the timestamp itself. Gives how long ago that was.
    ///
    /// # Errors
    /// `unauthenticated`, saying whether the time or the signature is wrong.
    pub fn verify(&self, timestamp: &str, signature: &[u8], now: Timestamp) -> Result<SignedDuration> {
        let (algorithm, point): (&'static dyn signature::VerificationAlgorithm, _) = match self.curve {
            Curve::P256 => (&signature::ECDSA_P256_SHA256_ASN1, &self.der[P256.len()..]),
            Curve::P384 => (&signature::ECDSA_P384_SHA256_ASN1, &self.der[P384.len()..]),
        };
        UnparsedPublicKey::new(algorithm, point)
            .verify(timestamp.as_bytes(), signature)
            .map_err(|_| refuse("the signature is not of this key over this timestamp"))?;
        let signed: Timestamp =
            timestamp.parse().map_err(|_| refuse("the timestamp is not ISO 8601 with an offset"))?;
        let age = now.duration_since(signed);
        if age < -MAX_AHEAD {
            return Err(refuse(format!("the client's clock is {} s ahead", -age.as_secs())));
        }
        if age > MAX_AGE {
            return Err(refuse(format!(
                "the signature is {} s old; is the client's clock right?",
                age.as_secs()
            )));
        }
        Ok(age)
    }
}

/// The id of the node that holds a key: the first 8 bytes of the SHA-256 of its DER SubjectPublicKeyInfo, so that a node
/// is known again after any restart.
#[must_use]
pub fn node_id(public_key_der: &[u8]) -> NodeId {
    NodeId::from_bits(u64::from_be_bytes(*Sha256::of(public_key_der).head()))
}

/// The three things that prove who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The PEM public key.
    pub public_key: Vec<u8>,
    /// The time that is signed.
    pub timestamp: String,
    /// The DER signature.
    pub signature: Vec<u8>,
}

impl Credentials {
    /// Decodes the HTTP headers' values.
    ///
    /// # Errors
    /// `unauthenticated` where a value is not base64.
    pub fn from_headers(public_key: &str, timestamp: &str, signature: &str) -> Result<Self> {
        let decode = |name: &str, text: &str| {
            STANDARD.decode(text).map_err(|_| refuse(format!("the header {name} is not base64")))
        };
        Ok(Self {
            public_key: decode(PUBLIC_KEY, public_key)?,
            timestamp: timestamp.into(),
            signature: decode(SIGNATURE, signature)?,
        })
    }

    /// The HTTP headers that carry these credentials.
    #[must_use]
    pub fn to_headers(&self) -> [(&'static str, String); 3] {
        [
            (PUBLIC_KEY, STANDARD.encode(&self.public_key)),
            (TIMESTAMP, self.timestamp.clone()),
            (SIGNATURE, STANDARD.encode(&self.signature)),
        ]
    }

    /// The key, once the signature is found to be right, and how long ago it was made by the clocks of both sides.
    ///
    /// # Errors
    /// `unauthenticated` in all cases, with what is wrong.
    pub fn verify(&self, now: Timestamp) -> Result<(PublicKey, SignedDuration)> {
        let key = PublicKey::from_pem(&self.public_key).map_err(|error| refuse(error.to_string()))?;
        let age = key.verify(&self.timestamp, &self.signature, now)?;
        Ok((key, age))
    }
}

/// A P-256 key to sign requests with.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl SigningKey {
    /// Makes a key; gives its PKCS#8 document.
    ///
    /// # Errors
    /// `internal` where the system has no randomness.
    pub fn generate() -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| Error::internal("no key could be made"))
    }

    /// Reads a PKCS#8 document.
    ///
    /// # Errors
    /// `invalid` where it is no P-256 key.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, document, &random)
            .map_err(|error| malformed("key", error.to_string(), "a P-256 key in PKCS#8"))?;
        Ok(Self { pair, random })
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let mut der = P256.to_vec();
        der.extend_from_slice(self.pair.public_key().as_ref());
        PublicKey { der, curve: Curve::P256 }
    }

    /// Signs the time of a request.
    ///
    /// # Errors
    /// `internal` where the system has no randomness.
    pub fn sign(&self, now: Timestamp) -> Result<Credentials> {
        let timestamp = now.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string();
        let signature = self
            .pair
            .sign(&self.random, timestamp.as_bytes())
            .map_err(|_| Error::internal("signing failed"))?
            .as_ref()
            .to_vec();
        Ok(Credentials { public_key: self.public_key().pem().into_bytes(), timestamp, signature })
    }
}

fn refuse(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthenticated, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T08:00:00.123456+00:00";
    const P384_PEM: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEddFaEvF8eN4IhLrUdKfOokkDXD3+8ADZ\n\
Xwn/qLpsme4iqfu8ifKvfiGqRn4r2Oc1kACAekjkdNAw1jkFnASM0cvhZMfmPll4\n\
RiiNXPxLdmPmpEQLnPNCCPy8XZuVpmGY\n\
-----END PUBLIC KEY-----\n\
";
    const P384_SIGNATURE: &str = "MGQCMHXMfA2/cNGAbCprq/1Tqc7c4ha16JmKb40PB6Kve60lfQp4TLuPFNQqPBPMIY/KiwIwClTLmr6s9VP+v2cE6CPXtj9Q8VkWuIHIT2c5C11TWXETGT10ngVPrPXURAGLeNr7";
    const P384_NODE: u64 = 251452157595331977;
    const P521_PEM: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBenplTbLTX2DSXpPcCWsWr1aaWlFM\n\
PZVCqABfU6Fl+wbKDrtqqn+QldksNDKge19ht2AB7pyYLbYX2fz1AHi2tNoAHXKp\n\
h9AY0oTEE/FrzFN8Svye9YFC9qeCqYuPU16FNWqLIVWcxSieWM3DW3lc1aDM2Ehl\n\
nuR1nWotCELoCk+E578=\n\
-----END PUBLIC KEY-----\n\
";
    const P521_SIGNATURE: &str = "MIGHAkIA06laLgaxRvxkH6e1ahXiaH/s01zRwph9LoPY9UPTB5cXRdWU4iiz+gPZVoxI+Jw+UAKtkspvtarjeREXAJbArxgCQS5b6rHQ7ncXPjrLRjJf3dCp15FGPzUKLz7/MsrLtUj4JSsKJ9Kw1+1NQE62RIbB1LI0Jqb/KhvozLGC8aptwQyg";
    const P256_PEM: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs4uSgO48f1Y3yPW9ydA2f5F+1BcN\n\
e4M8/svjsYBKubBoRp1rQVdF7i2i9WWVqO8oOQ2GT8w02NDXBxBGXtyW2w==\n\
-----END PUBLIC KEY-----\n\
";
    const P256_SIGNATURE: &str =
        "MEYCIQC0PA62vGn5AMKcgzFg6ut3dzr5d99lS2B3RbVVcutpfgIhALy/EOkk8Xul4DLvx02JqrSK/K9Cl1w6zw57ENOR3LwA";
    const P256_NODE: u64 = 1519027312555971135;

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn credentials(pem: &str, signature: &str) -> Credentials {
        Credentials::from_headers(&STANDARD.encode(pem), NOW, signature).unwrap()
    }

    #[test]
    fn signatures_that_python_made_are_accepted() {
        for (pem, signature, node) in
            [(P384_PEM, P384_SIGNATURE, P384_NODE), (P256_PEM, P256_SIGNATURE, P256_NODE)]
        {
            let (key, _) = credentials(pem, signature).verify(now()).unwrap();
            assert_eq!(key.pem(), pem);
            assert_eq!(key.node_id().get(), node);
        }
    }

    #[test]
    fn a_key_on_another_curve_is_refused_with_the_way_out() {
        let error = credentials(P521_PEM, P521_SIGNATURE).verify(now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("ssh-keygen -t ecdsa -b 384"), "{error}");
    }

    #[test]
    fn a_signature_is_accepted_from_5_s_early_to_305_s_late() {
        let credentials = credentials(P384_PEM, P384_SIGNATURE);
        for (offset, accepted) in [(-6, false), (-5, true), (0, true), (305, true), (306, false)] {
            let result = credentials.verify(now() + SignedDuration::from_secs(offset));
            assert_eq!(result.is_ok(), accepted, "{offset} s: {result:?}");
        }
    }

    #[test]
    fn another_timestamp_or_key_is_refused() {
        let mut other = credentials(P384_PEM, P384_SIGNATURE);
        other.timestamp = "2026-11-22T08:00:00.123457+00:00".into();
        assert!(other.verify(now()).unwrap_err().to_string().contains("signature"));
        assert!(credentials(P256_PEM, P384_SIGNATURE).verify(now()).is_err());
    }

    #[test]
    fn our_own_signatures_are_accepted_and_their_headers_read_back() {
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let credentials = key.sign(now()).unwrap();
        assert_eq!(credentials.timestamp, NOW);
        let [public_key, timestamp, signature] = credentials.to_headers();
        let read = Credentials::from_headers(&public_key.1, &timestamp.1, &signature.1).unwrap();
        assert_eq!(read, credentials);
        assert_eq!(read.verify(now()).unwrap().0, key.public_key());
    }

    #[test]
    fn nonsense_is_refused_without_panic() {
        for pem in ["", "x", PEM_BEGIN, "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", "\u{ff}"] {
            assert!(PublicKey::from_pem(pem.as_bytes()).is_err());
        }
        assert!(Credentials::from_headers("%", NOW, "").is_err());
        assert!(SigningKey::from_pkcs8(b"nonsense").is_err());
    }
}
