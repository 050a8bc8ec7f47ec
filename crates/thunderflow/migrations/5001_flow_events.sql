-- Events that a consumer gave up, with a copy of the event: the outbox may forget it.
create table flow_dead_letters (
    id              {uuid} primary key,
    tenant          {uuid} not null,
    consumer        text not null,
    pipeline        text not null,
    sequence        bigint not null,    -- of the event
    event_id        {uuid} not null,
    event_name      text not null,
    subject_kind    text not null,
    subject_id      text not null,
    event           {json} not null,
    state           text not null check (state in ('waiting', 'due', 'replayed', 'dropped')),
    attempts        bigint not null,
    class           text not null,      -- of the last error; 'held': it waits behind another letter
    reason          text not null,
    created_at      bigint not null,    -- of its first failure
    failed_at       bigint not null,    -- of its last failure
    finished_at     bigint,
    unique (consumer, sequence)
);
create index flow_dead_letters_open on flow_dead_letters (consumer, sequence) where state in ('waiting', 'due');
create index flow_dead_letters_newest on flow_dead_letters (tenant, created_at);

-- Facts of other systems that were told: what is told twice is taken once.
create table flow_received (
    tenant          {uuid} not null,
    source          text not null,
    id              text not null,
    digest          text not null,      -- of all that was told
    at              bigint not null,
    primary key (tenant, source, id)
);
create index flow_received_at on flow_received (at);
