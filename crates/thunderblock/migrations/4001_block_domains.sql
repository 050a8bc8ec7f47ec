-- Where each domain of each process is now.
create table block_active_domains (
    node text not null,
    domain text not null,
    state text not null check (state in ('waiting', 'active', 'degraded', 'crashed', 'restarting', 'inactive')),
    reason text not null,
    tick bigint not null,
    since bigint not null,
    primary key (node, domain)
);

-- Where each was before. Rows are only ever added; retention removes old ones.
create table block_domain_transitions (
    id {uuid} primary key,
    node text not null,
    domain text not null,
    from_state text not null,
    to_state text not null,
    reason text not null,
    tick bigint not null,
    at bigint not null,
    -- What a repeated report is known by.
    unique (node, domain, to_state, at)
);
create index block_domain_transitions_at on block_domain_transitions (at, id);

-- What operators want of domains.
create table block_domain_orders (
    number {autoid},
    domain text not null,
    wish text not null check (wish in ('activate', 'deactivate', 'kill')),
    given_by text not null,
    reason text,
    at bigint not null
);
