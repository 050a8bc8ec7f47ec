-- Where clients are not asked in rounds, a node may have several leases of one round, one after another. SQLite cannot drop the
-- constraint that forbade it, so the table is made anew; the one that points to it steps aside meanwhile.
create table fl_updates_kept as select lease, round, layout from fl_updates;
drop table fl_updates;

create table fl_leases_new (
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
    -- All absent where clients are asked in rounds. Of how many rounds the model is that the lease was issued on.
    version bigint,
    -- The round in which it ended: for an update, the one whose buffer took it; absent while it waits for the next buffer.
    ended_in {uuid} references fl_rounds (id),
    -- By how many versions the buffer's model was newer than the lease's.
    staleness bigint,
    -- The how-many-th update of its federation that was accepted.
    arrival bigint
);
insert into fl_leases_new (id, tenant, federation, round, node, ordinal, purpose, state, reason, message, deliveries, announced,
    report, issued_at, expires_at, claimed_at, ended_at)
select id, tenant, federation, round, node, ordinal, purpose, state, reason, message, deliveries, announced,
    report, issued_at, expires_at, claimed_at, ended_at
from fl_leases;
drop table fl_leases;
alter table fl_leases_new rename to fl_leases;
create index fl_leases_by_node on fl_leases (node, state);
create index fl_leases_by_round on fl_leases (round, ordinal);
create index fl_leases_by_message on fl_leases (message);
create index fl_leases_open on fl_leases (node) where state in ('issued', 'claimed');
create index fl_leases_by_end on fl_leases (ended_in);
create index fl_leases_of_federation on fl_leases (federation) where state in ('issued', 'claimed');
create index fl_leases_waiting on fl_leases (federation, arrival) where arrival is not null and ended_in is null;
create index fl_leases_by_arrival on fl_leases (federation, arrival) where arrival is not null;
create index fl_leases_by_version on fl_leases (federation, version) where version is not null;

create table fl_updates (
    lease {uuid} primary key references fl_leases (id),
    round {uuid} not null references fl_rounds (id),
    layout text not null
);
create index fl_updates_by_round on fl_updates (round);
insert into fl_updates (lease, round, layout) select lease, round, layout from fl_updates_kept;
drop table fl_updates_kept;
