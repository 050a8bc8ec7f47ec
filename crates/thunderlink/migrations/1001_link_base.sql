-- Every node that ever introduced itself.
create table link_nodes (
    -- The id on the wire: derived from the public key, so it is the same after a restart of either side.
    node bigint primary key,
    tenant {uuid} not null,
    name text not null,
    kind text not null check (kind in ('flower', 'runner')),
    -- The public key as PEM.
    public_key text not null,
    tags text not null,
    capacity text not null,
    version text not null,
    state text not null check (state in ('offline', 'online', 'unregistered')),
    -- Why it is not online.
    reason text,
    heartbeat_seconds bigint not null,
    registered_at bigint not null,
    changed_at bigint not null
);
create index link_nodes_by_tenant on link_nodes (tenant, registered_at);
