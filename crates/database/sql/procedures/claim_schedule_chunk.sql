-- claim_schedule_chunk: the next schedule rows that are due, lent to the caller for a while.
-- Seed's procedure: the job that drained Device_CustomerRatePlanOrRatePool_Queue (not public).
-- Runs as the dispatcher, over all tenants, on ids only; goes round the tenants like claim_chunk. Being lent is not being
-- fenced: apply_schedule_chunk locks the row, and what is applied is not pending any more, so a second try does nothing twice.
-- Each further try of the same chunk waits longer: its lease doubles, up to 2^6 times.
-- Answers no row when nothing is due. Cost: 2 updates per chunk and date.
create function app.claim_schedule_chunk(p_lease interval)
    returns table (tenant_id uuid, bulk_change_id uuid, chunk_number integer, effective_date date, first_row integer, last_row integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_due app.schedule_chunk;
begin
    select c.* into v_due from app.schedule_chunk c join app.tenant_turn t on t.tenant_id = c.tenant_id
    where not c.is_done and c.due_at <= app.now()
    order by t.served_at, c.due_at, c.bulk_change_id, c.chunk_number limit 1
    for update of c skip locked;
    if not found then
        return;
    end if;
    update app.tenant_turn t set served_at = app.now() where t.tenant_id = v_due.tenant_id;
    return query
        update app.schedule_chunk c
        set due_at = app.now() + p_lease * 2 ^ least(c.releases, 6), releases = least(c.releases + 1, 1000)
        where c.tenant_id = v_due.tenant_id and c.bulk_change_id = v_due.bulk_change_id and c.chunk_number = v_due.chunk_number
          and c.effective_date = v_due.effective_date
        returning c.tenant_id, c.bulk_change_id, c.chunk_number, c.effective_date, c.first_row, c.last_row;
end
$$;
grant execute on function app.claim_schedule_chunk(interval) to ascribe_dispatcher;
