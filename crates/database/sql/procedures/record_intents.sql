-- record_intents: what is about to be sent, committed before it is. Only for sends that the gate has granted.
-- Seed's procedure: none (nothing was written before a call, so nobody knew afterwards).
-- In:      the claim; how long the lease has to run still (a send may take so long, and must be over before somebody else looks);
--          per intent its row, key, natural key, request digest and, where it can be put back, what was there before.
-- Effect:  intents OPEN; the row has begun. Answers those that were written: nothing else may be sent. One that is missing has an
--          open attempt already, or is not this claim's any more.
-- Cost:    1 insert per call; 1 update per row the first time. One transaction for all.
create function app.record_intents(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_account uuid, p_lease_left interval,
    p_settle_for interval, p_rows integer[], p_steps text[], p_directions text[], p_calls text[], p_items bigint[], p_attempts smallint[],
    p_natural_keys text[], p_request_hashes bytea[], p_before_images jsonb[], p_effective_on date[])
    returns table (row_number integer, step text, direction text, call text, item bigint, began_at timestamptz, settle_until timestamptz)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now  timestamptz := app.now();
    v_held integer[];
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows, p_lease_left) as h;
    -- With a send a person's decision is used up: it is good for one.
    update app.due_work w set has_begun = true, resolution = null
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_held)
      and (not w.has_begun or w.resolution is not null);
    return query
        insert into app.provider_intent as i (tenant_id, bulk_change_id, row_number, step, direction, call, item, attempt, account, natural_key,
            request_hash, claim, began_at, settle_until, outcome, before_image, effective_on)
        select p_tenant_id, p_bulk_change_id, u.row_number, u.step, u.direction, u.call, u.item, u.attempt, p_account, u.natural_key,
            u.request_hash, p_claim, v_now, v_now + p_settle_for, 'OPEN', u.before_image, u.effective_on
        from unnest(p_rows, p_steps, p_directions, p_calls, p_items, p_attempts, p_natural_keys, p_request_hashes, p_before_images,
            p_effective_on) as u (row_number, step, direction, call, item, attempt, natural_key, request_hash, before_image, effective_on)
        where u.row_number = any (v_held) order by u.row_number
        on conflict do nothing
        returning i.row_number, i.step, i.direction, i.call, i.item, i.began_at, i.settle_until;
end
$$;
grant execute on function app.record_intents(uuid, uuid, uuid, uuid, interval, interval, integer[], text[], text[], text[], bigint[], smallint[],
    text[], bytea[], jsonb[], date[]) to ascribe_worker;

-- finish_intents: what came of sends, or of looking afterwards. Written down by who holds the rows and by nobody else: who does not
-- any more is told nothing, for whoever holds them now looks for himself.
-- In:      per intent its row, key and attempt, the outcome, the provider's id if it has happened (0 where it has none), evidence; what the
--          log says; the carrier's id of a request that it has accepted, of which nothing else is known.
-- Effect:  intents that are OPEN or UNKNOWN take the outcome; one log row each. An id that is another intent's receipt already is
--          not a second one's: the outcome stays UNKNOWN then. Rows whose request was accepted are WAITING_CARRIER until more is
--          known. Answers the rows that were written.
-- Cost:    1 update and 1 log insert per call, 2 updates of the row per accepted request. One transaction for as many answers as have come.
create function app.finish_intents(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_steps text[],
    p_directions text[], p_calls text[], p_items bigint[], p_attempts smallint[], p_outcomes text[], p_refs bigint[], p_evidence text[],
    p_log_statuses text[], p_requests text[], p_responses text[], p_request_ids text[])
    returns table (row_number integer, step text, direction text, call text, item bigint, outcome text)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now  timestamptz := app.now();
    v_held integer[];
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, request, response, created_at)
    select p_tenant_id, p_bulk_change_id, u.row_number, u.attempt, u.step || case u.direction when 'undo' then ' (undo): ' else ': ' end || u.call, u.log_status,
        case when u.outcome <> 'DONE' then u.evidence end, u.request, u.response, v_now
    from unnest(p_rows, p_steps, p_directions, p_calls, p_attempts, p_outcomes, p_evidence, p_log_statuses, p_requests, p_responses)
        as u (row_number, step, direction, call, attempt, outcome, evidence, log_status, request, response)
    where u.row_number = any (v_held);
    -- What a carrier has accepted keeps nobody busy, and shows that it waits; what is known by now does not wait any more.
    update app.m2m_device_change c set status = case when c.status = 'PROCESSING' then 'WAITING_CARRIER' else 'PROCESSING' end
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held)
      and c.row_number in (
        select u.row_number from unnest(p_rows, p_request_ids, p_outcomes) as u (row_number, request_id, outcome)
        where case when u.request_id is not null then c.status = 'PROCESSING' else u.outcome <> 'UNKNOWN' and c.status = 'WAITING_CARRIER' end);
    return query
        update app.provider_intent i
        set request_id = coalesce(w.request_id, i.request_id), outcome = w.outcome, provider_ref = case when w.outcome = 'DONE' then w.ref end, evidence = w.evidence,
            was_unknown = i.was_unknown or w.outcome = 'UNKNOWN' or w.log_status in ('FOUND', 'NOT_FOUND'),
            ended_at = case when w.outcome in ('OPEN', 'UNKNOWN') then null else v_now end
        from (
            select u.row_number, u.step, u.direction, u.call, u.item, u.attempt, u.ref, u.evidence, u.log_status, u.request_id,
                case when u.told = 'DONE' and u.call in ('create_service', 'create_service_product') and exists (
                    -- The calls are named once more of the receipts themselves: else their index is not known to hold them.
                    select from app.provider_intent o
                    where o.tenant_id = p_tenant_id and o.call = u.call and o.call in ('create_service', 'create_service_product')
                      and o.outcome = 'DONE' and o.provider_ref = u.ref
                      and o.account = (select m.account from app.provider_intent m
                        where m.tenant_id = p_tenant_id and m.bulk_change_id = p_bulk_change_id and m.row_number = u.row_number
                          and m.step = u.step and m.direction = u.direction and m.call = u.call and m.item = u.item
                          and m.attempt = u.attempt)) then 'UNKNOWN' else u.told end as outcome
            from unnest(p_rows, p_steps, p_directions, p_calls, p_items, p_attempts, p_outcomes, p_refs, p_evidence, p_log_statuses, p_request_ids)
                as u (row_number, step, direction, call, item, attempt, told, ref, evidence, log_status, request_id)) as w
        where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = w.row_number and i.step = w.step
          and i.direction = w.direction and i.call = w.call and i.item = w.item and i.attempt = w.attempt
          and i.outcome in ('OPEN', 'UNKNOWN') and i.row_number = any (v_held)
        returning i.row_number, i.step, i.direction, i.call, i.item, i.outcome;
end
$$;
grant execute on function app.finish_intents(uuid, uuid, uuid, integer[], text[], text[], text[], bigint[], smallint[], text[], bigint[], text[],
    text[], text[], text[], text[]) to ascribe_worker;

-- note_looked: requests that a carrier has accepted, or that nobody knows of, were read back and are not told yet. One statement.
create function app.note_looked(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_calls text[]) returns void
    language sql set search_path = app, pg_temp
    as $$
    update app.provider_intent i set looked_at = app.now()
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.outcome in ('OPEN', 'UNKNOWN')
      and i.row_number = any (p_rows) and i.call = any (p_calls)
      and i.row_number in (select app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows))
$$;
grant execute on function app.note_looked(uuid, uuid, uuid, integer[], text[]) to ascribe_worker;
