-- A place where nodes are, and who holds it.
create table grid_zones (
    id {uuid} primary key,
    tenant {uuid} not null,
    name text not null,
    description text not null,
    -- What a node must say of itself to be placed here, as a JSON object of texts; empty: nodes come by hand only.
    labels text not null,
    -- Grows with each claim; 0 before the first.
    token bigint not null,
    owner text,
    claimed_at bigint,
    expires_at bigint,
    created_at bigint not null,
    unique (tenant, name)
);
create index grid_zones_held on grid_zones (expires_at) where owner is not null;

-- What is known of nodes, as Thunderlink tells it, and where each is.
create table grid_nodes (
    node bigint primary key,
    tenant {uuid} not null,
    name text not null,
    labels text not null,
    zone {uuid},
    by_hand bigint not null check (by_hand in (0, 1)),
    online bigint not null check (online in (0, 1))
);
create index grid_nodes_by_zone on grid_nodes (zone);
