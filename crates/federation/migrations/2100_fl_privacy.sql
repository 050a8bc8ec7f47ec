-- What may be spent on a data set, and what was. ε counts in units of 1e-9 and δ in units of 1e-18, rounded against the
-- spender: sums of whole numbers are exact.
create table fl_privacy_budgets (
    tenant {uuid} not null,
    -- '*' for all of the tenant's data, 'sha256:…', 'uri:…', or 'nodes:…' where a spec names no data.
    dataset text not null,
    -- Absent: spending is recorded and not limited.
    epsilon_limit bigint,
    delta_limit bigint,
    epsilon_spent bigint not null,
    delta_spent bigint not null,
    updated_at bigint not null,
    primary key (tenant, dataset)
);

-- What a round cost, written when it began: one row for each data set.
create table fl_privacy_spends (
    round {uuid} not null references fl_rounds (id),
    dataset text not null,
    tenant {uuid} not null,
    federation {uuid} not null references fl_federations (id),
    epsilon bigint not null,
    delta bigint not null,
    -- What the federation has spent with this round.
    epsilon_total bigint not null,
    delta_total bigint not null,
    at bigint not null,
    primary key (round, dataset)
);
create index fl_privacy_spends_by_federation on fl_privacy_spends (federation, at);

-- The numbers of a round's release, fixed before any client knows of it.
create table fl_privacy_rounds (
    round {uuid} primary key references fl_rounds (id),
    federation {uuid} not null references fl_federations (id),
    number bigint not null,
    clip_norm double precision not null,
    divisor double precision not null,
    -- The clipping norm of the next round, once this one's model stands.
    next_clip_norm double precision
);
create index fl_privacy_rounds_by_federation on fl_privacy_rounds (federation, number);

-- What noise and sampling are derived from; gone when the federation is over.
create table fl_privacy_keys (
    federation {uuid} primary key references fl_federations (id),
    key_hex text not null
);
