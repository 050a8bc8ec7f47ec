//! The job queue, as operators see and steer it. How jobs are claimed and run is the store's and the runtime's.

pub mod cancel;
pub mod read;
pub mod retry;
pub mod run;

use thunderline_core::{JobId, Subject};

fn about_job(id: JobId) -> Subject {
    Subject::new("job", id)
}
