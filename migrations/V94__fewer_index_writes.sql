-- What changes often writes into fewer indexes.

-- Most jobs have no such key, and had an entry each, written anew with every change of state.
DROP INDEX jobs_dedupe;
CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe_key)
    WHERE dedupe_key IS NOT NULL AND state NOT IN ('failed', 'cancelled', 'rejected', 'shed');

-- Every heartbeat renews leases. Without an index on what it changes, a new version stays on its page and needs no entry
-- anywhere; and of leases there are only as many as jobs run, so that looking through all of them costs less.
DROP INDEX leases_expiry;
ALTER TABLE leases SET (fillfactor = 50);
