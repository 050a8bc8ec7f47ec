-- What can be carried out. A version is never changed; the same document again is the same version.
create table vine_workflows (
    tenant {uuid} not null,
    name text not null,
    version bigint not null,
    -- The document as it was handed in, for people; `definition` is its canonical form, for us.
    document text not null,
    definition {json} not null,
    sha256 text not null,
    created_by text not null,
    created_at bigint not null,
    primary key (tenant, name, version)
);

-- A workflow being carried out.
create table vine_executions (
    id {uuid} primary key,
    tenant {uuid} not null,
    workflow text not null,
    workflow_version bigint not null,
    definition {json} not null,
    inputs {json} not null,
    state text not null check (
        state in ('running', 'failing', 'cancelling', 'completed', 'failed', 'cancelled', 'halted')),
    reason text,
    -- Ties everything it sets off to the request that started it.
    correlation {uuid} not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    -- How many nodes have begun: gives the order in which they are undone.
    begun bigint not null
);
create index vine_executions_by_tenant on vine_executions (tenant, started_at);
create index vine_executions_by_state on vine_executions (state);

-- A node of an execution, in the order of the definition.
create table vine_execution_nodes (
    execution {uuid} not null references vine_executions (id),
    tenant {uuid} not null,
    name text not null,
    ordinal bigint not null,
    state text not null check (state in ('pending', 'started', 'waiting', 'retrying', 'done', 'failed', 'skipped',
        'undoing', 'undo_retrying', 'undone', 'stuck')),
    attempt bigint not null,
    -- Counts the effects: a try after an effect that ended badly has another key, a try after an uncertain one the same.
    generation bigint not null,
    anew bigint not null,
    -- When a wait ends or the next try begins.
    at bigint,
    reason text,
    begun bigint,
    deadline bigint,
    -- The thing whose end is awaited: `federation:0197…`, `person`.
    subject text,
    waits_for text,
    outputs {json},
    started_at bigint,
    ended_at bigint,
    primary key (execution, name)
);
create index vine_execution_nodes_by_subject on vine_execution_nodes (tenant, subject);

-- How things ended that a workflow may wait for: a projection of other domains' events.
create table vine_outcomes (
    tenant {uuid} not null,
    subject text not null,
    good bigint not null,
    -- Whether another try makes sense where it ended badly.
    again bigint not null,
    reason text,
    outputs {json} not null,
    at bigint not null,
    primary key (tenant, subject)
);

-- A definition and its execution as they stood, by the digest of both.
create table vine_snapshots (
    execution {uuid} not null references vine_executions (id),
    tenant {uuid} not null,
    sha256 text not null,
    document {json} not null,
    created_by text not null,
    created_at bigint not null,
    primary key (execution, sha256)
);
