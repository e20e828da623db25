-- claim_due_work: rows of one change that are due at the gate of one account, leased to the caller under a uuid of his own.
-- Seed's procedure: the SQS message with a retry number. Runs as the dispatcher, over all tenants, on ids only.
-- Rows whose lease ran out (somebody died with them) are given back first. Then it goes round: of the accounts whose gate is open,
-- the change that was served least recently. Of a change that is paused only what has begun is taken; of one that is cancelled,
-- also behind a closed gate, what has not begun: that needs no call. When the account's calls came to nothing three times in a
-- row, one row at a time is tried.
-- Answers no row when nothing is due. Cost: 1 update for all rows of a claim and 1 of the turn.
create function app.claim_due_work(p_claim uuid, p_lease interval)
    returns table (tenant_id uuid, bulk_change_id uuid, account uuid, row_numbers integer[])
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now  timestamptz := app.now();
    v_turn record;
    v_rows integer[];
begin
    with lost as (
        select w.tenant_id, w.bulk_change_id, w.row_number from app.due_work w
        where w.claim is not null and w.lease_until <= v_now order by w.lease_until limit 500
        for update skip locked)
    update app.due_work w set claim = null, lease_until = null, due_at = v_now
    from lost where w.tenant_id = lost.tenant_id and w.bulk_change_id = lost.bulk_change_id and w.row_number = lost.row_number;
    for v_turn in
        select t.*, g.not_before > v_now as is_closed, case when g.failures >= 3 then 1 else g.rows_at_once end as most
        from app.outside_turn t join app.account_gate g on g.tenant_id = t.tenant_id and g.account = t.account
        order by t.served_at, t.tenant_id, t.account, t.bulk_change_id
    loop
        continue when v_turn.is_closed and (v_turn.is_paused or not v_turn.is_cancelled);
        if v_turn.is_closed then
            select array_agg(d.row_number) into v_rows from (
                select w.row_number from app.due_work w
                where w.tenant_id = v_turn.tenant_id and w.account = v_turn.account and w.bulk_change_id = v_turn.bulk_change_id
                  and w.claim is null and w.due_at <= v_now and not w.has_begun
                order by w.due_at, w.row_number limit 500 for update skip locked) as d;
        elsif v_turn.is_paused then
            select array_agg(d.row_number) into v_rows from (
                select w.row_number from app.due_work w
                where w.tenant_id = v_turn.tenant_id and w.account = v_turn.account and w.bulk_change_id = v_turn.bulk_change_id
                  and w.claim is null and w.due_at <= v_now and w.has_begun
                order by w.due_at, w.row_number limit v_turn.most for update skip locked) as d;
        else
            select array_agg(d.row_number) into v_rows from (
                select w.row_number from app.due_work w
                where w.tenant_id = v_turn.tenant_id and w.account = v_turn.account and w.bulk_change_id = v_turn.bulk_change_id
                  and w.claim is null and w.due_at <= v_now
                order by w.due_at, w.row_number limit v_turn.most for update skip locked) as d;
        end if;
        exit when v_rows is not null;
        -- A turn that nothing is due of, now or later, is taken away. Locked first: then whoever queues meanwhile has either been
        -- seen here or makes it anew.
        perform from app.outside_turn t
        where t.tenant_id = v_turn.tenant_id and t.account = v_turn.account and t.bulk_change_id = v_turn.bulk_change_id
        for update skip locked;
        if found and not exists (select from app.due_work w where w.tenant_id = v_turn.tenant_id and w.account = v_turn.account
            and w.bulk_change_id = v_turn.bulk_change_id) then
            delete from app.outside_turn t
            where t.tenant_id = v_turn.tenant_id and t.account = v_turn.account and t.bulk_change_id = v_turn.bulk_change_id;
        end if;
    end loop;
    if v_rows is null then
        return;
    end if;
    update app.due_work w set claim = p_claim, lease_until = v_now + p_lease
    where w.tenant_id = v_turn.tenant_id and w.bulk_change_id = v_turn.bulk_change_id and w.row_number = any (v_rows);
    update app.outside_turn t set served_at = v_now
    where t.tenant_id = v_turn.tenant_id and t.account = v_turn.account and t.bulk_change_id = v_turn.bulk_change_id;
    return query select v_turn.tenant_id, v_turn.bulk_change_id, v_turn.account, v_rows;
end
$$;
grant execute on function app.claim_due_work(uuid, interval) to ascribe_dispatcher;

-- hold_due_work: which of these rows are still this claim's, for so long at least; locked, in order. The first statement of every
-- write of what happened outside.
create function app.hold_due_work(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_for interval default '0')
    returns setof integer
    language sql set search_path = app, pg_temp
    as $$
    select w.row_number from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows)
      and w.claim = p_claim and w.lease_until > app.now() + p_for
    order by w.row_number for update
$$;
grant execute on function app.hold_due_work(uuid, uuid, uuid, integer[], interval) to ascribe_worker;

-- release_due_work: rows given back, each with the time it is due again and the account whose gate it goes through next. One of which a
-- callback came meanwhile (hear_carrier) is due at once: once, for it is the next holder's to see what it is about.
create function app.release_due_work(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_due_at timestamptz[], p_accounts uuid[])
    returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_released integer;
begin
    perform app.queue_at_gates(p_tenant_id, p_bulk_change_id, p_accounts);
    update app.due_work w set claim = null, lease_until = null, account = u.account, heard_at = null,
        due_at = case when w.heard_at is null then u.due_at else least(u.due_at, app.now()) end
    from unnest(p_rows, p_due_at, p_accounts) as u (row_number, due_at, account)
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = u.row_number
      and u.row_number in (select app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows));
    get diagnostics v_released = row_count;
    return v_released;
end
$$;
grant execute on function app.release_due_work(uuid, uuid, uuid, integer[], timestamptz[], uuid[]) to ascribe_worker;
