-- cancel_bulk_change: rows that have not begun are cancelled, chunk by chunk, by the workers, and so is what still waits
-- for its effective date, also of a change that is otherwise over; what is done stays done.
-- Seed's procedure: none.
-- Errors: ZA002 no such bulk change in this tenant · ZA011 it is not in a state for this.
-- Cost: 1 update per chunk, whatever the number of devices; no device row is touched.
create function app.cancel_bulk_change(p_tenant_id uuid, p_bulk_change_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change  app.device_bulk_change;
    v_waiting integer;
begin
    -- Of a plan that was not applied nothing is locked: applying it takes the change first.
    if not exists (select from app.device_bulk_change where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null) then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.state <> 'DONE' order by k.chunk_number for update;
    perform from app.schedule_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and not k.is_done order by k.chunk_number, k.effective_date for update;
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    update app.schedule_chunk k set is_cancelled = true, due_at = app.now()
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and not k.is_done and not k.is_cancelled;
    get diagnostics v_waiting = row_count;
    if v_waiting > 0 and v_change.status in ('PROCESSED', 'ERROR', 'CANCELLED') then
        perform pg_notify('ascribe_work', '');
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
        values (p_tenant_id, app.now(), p_actor, 'schedule_cancelled', p_bulk_change_id);
        return;
    elsif v_change.status not in ('NEW', 'SCHEDULED', 'PROCESSING', 'PAUSED') then
        raise exception 'the bulk change is %', v_change.status using errcode = 'ZA011';
    end if;
    update app.bulk_change_chunk set is_cancelled = true, is_paused = false, start_at = least(start_at, app.now())
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state <> 'DONE';
    -- What has begun outside is carried to its end; what has not is cancelled when its turn comes.
    update app.outside_turn set is_cancelled = true, is_paused = false where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    update app.device_bulk_change set is_cancelled = true, status = case when v_change.started_at is null then 'NEW' else 'PROCESSING' end,
        status_details = 'Cancelled by a person; what was done before stays done.'
    where tenant_id = p_tenant_id and id = p_bulk_change_id;
    perform pg_notify('ascribe_work', '');
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
    values (p_tenant_id, app.now(), p_actor, 'bulk_change_cancelled', p_bulk_change_id);
end
$$;
grant execute on function app.cancel_bulk_change(uuid, uuid, text) to ascribe_web;
