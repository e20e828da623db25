-- find_devices_of_agent: devices of a tenant by their ICCIDs, locked, and which of its agents have them. For give_devices and
-- take_back_devices, as the owner; nobody else may call it.
-- Seed's procedure: none.
-- Out:    a row per ICCID that was named: outcome NOT_FOUND (also another tenant's), STORED_AS (detail: as it is stored, with or
--         without its check digit), AMBIGUOUS (at several service providers), or FOUND.
-- Errors: ZA002 the tenant is not the transaction's, or has no such agent.
-- Cost:   3 statements; per device 2 index look-ups and 1 row lock.
create function app.find_devices_of_agent(p_tenant_id uuid, p_agent_id uuid, p_service_provider_id uuid, p_rows integer[],
    p_iccids text[], p_others text[])
    returns table (row_number integer, device_id uuid, service_provider_id uuid, is_archived boolean, has_agent boolean,
        has_another boolean, outcome text, detail text)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
begin
    if p_tenant_id is distinct from app.current_tenant() then
        raise exception 'another tenant''s devices' using errcode = 'ZA002';
    end if;
    -- Only as an agent can its row be seen, and with it who its partner is.
    perform set_config('app.tenant', p_agent_id::text, true);
    if not exists (select from app.tenant t where t.id = p_agent_id and t.parent_tenant_id = p_tenant_id) then
        raise exception 'no such agent' using errcode = 'ZA002';
    end if;
    perform set_config('app.tenant', p_tenant_id::text, true);
    -- In device order, as everywhere: who gives and who takes back the same device go one after the other.
    perform from app.m2m_device d where d.tenant_id = p_tenant_id and d.iccid = any (p_iccids) order by d.id for no key update;
    return query
        select u.n, m.device_id, m.provider_id, m.is_archived, coalesce(a.has_agent, false), coalesce(a.has_another, false),
            case when m.found = 1 then 'FOUND' when m.found > 1 then 'AMBIGUOUS' when o.iccid is not null then 'STORED_AS' else 'NOT_FOUND' end,
            o.iccid
        from unnest(p_rows, p_iccids, p_others) as u (n, iccid, other)
        cross join lateral (
            select count(*) as found, (array_agg(d.id))[1] as device_id, (array_agg(d.service_provider_id))[1] as provider_id,
                bool_or(d.is_archived) as is_archived
            from app.m2m_device d where d.tenant_id = p_tenant_id and d.iccid = u.iccid
              and (p_service_provider_id is null or d.service_provider_id = p_service_provider_id)) m
        left join lateral (
            select d.iccid from app.m2m_device d where m.found = 0 and d.tenant_id = p_tenant_id and d.iccid = u.other
              and (p_service_provider_id is null or d.service_provider_id = p_service_provider_id) limit 1) o on true
        left join lateral (
            select bool_or(dt.tenant_id = p_agent_id) as has_agent, bool_or(dt.tenant_id <> p_agent_id) as has_another
            from app.device_tenant dt
            where dt.device_owner_tenant_id = p_tenant_id and dt.device_id = m.device_id and dt.tenant_id <> dt.device_owner_tenant_id
              and dt.taken_back_at is null) a on m.found = 1;
end
$$;
