//! `thunderline lineage show`

use clap::Args;
use thunderline_web::dto::lineage::{Lineage, LineageStep, MadeBy};

use super::dot::dot;
use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, say},
};

/// Show what made a model, back to where it began
///
/// For each model: the round and the federation that made it, the digest of its spec, every node that contributed with its
/// number of examples and the digest of its update, and the seeds.
#[derive(Args, Debug)]
pub struct Show {
    /// The artifact's id, or sha256:DIGEST
    artifact: String,
    /// How many rounds to go back
    #[arg(long, value_name = "ROUNDS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    depth: u32,
    /// Print a graph for Graphviz
    #[arg(long)]
    dot: bool,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/lineage/{artifact}", &[&self.artifact])?;
        let lineage: Lineage = client.get(&path, &[("depth", &self.depth.to_string())])?;
        if self.dot && format == Format::Human {
            say(&dot(&lineage));
            return Ok(());
        }
        print(format, &lineage, human);
        Ok(())
    }
}

fn human(lineage: &Lineage) -> String {
    let mut lines = Vec::new();
    for (index, step) in lineage.steps.iter().enumerate() {
        let lead = if index == 0 { "" } else { "└─ began from " };
        lines.push(format!("{lead}{}", model(step)));
        if let Some(round) = &step.made_by {
            made_by(round, &mut lines);
        }
    }
    if lineage.truncated {
        lines.push("   … and further back: ask with a greater --depth".into());
    }
    lines.join("\n")
}

fn model(step: &LineageStep) -> String {
    let how = match (step.origin.as_str(), step.seed) {
        ("fresh", Some(seed)) => format!("drawn afresh from seed {seed}"),
        ("brought", _) => "brought by somebody".into(),
        (origin, _) => origin.to_owned(),
    };
    let artifact = step.artifact.as_deref().unwrap_or("no artifact is known");
    format!("{} ({how}, {})\n   artifact {artifact}\n   sha256:{}", step.name, time(step.at), step.sha256)
}

fn made_by(round: &MadeBy, lines: &mut Vec<String>) {
    let strategy = round.strategy.as_deref().unwrap_or("an unknown strategy");
    let again = if round.attempt > 1 { format!(" (try {})", round.attempt) } else { String::new() };
    lines.push(format!(
        "   made by round {}{again} of {} by {strategy} from {} updates with {} examples",
        round.number, round.federation_name, round.clients, round.num_examples
    ));
    let seed = round.seed.map_or_else(String::new, |seed| format!(", seed {seed}"));
    let spec = round.spec_sha256.as_deref().unwrap_or("unknown");
    lines.push(format!("   federation {}{seed}, spec sha256:{spec}", round.federation));
    if let Some(state) = &round.state_before {
        lines.push(format!("   continued the optimiser state sha256:{state}"));
    }
    for update in &round.updates {
        let digest = update.update_sha256.as_deref().unwrap_or("unknown");
        let share = 100.0 * update.share;
        lines.push(format!(
            "   ├─ {}: {} examples ({share:.1} %), update sha256:{digest}",
            update.name, update.num_examples
        ));
    }
}
