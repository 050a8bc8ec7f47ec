//! `thunderline events types`

use clap::Args;
use thunderline_core::Error;
use thunderline_web::dto::{event_type::EventType, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, print, table::table},
};

/// List every kind of event, or show the JSON schema of one
#[derive(Args, Debug)]
pub struct Types {
    /// Only this kind, with its schema
    name: Option<String>,
}

impl Types {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let mut page: Page<EventType> = client.get("/api/v1/events/types", &[])?;
        let Some(name) = &self.name else {
            print(format, &page, human);
            return Ok(());
        };
        page.items.retain(|it| it.name == *name);
        if page.items.is_empty() {
            let reason = format!("there is no kind of event '{name}'");
            return Err(
                Error::invalid_value("<NAME>", reason, "one that 'thunderline events types' lists").into()
            );
        }
        print(format, &page.items, |items| {
            let schema = |it: &EventType| {
                let schema = serde_json::to_string_pretty(&it.schema).expect("a schema is plain data");
                format!("{} v{}\n{schema}", it.name, it.version)
            };
            items.iter().map(schema).collect::<Vec<_>>().join("\n\n")
        });
        Ok(())
    }
}

fn human(page: &Page<EventType>) -> String {
    let row = |it: &EventType| {
        let fields = it.schema["properties"].as_object().into_iter().flatten();
        let fields: Vec<_> = fields.map(|(name, _)| name.as_str()).collect();
        vec![it.name.clone(), format!("v{}", it.version), fields.join(" ")]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["NAME", "VERSION", "FIELDS"], &rows)
}
