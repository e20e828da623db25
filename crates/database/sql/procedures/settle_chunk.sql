-- settle_chunk: the record step of a range of a chunk's rows, whole or not at all.
-- Seed's procedure: the page loop of the Lambda plus usp_DeviceBulkChange_RevService_UpdateM2MChange.
-- In:      the chunk and the epoch it was claimed with; the range of rows (the whole chunk, or a part of it while a bad
--          row is being looked for); who works.
-- Effect:  in one transaction: the chunk locked where the epoch is ours and the lease still runs; devices and assignments
--          locked in device order; rows that moved since the plan or are another change's left alone (SKIPPED);
--          rows with steps outside begin those (begin_outside_rows) and leave the chunk; the rest recorded (record_rows);
--          counts, the change's status, one audit entry with a digest of the rows.
-- Errors:  ZA001 the lease is lost. Else a row's data (classes 22, 23, ZA010) or an outage.
-- Idempotent: a range without PENDING rows changes nothing; a chunk that this epoch finished answers as finished.
-- Cost per device: 1 row lock on each of m2m_device and device_tenant, 1 update of each (device_tenant 2 with a rate
-- plan), 1 update of the row, 1 history and 1 log insert; about 15 statements per chunk of 1,000.
create function app.settle_chunk(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer,
    p_first_row integer, p_last_row integer, p_worker text)
    returns table (settled integer, ok integer, skipped integer, chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now           timestamptz := app.now();
    v_chunk         app.bulk_change_chunk;
    v_devices       uuid[];
    v_stale_targets integer[];
    v_rows          app.settling_row[];
    v_ok            integer := 0;
    v_all           integer := 0;
    v_begun         integer := 0;
    v_digest        bytea;
begin
    select * into v_chunk from app.bulk_change_chunk c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.chunk_number = p_chunk_number
      and c.epoch = p_epoch and (c.state = 'DONE' or (c.state = 'RUNNING' and c.lease_until > v_now))
    for update;
    if not found then
        raise exception 'the lease of chunk % is lost', p_chunk_number using errcode = 'ZA001';
    end if;
    if v_chunk.state = 'DONE' then
        return query select 0, 0, 0, f.chunk_done, f.change_status, f.to_do
            from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, 0, 0, 0, 0, 0) as f;
        return;
    end if;
    if v_chunk.is_cancelled then
        return query select * from app.cancel_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, p_epoch, p_first_row, p_last_row, p_worker);
        return;
    end if;

    select array_agg(c.device_id order by c.device_id) into v_devices from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
      and c.row_number between p_first_row and p_last_row and c.status = 'PENDING';

    if v_devices is not null then
        -- Locks, in device order: first the device, then its assignment. (An agent sees no m2m_device here, and locks none.)
        perform from app.m2m_device d
            where d.tenant_id = p_tenant_id and d.id = any (v_devices) order by d.id for no key update;
        perform from app.device_tenant dt
            where dt.tenant_id = p_tenant_id and dt.device_id = any (v_devices) order by dt.device_id for no key update;

        -- What the plan was judged on, has any of it moved? Once per target, not once per row.
        select coalesce(array_agg(t.target_number), '{}') into v_stale_targets
        from app.bulk_change_target t
        left join app.site s on s.tenant_id = t.tenant_id and s.id = t.site_id
        left join app.rev_customer r on r.tenant_id = t.tenant_id and r.id = t.rev_customer_id
        left join app.customer_rate_plan p on p.tenant_id = t.tenant_id and p.id = t.customer_rate_plan_id
        left join app.customer_rate_pool o on o.tenant_id = t.tenant_id and o.id = t.customer_rate_pool_id
        where t.tenant_id = p_tenant_id and t.bulk_change_id = p_bulk_change_id
          and (s.version, r.version, p.version, o.version) is distinct from
              (t.site_version, t.rev_customer_version, t.customer_rate_plan_version, t.customer_rate_pool_version);

        select array_agg((w.row_number, w.device_id, w.owner_tenant_id, w.reason, w.site_id, w.is_rev, w.plan_id, w.pool_id,
                          w.allocation_mb, w.restores, w.effective_date, w.due_at, w.waits, w.was_scheduled, w.steps)::app.settling_row order by w.device_id)
        into v_rows
        from (
            select c.row_number, c.device_id, coalesce(dt.device_owner_tenant_id, p_tenant_id) as owner_tenant_id,
                case
                    when l.device_id is not null then 'LOCKED_BY_OTHER_CHANGE'
                    when c.target_number = any (v_stale_targets) then 'STALE_SINCE_PLAN'
                    when coalesce(dt.version + dt.link_version, 0) <> c.device_tenant_version then 'STALE_SINCE_PLAN'
                    -- An agent reads its partner's device here, and neither locks nor writes it.
                    when d.version is distinct from c.device_version then 'STALE_SINCE_PLAN'
                end as reason,
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
            -- CASE and not coalesce, which the planner takes for leaky: under row level security it would not use the index.
            left join app.m2m_device d on d.id = c.device_id
                and d.tenant_id = case when dt.device_owner_tenant_id is null then c.tenant_id else dt.device_owner_tenant_id end
            left join app.locked_devices(p_bulk_change_id, v_devices) as l (device_id) on l.device_id = c.device_id
            where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
              and c.row_number between p_first_row and p_last_row and c.status = 'PENDING') as w;
        -- What is to happen outside first leaves the chunk; what is locked by another change is left alone.
        if exists (select from unnest(v_rows) as w where w.reason is null and w.steps is not null) then
            select count(*) into v_begun from unnest(v_rows);
            v_rows := app.begin_outside_rows(p_tenant_id, p_bulk_change_id, v_rows);
            v_begun := v_begun - coalesce(cardinality(v_rows), 0);
        end if;
        select count(*) filter (where w.reason is null), count(*) into v_ok, v_all from unnest(v_rows) as w;
        v_digest := app.record_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, v_rows);
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        values (p_tenant_id, v_now, p_worker, 'chunk_settled', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('first_row', p_first_row, 'last_row', p_last_row, 'epoch', p_epoch, 'ok', v_ok, 'skipped', v_all - v_ok)
                || case when v_begun > 0 then jsonb_build_object('begun', v_begun) else '{}' end, v_digest);
    end if;

    return query select v_all, v_ok, v_all - v_ok, f.chunk_done, f.change_status, f.to_do
        from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, v_ok, 0, v_all - v_ok, 0, v_all) as f;
end
$$;
grant execute on function app.settle_chunk(uuid, uuid, integer, integer, integer, integer, text) to ascribe_worker;
