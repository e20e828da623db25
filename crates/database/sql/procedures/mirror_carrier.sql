-- mirror_carrier: what a carrier has done to these rows' devices is what we know of them from the transaction on that writes it down,
-- not from the next reading on. Called under the rows' hold, beside finish_intents.
-- Seed's procedures: usp_DeviceBulkChange_Carrier_Rate_Plan_Change_Update, usp_DeviceBulkChange_Status_Change_Update (one device a call there).
-- In:      the claim; per row the call that is done, and what the carrier shows by now: {"msisdn", "ip_address", "carrier_rate_plan",
--          "status", "activated_at", "is_cleared", "was_so"}. A number that is not shown is kept, unless it is cleared with the service; what was so before anything was sent does not count as a change.
-- Effect:  devices, in their order; the number that the row is billed under; the row's own date, where it is that of its activation;
--          how often the plan was changed this month. A device of which nothing moved is not written.
-- Cost per device: 1 row lock, 1 update of m2m_device, 1 of due_work where the number is new, 1 upsert of the month's count.
create function app.mirror_carrier(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_calls text[], p_shown jsonb[])
    returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now      timestamptz := app.now();
    v_rows     integer[];
    v_devices  uuid[];
    v_calls    text[];
    v_shown    jsonb[];
    v_provider uuid;
begin
    select array_agg(c.row_number order by c.device_id), array_agg(c.device_id order by c.device_id), array_agg(u.call order by c.device_id),
        array_agg(u.shown order by c.device_id)
    into v_rows, v_devices, v_calls, v_shown
    from app.m2m_device_change c
    join unnest(p_rows, p_calls, p_shown) as u (row_number, call, shown) on u.row_number = c.row_number
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (p_rows)
      and c.row_number in (select app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows));
    if v_rows is null then
        return;
    end if;
    select b.service_provider_id into v_provider from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
    perform from app.m2m_device d where d.tenant_id = p_tenant_id and d.id = any (v_devices) order by d.id for no key update;
    update app.m2m_device d
    set msisdn = t.msisdn, status = t.status, ip_address = t.ip, carrier_rate_plan_id = t.plan
    from (
        select m.id, case when (u.shown->>'is_cleared')::boolean then null else coalesce(u.shown->>'msisdn', m.msisdn) end as msisdn,
            coalesce(nullif(u.shown->>'status', ''), m.status) as status,
            case when (u.shown->>'is_cleared')::boolean then null else coalesce(u.shown->>'ip_address', m.ip_address) end as ip,
            case when (u.shown->>'is_cleared')::boolean then null else coalesce(p.id, m.carrier_rate_plan_id) end as plan
        from unnest(v_devices, v_shown) as u (id, shown)
        join app.m2m_device m on m.tenant_id = p_tenant_id and m.id = u.id
        -- A carrier may show the code or the name.
        left join lateral (
            select p.id from app.carrier_rate_plan p
            where p.tenant_id = p_tenant_id and p.service_provider_id = v_provider
              and u.shown->>'carrier_rate_plan' in (p.rate_plan_code, p.friendly_name)
            order by p.rate_plan_code = u.shown->>'carrier_rate_plan' desc limit 1) as p on true) as t
    where d.tenant_id = p_tenant_id and d.id = any (v_devices) and d.id = t.id
      and (d.msisdn, d.status, d.ip_address, d.carrier_rate_plan_id) is distinct from (t.msisdn, t.status, t.ip, t.plan);
    -- The day of an activation is the carrier's, and not that on which we heard of it.
    update app.device_status_history h set date_of_change = (u.shown->>'activated_at')::timestamptz
    from unnest(v_devices, v_shown) as u (id, shown)
    where h.tenant_id = p_tenant_id and h.device_id = any (v_devices) and h.device_id = u.id and h.date_of_change >= v_now
      and h.current_status = u.shown->>'status' and u.shown->>'activated_at' is not null;
    update app.due_work w set msisdn = d.msisdn
    from unnest(v_rows, v_devices) as u (row_number, id)
    join app.m2m_device d on d.tenant_id = p_tenant_id and d.id = u.id
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_rows) and w.row_number = u.row_number
      and w.msisdn is distinct from d.msisdn;
    update app.m2m_device_change c set effective_date = ((u.shown->>'activated_at')::timestamptz at time zone n.time_zone)::date
    from unnest(v_rows, v_calls, v_shown) as u (row_number, call, shown), app.tenant n
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_rows) and c.row_number = u.row_number
      and n.id = p_tenant_id and u.call = 'activate' and c.effective_date is null and u.shown->>'activated_at' is not null;
    insert into app.carrier_plan_change as k (tenant_id, device_id, month, times)
    select p_tenant_id, u.id, date_trunc('month', v_now at time zone 'UTC')::date, 1
    from unnest(v_devices, v_calls, v_shown) as u (id, call, shown)
    where u.call = 'change_carrier_rate_plan' and (u.shown->>'was_so')::boolean is not true
    on conflict (tenant_id, device_id, month) do update set times = k.times + 1;
end
$$;
grant execute on function app.mirror_carrier(uuid, uuid, uuid, integer[], text[], jsonb[]) to ascribe_worker;

-- hear_carrier: a callback was let in. It is kept, and the rows that wait for its devices at this account are read sooner; nothing else of
-- them changes by it. One that somebody holds at the moment is due when it is given back (release_due_work); one that a person has to
-- decide on stays as it is.
-- In:      the callback, in words; its devices by the key under which their requests are known.
-- Effect:  1 insert; rows due now, or marked. Answers how many.
-- Cost:    by index from the device to the open requests.
create function app.hear_carrier(p_tenant_id uuid, p_service_provider_id uuid, p_id uuid, p_request_id text, p_iccids text[],
    p_word text, p_code text, p_body jsonb) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_keys    text[];
    v_changes uuid[];
    v_rows    integer[];
    v_sooner  integer;
begin
    insert into app.carrier_callback (tenant_id, service_provider_id, id, received_at, request_id, iccids, word, code, body)
    values (p_tenant_id, p_service_provider_id, p_id, v_now, p_request_id, p_iccids, p_word, p_code, p_body);
    select array_agg('device iccid=' || u) into v_keys from unnest(p_iccids) as u;
    -- The open requests by their keys, then their rows by theirs: joined, every row that waits would be read for each callback.
    select array_agg(distinct i.bulk_change_id), array_agg(distinct i.row_number) into v_changes, v_rows from app.provider_intent i
    where i.tenant_id = p_tenant_id and i.account = p_service_provider_id and i.natural_key = any (v_keys) and i.outcome in ('OPEN', 'UNKNOWN');
    if v_rows is null then
        return 0;
    end if;
    -- In the order in which their holders lock them.
    perform from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = any (v_changes) and w.row_number = any (v_rows)
      and w.account = p_service_provider_id and w.sweeps is null
    order by w.bulk_change_id, w.row_number for update;
    if not found then
        return 0;
    end if;
    -- Of several changes with several rows a row more may be read sooner than it has to be.
    update app.due_work w set due_at = case when w.claim is null then v_now else w.due_at end,
        heard_at = case when w.claim is null then null else v_now end
    where w.tenant_id = p_tenant_id and w.bulk_change_id = any (v_changes) and w.row_number = any (v_rows)
      and w.account = p_service_provider_id and w.sweeps is null
      and (w.claim is not null or w.due_at > v_now and w.due_at < 'infinity');
    get diagnostics v_sooner = row_count;
    if v_sooner > 0 then
        perform pg_notify('ascribe_work', '');
    end if;
    return v_sooner;
end
$$;
grant execute on function app.hear_carrier(uuid, uuid, uuid, text, text[], text, text, jsonb) to ascribe_web, ascribe_worker;

-- discard_carrier_callbacks: what is older than a day is forgotten. One statement, by index.
create function app.discard_carrier_callbacks(p_tenant_id uuid) returns integer
    language sql set search_path = app, pg_temp
    as $$
    with gone as (
        delete from app.carrier_callback where tenant_id = p_tenant_id and received_at < app.now() - interval '24 hours' returning 1)
    select count(*)::integer from gone
$$;
grant execute on function app.discard_carrier_callbacks(uuid) to ascribe_worker;
