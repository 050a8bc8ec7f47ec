-- What was decided, and why. The id is that of the event that told it, so that telling it again changes nothing.
create table prism_nodes (
    id {uuid} primary key,
    tenant {uuid} not null,
    sequence bigint not null,
    at bigint not null,
    kind text not null,
    actor text not null,
    -- The correlation of the event, and that of the request that began it all where that is known.
    correlation {uuid} not null,
    trail {uuid} not null,
    federation {uuid},
    round bigint,
    attempt bigint,
    round_id {uuid},
    summary text not null,
    detail {json} not null
);
create index prism_nodes_by_tenant on prism_nodes (tenant, sequence);
create index prism_nodes_by_federation on prism_nodes (federation, sequence);
create index prism_nodes_by_round on prism_nodes (round_id, kind);
create index prism_nodes_by_correlation on prism_nodes (correlation, sequence);
create index prism_nodes_by_trail on prism_nodes (trail, sequence);

-- Source led to target.
create table prism_edges (
    tenant {uuid} not null,
    source {uuid} not null,
    relation text not null,
    target {uuid} not null,
    primary key (source, relation, target)
);
create index prism_edges_by_target on prism_edges (target);

-- What nodes are called: a projection of link.node.joined.
create table prism_names (
    tenant {uuid} not null,
    node bigint not null,
    name text not null,
    primary key (tenant, node)
);
