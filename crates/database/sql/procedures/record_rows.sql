-- record_rows: the record step of rows that are locked and checked: the assignment itself and all that is written of it. Called
-- under the rows' locks by settle_chunk and settle_outside_rows; never by anybody else.
-- Seed's procedure: the page loop of the Lambda plus usp_DeviceBulkChange_RevService_UpdateM2MChange.
-- In:      the rows; those with a reason are left alone and end SKIPPED.
-- Effect:  assigned by the seed's procedures, plan, pool and allocation put on the schedule where their date is still to come,
--          what was scheduled before superseded; links, history, row, log. Answers a digest of the rows.
-- Cost per device: 1 update of m2m_device and device_tenant (2 with a rate plan), 1 of the row, 1 history and 1 log insert.
create function app.record_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_rows app.settling_row[])
    returns bytea
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now     timestamptz := app.now();
    v_ok      integer;
    v_touched integer;
    v_digest  bytea;
begin
    select count(*) filter (where w.reason is null) into v_ok from unnest(p_rows) as w;
    -- The assignment itself, by the seed's procedures; each only for the rows that are its own.
    perform app.usp_assign_customer_update_site(p_tenant_id, array_agg(w.device_id), array_agg(w.owner_tenant_id), array_agg(w.site_id))
        from unnest(p_rows) as w where w.reason is null and w.is_rev having count(*) > 0;
    perform app.usp_device_bulk_change_assign_non_rev_customer(p_tenant_id, array_agg(w.device_id), array_agg(w.owner_tenant_id), array_agg(w.site_id))
        from unnest(p_rows) as w where w.reason is null and not w.is_rev having count(*) > 0;
    perform app.usp_device_bulk_change_customer_rate_plan_change_update(p_tenant_id, array_agg(w.device_id), array_agg(w.plan_id),
            array_agg(w.pool_id), array_agg(w.allocation_mb))
        from unnest(p_rows) as w
        where w.reason is null and not w.restores and not w.waits and num_nonnulls(w.plan_id, w.pool_id, w.allocation_mb) > 0 having count(*) > 0;
    perform app.restore_assignment(p_tenant_id, array_agg(w.device_id), array_agg(w.plan_id), array_agg(w.pool_id), array_agg(w.allocation_mb))
        from unnest(p_rows) as w where w.reason is null and w.restores having count(*) > 0;

    -- What is billed of them, seen from their new account. Where nothing is mirrored there is nothing to link.
    if exists (select from app.rev_service s where s.tenant_id = p_tenant_id) then
        perform app.usp_update_device_rev_service_links(p_tenant_id, array_agg(w.device_id))
            from unnest(p_rows) as w where w.reason is null having count(*) > 0;
    end if;

    perform app.schedule_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, p_rows);

    insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
        account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
        customer_data_allocation_mb, effective_date)
    select dt.tenant_id, dt.device_id, v_now, p_bulk_change_id, w.row_number, dt.version, dt.site_id,
        dt.account_number, dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id,
        dt.customer_data_allocation_mb, w.effective_date
    from unnest(p_rows) as w
    join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = w.device_id
    where w.reason is null;
    get diagnostics v_touched = row_count;
    if v_touched <> v_ok then
        raise exception '% assignments recorded of %', v_touched, v_ok using errcode = 'ZA008';
    end if;

    update app.m2m_device_change c
    set status = case when w.reason is null then 'PROCESSED' else 'SKIPPED' end, reason = w.reason,
        attempts = c.attempts + 1, processed_date = v_now
    from unnest(p_rows) as w
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = w.row_number;

    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, w.row_number, 1, 'record_assignment',
        case when w.reason is null then 'PROCESSED' else 'SKIPPED' end, w.reason, v_now
    from unnest(p_rows) as w;

    select sha256(convert_to(string_agg(concat_ws(':', w.row_number, w.device_id, coalesce(w.reason, 'PROCESSED')), E'\n' order by w.row_number), 'UTF8'))
    into v_digest from unnest(p_rows) as w;
    return v_digest;
end
$$;
grant execute on function app.record_rows(uuid, uuid, integer, app.settling_row[]) to ascribe_worker;
