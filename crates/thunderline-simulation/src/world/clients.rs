//! What nodes and people ask of the server.

use federation::actions::{cancel, pause, resume, submit};
use thunderline_core::Error;

use super::{
    World,
    calls::{Call, Done},
    nothing,
};
use crate::{
    fixture::operator,
    laws::{Broken, law},
    node::Intent,
    op::{Fault, Plan, Steer},
    wire::{Answer, Sent, deliver},
};

impl World {
    pub(super) async fn step(&mut self, node: usize, fault: Fault) -> Result<String, Broken> {
        if !self.is_free(node) {
            return nothing();
        }
        let now = self.now();
        // The objects of a reply are many; all but the last go without trouble of their own.
        for _ in 0..16 {
            if !self.nodes[node].sends_many() {
                break;
            }
            let (intent, sent, _) = self.nodes[node].next(now);
            self.request(node, intent, sent, Fault::None).await?;
            if !self.is_free(node) {
                return Ok("cut short".into());
            }
        }
        let (intent, sent, made) = self.nodes[node].next(now);
        if let Some(made) = made {
            self.model.made.entry(made.task).or_default().push(made.number);
        }
        self.request(node, intent, sent, fault).await
    }

    pub(super) async fn request(
        &mut self,
        node: usize,
        intent: Intent,
        sent: Sent,
        fault: Fault,
    ) -> Result<String, Broken> {
        let (router, epoch) = (self.server.router.clone(), self.epochs[node]);
        let call: Call = match fault {
            Fault::LoseRequest => return Ok("lost".into()),
            Fault::Delay => {
                self.delayed.push((node, intent, sent));
                return Ok("delayed".into());
            }
            Fault::LoseAnswer => Box::pin(async move {
                let answer = deliver(router, sent).await;
                Done::Answered { node, intent, epoch: u32::MAX, answers: vec![answer] }
            }),
            Fault::Twice => Box::pin(async move {
                let first = deliver(router.clone(), sent.clone()).await;
                let second = deliver(router, sent).await;
                Done::Answered { node, intent, epoch, answers: vec![first, second] }
            }),
            Fault::None | Fault::Stall { .. } | Fault::HangUp { .. } => Box::pin(async move {
                let answers = vec![deliver(router, sent).await];
                Done::Answered { node, intent, epoch, answers }
            }),
        };
        self.with_fault(call, Some(node), fault).await
    }

    pub(super) async fn deliver_delayed(&mut self, index: u8) -> Result<String, Broken> {
        if self.delayed.is_empty() {
            return nothing();
        }
        let index = usize::from(index) % self.delayed.len();
        let (node, ..) = self.delayed[index];
        if self.held.iter().any(|held| held.node == Some(node)) {
            return nothing();
        }
        let (node, intent, sent) = self.delayed.remove(index);
        let router = self.server.router.clone();
        let call = Box::pin(async move {
            let answer = deliver(router, sent).await;
            // It may be too old.
            Done::Unheard { from: Some((node, intent)), refused: answer == Answer::Leave }
        });
        self.go(call, Some(node)).await
    }

    pub(super) async fn submit(
        &mut self,
        plan: &Plan,
        key: Option<u8>,
        fault: Fault,
    ) -> Result<String, Broken> {
        let document = self.documents.of(plan, key);
        if matches!(fault, Fault::LoseRequest | Fault::Delay) {
            return Ok("lost".into());
        }
        let (server, times) =
            (self.server.clone(), if fault == Fault::Twice && key.is_some() { 2 } else { 1 });
        let call = Box::pin(async move {
            let mut outcome = Err(Error::internal("never asked"));
            for _ in 0..times {
                let cx = operator(&server.cx);
                let name = key.map(|key| format!("key-{key}"));
                let federations = &server.domains.federations;
                let submitted = submit::submit(&cx, federations, &document, name.as_deref()).await;
                outcome = submitted.map(|federation| federation.id);
            }
            match fault {
                Fault::LoseAnswer => Done::Unheard { from: None, refused: false },
                _ => Done::Submitted { key, outcome },
            }
        });
        self.with_fault(call, None, fault).await
    }

    pub(super) async fn submit_nonsense(&mut self) -> Result<String, Broken> {
        let before = self.facts.clone();
        let cx = operator(&self.server.cx);
        let federations = &self.server.domains.federations;
        for document in ["num_rounds: 0\n", "model_ref: sha256:00\nnum_rounds: 1\n", "[1"] {
            let refused = submit::submit(&cx, federations, document, Some("nonsense")).await;
            law!(refused.is_err(), "nonsense was accepted: {document}");
        }
        let after = self.read().await?;
        law!(before == after, "a refused document left something behind");
        Ok("refused".into())
    }

    pub(super) async fn steer(&mut self, federation: u8, to: Steer, fault: Fault) -> Result<String, Broken> {
        if self.facts.federations.is_empty() || matches!(fault, Fault::LoseRequest | Fault::Delay) {
            return nothing();
        }
        let id = self.facts.federations[usize::from(federation) % self.facts.federations.len()].id;
        let server = self.server.clone();
        let call = Box::pin(async move {
            let (cx, domain) = (operator(&server.cx), &server.domains.federations);
            let outcome = match to {
                Steer::Pause => pause::pause(&cx, domain, id).await,
                Steer::Resume => resume::resume(&cx, domain, id).await,
                Steer::Cancel => cancel::cancel(&cx, domain, id, "no longer wanted").await,
            };
            Done::Steered { id, to, outcome: outcome.map(drop) }
        });
        self.with_fault(call, None, fault).await
    }

    pub(super) async fn forge(&mut self, node: usize, name: usize) -> Result<String, Broken> {
        if node == name {
            return nothing();
        }
        let (now, claimed) = (self.now(), self.nodes[name].caller.id.get());
        let sent = self.nodes[node].beat(now, claimed);
        let answer = deliver(self.server.router.clone(), sent).await;
        law!(answer == Answer::Leave, "a forged request was answered: {answer:?}");
        let after = self.read().await?;
        law!(self.facts == after, "a forged request left something behind");
        Ok("refused".into())
    }
}
