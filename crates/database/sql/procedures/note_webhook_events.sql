-- note_webhook_events: what happened to a plan or a change is noted for those who want to be told, in the transaction in which
-- it happened: whoever reads of it later reads what is so, and nothing that was rolled back is told.
-- Seed's procedure: none (it sent a mail after the fact, and could forget it).
-- Trigger on app.device_bulk_change, on its few changes of status; runs with the rights of whoever changes it, under the
-- change's row lock, which keeps seq without gaps.
-- Cost: where nobody has a webhook, one index look-up per change of status (at most about five in a change's life); else
-- one insert per webhook that wants the event. Nothing per device.
create function app.note_webhook_events() returns trigger
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now    timestamptz := app.now();
    v_events text[];
    v_k      app.bulk_change_counter;
    v_counts json;
begin
    if not exists (select from app.webhook w where w.tenant_id = new.tenant_id and w.status = 'ACTIVE') then
        return null;
    end if;
    select * into v_k from app.bulk_change_counter k where k.tenant_id = new.tenant_id and k.bulk_change_id = new.id;
    v_events := array_remove(array[
        -- A small change begins and ends in one update; one that was cancelled before it began never began.
        case when old.started_at is null and new.started_at is not null and new.status <> 'CANCELLED' then 'bulk_change.started' end,
        case when new.status = old.status then null
            when new.status = 'PLANNED' then 'plan.ready'
            when new.status = 'PLAN_FAILED' then 'plan.failed'
            when new.status = 'PAUSED' then 'bulk_change.paused'
            when new.status = 'PROCESSED' and v_k.ok = v_k.planned then 'bulk_change.completed'
            when new.status = 'PROCESSED' then 'bulk_change.completed_with_failures'
            when new.status = 'ERROR' then 'bulk_change.failed'
            when new.status = 'CANCELLED' then 'bulk_change.cancelled'
            -- Cancelling a paused change wakes it, too, and says so in its details.
            when old.status = 'PAUSED' and new.status_details is not distinct from old.status_details then 'bulk_change.resumed'
        end], null);
    if v_events = '{}' then
        return null;
    end if;
    v_counts := case when new.status in ('PLANNED', 'PLAN_FAILED')
        then json_build_object('rows', new.row_count, 'change', new.row_count - new.no_change_count - new.refused_count,
            'no_change', new.no_change_count, 'refused', new.refused_count)
        else json_build_object('planned', v_k.planned, 'ok', v_k.ok, 'failed', v_k.failed, 'skipped', v_k.skipped,
            'cancelled', v_k.cancelled, 'needs_attention', v_k.needs_attention, 'to_do', v_k.to_do) end;
    insert into app.webhook_delivery (tenant_id, id, webhook_id, bulk_change_id, seq, event, body, created_at, next_attempt_at)
    select new.tenant_id, gen_random_uuid(), w.id, new.id, s.seq, e.event,
        json_build_object('type', e.event, 'timestamp', to_char(v_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'data', json_build_object('id', new.id, 'seq', s.seq, 'status', new.status, 'counts', v_counts, 'reference', new.reference,
                'link', case when new.applied_at is null then '/api/v1/plans/' else '/api/v1/bulk-changes/' end || new.id))::text,
        v_now, v_now
    from app.webhook w
    cross join unnest(v_events) with ordinality as e (event, n)
    cross join lateral (
        select coalesce(max(d.seq), 0) + (select count(*) from unnest(v_events) with ordinality as b (event, n)
                where b.n <= e.n and b.event = any (w.events))::integer as seq
        from app.webhook_delivery d where d.tenant_id = new.tenant_id and d.webhook_id = w.id and d.bulk_change_id = new.id) s
    where w.tenant_id = new.tenant_id and w.status = 'ACTIVE' and e.event = any (w.events);
    return null;
end
$$;
create trigger note_webhook_events after update of status, started_at on app.device_bulk_change for each row
    when (old.status is distinct from new.status or old.started_at is distinct from new.started_at)
    execute function app.note_webhook_events();
