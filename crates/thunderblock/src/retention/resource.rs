//! The port through which domains let things be forgotten.

use std::{fmt, pin::Pin, sync::Arc};

use thunderline_core::{Cx, Expired, Expiry, Result, SignedDuration, TenantId};

use super::Keep;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;
type Find = dyn Fn(Cx, Expiry) -> Answer<Vec<Expired>> + Send + Sync;
type Remove = dyn Fn(Cx, Vec<Expired>) -> Answer<u64> + Send + Sync;
type Tenants = dyn Fn(Cx) -> Answer<Vec<TenantId>> + Send + Sync;

/// Something that is kept, and can be forgotten.
#[derive(Clone)]
pub struct Resource {
    /// Its name in rules, for example `federation.models`.
    pub name: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// What is kept where nobody has set a rule.
    pub default: Keep,
    /// The shortest time that a rule may say; a rule that says none, but how many are kept, is refused then.
    pub least: Option<SignedDuration>,
    find: Arc<Find>,
    remove: Arc<Remove>,
    tenants: Option<Arc<Tenants>>,
}

impl Resource {
    /// `find` gives the oldest things that need not be kept, never one that something else still needs. `remove` removes
    /// them, each only where that is still so, leaves an audit row, and gives how many went.
    pub fn new<F, FindFut, R, RemoveFut>(
        name: &'static str,
        what: &'static str,
        default: Keep,
        find: F,
        remove: R,
    ) -> Self
    where
        F: Fn(Cx, Expiry) -> FindFut + Send + Sync + 'static,
        FindFut: Future<Output = Result<Vec<Expired>>> + Send + 'static,
        R: Fn(Cx, Vec<Expired>) -> RemoveFut + Send + Sync + 'static,
        RemoveFut: Future<Output = Result<u64>> + Send + 'static,
    {
        Self {
            name,
            what,
            default,
            least: None,
            find: Arc::new(move |cx, expiry| Box::pin(find(cx, expiry))),
            remove: Arc::new(move |cx, expired| Box::pin(remove(cx, expired))),
            tenants: None,
        }
    }

    /// The same, for things that belong to tenants, each of which may have a rule of its own.
    #[must_use]
    pub fn of_tenants<F, Fut>(self, tenants: F) -> Self
    where
        F: Fn(Cx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<TenantId>>> + Send + 'static,
    {
        Self { tenants: Some(Arc::new(move |cx| Box::pin(tenants(cx)))), ..self }
    }

    /// The same, for things that no rule may have forgotten sooner.
    #[must_use]
    pub fn kept_at_least(self, least: SignedDuration) -> Self {
        Self { least: Some(least), ..self }
    }

    /// Whether tenants may have rules of their own for it.
    #[must_use]
    pub fn has_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// Whose things there are; `None` stands for the installation.
    pub(super) async fn owners(&self, cx: &Cx) -> Result<Vec<Option<TenantId>>> {
        match &self.tenants {
            None => Ok(vec![None]),
            Some(tenants) => Ok(tenants(cx.clone()).await?.into_iter().map(Some).collect()),
        }
    }

    pub(super) async fn find(&self, cx: &Cx, expiry: Expiry) -> Result<Vec<Expired>> {
        (self.find)(cx.clone(), expiry).await
    }

    pub(super) async fn remove(&self, cx: &Cx, expired: Vec<Expired>) -> Result<u64> {
        (self.remove)(cx.clone(), expired).await
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({})", self.name)
    }
}
