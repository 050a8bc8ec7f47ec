//! How webhooks leave: plain blocking HTTP with limits, to addresses that may be called.
//!
//! Whoever may create a webhook could otherwise have the server call what only the server reaches: the database's
//! administration, a cloud's metadata service. Addresses are looked up here and the very address that was looked at is
//! called, so that a name cannot point elsewhere a moment later. Redirects are not followed; proxies are not asked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use thunderflow::webhooks::{Post, Sender};
use thunderline_core::{Error, ErrorKind, Result};
use ureq::{
    Agent,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

/// From the first look at the name to the last byte of the answer's head.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the log and the delivery say of a refused address.
const REFUSED: &str = "is a private address; --allow-private-webhooks lets this server call such";

/// Sends webhooks. `private`: also to addresses that are not of the public internet.
#[must_use]
pub fn sender(private: bool) -> Arc<dyn Sender> {
    within(PATIENCE, private)
}

fn within(patience: Duration, private: bool) -> Arc<dyn Sender> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(patience))
        .max_idle_connections_per_host(4)
        .user_agent(concat!("thunderline/", env!("CARGO_PKG_VERSION")))
        .build();
    let resolver = Guarded { inner: DefaultResolver::default(), private };
    Arc::new(Http(Agent::with_parts(config, DefaultConnector::new(), resolver)))
}

struct Http(Agent);

impl Sender for Http {
    fn send(&self, post: Post) -> Pin<Box<dyn Future<Output = Result<u16>> + Send + '_>> {
        let agent = self.0.clone();
        Box::pin(async move {
            let sent = tokio::task::spawn_blocking(move || call(&agent, &post)).await;
            sent.map_err(|error| Error::internal("sending a webhook broke off").caused_by(error))?
        })
    }
}

fn call(agent: &Agent, post: &Post) -> Result<u16> {
    let mut request = agent.post(&post.url);
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    match request.send(&post.body) {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(explain(error)),
    }
}

fn explain(error: ureq::Error) -> Error {
    let kind = match &error {
        ureq::Error::Timeout(_) => ErrorKind::Timeout,
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => ErrorKind::Invalid,
        ureq::Error::Other(refused) if refused.is::<Refused>() => ErrorKind::Forbidden,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "it could not be sent").caused_by(error)
}

/// Why an address is not called.
#[derive(Debug)]
struct Refused(IpAddr);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {REFUSED}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Looks names up, and lets only those addresses through that may be called.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    private: bool,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        if self.private {
            return Ok(found);
        }
        let mut allowed = self.empty();
        let public = |address: &&SocketAddr| is_public(address.ip());
        found.iter().filter(public).for_each(|address| allowed.push(*address));
        match (allowed.is_empty(), found.iter().next()) {
            (true, Some(refused)) => Err(ureq::Error::Other(Box::new(Refused(refused.ip())))),
            _ => Ok(allowed),
        }
    }
}

/// True for addresses of the public internet (IANA's special-purpose registries, RFC 6890 and its updates).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_public_v4(v4),
            // Only 2000::/3 is given out; within it, 2001:0000::/23 and the documentation's 2001:db8::/32 are not.
            None => {
                let [first, second, ..] = v6.segments();
                first & 0xe000 == 0x2000 && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
            }
        },
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, translated (64:ff9b::/96) or 6to4.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

#[cfg(test)]
mod tests;
