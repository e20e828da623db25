-- fail_schedule_row: the one row of a schedule that the database would not take, alone at the end of the halving.
-- Seed's procedure: none (a failed scheduled change went unseen there).
-- Effect:  the schedule row FAILED with POISON_ROW; log and audit; the device changes nothing but that it waits no longer.
-- Idempotent: a row that ended changes nothing.
create function app.fail_schedule_row(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_effective_date date, p_row_number integer,
    p_sqlstate text, p_worker text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now    timestamptz := app.now();
    v_device uuid;
    v_ours   integer;
begin
    perform from app.schedule_chunk k
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.effective_date = p_effective_date for update;
    -- The assignment first, then the schedule, as everywhere.
    perform from app.device_tenant dt where dt.tenant_id = p_tenant_id and dt.device_id = (
        select s.device_id from app.device_change_schedule s
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.row_number = p_row_number) for update;
    update app.device_change_schedule s set status = 'FAILED', reason = 'POISON_ROW', ended_at = v_now
    where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.row_number = p_row_number and s.status = 'PENDING'
    returning s.device_id into v_device;
    if v_device is null then
        return;
    end if;
    update app.device_tenant dt set scheduled_change_id = null, modified_at = v_now
    where dt.tenant_id = p_tenant_id and dt.device_id = v_device and dt.scheduled_change_id = p_bulk_change_id;
    get diagnostics v_ours = row_count;
    -- What somebody else has moved since is not ours to claim: an undo compares versions.
    insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
        account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
        customer_data_allocation_mb, by_schedule, effective_date)
    select dt.tenant_id, dt.device_id, v_now, p_bulk_change_id, p_row_number, dt.version, dt.site_id, dt.account_number,
        dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id,
        dt.customer_data_allocation_mb, true, p_effective_date
    from app.device_tenant dt where v_ours > 0 and dt.tenant_id = p_tenant_id and dt.device_id = v_device;
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    values (p_tenant_id, p_bulk_change_id, p_row_number, 1, 'apply_schedule', 'FAILED', 'POISON_ROW ' || p_sqlstate, v_now);
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
    values (p_tenant_id, v_now, p_worker, 'schedule_row_failed', p_bulk_change_id, p_chunk_number,
        jsonb_build_object('row', p_row_number, 'reason', 'POISON_ROW', 'sqlstate', p_sqlstate),
        sha256(convert_to(p_row_number || ':POISON_ROW', 'UTF8')));
end
$$;
grant execute on function app.fail_schedule_row(uuid, uuid, integer, date, integer, text, text) to ascribe_worker;
