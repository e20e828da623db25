-- pause_bulk_change: no further chunk is begun; one that is being settled is finished.
-- Seed's procedure: none.
-- Errors: ZA002 no such bulk change in this tenant · ZA011 it is not in a state for this.
-- Cost: 1 update per chunk, whatever the number of devices; no device row is touched.
create function app.pause_bulk_change(p_tenant_id uuid, p_bulk_change_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
begin
    -- Of a plan that was not applied nothing is locked: applying it takes the change first.
    if not exists (select from app.device_bulk_change where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null) then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.state <> 'DONE' order by k.chunk_number for update;
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    elsif v_change.status not in ('NEW', 'SCHEDULED', 'PROCESSING') then
        raise exception 'the bulk change is %', v_change.status using errcode = 'ZA011';
    end if;
    update app.bulk_change_chunk set is_paused = true
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state <> 'DONE';
    -- What has begun outside is carried on; what has not is not begun.
    update app.outside_turn set is_paused = true where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    update app.device_bulk_change set status = 'PAUSED' where tenant_id = p_tenant_id and id = p_bulk_change_id;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
    values (p_tenant_id, app.now(), p_actor, 'bulk_change_paused', p_bulk_change_id);
end
$$;
grant execute on function app.pause_bulk_change(uuid, uuid, text) to ascribe_web;
