-- What a federation is to do and where it stands.
create table fl_federations (
    id {uuid} primary key,
    tenant {uuid} not null,
    name text not null,
    -- The document as it was submitted, for people; `spec` is its canonical form, for us.
    document text not null,
    spec text not null,
    state text not null check (state in ('created', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    reason text,
    -- The federation as the wire numbers runs.
    run_id bigint not null unique,
    rounds_total bigint not null,
    completed_rounds bigint not null,
    -- Rounds that failed since the last completed one.
    failures bigint not null,
    -- Digest of the current global model; absent until the first round prepares it.
    model text,
    created_by text not null,
    created_at bigint not null,
    started_at bigint,
    completed_at bigint,
    version bigint not null
);
create index fl_federations_by_tenant on fl_federations (tenant, created_at);
create index fl_federations_by_state on fl_federations (state);

-- One try of one round.
create table fl_rounds (
    id {uuid} primary key,
    tenant {uuid} not null,
    federation {uuid} not null references fl_federations (id),
    number bigint not null,
    attempt bigint not null,
    state text not null check (
        state in ('selecting', 'running', 'aggregating', 'evaluating', 'completed', 'failed', 'timed_out')),
    reason text,
    deadline bigint,
    wanted bigint not null,
    quorum bigint not null,
    -- Digests of the model that the round begins from and of the one that it makes.
    model_in text,
    model_out text,
    metrics text,
    created_at bigint not null,
    started_at bigint,
    closed_at bigint,
    completed_at bigint,
    version bigint not null,
    unique (federation, number, attempt)
);

-- The right and duty of one node to do one task of one round.
create table fl_leases (
    id {uuid} primary key,
    tenant {uuid} not null,
    federation {uuid} not null references fl_federations (id),
    round {uuid} not null references fl_rounds (id),
    node bigint not null,
    -- The place in fold order: independent of who answers first.
    ordinal bigint not null,
    purpose text not null check (purpose in ('train', 'evaluate')),
    state text not null check (state in ('issued', 'claimed', 'released', 'expired', 'dropped')),
    reason text,
    -- The wire's name for the task message, once it was handed out.
    message text,
    deliveries bigint not null,
    -- What the node announced that it will upload, kept so that a restarted server knows what it waits for.
    announced text,
    -- What was accepted: weight and metrics.
    report text,
    issued_at bigint not null,
    expires_at bigint not null,
    claimed_at bigint,
    ended_at bigint,
    unique (round, node, purpose)
);
create index fl_leases_by_node on fl_leases (node, state);
create index fl_leases_by_round on fl_leases (round, ordinal);
create index fl_leases_by_message on fl_leases (message);

-- Where the arrays of an accepted update are, until its round is folded.
create table fl_updates (
    lease {uuid} primary key references fl_leases (id),
    round {uuid} not null references fl_rounds (id),
    layout text not null
);
create index fl_updates_by_round on fl_updates (round);

-- Stored models, app bundles and data sets.
create table fl_artifacts (
    id {uuid} primary key,
    tenant {uuid} not null,
    federation {uuid} references fl_federations (id),
    round {uuid} references fl_rounds (id),
    kind text not null check (kind in ('model', 'bundle', 'dataset')),
    name text not null,
    uri text not null,
    sha256 text not null,
    size_bytes bigint not null,
    format text not null,
    metadata text not null,
    created_at bigint not null
);
create index fl_artifacts_by_digest on fl_artifacts (tenant, sha256);
create index fl_artifacts_by_federation on fl_artifacts (federation, created_at);
create unique index fl_artifacts_one_a_round on fl_artifacts (round);

-- A round's summary.
create table fl_rollups (
    id {uuid} primary key,
    tenant {uuid} not null,
    federation {uuid} not null references fl_federations (id),
    round {uuid} not null unique references fl_rounds (id),
    number bigint not null,
    aggregates text not null,
    created_at bigint not null
);
create index fl_rollups_by_federation on fl_rollups (federation, number);

-- Nodes, as this domain knows them: a projection of link.node.* events.
create table fl_known_nodes (
    node bigint primary key,
    tenant {uuid} not null,
    name text not null,
    kind text not null,
    tags text not null,
    online bigint not null,
    since bigint not null
);
create index fl_known_nodes_by_tenant on fl_known_nodes (tenant);
