-- What is to be enqueued again and again.
create table block_schedules (
    id              {uuid} primary key,
    tenant          {uuid} not null,
    name            text not null,
    cron            text not null,
    zone            text not null,      -- IANA time zone
    job             text not null,      -- the kind of job
    key             text not null,      -- of the job: firings do not pile up
    payload         {json} not null,
    missed          text not null check (missed in ('run_once', 'skip')),
    state           text not null check (state in ('active', 'paused')),
    next_at         bigint,             -- null while paused
    last_at         bigint,             -- the time that it was last due and fired
    created_by      text not null,
    created_at      bigint not null,
    unique (tenant, name)
);
create index block_schedules_due on block_schedules (next_at) where next_at is not null;
