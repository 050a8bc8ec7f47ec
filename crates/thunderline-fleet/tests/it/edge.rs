//! A whole edge in one process, without sockets.

use std::{collections::BTreeMap, io::Write as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, response::Parts},
};
use bytes::Bytes;
use federation::{
    Federation, Federations,
    actions::{import_artifact, read, submit},
    artifact::ArtifactKind,
    drive, project,
};
use http_body_util::BodyExt;
use serde_json::json;
use thundergate::ManifestSigner;
use thunderline_core::Result;
use thunderline_fleet::{Config, Fleet, router};
use thunderline_flower::fab::Bundle;
use thunderline_numerics::{ArraySpec, DType, ModelSchema, checkpoint};
use thunderline_objects::{Objects, Sha256};
use thunderline_testkit::TestDb;
use thunderlink::Links;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const PROJECT: &str = r#"
[project]
name = "demo"
version = "1.2.3"
[tool.flwr.app]
publisher = "acme"
[tool.flwr.app.components]
serverapp = "demo.server:app"
clientapp = "demo.client:app"
[tool.flwr.app.config]
lr = 0.1
"#;

/// The array of the model that every federation here begins with.
pub const START: [f32; 4] = [1.0, 2.0, 3.0, 4.0];

pub struct Edge {
    pub t: TestDb,
    pub domain: Federations,
    pub signer: Arc<ManifestSigner>,
    pub stop: CancellationToken,
    pub router: Router,
    pub links: Links,
    hold: Duration,
}

impl Edge {
    pub fn new(t: TestDb) -> Result<Self> {
        Self::holding(t, Duration::ZERO)
    }

    /// With requests for work held for as long.
    pub fn holding(t: TestDb, hold: Duration) -> Result<Self> {
        let objects = Objects::open(t.dir().join("objects"))?;
        let domain = Federations::new(t.db().clone(), objects);
        let signer = Arc::new(ManifestSigner::open(&t.dir().join("manifest.key"))?);
        let (stop, router, links) = (CancellationToken::new(), Router::new(), Links::new(t.db().clone()));
        let mut edge = Self { t, domain, signer, stop, router, links, hold };
        edge.restart()?;
        Ok(edge)
    }

    /// A new process over the same database and files: nothing is remembered.
    pub fn restart(&mut self) -> Result<()> {
        self.links = Links::new(self.t.db().clone());
        let config = Config { hold: self.hold, ..Config::default() };
        let (cx, domain, signer) = (self.t.system(), self.domain.clone(), self.signer.clone());
        self.router = router(Fleet::new(cx, self.links.clone(), domain, signer, config, self.stop.clone())?);
        Ok(())
    }

    pub async fn send(&self, request: Request<Body>) -> (Parts, Bytes, Option<axum::http::HeaderMap>) {
        let response = self.router.clone().oneshot(request).await.expect("a router does not fail");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the answer is complete");
        let trailers = body.trailers().cloned();
        (parts, body.to_bytes(), trailers)
    }

    /// Tells the federation domain what became of nodes.
    pub async fn relay(&self) -> Result<()> {
        self.t.hand_on(0, project::EVENTS, &project::ACTION, project::on_node_event).await
    }

    /// A federation of a Flower app, driven until it waits for its clients.
    pub async fn federation(&self, clients: usize, more: &str) -> Result<Federation> {
        self.federation_from(&[2, 2], &START, clients, more).await
    }

    /// The same, beginning with a model of these numbers.
    pub async fn federation_from(
        &self,
        shape: &[usize],
        start: &[f32],
        clients: usize,
        more: &str,
    ) -> Result<Federation> {
        let model = self.model(shape, start)?;
        let bundle = self.bundle(model).await?;
        let spec = format!(
            "model_ref: sha256:{model}\nnum_rounds: 1\nmin_clients: {clients}\nevaluation: {{federated: false}}\n\
             app: {{flower: {{bundle: {bundle}, config: {{lr: 0.5}}}}}}\n{more}"
        );
        let federation = submit::submit(&self.t.operator(), &self.domain, &spec, None).await?;
        self.drive(&federation).await?;
        Ok(federation)
    }

    pub async fn drive(&self, federation: &Federation) -> Result<()> {
        drive::drive(&self.t.system(), &self.domain, federation.id).await
    }

    pub async fn get(&self, federation: &Federation) -> Result<Federation> {
        read::get_federation(&self.t.viewer(), &self.domain, federation.id).await
    }

    /// The elements of the federation's model.
    pub async fn model_of(&self, federation: &Federation) -> Result<Vec<f32>> {
        let digest: Sha256 = self.get(federation).await?.model.expect("it has a model").parse()?;
        let area = self.domain.objects.checkpoints()?;
        let header = checkpoint::CheckpointHeader::read(&mut area.open(&digest)?)?;
        let bytes = std::fs::read(area.path_of(&digest))?;
        let elements = bytes[header.data_offset as usize..].chunks_exact(4);
        Ok(elements.map(|raw| f32::from_le_bytes(raw.try_into().expect("four bytes"))).collect())
    }

    fn model(&self, shape: &[usize], start: &[f32]) -> Result<Sha256> {
        let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, shape)])?;
        let mut writer = checkpoint::CheckpointWriter::new(Vec::new(), &schema, &BTreeMap::new())?;
        for value in start {
            writer.write(&value.to_le_bytes())?;
        }
        self.domain.objects.checkpoints()?.put(&writer.finish()?)
    }

    async fn bundle(&self, model: Sha256) -> Result<Sha256> {
        let app = tempfile::tempdir()?;
        std::fs::create_dir(app.path().join("demo"))?;
        std::fs::File::create(app.path().join("pyproject.toml"))?.write_all(PROJECT.as_bytes())?;
        std::fs::File::create(app.path().join("demo/client.py"))?.write_all(b"app = 1\n")?;
        let bundle: Bundle = thunderline_flower::fab::from_folder(app.path())?;
        let sha256 = self.domain.objects.checkpoints()?.put(&bundle.content)?;
        let import = import_artifact::Import {
            kind: ArtifactKind::Bundle,
            name: "demo".into(),
            sha256,
            size_bytes: bundle.content.len() as u64,
            format: "fab".into(),
            metadata: json!({"fab_id": bundle.id, "fab_version": bundle.version, "config": {"lr": 0.1}}),
        };
        import_artifact::import_artifact(&self.t.operator(), &self.domain, import).await?;
        let model = import_artifact::Import {
            kind: ArtifactKind::Model,
            name: "start".into(),
            sha256: model,
            size_bytes: 100,
            format: "safetensors".into(),
            metadata: json!({}),
        };
        import_artifact::import_artifact(&self.t.operator(), &self.domain, model).await?;
        Ok(sha256)
    }
}

/// What a refused call looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Http(StatusCode),
    Grpc(u8),
}
