-- begin_outside_rows: rows with steps outside leave their chunk, each with its device locked. Called by settle_chunk under the
-- rows' locks; never by anybody else.
-- Seed's procedure: none (the Lambda called Rev.io and the carrier in the middle of its page).
-- In:      the rows of the settle; those with a reason, or without steps, are passed over.
-- Effect:  device locks taken in device order; rows that got theirs are PROCESSING and due now at the gate of the account that
--          their first step is for. Answers the rows that stay with the settle: those that did not get their lock, as
--          LOCKED_BY_OTHER_CHANGE, and those passed over.
-- Cost per device: 1 lock insert, 1 update of the row, 1 insert into due_work.
create function app.begin_outside_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_rows app.settling_row[]) returns app.settling_row[]
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now   timestamptz := app.now();
    v_got   uuid[];
    v_begun integer[];
    v_rest  app.settling_row[];
begin
    select array_agg(got) into v_got from (
        select app.lock_devices(p_tenant_id, p_bulk_change_id, array_agg(w.device_id order by w.device_id), array_agg(w.row_number order by w.device_id)) as got
        from unnest(p_rows) as w where w.reason is null and w.steps is not null) as l;
    select array_agg((w.row_number, w.device_id, w.owner_tenant_id,
            case when w.reason is null and w.steps is not null then 'LOCKED_BY_OTHER_CHANGE' else w.reason end,
            w.site_id, w.is_rev, w.plan_id, w.pool_id, w.allocation_mb, w.restores, w.effective_date, w.due_at, w.waits,
            w.was_scheduled, w.steps)::app.settling_row order by w.device_id)
    into v_rest
    from unnest(p_rows) as w
    where not (w.reason is null and w.steps is not null and w.device_id = any (coalesce(v_got, '{}')));

    -- Numbers first: joined with the rows themselves, each row of the change would be looked for among all of them.
    select array_agg(w.row_number order by w.row_number) into v_begun
    from unnest(p_rows) as w where w.reason is null and w.steps is not null and w.device_id = any (v_got);
    if v_begun is null then
        return v_rest;
    end if;
    update app.m2m_device_change c set status = 'PROCESSING'
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_begun);
    perform app.put_due(p_tenant_id, p_bulk_change_id, v_begun, v_now);
    return v_rest;
end
$$;

-- put_due: rows are due at the gate of the account that their first step is for.
create function app.put_due(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_due_at timestamptz) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_accounts uuid[];
begin
    with first as (
        select c.row_number,
            case when c.steps[1] in ('activate_at_carrier', 'provision_ip', 'change_carrier_rate_plan') then b.service_provider_id
                 when 'close_rev_service' = any (c.steps) then (select s.integration_authentication_id from app.rev_service s
                    where s.tenant_id = p_tenant_id and s.id = c.closes[1])
                 when t.existing_rev_service_id is not null then (select s.integration_authentication_id from app.rev_service s
                    where s.tenant_id = p_tenant_id and s.id = t.existing_rev_service_id)
                 else r.integration_authentication_id end as account, d.msisdn
        from app.m2m_device_change c
        join app.device_bulk_change b on b.tenant_id = c.tenant_id and b.id = c.bulk_change_id
        left join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
        left join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = c.device_id
        join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
        left join app.rev_customer r on r.tenant_id = t.tenant_id and r.id = t.rev_customer_id
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (p_rows)
    ), put as (
        insert into app.due_work (tenant_id, bulk_change_id, row_number, account, due_at, msisdn)
        select p_tenant_id, p_bulk_change_id, f.row_number, f.account, p_due_at, f.msisdn from first f order by f.row_number
        returning account)
    select array_agg(distinct account) into v_accounts from put;
    perform app.queue_at_gates(p_tenant_id, p_bulk_change_id, v_accounts);
    perform pg_notify('ascribe_work', '');
end
$$;

-- queue_at_gates: the change queues at the gates of these accounts. Its turn is locked even if it is there already: whoever takes
-- away a turn that nothing is due of looks again after he has it.
create function app.queue_at_gates(p_tenant_id uuid, p_bulk_change_id uuid, p_accounts uuid[]) returns void
    language sql set search_path = app, pg_temp
    as $$
    -- A carrier takes many devices in a request: there the rows of a claim are one batch (`reliability.md` 4.5: at most 500).
    insert into app.account_gate (tenant_id, account, not_before, rows_at_once)
    select p_tenant_id, a.id, app.now(), a.at_once from (
        select a.id, least(500, greatest(4, a.calls_per_minute / 30)) as at_once
        from app.integration_authentication a where a.tenant_id = p_tenant_id and a.id = any (p_accounts)
        union all
        select a.service_provider_id, 500
        from app.carrier_account a where a.tenant_id = p_tenant_id and a.service_provider_id = any (p_accounts)) as a
    order by a.id
    on conflict (tenant_id, account) do update set rows_at_once = excluded.rows_at_once
        where account_gate.rows_at_once <> excluded.rows_at_once;
    insert into app.outside_turn (tenant_id, account, bulk_change_id, served_at, is_paused, is_cancelled)
    select p_tenant_id, u.account, p_bulk_change_id, app.now(), b.status = 'PAUSED', b.is_cancelled
    from (select distinct account from unnest(p_accounts) as w (account)) as u
    join app.device_bulk_change b on b.tenant_id = p_tenant_id and b.id = p_bulk_change_id order by u.account
    on conflict (tenant_id, account, bulk_change_id) do update set served_at = outside_turn.served_at;
$$;

-- heal_turns: turns that say of their change what is not so any more: one that was made while the change was being resumed, say,
-- which neither of the two transactions could see of the other. Turns are locked first and the change is read after that: whoever
-- pauses or resumes meanwhile writes them once more. Answers how many. One statement each, every minute.
create function app.heal_turns(p_tenant_id uuid) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_accounts uuid[];
    v_changes  uuid[];
    v_healed   integer;
begin
    select array_agg(t.account), array_agg(t.bulk_change_id) into v_accounts, v_changes from (
        select t.account, t.bulk_change_id from app.outside_turn t
        join app.device_bulk_change b on b.tenant_id = t.tenant_id and b.id = t.bulk_change_id
        where t.tenant_id = p_tenant_id and (t.is_paused, t.is_cancelled) is distinct from (b.status = 'PAUSED', b.is_cancelled)
        order by t.account, t.bulk_change_id for update of t skip locked) as t;
    update app.outside_turn t set is_paused = b.status = 'PAUSED', is_cancelled = b.is_cancelled
    from app.device_bulk_change b
    where t.tenant_id = p_tenant_id and (t.account, t.bulk_change_id) in (select * from unnest(v_accounts, v_changes)) and b.tenant_id = t.tenant_id and b.id = t.bulk_change_id
      and (t.is_paused, t.is_cancelled) is distinct from (b.status = 'PAUSED', b.is_cancelled);
    get diagnostics v_healed = row_count;
    if v_healed > 0 then
        perform pg_notify('ascribe_work', '');
    end if;
    return v_healed;
end
$$;
grant execute on function app.heal_turns(uuid) to ascribe_worker;
grant execute on function app.begin_outside_rows(uuid, uuid, app.settling_row[]) to ascribe_worker;
grant execute on function app.put_due(uuid, uuid, integer[], timestamptz) to ascribe_worker;
grant execute on function app.queue_at_gates(uuid, uuid, uuid[]) to ascribe_worker;
