//! `thunderline retention preview`

use clap::Args;
use thunderline_web::dto::{page::Page, retention::RetentionPreview};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format,
        numbers::{bytes, time},
        print,
        table::table,
    },
};

/// See what would go now
#[derive(Args, Debug)]
pub struct Preview {
    /// Of what: see 'thunderline retention list'
    resource: String,
}

impl Preview {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/retention/{resource}/preview", &[&self.resource])?;
        let page: Page<RetentionPreview> = client.get(&path, &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<RetentionPreview>) -> String {
    let (mut rows, mut total) = (Vec::new(), 0);
    for owner in &page.items {
        for item in &owner.expired {
            total += item.bytes;
            let size = if item.bytes == 0 { String::new() } else { bytes(item.bytes) };
            rows.push(vec![time(item.at), size, item.label.clone(), item.key.clone()]);
        }
    }
    match rows.len() {
        0 => "nothing would go".into(),
        count => {
            let table = table(&["SINCE", "SIZE", "WHAT", "KEY"], &rows);
            let size = if total == 0 { String::new() } else { format!(", {}", bytes(total)) };
            format!("{table}\n{count} would go{size}; nothing has gone")
        }
    }
}
