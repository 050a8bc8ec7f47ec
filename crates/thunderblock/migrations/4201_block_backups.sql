-- Backups that this installation has made, or tried to.
create table block_backups (
    id {uuid} primary key,
    requested_by text not null,
    -- Where the file is, on the server's machine.
    path text not null,
    state text not null check (state in ('waiting', 'running', 'completed', 'failed')),
    reason text,
    -- Of a completed one: the file's length, the digest of its table of contents, and what it holds.
    size_bytes bigint,
    seal text,
    files bigint,
    damaged bigint,
    outbox bigint,
    requested_at bigint not null,
    finished_at bigint
);
create index block_backups_by_time on block_backups (requested_at);
-- Whether one is under way is asked often, and there is hardly ever one.
create index block_backups_open on block_backups (state) where state in ('waiting', 'running');
