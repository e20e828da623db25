-- take_back_devices: a partner takes devices back that it gave to one of its agents.
-- Seed's procedure: none.
-- Definer: as give_devices.
-- Effect:  the agent's assignment is archived: at its default site, without account, plan, pool, allocation and links, and seen by
--          nobody who runs until it is given again; what waited for its date is cancelled. A plan of the agent's that has the
--          device skips its row as STALE_SINCE_PLAN. The owner's rows are locked and not written. One audit entry in each tenant.
-- Out:     a row per ICCID: TAKEN, SAME (the agent has it not), or why not: ASSIGNED (to a customer of the agent's, and nobody
--          said that this does not matter), LOCKED (a change is under way with it: it is taken back when that is over), NOT_FOUND,
--          STORED_AS, AMBIGUOUS.
-- Errors:  ZA002 the tenant is not the transaction's, or has no such agent.
-- Cost per device: 2 look-ups, 2 locks, 1 update; a dozen statements, whatever their number.
create function app.take_back_devices(p_tenant_id uuid, p_agent_id uuid, p_service_provider_id uuid, p_rows integer[], p_iccids text[],
    p_others text[], p_even_if_assigned boolean, p_actor text) returns table (row_number integer, outcome text, detail text)
    language plpgsql security definer set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now      timestamptz := app.now();
    v_rows     integer[];
    v_outcomes text[];
    v_details  text[];
    v_devices  uuid[];
    v_wanted   uuid[];
    v_taken    uuid[];
    v_locked   uuid[];
    v_detail   jsonb;
begin
    select array_agg(w.n), array_agg(w.outcome), array_agg(w.detail), array_agg(w.device_id),
        array_agg(w.device_id order by w.device_id) filter (where w.outcome = 'TAKEN')
    into v_rows, v_outcomes, v_details, v_devices, v_wanted
    from (
        select f.row_number as n, f.device_id, f.detail,
            case when f.outcome <> 'FOUND' then f.outcome when f.has_agent then 'TAKEN' else 'SAME' end as outcome
        from app.find_devices_of_agent(p_tenant_id, p_agent_id, p_service_provider_id, p_rows, p_iccids, p_others) f) w;
    if v_wanted is not null then
        perform set_config('app.tenant', p_agent_id::text, true);
        perform from app.device_tenant dt where dt.tenant_id = p_agent_id and dt.device_id = any (v_wanted)
            order by dt.device_id for no key update;
        -- Whoever begins outside has the assignment locked and takes the device's lock under it: it is seen here, or begins after us
        -- and finds that the assignment has moved.
        select coalesce(array_agg(l.device_id), '{}') into v_locked from app.device_lock l where l.device_id = any (v_wanted);
        with taken as (
            update app.device_tenant dt
            set taken_back_at = v_now, site_id = s.id, account_number = null, account_number_integration_authentication_id = null,
                customer_rate_plan_id = null, customer_rate_pool_id = null, customer_data_allocation_mb = null,
                scheduled_change_id = null, rev_service_id = null, rev_service_is_active = false, other_rev_service_ids = null,
                modified_at = v_now
            from app.site s
            where s.tenant_id = p_agent_id and s.is_system_default and dt.tenant_id = p_agent_id and dt.device_id = any (v_wanted)
              and dt.taken_back_at is null and (p_even_if_assigned or dt.site_id = s.id) and dt.device_id <> all (v_locked)
            returning dt.device_id)
        select coalesce(array_agg(t.device_id order by t.device_id), '{}') into v_taken from taken t;
        update app.device_change_schedule s set status = 'CANCELLED', ended_at = v_now
        where s.tenant_id = p_agent_id and s.device_id = any (v_taken) and s.status = 'PENDING';
        delete from app.device_link_due l where l.tenant_id = p_agent_id and l.device_id = any (v_taken);
        if cardinality(v_taken) > 0 then
            v_detail := jsonb_build_object('agent', p_agent_id, 'devices', cardinality(v_taken), 'ids', to_jsonb(v_taken[1:100]),
                'even_if_assigned', p_even_if_assigned);
            insert into app.audit_entry (tenant_id, at, actor, action, detail, digest)
            values (p_agent_id, v_now, 'partner:' || p_tenant_id, 'devices_taken_back', v_detail, sha256(convert_to(v_taken::text, 'UTF8')));
        end if;
        perform set_config('app.tenant', p_tenant_id::text, true);
        if cardinality(v_taken) > 0 then
            insert into app.audit_entry (tenant_id, at, actor, action, detail, digest)
            values (p_tenant_id, v_now, p_actor, 'devices_taken_back', v_detail, sha256(convert_to(v_taken::text, 'UTF8')));
        end if;
    end if;
    return query
        select u.n, case when u.outcome <> 'TAKEN' or u.device_id = any (v_taken) then u.outcome
            when u.device_id = any (v_locked) then 'LOCKED' else 'ASSIGNED' end, u.detail
        from unnest(v_rows, v_outcomes, v_details, v_devices) as u (n, outcome, detail, device_id);
end
$$;
grant execute on function app.take_back_devices(uuid, uuid, uuid, integer[], text[], text[], boolean, text) to ascribe_web;
