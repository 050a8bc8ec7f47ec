-- What nodes can do, as Thunderlink tells it.
alter table fl_known_nodes add column capabilities text not null default '{}';

-- Groups of nodes, as Thunderlink tells it.
create table fl_known_groups (
    id {uuid} primary key,
    tenant {uuid} not null,
    name text not null,
    parent {uuid}
);

create table fl_known_members (
    group_id {uuid} not null,
    node bigint not null,
    primary key (group_id, node)
);
create index fl_known_members_by_node on fl_known_members (node);

-- The few leases that are not over, among all that ever were.
create index fl_leases_open on fl_leases (node) where state in ('issued', 'claimed');
