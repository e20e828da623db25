-- Row level security on every table that belongs to a tenant: enabled, forced (the owner is bound too), one policy.
-- Policies never look into another table (a pair that did would recurse for ever). The tenant is asked for in a sub-select:
-- then once per statement, and not once per row.
do $$
declare
    v_table text;
begin
    foreach v_table in array array[
        'tenant_module', 'api_key', 'api_key_lookup', 'api_key_site', 'idempotency_key', 'site_group', 'site_group_site',
        'integration_authentication', 'service_provider', 'rev_customer', 'site', 'carrier_rate_plan',
        'customer_rate_plan', 'customer_rate_pool',
        'rev_provider', 'rev_service_type', 'rev_usage_plan_group', 'rev_product', 'rev_package', 'rev_package_product', 'rev_service',
        'rev_service_product', 'credential', 'call_budget', 'rev_sync', 'rev_sync_seen', 'rev_read_again', 'device_link_due',
        'carrier_account', 'carrier_sign_in', 'carrier_sync', 'carrier_sync_seen', 'carrier_archived', 'carrier_callback', 'carrier_callback_gate',
        'm2m_device', 'device_tenant', 'device_status_history', 'device_tenant_history', 'device_lock',
        'device_bulk_change', 'bulk_change_counter', 'bulk_change_target', 'bulk_change_input', 'bulk_change_chunk', 'tenant_turn', 'bulk_change_turn',
        'device_change_schedule', 'schedule_chunk',
        'due_work', 'outside_turn', 'account_gate', 'provider_intent', 'carrier_plan_change',
        'm2m_device_change', 'm2m_device_bulk_change_log', 'audit_entry', 'audit_seal',
        'webhook', 'webhook_delivery', 'webhook_attempt',
        'person', 'person_password', 'person_lookup', 'person_role', 'person_session', 'person_invitation']
    loop
        execute format('alter table app.%I enable row level security', v_table);
        execute format('alter table app.%I force row level security', v_table);
        execute format('create policy tenant on app.%I using (tenant_id = (select app.current_tenant())) with check (tenant_id = (select app.current_tenant()))', v_table);
        execute format('create policy auditor on app.%I for select to ascribe_auditor using (true)', v_table);
        execute format('grant select on app.%I to ascribe_auditor', v_table);
    end loop;
end
$$;
alter table app.tenant enable row level security;
alter table app.tenant force row level security;
create policy tenant on app.tenant using (id = (select app.current_tenant())) with check (id = (select app.current_tenant()));
create policy auditor on app.tenant for select to ascribe_auditor using (true);
grant select on app.tenant to ascribe_auditor;

-- An agent sees a device of its partner, and what its carrier said of it, through its own assignment of it and no other way;
-- to read only. These two look into another table, in one direction: device_tenant's policy looks nowhere. For the owner
-- the first policy is true before this one is asked.
create policy agent on app.m2m_device for select to ascribe_web, ascribe_worker using (exists (
    select from app.device_tenant dt
    where dt.tenant_id = (select app.current_tenant()) and dt.device_owner_tenant_id = m2m_device.tenant_id and dt.device_id = m2m_device.id));
create policy agent on app.device_status_history for select to ascribe_web using (exists (
    select from app.device_tenant dt
    where dt.tenant_id = (select app.current_tenant()) and dt.device_owner_tenant_id = device_status_history.tenant_id
      and dt.device_id = device_status_history.device_id));

-- The web role registers devices of its own tenant and of no other: a foreign key alone would let an agent's session take
-- any device of its partner, for constraints look past row level security.
create policy own_devices on app.device_tenant as restrictive for insert to ascribe_web
    with check (device_owner_tenant_id = (select app.current_tenant()));

-- What was taken back is not there for whoever runs: no query has to remember it.
create policy not_taken_back on app.device_tenant as restrictive for select to ascribe_web, ascribe_worker using (taken_back_at is null);
-- Giving and taking back see which agents have a device of the tenant; they are definer functions, and run as the owner.
create policy given_devices on app.device_tenant for select to ascribe_owner using (device_owner_tenant_id = (select app.current_tenant()));

-- Dispatch tables: the second policy. They hold ids and times, nothing a tenant would call its own.
create policy dispatcher on app.bulk_change_chunk to ascribe_dispatcher using (true) with check (true);
grant select, update (state, epoch, lease_until, start_at, releases) on app.bulk_change_chunk to ascribe_dispatcher;
create policy dispatcher on app.tenant for select to ascribe_dispatcher using (true);
grant select (id, parent_tenant_id) on app.tenant to ascribe_dispatcher;
create policy dispatcher on app.tenant_turn to ascribe_dispatcher using (true) with check (true);
create policy dispatcher on app.bulk_change_turn to ascribe_dispatcher using (true) with check (true);
create policy dispatcher on app.schedule_chunk to ascribe_dispatcher using (true) with check (true);
grant select, update (due_at, releases) on app.schedule_chunk to ascribe_dispatcher;
grant select, update (served_at) on app.tenant_turn, app.bulk_change_turn to ascribe_dispatcher;
create policy dispatcher on app.due_work to ascribe_dispatcher using (true) with check (true);
grant select (tenant_id, bulk_change_id, row_number, account, due_at, has_begun, claim, lease_until),
    update (due_at, claim, lease_until) on app.due_work to ascribe_dispatcher;
create policy dispatcher on app.outside_turn to ascribe_dispatcher using (true) with check (true);
grant select, update (served_at), delete on app.outside_turn to ascribe_dispatcher;
create policy dispatcher on app.account_gate for select to ascribe_dispatcher using (true);
grant select on app.account_gate to ascribe_dispatcher;
-- Which tenants have something to be read: not what.
create policy dispatcher on app.rev_read_again for select to ascribe_dispatcher using (true);
grant select (tenant_id, asked_at, read_at) on app.rev_read_again to ascribe_dispatcher;
create policy dispatcher on app.api_key_lookup for select to ascribe_dispatcher using (true);
grant select on app.api_key_lookup to ascribe_dispatcher;

-- The lock over all tenants has no grants at all: the definer functions lock_devices, unlock_devices and
-- locked_devices run as the owner, and this policy lets them see every row of this one table.
create policy definer_functions on app.device_lock to ascribe_owner using (true) with check (true);

grant select on app.integration, app.device_status, app.change_request_type, app.role, app.role_module, app.role_change_type
    to ascribe_web, ascribe_worker, ascribe_auditor;

-- The web role plans and applies. It cannot move a device, nor write what the ledger says of one.
grant select on app.tenant, app.tenant_module, app.api_key, app.api_key_site, app.site_group, app.site_group_site, app.integration_authentication, app.service_provider, app.rev_customer, app.site,
    app.carrier_rate_plan, app.customer_rate_plan, app.customer_rate_pool, app.m2m_device, app.device_tenant,
    app.device_tenant_history, app.device_bulk_change, app.bulk_change_counter, app.bulk_change_target,
    app.bulk_change_input, app.bulk_change_chunk, app.m2m_device_change, app.m2m_device_bulk_change_log, app.audit_entry,
    app.device_status_history, app.device_change_schedule, app.schedule_chunk
    to ascribe_web;
grant select, insert, update, delete on app.idempotency_key to ascribe_web;
-- The worker takes away those that expired.
grant select, update, delete on app.idempotency_key to ascribe_worker;
grant select, insert on app.tenant_turn, app.bulk_change_turn to ascribe_web;
grant insert on app.device_bulk_change, app.bulk_change_counter, app.bulk_change_target, app.bulk_change_input, app.bulk_change_chunk,
    app.m2m_device_change, app.audit_entry to ascribe_web;
grant update (status, status_details, is_cancelled, plan_hash, planning_lease_until, planning_epoch, planned_at, billing_mirrored_at, expires_at, applied_at, applied_by, start_at,
    row_count, no_change_count, refused_count, by_reason, outside, service_provider_id, input_columns, rows_read, rows_judged)
    on app.device_bulk_change to ascribe_web;
grant update (is_cancelled, due_at) on app.schedule_chunk to ascribe_web;
grant update (state, start_at, is_paused, is_cancelled) on app.bulk_change_chunk to ascribe_web;

-- The web role keeps what plans are made against: customers, sites, offers, providers, devices, keys. Nothing is deleted but
-- that a site is in a group; an assignment, a version and a past are not its to write.
grant select on app.audit_seal to ascribe_web;
grant insert on app.service_provider, app.rev_customer, app.site, app.carrier_rate_plan, app.customer_rate_plan,
    app.customer_rate_pool, app.m2m_device, app.device_tenant, app.device_status_history, app.api_key, app.api_key_site,
    app.api_key_lookup, app.site_group, app.site_group_site to ascribe_web;
grant select (tenant_id, api_key_id, expires_at, revoked_at) on app.api_key_lookup to ascribe_web;
grant update (revoked_at) on app.api_key_lookup to ascribe_web;
grant update (name, write_enabled) on app.service_provider to ascribe_web;
grant update (customer_name, status) on app.rev_customer to ascribe_web;
grant update (name, is_active) on app.site to ascribe_web;
grant update (name) on app.site_group to ascribe_web;
grant delete on app.site_group_site to ascribe_web;
grant update (rate_plan_name, service_provider_id, is_active) on app.customer_rate_plan to ascribe_web;
grant update (name, service_provider_id, is_active) on app.customer_rate_pool to ascribe_web;
grant update (msisdn, imei, eid, status, carrier_rate_plan_id, ip_address, is_archived) on app.m2m_device to ascribe_web;

-- The worker role settles, and seals the audit trail.
grant select on app.audit_entry to ascribe_worker;
grant select, insert on app.audit_seal to ascribe_worker;
grant select on app.tenant, app.service_provider, app.integration_authentication, app.rev_customer, app.site,
    app.customer_rate_plan, app.customer_rate_pool, app.bulk_change_target, app.device_tenant_history,
    app.m2m_device_bulk_change_log to ascribe_worker;
grant select, update (status, started_at, processed_date, status_details) on app.device_bulk_change to ascribe_worker;
grant select, update on app.bulk_change_counter to ascribe_worker;
grant select, delete on app.bulk_change_turn to ascribe_worker;
grant select, update (state, epoch, lease_until) on app.bulk_change_chunk to ascribe_worker;
grant select, update (status, reason, status_details, attempts, processed_date) on app.m2m_device_change to ascribe_worker;
grant select, update (site_id, version) on app.m2m_device to ascribe_worker;
-- What the carrier shows of a device that was changed there.
grant update (msisdn, status, carrier_rate_plan_id, ip_address) on app.m2m_device to ascribe_worker;
grant update (effective_date) on app.m2m_device_change to ascribe_worker;
grant select, insert, update (date_of_change) on app.device_status_history to ascribe_worker;
grant update (date_of_change) on app.device_status_history to ascribe_web;
grant select, insert, update on app.device_tenant to ascribe_worker;
grant select, insert, update (status, reason, ended_at) on app.device_change_schedule to ascribe_worker;
grant select, insert, update (is_done, is_cancelled, due_at) on app.schedule_chunk to ascribe_worker;
grant insert on app.device_tenant_history, app.m2m_device_bulk_change_log, app.audit_entry to ascribe_worker;

-- Outside: the worker carries out, and writes down before and after. The web role shows what is known.
grant select, insert, delete, update (account, due_at, has_begun, msisdn, found_over, blind_since, sweeps, giving_up, giving_up_details, resolution,
        claim, lease_until, heard_at)
    on app.due_work to ascribe_worker;
grant select, insert, update (served_at, is_paused, is_cancelled) on app.outside_turn to ascribe_worker;
grant select, insert, update on app.account_gate to ascribe_worker;
grant select, insert, update (outcome, was_unknown, provider_ref, before_image, evidence, ended_at, request_id, looked_at)
    on app.provider_intent to ascribe_worker;
grant select, insert, update on app.carrier_plan_change to ascribe_worker;
grant select on app.carrier_rate_plan to ascribe_worker;
grant select on app.due_work, app.outside_turn, app.account_gate, app.provider_intent, app.carrier_plan_change to ascribe_web;
grant update (is_paused, is_cancelled) on app.outside_turn to ascribe_web;
grant update (not_before, failures) on app.account_gate to ascribe_web;
grant update (blocked_until) on app.call_budget to ascribe_web;

-- Billing: the web role shows the mirror and keeps accounts; it writes secrets and cannot read them. The worker reads Rev.io.
grant select on app.rev_provider, app.rev_service_type, app.rev_usage_plan_group, app.rev_product, app.rev_package, app.rev_package_product,
    app.rev_service, app.rev_service_product, app.call_budget, app.rev_sync to ascribe_web;
grant insert, update (name, base_url, calls_per_minute, calls_per_day, paused_because) on app.integration_authentication to ascribe_web;
grant select (tenant_id, account, field, version, key_id, modified_at), insert, update (version, key_id, sealed_key, sealed_value, modified_at)
    on app.credential to ascribe_web;
grant select, insert, update (agents_too) on app.device_link_due to ascribe_web;
grant select, insert, update (asked_at) on app.rev_read_again to ascribe_web;
grant select, update (lease_until, read_at) on app.rev_read_again to ascribe_worker;
grant select, insert, update on app.rev_provider, app.rev_service_type, app.rev_usage_plan_group, app.rev_product, app.rev_package,
    app.rev_package_product, app.rev_service, app.rev_service_product, app.call_budget, app.rev_sync to ascribe_worker;
grant select, insert, delete on app.rev_sync_seen to ascribe_worker;
grant select, insert, update, delete on app.device_link_due to ascribe_worker;
grant select, update (version, key_id, sealed_key, sealed_value, modified_at) on app.credential to ascribe_worker;
grant update (paused_because) on app.integration_authentication to ascribe_worker;
grant insert, update (customer_name, status, parent_rev_customer_id, activated_date, close_date, bill_profile_id, agent_id, gone_at)
    on app.rev_customer to ascribe_worker;
grant insert, update (name, given_name) on app.site to ascribe_worker;

-- Carriers: as with Rev.io, the web role keeps accounts and never reads a secret; the worker calls.
grant select, insert, update (base_url, account_name, calls_per_minute, calls_per_day, paused_because) on app.carrier_account to ascribe_web;
grant select on app.carrier_sync to ascribe_web;
grant select, update (paused_because) on app.carrier_account to ascribe_worker;
grant select, insert, update on app.carrier_sign_in, app.carrier_sync to ascribe_worker;
grant select, insert, delete on app.carrier_callback to ascribe_worker;
grant insert on app.carrier_callback to ascribe_web;
-- A callback that was let in has its rows read sooner (hear_carrier), and does nothing else.
grant update (due_at, heard_at) on app.due_work to ascribe_web;
create policy dispatcher on app.carrier_callback_gate for select to ascribe_dispatcher using (true);
grant select (tenant_id, service_provider_id, token_sha256, username_sha256, password_sha256) on app.carrier_callback_gate to ascribe_dispatcher;
grant select (tenant_id, service_provider_id, registered_at, trouble) on app.carrier_callback_gate to ascribe_web;
grant select, insert, update on app.carrier_callback_gate to ascribe_worker;
grant select, insert, delete on app.carrier_sync_seen, app.carrier_archived to ascribe_worker;

-- Webhooks: whoever changes a state notes what there is to tell (note_webhook_events). The dispatcher finds what is due: ids and
-- times, neither an address nor a body. The worker sends, and takes away what is old.
create policy dispatcher on app.webhook to ascribe_dispatcher using (true) with check (true);
create policy dispatcher on app.webhook_delivery for select to ascribe_dispatcher using (true);
grant select (tenant_id, id, status, served_at, lease_until, epoch), update (served_at, lease_until, epoch) on app.webhook to ascribe_dispatcher;
grant select (tenant_id, id, webhook_id, number, bulk_change_id, seq, status, next_attempt_at) on app.webhook_delivery to ascribe_dispatcher;
grant select, insert, update (url, description, events, status, paused_because) on app.webhook to ascribe_web;
grant select, insert, update (status, next_attempt_at, ended_at) on app.webhook_delivery to ascribe_web;
grant select on app.webhook_attempt to ascribe_web;
grant select, update (status, paused_because, lease_until) on app.webhook to ascribe_worker;
grant select, insert, delete, update (attempts, first_attempt_at, status, next_attempt_at, ended_at) on app.webhook_delivery to ascribe_worker;
grant select, insert on app.webhook_attempt to ascribe_worker;

-- Functions are called by name and by right: nothing is executable by everybody. (The order matters: this runs
-- before the procedures are made.)
alter default privileges for role ascribe_owner in schema app revoke execute on functions from public;
alter default privileges for role ascribe_owner revoke execute on functions from public;
revoke execute on all functions in schema app from public;
grant select on app.seat, app.customer to ascribe_web, ascribe_worker, ascribe_auditor;
