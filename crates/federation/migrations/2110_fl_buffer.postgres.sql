-- Where clients are not asked in rounds, a node may have several leases of one round, one after another.
alter table fl_leases drop constraint fl_leases_round_node_purpose_key;

-- All absent where clients are asked in rounds. Of how many rounds the model is that the lease was issued on.
alter table fl_leases add column version bigint;
-- The round in which it ended: for an update, the one whose buffer took it; absent while it waits for the next buffer.
alter table fl_leases add column ended_in {uuid} references fl_rounds (id);
-- By how many versions the buffer's model was newer than the lease's.
alter table fl_leases add column staleness bigint;
-- The how-many-th update of its federation that was accepted.
alter table fl_leases add column arrival bigint;
create index fl_leases_by_end on fl_leases (ended_in);
create index fl_leases_of_federation on fl_leases (federation) where state in ('issued', 'claimed');
create index fl_leases_waiting on fl_leases (federation, arrival) where arrival is not null and ended_in is null;
create index fl_leases_by_arrival on fl_leases (federation, arrival) where arrival is not null;
create index fl_leases_by_version on fl_leases (federation, version) where version is not null;
