-- fail_poison_row: the one row of a chunk that the database would not take, alone at the end of the halving.
-- Seed's procedure: none (an exception there ended the whole run).
-- Effect: the row FAILED with POISON_ROW and the SQLSTATE; log, counts, audit; its neighbours untouched.
-- Errors: ZA001 the lease is lost. Idempotent: a row that already ended changes nothing.
create function app.fail_poison_row(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer, p_row_number integer,
    p_sqlstate text, p_worker text)
    returns table (chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now   timestamptz := app.now();
    v_ended integer;
begin
    perform from app.bulk_change_chunk c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.chunk_number = p_chunk_number
      and c.epoch = p_epoch and c.state = 'RUNNING' and c.lease_until > v_now
    for update;
    if not found then
        raise exception 'the lease of chunk % is lost', p_chunk_number using errcode = 'ZA001';
    end if;
    update app.m2m_device_change c
    set status = 'FAILED', reason = 'POISON_ROW', attempts = c.attempts + 1, processed_date = v_now,
        status_details = 'The database refused this row (SQLSTATE ' || p_sqlstate || ').'
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = p_row_number
      and c.status = 'PENDING';
    get diagnostics v_ended = row_count;
    if v_ended = 1 then
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        values (p_tenant_id, p_bulk_change_id, p_row_number, 1, 'record_assignment', 'FAILED', 'POISON_ROW ' || p_sqlstate, v_now);
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        values (p_tenant_id, v_now, p_worker, 'row_failed', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('row', p_row_number, 'reason', 'POISON_ROW', 'sqlstate', p_sqlstate, 'epoch', p_epoch),
            sha256(convert_to(p_row_number || ':POISON_ROW', 'UTF8')));
    end if;
    return query select * from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, 0, v_ended, 0, 0, v_ended);
end
$$;
grant execute on function app.fail_poison_row(uuid, uuid, integer, integer, integer, text, text) to ascribe_worker;
