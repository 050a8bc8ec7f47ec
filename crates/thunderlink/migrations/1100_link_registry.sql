-- A node that is shut out: its key is refused until it is readmitted.
alter table link_nodes add column evicted_at bigint;
alter table link_nodes add column evicted_reason text;
alter table link_nodes add column evicted_by text;

-- What a node can do or where it is. The operator's word stands beside the node's own, and wins.
create table link_capabilities (
    node bigint not null,
    key text not null,
    source text not null check (source in ('operator', 'reported')),
    tenant {uuid} not null,
    -- A JSON text, number or boolean.
    value text not null,
    enabled bigint not null check (enabled in (0, 1)),
    changed_at bigint not null,
    primary key (node, key, source)
);

create table link_groups (
    id {uuid} primary key,
    tenant {uuid} not null,
    name text not null,
    kind text not null check (kind in ('zone', 'shard', 'region', 'role', 'project', 'custom')),
    parent {uuid},
    description text not null,
    created_at bigint not null,
    unique (tenant, name)
);

create table link_memberships (
    group_id {uuid} not null,
    node bigint not null,
    tenant {uuid} not null,
    since bigint not null,
    primary key (group_id, node)
);

-- From a node's coming to its going. Written when it begins, when it ends, and every few minutes between.
create table link_sessions (
    id {uuid} primary key,
    tenant {uuid} not null,
    node bigint not null,
    transport text not null check (transport in ('http', 'grpc', 'runner')),
    -- The process that hears it.
    home text not null,
    state text not null check (state in ('established', 'degraded', 'closed')),
    opened_at bigint not null,
    closed_at bigint,
    reason text,
    requests bigint not null,
    -- Mean age of a request's signature when it arrives: the network's delay and the difference of both clocks.
    lag_micros bigint,
    longest_gap_micros bigint not null
);
create unique index link_sessions_open on link_sessions (node) where closed_at is null;
create index link_sessions_by_time on link_sessions (tenant, opened_at, id);
create index link_sessions_by_node on link_sessions (node, opened_at);
create index link_sessions_closed on link_sessions (closed_at) where closed_at is not null;

-- Signs of life, a row for a node and some minutes of them.
create table link_heartbeats (
    node bigint not null,
    -- When the minutes began.
    at bigint not null,
    tenant {uuid} not null,
    until bigint not null,
    requests bigint not null,
    lag_micros bigint,
    longest_gap_micros bigint not null,
    primary key (node, at)
);
create index link_heartbeats_at on link_heartbeats (at);

-- Processes that nodes talk to, and when each last said that it lives.
create table link_processes (
    home text primary key,
    seen_at bigint not null
);
