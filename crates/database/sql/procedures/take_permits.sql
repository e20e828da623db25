-- take_permits: leave to send some calls to an account, out of the budget that all workers share.
-- Seed's procedure: none (each process paced itself there, and not at all).
-- In:      the tenant, the account, how many are wanted at most; what the provider allows in a minute and in a day.
-- Effect:  answers how many may be sent now, and if none, after how many seconds to ask again. The pace is even (a generic cell
--          rate): 98 of 100 of what is allowed, at most what comes in 0.6 s of it at once, so that no minute of the provider's
--          clock, wherever it begins, sees more than it allows. The day is UTC's (inferred).
-- Errors:  none of its own.
-- Cost:    1 row lock and 1 update a call, whatever is taken.
create function app.take_permits(
    p_tenant_id uuid, p_account uuid, p_wanted integer, p_per_minute integer, p_per_day integer)
    returns table (granted integer, wait_seconds double precision)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now      timestamptz := app.now();
    v_day      date := (v_now at time zone 'UTC')::date;
    v_interval interval := make_interval(secs => 60.0 / (p_per_minute * 0.98));
    -- A hundredth of a minute's calls may come at once: with the pace that stays within what is allowed.
    v_burst    interval := make_interval(secs => 60.0 * 0.01);
    v_budget   app.call_budget;
    v_from     timestamptz;
    v_granted  integer;
begin
    insert into app.call_budget (tenant_id, account, next_at, day) values (p_tenant_id, p_account, v_now, v_day)
    on conflict (tenant_id, account) do nothing;
    select * into v_budget from app.call_budget b where b.tenant_id = p_tenant_id and b.account = p_account for update;
    if v_budget.day <> v_day then
        v_budget.day := v_day;
        v_budget.taken_today := 0;
    end if;
    if v_budget.blocked_until > v_now then
        return query select 0, extract(epoch from v_budget.blocked_until - v_now)::double precision;
        return;
    end if;
    if v_budget.taken_today >= p_per_day then
        return query select 0, extract(epoch from ((v_day + 1)::timestamp at time zone 'UTC') - v_now)::double precision;
        return;
    end if;
    v_from := greatest(v_budget.next_at, v_now);
    v_granted := least(p_wanted, p_per_day - v_budget.taken_today,
        floor(extract(epoch from v_now + v_burst - v_from) / extract(epoch from v_interval))::integer + 1);
    if v_granted <= 0 then
        return query select 0, extract(epoch from v_from - v_burst - v_now)::double precision;
        return;
    end if;
    update app.call_budget b
    set next_at = v_from + v_granted * v_interval, day = v_budget.day, taken_today = v_budget.taken_today + v_granted
    where b.tenant_id = p_tenant_id and b.account = p_account;
    return query select v_granted, 0.0::double precision;
end
$$;
grant execute on function app.take_permits(uuid, uuid, integer, integer, integer) to ascribe_worker;
