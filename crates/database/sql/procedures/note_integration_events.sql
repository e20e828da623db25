-- note_integration_events: an account was paused, by a person or because it refused our credentials, or goes on: those who want to
-- be told are, in the transaction in which it happened.
-- Seed's procedure: none (refused credentials ended in rows that were called processed).
-- Trigger on app.integration_authentication, on its few changes of being paused; runs with the rights of whoever changes it.
-- Cost: one index look-up where nobody has a webhook; else one insert per webhook that wants the event.
create function app.note_integration_events() returns trigger
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now   timestamptz := app.now();
    v_event text := case when new.paused_because is null then 'integration.recovered' else 'integration.degraded' end;
begin
    insert into app.webhook_delivery (tenant_id, id, webhook_id, seq, event, body, created_at, next_attempt_at)
    select new.tenant_id, gen_random_uuid(), w.id, 1, v_event,
        json_build_object('type', v_event, 'timestamp', to_char(v_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'data', json_build_object('id', new.id, 'name', new.name, 'because', new.paused_because,
                'link', '/api/v1/integration-authentications/' || new.id))::text,
        v_now, v_now
    from app.webhook w
    where w.tenant_id = new.tenant_id and w.status = 'ACTIVE' and v_event = any (w.events);
    return null;
end
$$;
create trigger note_integration_events after update of paused_because on app.integration_authentication for each row
    when ((old.paused_because is null) <> (new.paused_because is null))
    execute function app.note_integration_events();
