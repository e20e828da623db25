-- lock_devices, unlock_devices, locked_devices: one device is in at most one running change, over all tenants.
-- Seed's procedure: usp_Check_Previous_Bulk_Change_Processing (which serialised whole bulk changes instead).
-- Definer: the table has no grants; who calls these learns only of the ids it asked about.
-- Cost: one index insert, delete or look-up per device; one statement per chunk.

-- Takes the locks in device order and answers the devices it got; a device it does not answer is another change's.
-- Idempotent: a lock this row already holds is answered again.
create function app.lock_devices(p_tenant_id uuid, p_bulk_change_id uuid, p_device_ids uuid[], p_row_numbers integer[])
    returns setof uuid
    language sql security definer set search_path = app, pg_temp
    as $$
    insert into app.device_lock as held (device_id, tenant_id, bulk_change_id, row_number, locked_at)
    select w.device_id, p_tenant_id, p_bulk_change_id, w.row_number, app.now()
    from unnest(p_device_ids, p_row_numbers) as w (device_id, row_number)
    where p_tenant_id = app.current_tenant()
    order by w.device_id
    on conflict (device_id) do update set locked_at = held.locked_at
        where held.tenant_id = excluded.tenant_id and held.bulk_change_id = excluded.bulk_change_id
          and held.row_number = excluded.row_number
    returning held.device_id
$$;

-- Gives back the locks of these rows of this change, and of nobody else. Answers how many.
create function app.unlock_devices(p_tenant_id uuid, p_bulk_change_id uuid, p_device_ids uuid[]) returns bigint
    language sql security definer set search_path = app, pg_temp
    as $$
    with gone as (
        delete from app.device_lock
        where device_id = any (p_device_ids) and tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id
          and p_tenant_id = app.current_tenant()
        returning 1)
    select count(*) from gone
$$;

-- Which of these devices does a change other than this one hold? (null: any change)
create function app.locked_devices(p_bulk_change_id uuid, p_device_ids uuid[]) returns setof uuid
    language sql stable security definer set search_path = app, pg_temp
    as $$
    select device_id from app.device_lock
    where device_id = any (p_device_ids) and bulk_change_id is distinct from p_bulk_change_id
$$;

grant execute on function app.lock_devices(uuid, uuid, uuid[], integer[]) to ascribe_worker;
grant execute on function app.unlock_devices(uuid, uuid, uuid[]) to ascribe_worker;
grant execute on function app.locked_devices(uuid, uuid[]) to ascribe_worker, ascribe_web;
