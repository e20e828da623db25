-- give_devices: a partner gives devices of its own to one of its agents, at the agent's default site.
-- Seed's procedure: none (devices flowed down through ParentSite, domain.md 3.5 item 10).
-- Definer: a session sees and writes one tenant, and constraints look past row level security: only here is it checked that
-- the agent is the tenant's, that the device is the tenant's, and that no other agent has it.
-- Effect:  the agent's assignment of each device, made or shown again; the agent's own row for a service provider that it has
--          not met; its links to be made. The owner's rows are locked and not written. One audit entry in each tenant.
-- Out:     a row per ICCID: GIVEN, SAME (it has it), or why not: NOT_FOUND, STORED_AS, AMBIGUOUS, ARCHIVED, ANOTHER_AGENT.
-- Errors:  ZA002 the tenant is not the transaction's, or has no such agent.
-- Cost per device: 2 look-ups, 1 lock, 2 inserts; a dozen statements, whatever their number.
create function app.give_devices(p_tenant_id uuid, p_agent_id uuid, p_service_provider_id uuid, p_rows integer[], p_iccids text[],
    p_others text[], p_actor text) returns table (row_number integer, outcome text, detail text)
    language plpgsql security definer set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now          timestamptz := app.now();
    v_rows         integer[];
    v_outcomes     text[];
    v_details      text[];
    v_devices      uuid[];
    v_providers    uuid[];
    v_integrations smallint[];
    v_names        text[];
    v_partner      text;
    v_detail       jsonb;
begin
    select array_agg(w.n), array_agg(w.outcome), array_agg(w.detail), array_agg(w.device_id order by w.device_id) filter (where w.outcome = 'GIVEN')
    into v_rows, v_outcomes, v_details, v_devices
    from (
        select f.row_number as n, f.device_id, f.detail,
            case when f.outcome <> 'FOUND' then f.outcome when f.is_archived then 'ARCHIVED' when f.has_another then 'ANOTHER_AGENT'
                when f.has_agent then 'SAME' else 'GIVEN' end as outcome
        from app.find_devices_of_agent(p_tenant_id, p_agent_id, p_service_provider_id, p_rows, p_iccids, p_others) f) w;
    if v_devices is not null then
        select array_agg(p.id), array_agg(p.integration_id), array_agg(p.name) into v_providers, v_integrations, v_names
        from app.service_provider p where p.tenant_id = p_tenant_id and p.id in (
            select d.service_provider_id from app.m2m_device d where d.tenant_id = p_tenant_id and d.id = any (v_devices));
        select t.name into v_partner from app.tenant t where t.id = p_tenant_id;
        v_detail := jsonb_build_object('agent', p_agent_id, 'devices', cardinality(v_devices), 'ids', to_jsonb(v_devices[1:100]));

        perform set_config('app.tenant', p_agent_id::text, true);
        insert into app.service_provider (tenant_id, id, integration_id, name, owner_tenant_id, owner_service_provider_id)
        select p_agent_id, gen_random_uuid(), u.integration_id,
            (select c.name from unnest(array[u.name, u.name || ' (' || v_partner || ')', u.name || ' ' || u.id]) with ordinality as c (name, n)
             where not exists (select from app.service_provider x where x.tenant_id = p_agent_id and x.name = c.name) order by c.n limit 1),
            p_tenant_id, u.id
        from unnest(v_providers, v_integrations, v_names) as u (id, integration_id, name)
        where not exists (select from app.service_provider x where x.tenant_id = p_agent_id and x.owner_tenant_id = p_tenant_id
            and x.owner_service_provider_id = u.id)
        on conflict (tenant_id, name) do nothing;
        insert into app.device_tenant as dt (tenant_id, device_id, device_owner_tenant_id, site_id, modified_at)
        select p_agent_id, u.id, p_tenant_id, s.id, v_now
        from unnest(v_devices) with ordinality as u (id, n)
        join app.site s on s.tenant_id = p_agent_id and s.is_system_default
        order by u.n
        on conflict (tenant_id, device_id) do update
        set taken_back_at = null, site_id = excluded.site_id, modified_at = v_now where dt.taken_back_at is not null;
        insert into app.device_link_due (tenant_id, device_id) select p_agent_id, u from unnest(v_devices) as u
        on conflict (tenant_id, device_id) do nothing;
        insert into app.audit_entry (tenant_id, at, actor, action, detail, digest)
        values (p_agent_id, v_now, 'partner:' || p_tenant_id, 'devices_given', v_detail, sha256(convert_to(v_devices::text, 'UTF8')));
        perform set_config('app.tenant', p_tenant_id::text, true);
        insert into app.audit_entry (tenant_id, at, actor, action, detail, digest)
        values (p_tenant_id, v_now, p_actor, 'devices_given', v_detail, sha256(convert_to(v_devices::text, 'UTF8')));
    end if;
    return query select u.n, u.outcome, u.detail from unnest(v_rows, v_outcomes, v_details) as u (n, outcome, detail);
end
$$;
grant execute on function app.give_devices(uuid, uuid, uuid, integer[], text[], text[], text) to ascribe_web;
