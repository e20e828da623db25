-- finish_rows: the tail every settle ends with: the chunk, the counts, the change's own status. Called under the chunk's
-- lock, inside the settle transaction; never by anybody else.
-- Counts move by the difference; nothing is recounted.
create function app.finish_rows(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer,
    p_ok integer, p_failed integer, p_skipped integer, p_cancelled integer, p_ended integer)
    returns table (chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_done boolean;
begin
    -- The chunk is done when none of its rows waits for it any more; those that are under way outside have left it.
    update app.bulk_change_chunk k set state = 'DONE', lease_until = null
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.state = 'RUNNING'
      and not exists (select from app.m2m_device_change c
          where c.tenant_id = k.tenant_id and c.bulk_change_id = k.bulk_change_id
            and c.row_number between k.first_row and k.last_row and c.status = 'PENDING');
    select k.state = 'DONE' into v_done from app.bulk_change_chunk k
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number;

    perform app.count_ended_rows(p_tenant_id, p_bulk_change_id, p_ok, p_failed, p_skipped, p_cancelled, 0);
    return query select v_done, b.status, k.to_do from app.device_bulk_change b
        join app.bulk_change_counter k on k.tenant_id = b.tenant_id and k.bulk_change_id = b.id
        where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
end
$$;

-- count_ended_rows: the counts move by what has ended, and with the last row the change ends. Called at the end of every
-- transaction that ends rows, under the locks of what it ended.
-- When to_do reaches 0: any ok -> PROCESSED; none ok -> ERROR, or CANCELLED if all were cancelled. Rows that need attention end the
-- change's waiting, too; resolving one of them computes it anew.
create function app.count_ended_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_ok integer, p_failed integer, p_skipped integer,
    p_cancelled integer, p_needs_attention integer) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_counter app.bulk_change_counter;
    v_ended   integer := p_ok + p_failed + p_skipped + p_cancelled + p_needs_attention;
    v_status  text;
begin
    if v_ended > 0 then
        update app.bulk_change_counter k
        set ok = k.ok + p_ok, failed = k.failed + p_failed, skipped = k.skipped + p_skipped, cancelled = k.cancelled + p_cancelled,
            needs_attention = k.needs_attention + p_needs_attention, to_do = k.to_do - v_ended
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        returning k.* into v_counter;
        if v_counter.to_do = 0 then
            update app.device_bulk_change b
            set status = case when v_counter.ok > 0 then 'PROCESSED'
                              when v_counter.cancelled = v_counter.planned then 'CANCELLED' else 'ERROR' end,
                started_at = coalesce(b.started_at, v_now), processed_date = v_now
            where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id
            returning b.status into v_status;
            delete from app.bulk_change_turn t where t.tenant_id = p_tenant_id and t.bulk_change_id = p_bulk_change_id;
            insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
            values (p_tenant_id, v_now, 'ascribe', 'bulk_change_finished', p_bulk_change_id,
                jsonb_build_object('status', v_status) || to_jsonb(v_counter) - array['tenant_id', 'bulk_change_id']);
            return;
        end if;
    end if;
    -- The first settle; a change that was paused meanwhile stays paused.
    update app.device_bulk_change b
    set status = case when b.status in ('NEW', 'SCHEDULED') then 'PROCESSING' else b.status end, started_at = v_now
    where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.started_at is null;
end
$$;
grant execute on function app.finish_rows(uuid, uuid, integer, integer, integer, integer, integer, integer) to ascribe_worker;
grant execute on function app.count_ended_rows(uuid, uuid, integer, integer, integer, integer, integer) to ascribe_worker;
