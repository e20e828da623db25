-- usp_device_bulk_change_assign_non_rev_customer: these devices now sit at these AMOP sites of this tenant.
-- Seed's procedure: usp_DeviceBulkChange_Assign_Non_Rev_Customer.
-- In:      the tenant; devices, their owners and their sites, position by position.
-- Effect:  device_tenant upserted (site set, Rev account cleared); for the owner's own devices also m2m_device.site_id.
--          Plan, pool and allocation are left alone: they are another procedure's.
-- Errors:  ZA010 a site is not one of this tenant's active sites without a Rev account.
-- Idempotent: a second call moves no version. Cost per device: 2 updates, or 1 insert and 1 update for a first assignment.
create function app.usp_device_bulk_change_assign_non_rev_customer(
    p_tenant_id uuid, p_device_ids uuid[], p_owner_tenant_ids uuid[], p_site_ids uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
begin
    -- The set-based check that stands for the foreign keys of the hot columns: once per chunk, not once per row.
    if exists (
        select from (select distinct site_id from unnest(p_site_ids) as w (site_id)) as w
        where not exists (select from app.site s where s.tenant_id = p_tenant_id and s.id = w.site_id
                              and s.is_active and s.rev_customer_id is null))
    then
        raise exception 'a site is not an active AMOP site of this tenant' using errcode = 'ZA010';
    end if;
    return app.place_devices_at_sites(p_tenant_id, p_device_ids, p_owner_tenant_ids, p_site_ids,
        array_fill(null::text, array[cardinality(p_device_ids)]), array_fill(null::uuid, array[cardinality(p_device_ids)]));
end
$$;
grant execute on function app.usp_device_bulk_change_assign_non_rev_customer(uuid, uuid[], uuid[], uuid[]) to ascribe_worker;
