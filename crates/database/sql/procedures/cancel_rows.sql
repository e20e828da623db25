-- cancel_rows: the rows of a cancelled chunk that had not begun. Called by settle_chunk under the chunk's lock; never by
-- anybody else. So cancelling a million rows is as many small transactions as settling them, and one click.
-- Seed's procedure: none (a running bulk change could not be stopped).
-- Effect: PENDING -> CANCELLED with CANCELLED_BY_USER; log, counts, audit. Devices are not touched.
-- Cost per device: 1 update of the row and 1 log insert.
create function app.cancel_rows(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer,
    p_first_row integer, p_last_row integer, p_worker text)
    returns table (settled integer, ok integer, skipped integer, chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now  timestamptz := app.now();
    v_rows integer[];
    v_all  integer;
begin
    with ended as (
        update app.m2m_device_change c set status = 'CANCELLED', reason = 'CANCELLED_BY_USER', processed_date = v_now
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
          and c.row_number between p_first_row and p_last_row and c.status = 'PENDING'
        returning c.row_number)
    select array_agg(e.row_number order by e.row_number), count(*) into v_rows, v_all from ended e;
    if v_all > 0 then
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        select p_tenant_id, p_bulk_change_id, w.row_number, 0, 'record_assignment', 'CANCELLED', 'CANCELLED_BY_USER', v_now
        from unnest(v_rows) as w (row_number);
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        values (p_tenant_id, v_now, p_worker, 'chunk_cancelled', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('first_row', p_first_row, 'last_row', p_last_row, 'epoch', p_epoch, 'cancelled', v_all),
            sha256(convert_to(array_to_string(v_rows, ':CANCELLED' || chr(10)), 'UTF8')));
    end if;
    return query select v_all, 0, 0, f.chunk_done, f.change_status, f.to_do
        from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, 0, 0, 0, v_all, v_all) as f;
end
$$;
grant execute on function app.cancel_rows(uuid, uuid, integer, integer, integer, integer, text) to ascribe_worker;
