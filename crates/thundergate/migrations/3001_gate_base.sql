-- Keys to the API. The token itself is nowhere: only its digest.
create table gate_tokens (
    id {uuid} primary key,
    tenant {uuid} not null,
    name text not null,
    role text not null check (role in ('viewer', 'operator', 'admin')),
    sha256 text not null unique,
    created_at bigint not null,
    revoked_at bigint
);
