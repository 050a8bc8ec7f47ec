-- What made what, built from events. A key is `kind:id`: `artifact:0197…`, `round:0197…`, `update:<lease>`, `node:<id>`,
-- `state:<sha256>`, `federation:0197…`.
create table vine_lineage_nodes (
    tenant {uuid} not null,
    key text not null,
    kind text not null,
    label text not null,
    -- The digest of an artifact's bytes, by which rounds name what they begin from.
    digest text,
    -- The federation that an artifact was made in.
    federation text,
    attributes {json} not null,
    at bigint not null,
    -- The event that first told of it: a later thing cannot have made an earlier one.
    sequence bigint not null,
    primary key (tenant, key)
);
create index vine_lineage_nodes_by_digest on vine_lineage_nodes (tenant, digest, sequence);

-- Source was made from, or with, target.
create table vine_lineage_edges (
    tenant {uuid} not null,
    source text not null,
    relation text not null,
    target text not null,
    primary key (tenant, source, relation, target)
);
