-- How far the secure aggregation of a round is.
create table fl_masked_rounds (
    round {uuid} primary key references fl_rounds (id),
    -- The exchange that is open, or 'done'.
    exchange text not null,
    deadline bigint not null,
    -- How many must say something in it.
    quorum bigint not null
);

-- What clients have said ('up') and what they are told in answer ('down'); the bytes are in the round's area.
create table fl_masked_messages (
    round {uuid} not null references fl_rounds (id),
    exchange text not null,
    way text not null,
    -- The lease, or 'all'.
    party text not null,
    object text not null,
    primary key (round, exchange, way, party)
);
