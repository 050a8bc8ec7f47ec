//! The job queue under a long random story: enqueue, claim, finish, fail, vanish, let time pass.

use std::collections::{BTreeMap, BTreeSet};

use thunderline_core::{Cx, Error, Random, Result, SeededRandom, SignedDuration, Subject};
use thunderline_store::{Claimed, Db, LEASE};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, Polish};

const STEPS: u64 = 250;
const KEYS: u64 = 4;

/// What must hold of the queue, kept beside it.
#[derive(Default)]
struct Story {
    step: u64,
    /// When each key was enqueued last, and when a run of it began last.
    enqueued: BTreeMap<String, u64>,
    began: BTreeMap<String, u64>,
    tokens: BTreeMap<Uuid, i64>,
    running: Vec<Claimed>,
}

impl Story {
    async fn enqueue(&mut self, cx: &Cx, db: &Db, number: u64) -> Result<()> {
        let id = Uuid::from_u128(number.into());
        let mut write = db.write(cx, &ADD).await?;
        write.enqueue(&Polish { id });
        write.commit(&Subject::new("thing", id)).await?;
        self.enqueued.insert(id.to_string(), self.step);
        Ok(())
    }

    async fn claim(&mut self, cx: &Cx, db: &Db) -> Result<usize> {
        let claimed = db.jobs().claim(cx, "w", &[], 2).await?;
        let count = claimed.len();
        // Whose lease ended has lost the job, also where he does not know it yet.
        self.running.retain(|running| running.lease_until >= cx.now());
        for job in claimed {
            let before = self.tokens.insert(job.id.0, job.token);
            assert!(
                before.is_none_or(|before| before < job.token),
                "a token that does not grow fences nobody"
            );
            self.began.insert(job.key.clone(), self.step);
            self.running.push(job);
        }
        let keys: BTreeSet<_> = self.running.iter().map(|job| &job.key).collect();
        assert_eq!(keys.len(), self.running.len(), "two jobs of one key run side by side");
        Ok(count)
    }
}

both!(no_wish_is_lost_and_no_key_runs_beside_itself_whatever_happens, async |t: TestDb| {
    let (cx, random) = (t.operator(), SeededRandom::new(7));
    let pick = |most: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % most
    };
    let mut story = Story::default();
    while story.step < STEPS {
        story.step += 1;
        match pick(10) {
            0..=3 => story.enqueue(&cx, t.db(), pick(KEYS)).await?,
            4..=6 => story.claim(&cx, t.db()).await.map(drop)?,
            7 => t.clock.advance(LEASE / 3),
            choice => {
                let Some(count) = u64::try_from(story.running.len()).ok().filter(|count| *count > 0) else {
                    continue;
                };
                let job = story.running.swap_remove(usize::try_from(pick(count)).unwrap());
                if choice == 8 {
                    t.db().jobs().finish(&cx, &job).await?;
                } else {
                    t.db().jobs().fail(&cx, &job, &Error::unavailable("away")).await?;
                }
            }
        }
    }
    // Whoever still runs something vanishes; the queue is worked off.
    story.running.clear();
    for _ in 0..50 {
        story.step += 1;
        t.clock.advance(LEASE + SignedDuration::from_mins(5));
        while story.claim(&cx, t.db()).await? > 0 {
            for job in story.running.drain(..) {
                t.db().jobs().finish(&cx, &job).await?;
            }
        }
    }
    assert!(t.jobs("available").await.is_empty() && t.jobs("running").await.is_empty());
    assert!(
        t.jobs("discarded").await.is_empty(),
        "nothing was given up, so every wish must have been served"
    );
    for (key, enqueued) in &story.enqueued {
        assert!(
            story.began.get(key) > Some(enqueued),
            "{key} was enqueued in step {enqueued} and never run after"
        );
    }
});
