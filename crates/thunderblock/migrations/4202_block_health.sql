-- What the health check writes and reads back, to see how long that takes.
create table block_probe (
    node text primary key,
    at bigint not null
);

-- How each part's health changed. What stays as it is gets no row.
create table block_health (
    id {uuid} primary key,
    node text not null,
    component text not null,
    status text not null check (status in ('healthy', 'degraded', 'unhealthy')),
    detail text not null,
    at bigint not null
);
create index block_health_by_time on block_health (at);
create index block_health_by_component on block_health (node, component, at);

-- What was running, and how far everybody had come.
create table block_checkpoints (
    id {uuid} primary key,
    node text not null,
    reason text not null check (reason in ('start', 'periodic', 'shutdown', 'manual')),
    -- Of a start: whether the stop before it was in good order.
    clean bigint,
    note text,
    outbox bigint not null,
    content text not null,
    at bigint not null
);
create index block_checkpoints_by_node on block_checkpoints (node, at);

-- What a stop interrupted, until it goes on.
create table block_resumes (
    kind text not null,
    id text not null,
    label text not null,
    mark text not null,
    start {uuid} not null,
    since bigint not null,
    resumed_at bigint,
    primary key (kind, id)
);
