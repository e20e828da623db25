-- usp_assign_customer_update_site: these devices now sit at these rev customers' sites, under their accounts.
-- Seed's procedure: usp_Assign_Customer_Update_Site (one device per call there; a set here).
-- In:      the tenant; devices, their owners and their sites, position by position. The account is the site's.
-- Effect:  device_tenant upserted (site, account number and its integration authentication); for the owner's own
--          devices also m2m_device.site_id.
-- Errors:  ZA010 a site is not an active site of a rev customer of this tenant that is not closed.
-- Idempotent: a second call moves no version. Cost per device: 2 updates, or 1 insert and 1 update for a first assignment.
create function app.usp_assign_customer_update_site(
    p_tenant_id uuid, p_device_ids uuid[], p_owner_tenant_ids uuid[], p_site_ids uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_account_numbers text[];
    v_authentications uuid[];
begin
    select array_agg(r.rev_customer_id order by w.n), array_agg(r.integration_authentication_id order by w.n)
    into v_account_numbers, v_authentications
    from unnest(p_site_ids) with ordinality as w (site_id, n)
    join app.site s on s.tenant_id = p_tenant_id and s.id = w.site_id and s.is_active
    join app.rev_customer r on r.tenant_id = p_tenant_id and r.id = s.rev_customer_id and r.status <> 'CLOSED';
    if coalesce(cardinality(v_account_numbers), 0) <> cardinality(p_site_ids) then
        raise exception 'a site is not an active site of an open rev customer of this tenant' using errcode = 'ZA010';
    end if;
    return app.place_devices_at_sites(p_tenant_id, p_device_ids, p_owner_tenant_ids, p_site_ids, v_account_numbers, v_authentications);
end
$$;
grant execute on function app.usp_assign_customer_update_site(uuid, uuid[], uuid[], uuid[]) to ascribe_worker;
