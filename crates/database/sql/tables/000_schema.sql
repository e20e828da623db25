-- The schema, the one clock and the one question every policy asks: whose transaction is this?
create schema app;
revoke all on schema app from public;
grant usage on schema app to ascribe_web, ascribe_worker, ascribe_dispatcher, ascribe_auditor;

-- The only clock of the ledger. STABLE over clock_timestamp(), so that "due before now" still uses an index
-- (VOLATILE loses the index condition), plus an offset that only tests set (app.clock_offset, an interval).
create function app.now() returns timestamptz
    language sql stable parallel safe
    return clock_timestamp() + coalesce(nullif(current_setting('app.clock_offset', true), '')::interval, interval '0');

-- The tenant of this transaction, set with set_config('app.tenant', …, true). Unset: null, and every policy says no.
create function app.current_tenant() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.tenant', true), '')::uuid;

-- A row's version moves when a column moves that the plan's verdict reads: the trigger's WHEN says which.
create function app.move_version() returns trigger
    language plpgsql
    as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

grant execute on all functions in schema app to ascribe_web, ascribe_worker, ascribe_dispatcher, ascribe_auditor;
