-- Addresses that events are sent to.
create table flow_webhooks (
    id              {uuid} primary key,
    tenant          {uuid} not null,
    name            text not null,
    url             text not null,
    events          text not null,      -- patterns, separated by commas
    secret          text not null,      -- what deliveries are signed with
    state           text not null check (state in ('enabled', 'disabled')),
    reason          text not null,      -- why it is disabled
    failing_since   bigint,             -- of the first failure since the last success
    created_at      bigint not null,
    changed_at      bigint not null,
    unique (tenant, name)
);

-- One event on its way to one address.
create table flow_deliveries (
    id              {uuid} primary key,
    webhook         {uuid} not null references flow_webhooks (id) on delete cascade,
    tenant          {uuid} not null,
    sequence        bigint not null,    -- of the event
    event_id        {uuid} not null,
    event_name      text not null,
    subject_kind    text not null,
    subject_id      text not null,
    state           text not null check (state in ('waiting', 'delivered', 'failed')),
    attempts        bigint not null,
    next_at         bigint not null,    -- not before
    status          bigint,             -- of the last answer
    error           text not null,      -- of the last attempt
    millis          bigint,             -- that the last attempt took
    created_at      bigint not null,
    finished_at     bigint,
    unique (webhook, sequence)
);
create index flow_deliveries_waiting on flow_deliveries (webhook, subject_kind, subject_id, sequence) where state = 'waiting';
create index flow_deliveries_next on flow_deliveries (webhook, next_at) where state = 'waiting';
create index flow_deliveries_finished on flow_deliveries (finished_at) where finished_at is not null;

-- Feature flags.
create table flow_flags (
    name            text primary key,
    value           {json} not null,
    changed_at      bigint not null,
    changed_by      text not null
);

-- Values that parts of an installation share for a while.
create table flow_blackboard (
    tenant          {uuid} not null,
    key             text not null,
    kind            text not null,
    value           {json} not null,
    expires_at      bigint,
    changed_at      bigint not null,
    changed_by      text not null,
    primary key (tenant, key)
);
create index flow_blackboard_expires on flow_blackboard (expires_at) where expires_at is not null;
