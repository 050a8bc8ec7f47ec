-- How long what is kept; where there is no rule, the resource's own default counts.
create table block_retention (
    resource text not null,
    -- 'global', or a tenant's id.
    scope text not null,
    keep_seconds bigint,
    keep_newest bigint,
    archive bigint not null,
    grace_seconds bigint not null,
    set_by text not null,
    set_at bigint not null,
    primary key (resource, scope)
);
