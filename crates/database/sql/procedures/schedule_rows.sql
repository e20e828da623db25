-- schedule_rows: what waits for its effective date. Called by settle_chunk under the rows' locks; never by anybody else.
-- Seed's procedure: the insert into Device_CustomerRatePlanOrRatePool_Queue (which kept 100 rows of 2,000; here all of them).
-- In:      the rows of the settle. Those that were left alone are passed over.
-- Effect:  what waited for these devices is superseded by this change, or cancelled if this change undoes the one that put
--          it there; rows whose date is still to come are put on the schedule, with the version the assignment has then;
--          one schedule_chunk per date.
-- Cost per device: none if nothing waited and nothing is to wait; else 1 update of device_tenant, 1 insert and 1 update.
create function app.schedule_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_rows app.settling_row[])
    returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_undo_of uuid;
begin
    if exists (select from unnest(p_rows) as w where w.reason is null and w.was_scheduled) then
        select b.undo_of into v_undo_of from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
        update app.device_change_schedule s
        set status = case when s.bulk_change_id = v_undo_of then 'CANCELLED' else 'SUPERSEDED' end, ended_at = v_now
        from unnest(p_rows) as w
        where s.tenant_id = p_tenant_id and s.device_id = w.device_id and s.status = 'PENDING' and w.reason is null;
    end if;
    update app.device_tenant dt
    set scheduled_change_id = case when w.waits then p_bulk_change_id end, modified_at = v_now
    from unnest(p_rows) as w
    where (w.waits or w.was_scheduled) and w.reason is null and dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    if exists (select from unnest(p_rows) as w where w.waits and w.reason is null) then
        insert into app.device_change_schedule (tenant_id, bulk_change_id, row_number, device_id, effective_date,
            customer_rate_plan_id, customer_rate_pool_id, customer_data_allocation_mb, device_tenant_version, status)
        select p_tenant_id, p_bulk_change_id, w.row_number, w.device_id, w.effective_date, w.plan_id, w.pool_id, w.allocation_mb,
            dt.version, 'PENDING'
        from unnest(p_rows) as w
        join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = w.device_id
        where w.waits and w.reason is null;
        -- A chunk that was halved, or of which a person resolved a row later, comes here more than once; the range is the
        -- whole chunk's.
        insert into app.schedule_chunk (tenant_id, bulk_change_id, chunk_number, effective_date, due_at, first_row, last_row)
        select k.tenant_id, k.bulk_change_id, k.chunk_number, w.effective_date, min(w.due_at), k.first_row, k.last_row
        from unnest(p_rows) as w
        join app.bulk_change_chunk k on k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
        where w.waits and w.reason is null group by k.tenant_id, k.bulk_change_id, k.chunk_number, w.effective_date
        on conflict (tenant_id, bulk_change_id, chunk_number, effective_date) do update
            -- What was cancelled and is not through with it stays cancelled, this row with it.
            set is_done = false, is_cancelled = schedule_chunk.is_cancelled and not schedule_chunk.is_done,
                due_at = case when schedule_chunk.is_cancelled and not schedule_chunk.is_done then schedule_chunk.due_at else excluded.due_at end;
    end if;
end
$$;
grant execute on function app.schedule_rows(uuid, uuid, integer, app.settling_row[]) to ascribe_worker;
