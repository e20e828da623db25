-- resolve_rows: a person closes rows that need attention, with a reason and a comment.
-- Seed's procedure: none (an unknown outcome was called processed).
-- Definer: the web role may not write what the ledger says of a device; this does, for rows that need attention, in the
-- tenant of the transaction.
-- In:      the rows; whether what was asked for has happened outside (processed) or has not (failed); who, why, and more.
-- Effect:  failed: the rows end FAILED. processed: they are pending again, so that a worker records their assignment like
--          any other row's, under the same checks. Locks, counts, the change's status, log, one audit entry.
--          Answers how many rows it closed; rows that do not need attention are left alone.
-- Errors:  ZA002 no such bulk change in this tenant · ZA011 the rest of the chunk is being cancelled: ask again when it is.
-- Cost per row: 1 update, 1 lock deleted, 1 log insert.
create function app.resolve_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_processed boolean,
    p_reason text, p_comment text, p_actor text) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_rows    integer[];
    v_devices uuid[];
    v_counter app.bulk_change_counter;
begin
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and exists (select from unnest(p_rows) as r where r between k.first_row and k.last_row)
        order by k.chunk_number for update;
    if p_processed and exists (select from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.is_cancelled and k.state <> 'DONE' and exists (select from unnest(p_rows) as r where r between k.first_row and k.last_row)) then
        raise exception 'the rest of the chunk is being cancelled' using errcode = 'ZA011';
    end if;
    -- The counter before the change, as finish_rows does.
    perform from app.bulk_change_counter k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id for update;
    perform from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is not null
        and p_tenant_id = app.current_tenant() for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    with closed as (
        update app.m2m_device_change c
        set status = case when p_processed then 'PENDING' else 'FAILED' end,
            reason = case when p_processed then null else coalesce(c.reason, 'CLOSED_BY_USER') end,
            status_details = concat_ws(': ', p_actor, p_reason, nullif(p_comment, '')), processed_date = case when p_processed then null else v_now end
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (p_rows) and c.status = 'NEEDS_ATTENTION'
        returning c.row_number, c.device_id)
    select array_agg(x.row_number order by x.row_number), array_agg(x.device_id) into v_rows, v_devices from closed x;
    if v_rows is null then
        return 0;
    end if;
    perform app.unlock_devices(p_tenant_id, p_bulk_change_id, v_devices);
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, r, 0, 'resolve', case when p_processed then 'RESOLVED' else 'FAILED' end,
        concat_ws(': ', p_reason, nullif(p_comment, '')), v_now
    from unnest(v_rows) as r;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, v_now, p_actor, 'rows_resolved', p_bulk_change_id,
        jsonb_build_object('rows', v_rows, 'processed', p_processed, 'reason', p_reason, 'comment', p_comment));
    update app.bulk_change_counter k
    set needs_attention = k.needs_attention - cardinality(v_rows),
        failed = k.failed + case when p_processed then 0 else cardinality(v_rows) end,
        to_do = k.to_do + case when p_processed then cardinality(v_rows) else 0 end
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
    returning k.* into v_counter;
    if p_processed then
        -- A person's word is stronger than the cancel before it, and a paused change stays paused.
        update app.bulk_change_chunk k set state = 'READY', start_at = v_now, is_cancelled = false,
            is_paused = (select b.status = 'PAUSED' from app.device_bulk_change b where b.tenant_id = k.tenant_id and b.id = k.bulk_change_id)
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.state = 'DONE'
          and exists (select from unnest(v_rows) as r where r between k.first_row and k.last_row);
        insert into app.bulk_change_turn (tenant_id, bulk_change_id, served_at) values (p_tenant_id, p_bulk_change_id, v_now)
        on conflict (tenant_id, bulk_change_id) do nothing;
        update app.device_bulk_change b set status = 'PROCESSING', processed_date = null
        where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.status in ('PROCESSED', 'ERROR', 'CANCELLED');
        perform pg_notify('ascribe_work', '');
    elsif v_counter.to_do = 0 then
        update app.device_bulk_change b
        set status = case when v_counter.ok > 0 then 'PROCESSED' when v_counter.cancelled = v_counter.planned then 'CANCELLED' else 'ERROR' end,
            processed_date = coalesce(b.processed_date, v_now)
        where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
    end if;
    return cardinality(v_rows);
end
$$;
grant execute on function app.resolve_rows(uuid, uuid, integer[], boolean, text, text, text) to ascribe_web;
