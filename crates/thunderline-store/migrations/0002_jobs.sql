-- Failures so far: what the budget of an error's class is compared with. A worker that vanished is an attempt, no failure.
alter table tl_jobs add column failures bigint not null default 0;

-- Attempts that are over. The one that is under way is in the job's own row.
create table tl_job_attempts (
    job             {uuid} not null,
    token           bigint not null,    -- of the claim; attempts may share a number, claims never a token
    attempt         bigint not null,
    worker          text not null,
    started_at      bigint not null,
    ended_at        bigint not null,
    outcome         text not null check (outcome in ('completed', 'failed', 'snoozed', 'cancelled', 'lost')),
    error           text,
    primary key (job, token)
);

-- Workers that can be seen to be alive: each holds the advisory lock of its row (PostgreSQL only).
create table tl_workers (
    name            text primary key,
    lock            bigint not null,
    appeared_at     bigint not null
);
