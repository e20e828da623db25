-- settle_outside_rows: rows of which everything outside has happened: their assignment is recorded.
-- Seed's procedures: usp_DeviceBulkChange_RevService_UpdateM2MChange and what the Lambda called before it.
-- In:      the claim; rows; products that packages brought (see mirror_intents); when what was ever unknown is looked at again.
-- Effect:  in one transaction: the rows held, devices and assignments locked in device order, receipts mirrored, the rows recorded
--          (record_rows), devices unlocked, due work ended or put off to its first sweep, counts, one audit entry with a digest.
--          It compares no version: the device has been locked since it was checked. Rows that are not this claim's are passed over.
-- Errors:  a row's data (classes 22, 23, ZA010), or an outage. Idempotent.
-- Cost per device: that of record_rows, of mirror_intents, 1 lock deleted, 1 due work deleted.
create function app.settle_outside_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_products jsonb,
    p_first_sweep interval, p_worker text) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now     timestamptz := app.now();
    v_held    integer[];
    v_devices uuid[];
    v_rows    app.settling_row[];
    v_chunk   record;
    v_digests bytea[] := '{}';
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    select array_agg(c.row_number), array_agg(c.device_id) into v_held, v_devices from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held) and c.status in ('PROCESSING', 'WAITING_CARRIER');
    if v_held is null then
        return 0;
    end if;
    perform from app.m2m_device d
        where d.tenant_id = p_tenant_id and d.id = any (v_devices) order by d.id for no key update;
    perform from app.device_tenant dt
        where dt.tenant_id = p_tenant_id and dt.device_id = any (v_devices) order by dt.device_id for no key update;
    perform app.mirror_intents(p_tenant_id, p_bulk_change_id, v_held, p_products);
    -- Rows of several chunks at most when a claim lies across a border.
    for v_chunk in
        select k.chunk_number, k.first_row, k.last_row from app.bulk_change_chunk k
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
          and exists (select from unnest(v_held) as h where h between k.first_row and k.last_row) order by k.chunk_number
    loop
        select array_agg((w.row_number, w.device_id, w.owner_tenant_id, null, w.site_id, w.is_rev, w.plan_id, w.pool_id,
                          w.allocation_mb, w.restores, w.effective_date, w.due_at, w.waits, w.was_scheduled, w.steps)::app.settling_row order by w.device_id)
        into v_rows
        from (
            select c.row_number, c.device_id, coalesce(dt.device_owner_tenant_id, p_tenant_id) as owner_tenant_id,
                t.site_id, t.rev_customer_id is not null as is_rev,
                t.customer_rate_plan_id as plan_id, t.customer_rate_pool_id as pool_id,
                t.customer_data_allocation_mb as allocation_mb, t.restores, c.effective_date, t.effective_at as due_at,
                coalesce(t.effective_at > v_now, false)
                    and num_nonnulls(t.customer_rate_plan_id, t.customer_rate_pool_id, t.customer_data_allocation_mb) > 0 as waits,
                dt.scheduled_change_id is not null as was_scheduled, c.steps
            from app.m2m_device_change c
            join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id
                and t.target_number = c.target_number
            left join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
            where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
              and c.row_number = any (v_held) and c.row_number between v_chunk.first_row and v_chunk.last_row) as w;
        v_digests := v_digests || app.record_rows(p_tenant_id, p_bulk_change_id, v_chunk.chunk_number, v_rows);
    end loop;
    perform app.leave_outside(p_tenant_id, p_bulk_change_id, v_held, v_devices, p_first_sweep);
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
    values (p_tenant_id, v_now, p_worker, 'rows_settled', p_bulk_change_id,
        jsonb_build_object('rows', cardinality(v_held), 'claim', p_claim), sha256(convert_to(array_to_string(v_digests, ':'), 'UTF8')));
    perform app.count_ended_rows(p_tenant_id, p_bulk_change_id, cardinality(v_held), 0, 0, 0, 0);
    return cardinality(v_held);
end
$$;
grant execute on function app.settle_outside_rows(uuid, uuid, uuid, integer[], jsonb, interval, text) to ascribe_worker;

-- leave_outside: rows that are over give their devices back. What was ever unknown of them is looked at again later, without
-- holding the device: what makes something, and of rows that were not done what ends or changes something and was not there.
create function app.leave_outside(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_devices uuid[], p_first_sweep interval)
    returns void
    language sql set search_path = app, pg_temp
    as $$
    select app.unlock_devices(p_tenant_id, p_bulk_change_id, p_devices);
    update app.due_work w set sweeps = 0, due_at = app.now() + p_first_sweep, claim = null, lease_until = null, resolution = null,
        account = i.account
    from (select distinct on (i.row_number) i.row_number, i.account from app.provider_intent i
          where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
            and (i.was_unknown or i.outcome in ('OPEN', 'UNKNOWN'))
            and (i.call in ('create_service', 'create_service_product') or i.direction = 'apply' and i.outcome <> 'DONE' and exists (
                select from app.m2m_device_change c where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
                    and c.row_number = i.row_number and c.status <> 'PROCESSED'))
          order by i.row_number, i.began_at) as i
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = i.row_number;
    delete from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows) and w.sweeps is null;
$$;
grant execute on function app.leave_outside(uuid, uuid, integer[], uuid[], interval) to ascribe_worker;

-- end_outside_rows: rows that end otherwise than done: FAILED (nothing of them remains outside), CANCELLED (nothing was begun), or
-- SKIPPED (nothing was sent, and it is not as it was planned on any more), or NEEDS_ATTENTION (nobody knows, or something cannot be taken back: the device stays locked until a person has decided).
-- In:      the claim; per row its status, reason and words for a person.
-- Effect:  in one transaction: rows, log, receipts mirrored and links of their devices, locks, due work, counts, one audit entry.
-- Cost per row: 1 update, 1 log insert, 1 lock and 1 due work deleted.
create function app.end_outside_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_statuses text[],
    p_reasons text[], p_details text[], p_first_sweep interval, p_worker text) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now       timestamptz := app.now();
    v_held      integer[];
    v_over      integer[];
    v_devices   uuid[];
    v_failed    integer;
    v_skipped   integer;
    v_cancelled integer;
    v_attention integer;
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    with ended as (
        update app.m2m_device_change c
        set status = u.status, reason = u.reason, status_details = u.details, attempts = c.attempts + 1,
            processed_date = case when u.status <> 'NEEDS_ATTENTION' then v_now end
        from unnest(p_rows, p_statuses, p_reasons, p_details) as u (row_number, status, reason, details)
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = u.row_number and c.status in ('PROCESSING', 'WAITING_CARRIER')
          and c.row_number = any (v_held)
        returning c.row_number, c.device_id, c.status, c.reason, c.attempts, c.status_details
    ), logged as (
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        select p_tenant_id, p_bulk_change_id, e.row_number, e.attempts, 'record_assignment', e.status, concat_ws(': ', e.reason, e.status_details), v_now from ended e
    ), noted as (
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
        select p_tenant_id, v_now, p_worker, 'rows_ended', p_bulk_change_id, jsonb_build_object('rows', count(*), 'claim', p_claim),
            sha256(convert_to(string_agg(concat_ws(':', e.row_number, e.device_id, e.status, e.reason), E'\n' order by e.row_number), 'UTF8'))
        from ended e having count(*) > 0
    )
    select array_agg(e.row_number) filter (where e.status <> 'NEEDS_ATTENTION'), array_agg(e.device_id) filter (where e.status <> 'NEEDS_ATTENTION'),
        array_agg(e.row_number), count(*) filter (where e.status = 'FAILED'), count(*) filter (where e.status = 'SKIPPED'),
        count(*) filter (where e.status = 'CANCELLED'),
        count(*) filter (where e.status = 'NEEDS_ATTENTION')
    into v_over, v_devices, v_held, v_failed, v_skipped, v_cancelled, v_attention from ended e;
    if v_held is null then
        return 0;
    end if;
    if exists (select from app.provider_intent i where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id
               and i.row_number = any (v_held) and i.outcome = 'DONE') then
        perform app.mirror_intents(p_tenant_id, p_bulk_change_id, v_held, '[]');
        perform app.usp_update_device_rev_service_links(p_tenant_id, array_agg(c.device_id)) from app.m2m_device_change c
            where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held);
    end if;
    if v_over is not null then
        perform app.leave_outside(p_tenant_id, p_bulk_change_id, v_over, v_devices, p_first_sweep);
    end if;
    update app.due_work w set due_at = 'infinity', claim = null, lease_until = null, resolution = null
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_held) and w.claim = p_claim;
    perform app.count_ended_rows(p_tenant_id, p_bulk_change_id, 0, v_failed, v_skipped, v_cancelled, v_attention);
    return cardinality(v_held);
end
$$;
grant execute on function app.end_outside_rows(uuid, uuid, uuid, integer[], text[], text[], text[], interval, text) to ascribe_worker;

-- reopen_for_attention: a row had ended, and later something of it was found at the provider that cannot be ended from here: a
-- person has to look. The only way back from an end; its device is locked again if nobody else has it.
-- Effect:  the row NEEDS_ATTENTION with a reason and words; counts and the change's status, log, one audit entry. Answers how many.
create function app.reopen_for_attention(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_reasons text[],
    p_details text[], p_worker text) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now    timestamptz := app.now();
    v_held   integer[];
    v_ok     integer;
    v_failed integer;
    v_count  integer;
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    select count(*) filter (where c.status = 'PROCESSED'), count(*) filter (where c.status = 'FAILED'), count(*)
    into v_ok, v_failed, v_count from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held) and c.status in ('PROCESSED', 'FAILED');
    perform app.lock_devices(p_tenant_id, p_bulk_change_id, array_agg(c.device_id order by c.device_id), array_agg(c.row_number order by c.device_id))
    from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held) and c.status in ('PROCESSED', 'FAILED')
    having count(*) > 0;
    update app.m2m_device_change c set status = 'NEEDS_ATTENTION', reason = u.reason, status_details = u.details
    from unnest(p_rows, p_reasons, p_details) as u (row_number, reason, details)
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = u.row_number and c.row_number = any (v_held)
      and c.status in ('PROCESSED', 'FAILED');
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, u.row_number, 0, 'sweep', 'NEEDS_ATTENTION', concat_ws(': ', u.reason, u.details), v_now
    from unnest(p_rows, p_reasons, p_details) as u (row_number, reason, details) where u.row_number = any (v_held);
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, v_now, p_worker, 'rows_reopened', p_bulk_change_id, jsonb_build_object('rows', v_held));
    update app.bulk_change_counter k
    set ok = k.ok - v_ok, failed = k.failed - v_failed, needs_attention = k.needs_attention + v_count
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id;
    update app.due_work w set due_at = 'infinity', claim = null, lease_until = null
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_held);
    return v_count;
end
$$;
grant execute on function app.reopen_for_attention(uuid, uuid, uuid, integer[], text[], text[], text) to ascribe_worker;
