-- apply_plan: a stored plan becomes a bulk change. Takes the plan's id and nothing else of what it will do.
-- Seed's procedure: none (the portal wrote the status after it had enqueued, and could lose that race).
-- Effect:  PLANNED -> NEW, or SCHEDULED if it asks for a later start; its chunks become due then; it queues for its turn;
--          the belt is woken, one audit entry. No device row is touched.
-- Errors:  ZA002 no such plan in this tenant · ZA003 not ready (still planning, or planning failed)
--          ZA004 expired · ZA005 nothing to change · ZA006 already applied
-- Cost: 4 statements and 1 update per chunk, whatever the number of devices.
create function app.apply_plan(p_tenant_id uuid, p_bulk_change_id uuid, p_api_key_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
    v_to_do  integer;
begin
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id for update;
    if not found then
        raise exception 'no such plan' using errcode = 'ZA002';
    elsif v_change.status in ('PLANNING', 'PLAN_FAILED') then
        raise exception 'the plan is %', v_change.status using errcode = 'ZA003';
    elsif v_change.status <> 'PLANNED' then
        raise exception 'the plan was applied, it is %', v_change.status using errcode = 'ZA006';
    elsif v_change.expires_at <= app.now() then
        raise exception 'the plan expired at %', v_change.expires_at using errcode = 'ZA004';
    end if;
    select to_do into v_to_do from app.bulk_change_counter
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    if coalesce(v_to_do, 0) = 0 then
        raise exception 'the plan has no row to change' using errcode = 'ZA005';
    end if;
    update app.bulk_change_chunk set state = 'READY', start_at = greatest(app.now(), v_change.start_at)
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state = 'PLANNED';
    insert into app.tenant_turn (tenant_id, served_at) values (p_tenant_id, app.now()) on conflict (tenant_id) do nothing;
    insert into app.bulk_change_turn (tenant_id, bulk_change_id, served_at) values (p_tenant_id, p_bulk_change_id, app.now());
    update app.device_bulk_change set status = case when v_change.start_at > app.now() then 'SCHEDULED' else 'NEW' end, applied_at = app.now(), applied_by = p_api_key_id
    where tenant_id = p_tenant_id and id = p_bulk_change_id;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, app.now(), p_actor, 'plan_applied', p_bulk_change_id,
        jsonb_build_object('planned', v_to_do, 'plan_hash', encode(v_change.plan_hash, 'hex')));
    perform pg_notify('ascribe_work', '');
end
$$;
grant execute on function app.apply_plan(uuid, uuid, uuid, text) to ascribe_web;
