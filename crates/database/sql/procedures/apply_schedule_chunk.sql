-- apply_schedule_chunk: plan, pool and allocation whose effective date has come, for a range of a chunk's rows.
-- Seed's procedure: the job that drained Device_CustomerRatePlanOrRatePool_Queue (not public).
-- In:      the chunk, the date, the range of rows (the whole, or a part while a bad row is looked for); who works.
-- Effect:  in one transaction, assignments locked in device order: rows whose assignment is still what the change left are
--          APPLIED by the seed's procedure; those whose assignment has moved on are SUPERSEDED; a plan or pool that is not
--          offered any more, or an archived device, is FAILED with its reason; a cancelled chunk's rows are CANCELLED.
--          History, log, one audit entry with a digest; the chunk is done when none of its rows of that date is pending.
-- Errors:  a row's data (classes 22, 23), or an outage.
-- Idempotent: rows that ended are not pending any more.
-- Cost per device: 1 row lock, 2 updates of device_tenant, 1 update of the schedule, 1 history and 1 log insert.
create function app.apply_schedule_chunk(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_effective_date date,
    p_first_row integer, p_last_row integer, p_worker text)
    returns table (applied integer, superseded integer, cancelled integer, failed integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now       timestamptz := app.now();
    v_cancelled boolean;
    v_rows      app.due_row[];
    v_locked    uuid[];
begin
    select k.is_cancelled into v_cancelled from app.schedule_chunk k
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.effective_date = p_effective_date and not k.is_done
    for update;
    if not found then
        return query select 0, 0, 0, 0;
        return;
    end if;
    perform from app.device_tenant dt
    where dt.tenant_id = p_tenant_id and dt.device_id in (
        select s.device_id from app.device_change_schedule s
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.effective_date = p_effective_date
          and s.row_number between p_first_row and p_last_row and s.status = 'PENDING')
    order by dt.device_id for update;

    select coalesce(array_agg(l), '{}') into v_locked from app.locked_devices(p_bulk_change_id, array(
        select s.device_id from app.device_change_schedule s
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.effective_date = p_effective_date
          and s.row_number between p_first_row and p_last_row and s.status = 'PENDING')) as l;

    select array_agg((w.row_number, w.device_id, w.status, w.reason, w.plan_id, w.pool_id, w.allocation_mb, w.is_ours)::app.due_row
                     order by w.device_id)
    into v_rows
    from (
        select s.row_number, s.device_id, s.customer_rate_plan_id as plan_id, s.customer_rate_pool_id as pool_id,
            s.customer_data_allocation_mb as allocation_mb, dt.scheduled_change_id = p_bulk_change_id as is_ours,
            case when dt.version <> s.device_tenant_version then 'SUPERSEDED'
                 when v_cancelled then 'CANCELLED'
                 when d.is_archived or not coalesce(p.is_active, true) or not coalesce(o.is_active, true) then 'FAILED'
                 else 'APPLIED' end as status,
            case when dt.version <> s.device_tenant_version or v_cancelled then null
                 when d.is_archived then 'DEVICE_ARCHIVED'
                 when not coalesce(p.is_active, true) then 'PLAN_NOT_FOUND'
                 when not coalesce(o.is_active, true) then 'POOL_NOT_FOUND' end as reason
        from app.device_change_schedule s
        join app.device_tenant dt on dt.tenant_id = s.tenant_id and dt.device_id = s.device_id
        left join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
        left join app.customer_rate_plan p on p.tenant_id = s.tenant_id and p.id = s.customer_rate_plan_id
        left join app.customer_rate_pool o on o.tenant_id = s.tenant_id and o.id = s.customer_rate_pool_id
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.effective_date = p_effective_date
          and s.row_number between p_first_row and p_last_row and s.status = 'PENDING'
          -- A device that another change is at work on is left until that is over: then it is superseded, or its turn comes.
          and not (s.device_id = any (v_locked))) as w;

    if v_rows is not null then
        update app.device_tenant dt set scheduled_change_id = null, modified_at = v_now
        from unnest(v_rows) as w
        where w.is_ours and dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
        perform app.usp_device_bulk_change_customer_rate_plan_change_update(p_tenant_id, array_agg(w.device_id), array_agg(w.plan_id),
                array_agg(w.pool_id), array_agg(w.allocation_mb))
            from unnest(v_rows) as w where w.status = 'APPLIED' having count(*) > 0;
        -- Whatever of this moved the assignment's version is in its history: an undo compares the two. What somebody else has
        -- moved since is not ours to claim.
        insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
            account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
            customer_data_allocation_mb, by_schedule, effective_date)
        select dt.tenant_id, dt.device_id, v_now, p_bulk_change_id, w.row_number, dt.version, dt.site_id,
            dt.account_number, dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id,
            dt.customer_data_allocation_mb, true, p_effective_date
        from unnest(v_rows) as w
        join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = w.device_id
        where w.is_ours and w.status <> 'SUPERSEDED';
        update app.device_change_schedule s set status = w.status, reason = w.reason, ended_at = v_now
        from unnest(v_rows) as w
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.row_number = w.row_number;
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        select p_tenant_id, p_bulk_change_id, w.row_number, 1, 'apply_schedule', w.status, w.reason, v_now from unnest(v_rows) as w;
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        select p_tenant_id, v_now, p_worker, 'schedule_applied', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('effective_date', p_effective_date, 'applied', count(*) filter (where w.status = 'APPLIED'),
                'rows', count(*)),
            sha256(convert_to(string_agg(concat_ws(':', w.row_number, w.device_id, w.status, w.reason), E'\n' order by w.row_number), 'UTF8'))
        from unnest(v_rows) as w;
    end if;
    update app.schedule_chunk k set is_done = true
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.effective_date = p_effective_date
      and not exists (select from app.device_change_schedule s where s.tenant_id = k.tenant_id and s.bulk_change_id = k.bulk_change_id
          and s.effective_date = k.effective_date and s.row_number between k.first_row and k.last_row and s.status = 'PENDING');
    return query select count(*) filter (where w.status = 'APPLIED')::integer, count(*) filter (where w.status = 'SUPERSEDED')::integer,
        count(*) filter (where w.status = 'CANCELLED')::integer, count(*) filter (where w.status = 'FAILED')::integer
        from unnest(v_rows) as w;
end
$$;
grant execute on function app.apply_schedule_chunk(uuid, uuid, integer, date, integer, integer, text) to ascribe_worker;
