//! `thunderline workflows start`

use clap::Args;
use serde_json::{Map, Value};
use thunderline_web::dto::workflow::{Execution, StartRequest};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Start a workflow
#[derive(Args, Debug)]
pub struct Start {
    /// The workflow's name
    name: String,
    /// Which version; the newest unless told otherwise
    #[arg(long, value_name = "NUMBER")]
    workflow_version: Option<u32>,
    /// An input; VALUE is JSON, or a text where it is none
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = input)]
    inputs: Vec<(String, Value)>,
    /// Repeating the command with the same key gives the same execution
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Follow it until it is over
    #[arg(long)]
    watch: bool,
}

fn input(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("it is NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

impl Start {
    /// Starts it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let inputs = self.inputs.iter().cloned().collect::<Map<_, _>>();
        let request = StartRequest { version: self.workflow_version, inputs };
        let text = serde_json::to_string(&request).expect("requests are plain data");
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(self.idempotency_key.as_deref().map(|key| ("idempotency-key", key)));
        let path = path("/api/v1/workflows/{name}/executions", &[&self.name])?;
        let execution: Execution = client.post_text(&path, &text, &headers)?;
        if self.watch {
            return super::watch::watch(client, &execution.id, format);
        }
        print(format, &execution, |it| {
            format!(
                "{} of {} is {}; follow it with: thunderline workflows watch {}",
                it.id, it.workflow, it.state, it.id
            )
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_input_is_json_or_text() {
        assert_eq!(input("rounds=3"), Ok(("rounds".into(), json!(3))));
        assert_eq!(input("name=a=b"), Ok(("name".into(), json!("a=b"))));
        assert_eq!(input("tags=[\"gpu\"]"), Ok(("tags".into(), json!(["gpu"]))));
        assert!(input("rounds").is_err());
    }
}
