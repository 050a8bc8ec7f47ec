-- What a consumer of the outbox says about itself: listings show it, and events that it has not seen are not removed.
alter table tl_cursors add column pipeline text not null default '';   -- realtime, cross_domain, general
alter table tl_cursors add column names text not null default '';      -- of events, separated by commas; empty: all
alter table tl_cursors add column registered_at bigint not null default 0;
create index tl_outbox_at on tl_outbox (at);
