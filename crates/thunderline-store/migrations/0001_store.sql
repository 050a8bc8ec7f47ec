-- What happened, in commit order. Rows are only ever added.
create table tl_outbox (
    sequence        {autoid},           -- strictly increasing in commit order; what cursors count
    id              {uuid} not null unique,
    name            text not null,      -- domain.noun.past
    version         bigint not null,    -- of the payload
    tenant          {uuid} not null,
    actor           text not null,      -- who did it
    subject_kind    text not null,
    subject_id      text not null,
    correlation     {uuid} not null,    -- ties together what one request set off
    causation       {uuid},             -- the event that directly caused this one
    at              bigint not null,    -- microseconds since the epoch, like every time here
    payload         {json} not null
);
create index tl_outbox_subject on tl_outbox (subject_kind, subject_id, sequence);

-- How far each consumer of the outbox has come.
create table tl_cursors (
    consumer        text primary key,
    sequence        bigint not null,
    at              bigint not null
);

-- Who did what, and by which rule; also who was refused.
create table tl_audit (
    id              {uuid} primary key,
    at              bigint not null,
    tenant          {uuid} not null,
    action          text not null,
    rule            text not null,
    actor           text not null,
    subject_kind    text not null,
    subject_id      text not null,
    correlation     {uuid} not null,
    outcome         text not null check (outcome in ('done', 'denied'))
);
create index tl_audit_at on tl_audit (at);
create index tl_audit_subject on tl_audit (subject_kind, subject_id, at);

-- Work to do later.
create table tl_jobs (
    id              {uuid} primary key,
    name            text not null,
    key             text not null,
    payload         {json} not null,
    tenant          {uuid} not null,
    correlation     {uuid} not null,
    causation       {uuid},
    state           text not null check (state in ('available', 'running', 'completed', 'discarded', 'cancelled')),
    priority        bigint not null,    -- smaller is more urgent
    run_at          bigint not null,    -- not before
    attempts        bigint not null,    -- started so far
    max_attempts    bigint not null,
    lease_token     bigint not null,    -- grows with each claim: an old holder can be told from the present one
    lease_until     bigint,             -- while running: a claim that is not renewed by then may be taken over
    worker          text,
    last_error      text,
    created_at      bigint not null,
    started_at      bigint,             -- of the last attempt
    finished_at     bigint
);
-- Waiting jobs of one name and key are one job; a running one does not count.
create unique index tl_jobs_waiting on tl_jobs (name, key) where state = 'available';
create index tl_jobs_due on tl_jobs (priority, run_at, id) where state = 'available';
create index tl_jobs_running on tl_jobs (name, key) where state = 'running';
create index tl_jobs_leased on tl_jobs (lease_until) where state = 'running';
create index tl_jobs_finished on tl_jobs (finished_at) where finished_at is not null;

-- Outcomes of requests that carried an idempotency key.
create table tl_idempotency (
    tenant          {uuid} not null,
    actor           text not null,
    action          text not null,
    key             text not null,
    digest          text not null,      -- of the request: a key must not be reused for another one
    outcome         text not null,
    at              bigint not null,
    primary key (tenant, actor, action, key)
);
create index tl_idempotency_at on tl_idempotency (at);
