//! `thunderline schedules create`

use clap::Args;
use serde_json::Value;
use thunderline_core::Error;
use thunderline_web::dto::schedule::{CreateSchedule, Schedule};

use super::show;
use crate::{
    client::Client,
    failure::Result,
    output::{Format, print},
};

/// Make a schedule
///
/// CRON has five fields: minute, hour, day of the month, month, day of the week; with *, lists, ranges, steps and English
/// names; or @hourly, @daily, @weekly, @monthly, @yearly. A time that the zone's clocks skip happens at the end of the
/// gap; one that comes twice happens once; with * as the hour, real time counts.
///
/// Example: thunderline schedules create nightly --cron '30 2 * * *' --zone Europe/Berlin --job block.retention.sweep
#[derive(Args, Debug)]
pub struct Create {
    /// What to call it: letters, digits, '.', '_' or '-'
    name: String,
    /// When
    #[arg(long, value_name = "CRON")]
    cron: String,
    /// By the clocks of this IANA time zone
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// The kind of job to enqueue
    #[arg(long, value_name = "JOB")]
    job: String,
    /// The job's fields, as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    payload: String,
    /// The job's key: firings do not pile up while a job of this key waits; the schedule's id unless given
    #[arg(long)]
    key: Option<String>,
    /// What happens with times at which no server ran
    #[arg(long, value_parser = ["run_once", "skip"], default_value = "run_once")]
    missed: String,
}

impl Create {
    /// Makes it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let payload: Value = serde_json::from_str(&self.payload).map_err(|error| {
            Error::invalid_value("--payload", format!("not JSON: {error}"), "a JSON value")
        })?;
        let wanted = CreateSchedule {
            name: self.name.clone(),
            cron: self.cron.clone(),
            zone: self.zone.clone(),
            job: self.job.clone(),
            key: self.key.clone(),
            payload,
            missed: Some(self.missed.clone()),
        };
        let schedule: Schedule = client.post("/api/v1/schedules", &wanted)?;
        print(format, &schedule, show::human);
        Ok(())
    }
}
