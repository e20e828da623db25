-- claim_chunk: the next chunk that is due, leased to the caller, with an epoch of its own.
-- Seed's procedure: the SQS message that Lambda received. Runs as the dispatcher, over all tenants, on ids only.
-- A chunk whose lease ran out (somebody died with it, or it takes too long) is given back first: at once the first time, then
-- after two seconds, four, … so that a chunk that cannot be settled does not keep the others. Then it goes round: the tenant that was served least
-- recently, of its changes the one served least recently, of that one the first chunk. So a change of ten rows starts after
-- at most one chunk of each other tenant and change, whatever their size. SKIP LOCKED: two callers never wait for each other.
-- Answers no row when nothing is due. Cost: 3 updates per chunk of about 1,000 devices, and one index look-up for each
-- change that is under way and has nothing due (paused, scheduled) before the one that has.
create function app.claim_chunk(p_lease interval)
    returns table (tenant_id uuid, bulk_change_id uuid, chunk_number integer, first_row integer, last_row integer,
        epoch integer, lease_until timestamptz)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_tenant uuid;
    v_change uuid;
    v_chunk  integer;
begin
    with lost as (
        select c.tenant_id, c.bulk_change_id, c.chunk_number from app.bulk_change_chunk c
        where c.state = 'RUNNING' and not c.is_paused and c.lease_until <= app.now()
        order by c.lease_until limit 10
        for update skip locked)
    update app.bulk_change_chunk c
    set state = 'READY', lease_until = null, releases = least(c.releases + 1, 1000),
        start_at = app.now() + case when c.releases = 0 then interval '0'
            else least(make_interval(secs => 2 ^ least(c.releases, 9)), interval '5 minutes') end
    from lost
    where c.tenant_id = lost.tenant_id and c.bulk_change_id = lost.bulk_change_id and c.chunk_number = lost.chunk_number;
    for v_tenant, v_change in
        select t.tenant_id, b.bulk_change_id from app.tenant_turn t join app.bulk_change_turn b on b.tenant_id = t.tenant_id
        order by t.served_at, t.tenant_id, b.served_at, b.bulk_change_id
    loop
        select c.chunk_number into v_chunk from app.bulk_change_chunk c
        where c.tenant_id = v_tenant and c.bulk_change_id = v_change
          and c.state = 'READY' and not c.is_paused and c.start_at <= app.now()
        order by c.chunk_number limit 1
        for update skip locked;
        exit when found;
    end loop;
    if v_chunk is null then
        return;
    end if;
    update app.tenant_turn t set served_at = app.now() where t.tenant_id = v_tenant;
    update app.bulk_change_turn b set served_at = app.now() where b.tenant_id = v_tenant and b.bulk_change_id = v_change;
    return query
        update app.bulk_change_chunk c
        set state = 'RUNNING', epoch = c.epoch + 1, lease_until = app.now() + p_lease
        where c.tenant_id = v_tenant and c.bulk_change_id = v_change and c.chunk_number = v_chunk
        returning c.tenant_id, c.bulk_change_id, c.chunk_number, c.first_row, c.last_row, c.epoch, c.lease_until;
end
$$;

-- extend_chunk_lease: more time for who still holds it. Answers the new end; no row: the lease is lost, stop.
create function app.extend_chunk_lease(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer, p_lease interval)
    returns timestamptz
    language sql set search_path = app, pg_temp
    as $$
    update app.bulk_change_chunk set lease_until = app.now() + p_lease
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and chunk_number = p_chunk_number
      and state = 'RUNNING' and epoch = p_epoch and lease_until > app.now()
    returning lease_until
$$;

-- release_chunk: handed back unfinished, so that nobody waits for the lease to run out. It is due again after one second,
-- then two, four, … up to five minutes: a chunk that cannot be settled must not keep the others from being claimed.
create function app.release_chunk(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer) returns boolean
    language plpgsql set search_path = app, pg_temp
    as $$
begin
    update app.bulk_change_chunk
    set state = 'READY', lease_until = null, releases = least(releases + 1, 1000),
        start_at = app.now() + least(make_interval(secs => 2 ^ least(releases, 9)), interval '5 minutes')
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and chunk_number = p_chunk_number
      and state = 'RUNNING' and epoch = p_epoch;
    return found;
end
$$;
grant execute on function app.claim_chunk(interval) to ascribe_dispatcher;
grant execute on function app.extend_chunk_lease(uuid, uuid, integer, integer, interval) to ascribe_dispatcher;
grant execute on function app.release_chunk(uuid, uuid, integer, integer) to ascribe_dispatcher;
