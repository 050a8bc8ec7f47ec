-- Digest of what the strategy's optimiser keeps from round to round, recorded with the model of the same round; absent
-- where the strategy keeps nothing.
alter table fl_rounds add column state_out text;
