-- resolve_rows: a person decides on rows that need attention, with a reason and a comment.
-- Seed's procedure: none (an unknown outcome was called processed).
-- Definer: the web role may not write what the ledger says of a device; this does, for rows that need attention, in the
-- tenant of the transaction.
-- In:      the rows; what was decided; for adopt the provider's id of what was made; who, why, and more.
--          failed      nothing of what was asked for has happened, or it was put right: the row ends FAILED.
--          processed   everything asked for has happened outside: a worker records the assignment like any other row's.
--          look_again  a worker looks at the provider and goes on from what it finds.
--          adopt       a worker looks at the thing of that id, and if it is what the row makes takes it for its receipt.
--          send_again  a worker looks, and only if nothing is there sends once more.
--          take_back   a worker takes back what was done, and the row ends FAILED.
-- Effect:  failed ends the rows; else they are under way again, and nothing is sent before a fresh look. Rows without steps outside
--          take processed and failed only, and rows that had ended before look_again and failed, and processed if they were recorded.
--          Locks, counts, the change's status, log, one audit entry. Answers how many rows it took; others are left alone.
-- Errors:  ZA002 no such bulk change in this tenant · ZA011 the rest of the chunk is being cancelled: ask again when it is.
-- Cost per row: 1 update, 1 lock deleted or 1 update of due_work, 1 log insert.
create function app.resolve_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_outcome text, p_adopt bigint,
    p_reason text, p_comment text, p_actor text) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_rows    integer[];
    v_over    integer[];
    v_devices uuid[];
    v_again   integer[];
    v_pending integer[];
    v_ok      integer;
    v_counter app.bulk_change_counter;
begin
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and exists (select from unnest(p_rows) as r where r between k.first_row and k.last_row)
        order by k.chunk_number for update;
    if p_outcome = 'processed' and exists (select from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.is_cancelled and k.state <> 'DONE' and exists (select from unnest(p_rows) as r where r between k.first_row and k.last_row)) then
        raise exception 'the rest of the chunk is being cancelled' using errcode = 'ZA011';
    end if;
    perform from app.due_work w where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows)
        order by w.row_number for update;
    -- Gates and turns before the counter, as a settle takes them.
    perform app.queue_at_gates(p_tenant_id, p_bulk_change_id, array_agg(w.account)) from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows) and p_outcome <> 'failed'
      and exists (select from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is not null)
    having count(*) > 0;
    -- The counter before the change, as finish_rows does.
    perform from app.bulk_change_counter k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id for update;
    perform from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is not null
        and p_tenant_id = app.current_tenant() for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    with asked as (
        select c.row_number, w.row_number is not null as is_outside, w.sweeps is not null as had_ended,
            exists (select from app.device_tenant_history h where h.tenant_id = c.tenant_id and h.device_id = c.device_id
                and h.bulk_change_id = c.bulk_change_id and h.row_number = c.row_number and not h.by_schedule) as was_recorded
        from app.m2m_device_change c
        left join app.due_work w on w.tenant_id = c.tenant_id and w.bulk_change_id = c.bulk_change_id and w.row_number = c.row_number
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (p_rows) and c.status = 'NEEDS_ATTENTION'
    ), decided as (
        select a.row_number, case
            when p_outcome = 'failed' then 'FAILED'
            when not a.is_outside and p_outcome = 'processed' then 'PENDING'
            when a.had_ended and a.was_recorded and p_outcome in ('processed', 'look_again') then 'PROCESSED'
            when a.had_ended and p_outcome = 'look_again' then 'FAILED'
            when a.is_outside and not a.had_ended and p_outcome in ('processed', 'look_again', 'adopt', 'send_again', 'take_back') then 'PROCESSING'
            end as status
        from asked a
    ), taken as (
        update app.m2m_device_change c
        set status = d.status, reason = case when d.status = 'FAILED' then coalesce(c.reason, 'CLOSED_BY_USER') end,
            status_details = concat_ws(': ', p_actor, p_reason, nullif(p_comment, '')),
            processed_date = case when d.status in ('FAILED', 'PROCESSED') then coalesce(c.processed_date, v_now) end
        from decided d
        where d.status is not null and c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = d.row_number
        returning c.row_number, c.device_id, c.status)
    select array_agg(t.row_number order by t.row_number), array_agg(t.row_number) filter (where t.status <> 'PROCESSING'),
        array_agg(t.device_id) filter (where t.status <> 'PROCESSING'), array_agg(t.row_number) filter (where t.status = 'PROCESSING'),
        array_agg(t.row_number) filter (where t.status = 'PENDING'), count(*) filter (where t.status = 'PROCESSED')
    into v_rows, v_over, v_devices, v_again, v_pending, v_ok from taken t;
    if v_rows is null then
        return 0;
    end if;
    -- A row that is over gives its device back. Of what had ended before a person's word is the last: it is not looked at again unless
    -- that is what was asked for, and then at once.
    perform app.unlock_devices(p_tenant_id, p_bulk_change_id, v_devices);
    if p_outcome = 'look_again' then
        update app.due_work w set due_at = v_now
        where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_over) and w.sweeps is not null;
    else
        delete from app.due_work w
        where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_over) and w.sweeps is not null;
    end if;
    perform app.leave_outside(p_tenant_id, p_bulk_change_id, array_agg(w.row_number), null, interval '15 minutes') from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_over) and w.sweeps is null
    having count(*) > 0;
    update app.due_work w
    set due_at = v_now, resolution = jsonb_build_object('as', p_outcome, 'id', p_adopt),
        -- What was given up and could not be begun to be taken back goes forward again when it is to be sent again.
        giving_up = case when p_outcome = 'take_back' then coalesce(w.giving_up, 'CLOSED_BY_USER')
            when p_outcome = 'send_again' and not exists (select from app.provider_intent i where i.tenant_id = w.tenant_id
                and i.bulk_change_id = w.bulk_change_id and i.row_number = w.row_number and i.direction = 'undo') then null
            else w.giving_up end,
        giving_up_details = case when p_outcome = 'take_back' then coalesce(w.giving_up_details, p_reason) else w.giving_up_details end
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_again);
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, r, 0, 'resolve', case p_outcome when 'failed' then 'FAILED' when 'processed' then 'RESOLVED' else upper(p_outcome) end,
        concat_ws(': ', p_reason, nullif(p_comment, '')), v_now
    from unnest(v_rows) as r;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, v_now, p_actor, 'rows_resolved', p_bulk_change_id,
        jsonb_build_object('rows', v_rows, 'outcome', p_outcome, 'processed', p_outcome = 'processed', 'adopt', p_adopt, 'reason', p_reason, 'comment', p_comment));
    update app.bulk_change_counter k
    set needs_attention = k.needs_attention - cardinality(v_rows), ok = k.ok + v_ok,
        failed = k.failed + cardinality(v_rows) - v_ok - coalesce(cardinality(v_again), 0) - coalesce(cardinality(v_pending), 0),
        to_do = k.to_do + coalesce(cardinality(v_again), 0) + coalesce(cardinality(v_pending), 0)
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
    returning k.* into v_counter;
    if v_pending is not null then
        -- A person's word is stronger than the cancel before it, and a paused change stays paused.
        update app.bulk_change_chunk k set state = 'READY', start_at = v_now, is_cancelled = false,
            is_paused = (select b.status = 'PAUSED' from app.device_bulk_change b where b.tenant_id = k.tenant_id and b.id = k.bulk_change_id)
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.state = 'DONE'
          and exists (select from unnest(v_pending) as r where r between k.first_row and k.last_row);
    end if;
    if v_again is not null or v_pending is not null then
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
grant execute on function app.resolve_rows(uuid, uuid, integer[], text, bigint, text, text, text) to ascribe_web;
