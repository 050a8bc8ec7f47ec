//! Lineage as a graph in the DOT language (graphviz.org/doc/info/lang.html).

use thunderline_web::dto::lineage::Lineage;

/// The graph: what was made points to what it was made from.
pub fn dot(lineage: &Lineage) -> String {
    let mut lines =
        vec!["digraph lineage {".to_owned(), "  rankdir=RL;".into(), "  node [shape=box];".into()];
    let name = |step: usize| quoted(&format!("model {step}"));
    for (index, step) in lineage.steps.iter().enumerate() {
        let label = format!("{}\n{}\n{}", step.name, short(&step.sha256), step.origin);
        lines.push(format!("  {} [label={}, style=bold];", name(index), quoted(&label)));
        let Some(round) = &step.made_by else { continue };
        let id = quoted(&round.round);
        let strategy = round.strategy.as_deref().unwrap_or("");
        let label = format!("{} round {}\n{strategy}", round.federation_name, round.number);
        lines.push(format!("  {id} [label={}, shape=ellipse];", quoted(&label)));
        lines.push(format!("  {} -> {id};", name(index)));
        if index + 1 < lineage.steps.len() {
            lines.push(format!("  {id} -> {};", name(index + 1)));
        }
        for update in &round.updates {
            let lease = quoted(&update.lease);
            let label = format!("{}\n{} examples", update.name, update.num_examples);
            lines.push(format!("  {lease} [label={}, shape=note];", quoted(&label)));
            lines.push(format!("  {id} -> {lease};"));
        }
    }
    lines.push("}".into());
    lines.join("\n")
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_graph() {
        assert_eq!(quoted("a\"]; b\\\nc"), r#""a\"]; b\\\nc""#);
    }
}
