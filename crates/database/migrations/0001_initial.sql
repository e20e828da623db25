-- The schema as it first ships: the files of sql/ in the order of sql/order.txt.

-- tables/000_schema.sql
-- The schema, the one clock and the one question every policy asks: whose transaction is this?
create schema app;
revoke all on schema app from public;
grant usage on schema app to ascribe_web, ascribe_worker, ascribe_dispatcher, ascribe_auditor;

-- The only clock of the ledger. STABLE over clock_timestamp(), so that "due before now" still uses an index
-- (VOLATILE loses the index condition), plus an offset that only tests set (app.clock_offset, an interval).
create function app.now() returns timestamptz
    language sql stable parallel safe
    return clock_timestamp() + coalesce(nullif(current_setting('app.clock_offset', true), '')::interval, interval '0');

-- The tenant of this transaction, set with set_config('app.tenant', …, true). Unset: null, and every policy says no.
create function app.current_tenant() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.tenant', true), '')::uuid;

-- A row's version moves when a column moves that the plan's verdict reads: the trigger's WHEN says which.
create function app.move_version() returns trigger
    language plpgsql
    as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

grant execute on all functions in schema app to ascribe_web, ascribe_worker, ascribe_dispatcher, ascribe_auditor;

-- tables/010_reference.sql
-- Words that are the same for every tenant. Readable by all, written by migrations only.
create table app.integration (
    id   smallint primary key,
    code text not null unique,
    name text not null,
    -- The module that its SIMs belong to; null: it has none.
    module text check (module in ('m2m', 'mobility'))
);
comment on table app.integration is 'The outside systems. Ids are the original''s where it has one (reference: domain 1.3).';
insert into app.integration (id, code, name, module) values
    (1, 'control_center', 'Cisco Control Center (Jasper)', 'm2m'),
    (3, 'rev_io', 'Rev.io', null),
    (4, 'thingspace', 'Verizon ThingSpace', 'm2m'),
    (6, 'telegence', 'AT&T Telegence', 'mobility');

create table app.device_status (
    integration_id smallint not null references app.integration,
    status         text     not null,
    is_active      boolean  not null,
    -- The domain's Standing: what may be asked of the carrier for such a SIM.
    standing       text     not null check (standing in ('active', 'suspended', 'not_yet_active', 'deactivated', 'pending', 'other')),
    primary key (integration_id, status),
    check (is_active = (standing = 'active'))
);
comment on table app.device_status is 'Each carrier''s own words for a SIM''s state, and whether the word means active.';
insert into app.device_status (integration_id, status, is_active, standing) values
    (4, 'active', true, 'active'), (4, 'deactive', false, 'deactivated'), (4, 'preactive', false, 'not_yet_active'),
    (4, 'suspend', false, 'suspended'), (4, 'pending activation', false, 'pending'), (4, 'pending deactivation', false, 'pending'),
    (1, 'ACTIVATED', true, 'active'), (1, 'ACTIVATION_READY', false, 'not_yet_active'), (1, 'DEACTIVATED', false, 'deactivated'),
    (1, 'INVENTORY', false, 'not_yet_active'), (1, 'PURGED', false, 'other'), (1, 'RETIRED', false, 'other'),
    (1, 'REPLACED', false, 'other'), (1, 'TEST_READY', false, 'not_yet_active'),
    (6, 'A', true, 'active'), (6, 'C', false, 'deactivated'), (6, 'S', false, 'suspended');

create table app.change_request_type (
    id           smallint primary key,
    code         text not null unique,
    display_name text not null
);
insert into app.change_request_type (id, code, display_name) values (4, 'CustomerAssignment', 'Assign Customer');

-- Roles and what they may do: the original's table. Everything that is not here is denied.
create table app.role (
    code text primary key,
    name text not null
);
insert into app.role (code, name) values
    ('super_admin', 'Super Admin'), ('partner_admin', 'Partner Admin'), ('agent_partner_admin', 'Agent Partner Admin'),
    ('agent', 'Agent'), ('user', 'User'), ('notification_only', 'Notification-Only User');

create table app.role_module (
    role       text not null references app.role,
    module     text not null check (module in ('m2m', 'mobility', 'rev_customers')),
    may_access boolean not null,
    may_create boolean not null,
    may_edit   boolean not null,
    primary key (role, module)
);
insert into app.role_module (role, module, may_access, may_create, may_edit)
select r, m, true, r <> 'user', r not in ('user', 'agent')
from unnest(array['super_admin', 'partner_admin', 'agent_partner_admin', 'agent', 'user']) as r,
    unnest(array['m2m', 'mobility', 'rev_customers']) as m;

create table app.role_change_type (
    role                   text not null references app.role,
    integration_id         smallint not null references app.integration,
    change_request_type_id smallint not null references app.change_request_type,
    primary key (role, integration_id, change_request_type_id)
);
comment on table app.role_change_type is 'Which change types a role may use at which carrier. An agent assigns customers to mobility lines only.';
insert into app.role_change_type (role, integration_id, change_request_type_id)
select r, i, 4 from unnest(array['super_admin', 'partner_admin', 'agent_partner_admin']) as r, unnest(array[1, 4, 6]) as i
union all select 'agent', 6, 4;

-- tables/020_tenant.sql
create table app.tenant (
    id               uuid primary key,
    name             text not null unique,
    parent_tenant_id uuid references app.tenant,
    time_zone        text not null default 'UTC',
    created_at       timestamptz not null
);
comment on table app.tenant is 'A partner (reseller); with a parent, an agent partner under it.';

create table app.tenant_module (
    tenant_id uuid not null references app.tenant,
    module    text not null check (module in ('m2m', 'mobility', 'rev_customers')),
    primary key (tenant_id, module)
);
comment on table app.tenant_module is 'The modules a tenant has; one that is not here nobody in it may use.';

create table app.api_key (
    tenant_id  uuid not null references app.tenant,
    id         uuid not null,
    name       text not null,
    shown      text not null,
    role       text not null references app.role,
    -- Confined to the sites of api_key_site; without any there, to none.
    is_site_restricted boolean not null default false,
    created_at timestamptz not null,
    -- The role of the person who made it, or who made the key that made it; null: it is the tenant's own, made at the machine.
    -- A key never does more than that role does now.
    made_by    uuid,
    primary key (tenant_id, id),
    foreign key (tenant_id, made_by) references app.api_key (tenant_id, id)
);
comment on column app.api_key.shown is 'The first characters of the key, to recognise it by. The key itself is nowhere.';

-- Dispatch: whose key is this, before a tenant is known. Ids only.
create table app.api_key_lookup (
    key_sha256 bytea primary key,
    tenant_id  uuid not null,
    api_key_id uuid not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id)
);

-- Answers already given to a request with an Idempotency-Key, to the API key that sent it and no other: what one may see,
-- another may not. An in-flight mark expires by itself.
create table app.idempotency_key (
    tenant_id   uuid not null references app.tenant,
    api_key_id  uuid not null,
    route       text not null,
    key         text not null,
    fingerprint bytea not null,
    status_code smallint,
    body        text,
    location    text,
    -- What was made, written in the transaction that made it: an answer that was lost can be given again.
    made_id     uuid,
    expires_at  timestamptz not null,
    -- Moves on when an in-flight mark is taken over: only who has it now keeps an answer or gives the key back.
    epoch       integer not null default 1,
    primary key (tenant_id, api_key_id, route, key),
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id)
);

-- tables/030_customer.sql
create table app.integration_authentication (
    tenant_id      uuid not null references app.tenant,
    id             uuid not null,
    integration_id smallint not null references app.integration,
    name           text not null,
    -- Null until the account is set up: then nothing of it is mirrored, and its customers are kept by hand.
    base_url       text,
    -- What the provider allows; all workers together stay below it (rev_io C2: 500 a minute, 150,000 a day).
    calls_per_minute integer not null default 500 check (calls_per_minute > 0),
    calls_per_day    integer not null default 150000 check (calls_per_day > 0),
    -- Why nothing is sent to it now: somebody paused it, or it refused our credentials.
    paused_because text,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);
comment on table app.integration_authentication is 'One account at Rev.io. The same rev_customer_id may exist under two of them.';

create table app.service_provider (
    tenant_id      uuid not null references app.tenant,
    id             uuid not null,
    integration_id smallint not null references app.integration,
    name           text not null,
    write_enabled  boolean not null default true,
    version        integer not null default 1,
    -- An agent's service provider is its partner's, under a row of the agent's own.
    owner_tenant_id           uuid,
    owner_service_provider_id uuid,
    primary key (tenant_id, id),
    unique (tenant_id, name),
    foreign key (owner_tenant_id, owner_service_provider_id) references app.service_provider (tenant_id, id),
    check ((owner_tenant_id is null) = (owner_service_provider_id is null))
);
comment on table app.service_provider is 'One account at one carrier.';

create table app.rev_customer (
    tenant_id                     uuid not null,
    id                            uuid not null,
    rev_customer_id               text not null,
    integration_authentication_id uuid not null,
    customer_name                 text not null,
    status                        text not null default 'OPEN',
    parent_rev_customer_id        text,
    activated_date                date,
    close_date                    date,
    bill_profile_id               bigint,
    agent_id                      bigint,
    -- When a whole reading of the account did not have it any more, and asking for it by its id neither: it is CLOSED then.
    gone_at                       timestamptz,
    version                       integer not null default 1,
    primary key (tenant_id, id),
    unique (tenant_id, rev_customer_id, integration_authentication_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
comment on table app.rev_customer is 'An account at Rev.io. Names are not unique; CLOSED is the one status with a meaning of its own.';
create index rev_customer_by_name on app.rev_customer (tenant_id, customer_name);
create trigger move_version before update on app.rev_customer for each row
    when (old.status is distinct from new.status or old.rev_customer_id is distinct from new.rev_customer_id
        or old.integration_authentication_id is distinct from new.integration_authentication_id)
    execute function app.move_version();

create table app.site (
    tenant_id        uuid not null references app.tenant,
    id               uuid not null,
    name             text not null,
    rev_customer_id  uuid,
    amop_customer_id uuid,
    is_system_default boolean not null default false,
    is_active        boolean not null default true,
    -- The name we made for it out of its rev customer's. While it still has that, it is renamed with the customer.
    given_name       text,
    version          integer not null default 1,
    primary key (tenant_id, id),
    unique (tenant_id, name),
    unique (tenant_id, amop_customer_id),
    foreign key (tenant_id, rev_customer_id) references app.rev_customer (tenant_id, id),
    -- A seat belongs to a rev customer, or is itself an AMOP customer, or is the tenant's "Unassigned".
    check (num_nonnulls(rev_customer_id, amop_customer_id) + is_system_default::integer = 1)
);
comment on table app.site is 'A customer''s seat in a tenant. amop_customer_id is the public id of the customer that exists only here.';
create unique index site_one_default on app.site (tenant_id) where is_system_default;
create index site_of_rev_customer on app.site (tenant_id, rev_customer_id) where rev_customer_id is not null;
create trigger move_version before update on app.site for each row
    when (old.is_active is distinct from new.is_active or old.rev_customer_id is distinct from new.rev_customer_id
        or old.amop_customer_id is distinct from new.amop_customer_id)
    execute function app.move_version();

create table app.carrier_rate_plan (
    tenant_id           uuid not null,
    id                  uuid not null,
    service_provider_id uuid not null,
    rate_plan_code      text not null,
    friendly_name       text not null,
    is_active           boolean not null default true,
    primary key (tenant_id, id),
    unique (tenant_id, service_provider_id, rate_plan_code),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
comment on table app.carrier_rate_plan is 'What the carrier charges the partner.';

create table app.customer_rate_plan (
    tenant_id           uuid not null references app.tenant,
    id                  uuid not null,
    service_provider_id uuid,
    rate_plan_code      text not null,
    rate_plan_name      text not null,
    is_active           boolean not null default true,
    version             integer not null default 1,
    primary key (tenant_id, id),
    unique (tenant_id, rate_plan_code),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
comment on table app.customer_rate_plan is 'What the reseller charges its customer. Without a service provider it fits all of them.';
create trigger move_version before update on app.customer_rate_plan for each row
    when (old.is_active is distinct from new.is_active or old.service_provider_id is distinct from new.service_provider_id)
    execute function app.move_version();

create table app.customer_rate_pool (
    tenant_id           uuid not null references app.tenant,
    id                  uuid not null,
    service_provider_id uuid,
    name                text not null,
    is_active           boolean not null default true,
    version             integer not null default 1,
    primary key (tenant_id, id),
    unique (tenant_id, name),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
create trigger move_version before update on app.customer_rate_pool for each row
    when (old.is_active is distinct from new.is_active or old.service_provider_id is distinct from new.service_provider_id)
    execute function app.move_version();

create table app.site_group (
    tenant_id uuid not null references app.tenant,
    id        uuid not null,
    name      text not null,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);
create table app.site_group_site (
    tenant_id     uuid not null,
    site_group_id uuid not null,
    site_id       uuid not null,
    primary key (tenant_id, site_group_id, site_id),
    foreign key (tenant_id, site_group_id) references app.site_group (tenant_id, id),
    foreign key (tenant_id, site_id) references app.site (tenant_id, id)
);

create table app.api_key_site (
    tenant_id     uuid not null,
    api_key_id    uuid not null,
    site_id       uuid,
    site_group_id uuid,
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id),
    foreign key (tenant_id, site_id) references app.site (tenant_id, id),
    foreign key (tenant_id, site_group_id) references app.site_group (tenant_id, id),
    unique nulls not distinct (tenant_id, api_key_id, site_id, site_group_id),
    check (num_nonnulls(site_id, site_group_id) = 1)
);
comment on table app.api_key_site is 'A site, or every site of a group, that a restricted key is confined to.';

-- tables/035_person.sql
-- People. A person belongs to one tenant, which keeps the password and may end the account, and has a role in that tenant, in
-- agent partners below it, or in several of them. See docs/decisions/0010-a-persons-role-is-held-like-a-keys.md.
create table app.person (
    tenant_id      uuid not null references app.tenant,
    id             uuid not null,
    email          text not null,
    name           text not null,
    created_at     timestamptz not null,
    signed_in_at   timestamptz,
    deactivated_at timestamptz,
    primary key (tenant_id, id)
);
comment on table app.person is 'Somebody who signs in. The e-mail address is one person''s in the whole installation (person_lookup).';

-- Beside the person and not in it: who lists people has no reason to read this.
create table app.person_password (
    tenant_id uuid not null,
    person_id uuid not null,
    -- Argon2id as a PHC string: it names its own parameters.
    phc       text not null,
    set_at    timestamptz not null,
    primary key (tenant_id, person_id),
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
);

-- Dispatch: whose e-mail address is this, before a tenant is known. Ids only.
create table app.person_lookup (
    email_sha256 bytea primary key,
    tenant_id    uuid not null,
    person_id    uuid not null,
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
);

-- Dispatch: in which tenants a person has a role. The role itself and the sites are those of an API key that nobody has the
-- secret of: rights are read, and plans are owned, in the same way whoever asks.
create table app.person_role (
    tenant_id        uuid not null,
    api_key_id       uuid not null,
    person_tenant_id uuid not null,
    person_id        uuid not null,
    created_at       timestamptz not null,
    ended_at         timestamptz,
    primary key (tenant_id, api_key_id),
    unique (tenant_id, person_id),
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id),
    foreign key (person_tenant_id, person_id) references app.person (tenant_id, id)
);
create index person_role_of_person on app.person_role (person_tenant_id, person_id);

-- Dispatch: who is signed in. Only the hash of the cookie is kept.
create table app.person_session (
    token_sha256     bytea primary key,
    tenant_id        uuid not null,
    person_id        uuid not null,
    -- What a list names it by.
    id               uuid not null,
    -- The tenant that was switched to.
    acting_tenant_id uuid not null references app.tenant,
    created_at       timestamptz not null,
    -- To the minute.
    last_seen_at     timestamptz not null,
    ended_at         timestamptz,
    address          text not null,
    user_agent       text not null,
    unique (tenant_id, id),
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
) with (fillfactor = 70);
create index person_session_of_person on app.person_session (tenant_id, person_id);

-- A link with which a person sets a password, once. Only its hash is kept.
create table app.person_invitation (
    token_sha256 bytea primary key,
    tenant_id    uuid not null,
    person_id    uuid not null,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
);
create index person_invitation_of_person on app.person_invitation (tenant_id, person_id);

-- tables/040_device.sql
create table app.m2m_device (
    tenant_id            uuid not null,
    id                   uuid not null,
    service_provider_id  uuid not null,
    iccid                text not null,
    msisdn               text,
    imei                 text,
    eid                  text,
    status               text not null,
    carrier_rate_plan_id uuid,
    ip_address           text,
    site_id              uuid not null,
    is_archived          boolean not null default false,
    version              integer not null default 1,
    primary key (tenant_id, id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id),
    foreign key (tenant_id, carrier_rate_plan_id) references app.carrier_rate_plan (tenant_id, id)
) with (fillfactor = 85);
comment on table app.m2m_device is 'A SIM, under its one owner tenant. status is the carrier''s own word; site_id is the owner''s site.';
comment on column app.m2m_device.site_id is 'Hot: no foreign key; settle_chunk checks it per chunk, the orphan query covers it.';
-- iccid before provider: "this ICCID, wherever it is" and "this ICCID at that provider" are one index.
create unique index m2m_device_by_iccid on app.m2m_device (tenant_id, iccid, service_provider_id);
create index m2m_device_by_msisdn on app.m2m_device (tenant_id, msisdn) where msisdn is not null;
create index m2m_device_by_provider on app.m2m_device (tenant_id, service_provider_id, id);
create trigger move_version before update on app.m2m_device for each row
    when (old.status is distinct from new.status or old.is_archived is distinct from new.is_archived or old.msisdn is distinct from new.msisdn
        or old.iccid is distinct from new.iccid or old.service_provider_id is distinct from new.service_provider_id
        or old.carrier_rate_plan_id is distinct from new.carrier_rate_plan_id)
    execute function app.move_version();

create table app.device_tenant (
    tenant_id                                    uuid not null references app.tenant,
    device_id                                    uuid not null,
    device_owner_tenant_id                       uuid not null,
    site_id                                      uuid not null,
    account_number                               text,
    account_number_integration_authentication_id uuid,
    customer_rate_plan_id                        uuid,
    customer_rate_pool_id                        uuid,
    customer_data_allocation_mb                  numeric(25, 4),
    -- The bulk change whose plan, pool and allocation wait in device_change_schedule for their date; null: none do.
    scheduled_change_id                          uuid,
    -- What is billed of it, by the numbers (usp_update_device_rev_service_links): the line of its own account, whether that
    -- line is active, and the active lines of other accounts, null if there is none. link_version moves with them.
    rev_service_id                               uuid,
    rev_service_is_active                        boolean not null default false,
    other_rev_service_ids                        uuid[],
    link_version                                 integer not null default 0,
    version                                      integer not null default 1,
    modified_at                                  timestamptz not null,
    -- An agent's, since its partner took the device back: nobody who runs sees the row then, and it waits to be given again.
    taken_back_at                                timestamptz,
    primary key (tenant_id, device_id),
    foreign key (device_owner_tenant_id, device_id) references app.m2m_device (tenant_id, id),
    check ((account_number is null) = (account_number_integration_authentication_id is null)),
    check (customer_data_allocation_mb >= 0),
    check (taken_back_at is null or tenant_id <> device_owner_tenant_id)
) with (fillfactor = 85);
comment on table app.device_tenant is 'The assignment: one row per device and tenant.';
comment on column app.device_tenant.account_number is 'The rev_customer_id of the account, with the integration authentication beside it: never the id alone.';
-- Which agents have a device: few rows, for the owner's own are not in it.
create index device_tenant_of_agents on app.device_tenant (device_owner_tenant_id, device_id) where tenant_id <> device_owner_tenant_id;
create index device_tenant_by_site on app.device_tenant (tenant_id, site_id, device_id);
create trigger move_version before update on app.device_tenant for each row
    when (old.site_id is distinct from new.site_id or old.account_number is distinct from new.account_number
        or old.account_number_integration_authentication_id is distinct from new.account_number_integration_authentication_id
        or old.customer_rate_plan_id is distinct from new.customer_rate_plan_id
        or old.customer_rate_pool_id is distinct from new.customer_rate_pool_id
        or old.customer_data_allocation_mb is distinct from new.customer_data_allocation_mb
        or old.scheduled_change_id is distinct from new.scheduled_change_id)
    execute function app.move_version();

-- A link is no assignment: an undo is not kept from what it may undo because billing was read again. A plan is judged on
-- both (of the own line only whether an active one is there, and which); it keeps the sum of the two versions, which is the same only if both are.
create function app.move_link_version() returns trigger
    language plpgsql
    as $$
begin
    new.link_version := old.link_version + 1;
    return new;
end
$$;
create trigger move_link_version before update on app.device_tenant for each row
    when (case when old.rev_service_is_active then old.rev_service_id end
            is distinct from case when new.rev_service_is_active then new.rev_service_id end
        or old.other_rev_service_ids is distinct from new.other_rev_service_ids)
    execute function app.move_link_version();

-- What the carrier said of a SIM, and when: the day of its activation comes from here.
create table app.device_status_history (
    tenant_id       uuid not null,
    device_id       uuid not null,
    date_of_change  timestamptz not null,
    previous_status text,
    current_status  text not null,
    foreign key (tenant_id, device_id) references app.m2m_device (tenant_id, id)
);
create index device_status_history_by_device on app.device_status_history (tenant_id, device_id, date_of_change desc);

create function app.record_status_change() returns trigger
    language plpgsql
    as $$
begin
    insert into app.device_status_history (tenant_id, device_id, date_of_change, previous_status, current_status)
    values (new.tenant_id, new.id, app.now(), old.status, new.status);
    return null;
end
$$;
create trigger record_status_change after update of status on app.m2m_device for each row
    when (old.status is distinct from new.status) execute function app.record_status_change();

-- What the assignment became, one row per device and settled change: the device's timeline.
create table app.device_tenant_history (
    tenant_id                                    uuid not null,
    device_id                                    uuid not null,
    changed_at                                   timestamptz not null,
    bulk_change_id                               uuid not null,
    row_number                                   integer not null,
    version                                      integer not null,
    site_id                                      uuid not null,
    account_number                               text,
    account_number_integration_authentication_id uuid,
    customer_rate_plan_id                        uuid,
    customer_rate_pool_id                        uuid,
    customer_data_allocation_mb                  numeric(25, 4),
    -- Made when a schedule came due, not when the change was settled.
    by_schedule                                  boolean not null default false,
    -- The civil date in the tenant's time zone that was asked for, or on which the carrier activated the SIM.
    effective_date                               date
) partition by range (changed_at);
create index device_tenant_history_by_device on app.device_tenant_history (tenant_id, device_id, changed_at);

-- One device is in at most one running change, over all tenants. Ids only; reached through definer functions alone.
create table app.device_lock (
    device_id      uuid primary key,
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    locked_at      timestamptz not null
);

-- tables/045_rev_io.sql
-- What is billed, as Rev.io last told us: the mirror. One row is one object of one account there; ids are the provider's, unique
-- in an account only. Nothing is deleted: what is gone says when that was noticed.
create table app.rev_provider (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_provider_id               bigint not null,
    description                   text,
    provider_code                 text,
    is_active                     boolean,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_provider_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create table app.rev_service_type (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_service_type_id           bigint not null,
    description                   text,
    service_code                  text,
    is_active                     boolean,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_service_type_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create table app.rev_usage_plan_group (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_usage_plan_group_id       bigint not null,
    description                   text,
    is_active                     boolean,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_usage_plan_group_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create table app.rev_product (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_product_id                bigint not null,
    description                   text,
    rev_provider_id               bigint,
    product_type_id               bigint,
    rate                          numeric,
    cost                          numeric,
    is_active                     boolean,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_product_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create table app.rev_package (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_package_id                bigint not null,
    description                   text,
    rev_provider_id               bigint,
    rev_service_type_id           bigint,
    rev_usage_plan_group_id       bigint,
    is_active                     boolean,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_package_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create table app.rev_package_product (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_package_product_id        bigint not null,
    rev_package_id                bigint,
    rev_product_id                bigint,
    rate                          numeric,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_package_product_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);

create table app.rev_service (
    tenant_id                     uuid not null,
    id                            uuid not null default gen_random_uuid(),
    integration_authentication_id uuid not null,
    rev_service_id                bigint not null,
    rev_customer_id               text not null,
    number                        text,
    number2                       text,
    rev_provider_id               bigint,
    rev_service_type_id           bigint,
    rev_package_id                bigint,
    rev_usage_plan_group_id       bigint,
    description                   text,
    activated_date                date,
    disconnected_date             date,
    gone_at                       timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, integration_authentication_id, rev_service_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
comment on table app.rev_service is 'A billed line. It has no status of its own: active is disconnected_date null (rev_io C7).';
create index rev_service_by_number on app.rev_service (tenant_id, number) where number is not null;
create index rev_service_by_customer on app.rev_service (tenant_id, integration_authentication_id, rev_customer_id);

create table app.rev_service_product (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    rev_service_product_id        bigint not null,
    rev_service_id                bigint,
    rev_customer_id               text,
    rev_product_id                bigint,
    rev_package_id                bigint,
    description                   text,
    rate                          numeric,
    cost                          numeric,
    quantity                      numeric,
    status                        text,
    status_date                   date,
    activated_date                date,
    canceled_date                 date,
    billed_through_date           date,
    gone_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, rev_service_product_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
comment on table app.rev_service_product is 'What is charged on a line. Its service is named by the provider''s id: products may be read before their service is.';
create index rev_service_product_by_service on app.rev_service_product (tenant_id, integration_authentication_id, rev_service_id);

-- Secrets of an account, each sealed with a data key of its own, which is sealed with the installation's key. Bound to the
-- tenant, the account, the field and the version: moved elsewhere it does not open.
create table app.credential (
    tenant_id    uuid not null references app.tenant,
    account   uuid not null,
    field        text not null check (field in ('username', 'password', 'subscription_key', 'signing_secret', 'key', 'secret')),
    version      integer not null default 1,
    key_id       text not null,
    sealed_key   bytea not null,
    sealed_value bytea not null,
    modified_at  timestamptz not null,
    primary key (tenant_id, account, field)
);
comment on column app.credential.account is 'An integration authentication, a service provider, or a webhook.';

-- What all workers together have sent to an account. next_at is when the next call may leave (a generic cell rate: it
-- moves on by one interval a call); blocked_until is what the provider asked for.
create table app.call_budget (
    tenant_id     uuid not null references app.tenant,
    account    uuid not null,
    next_at       timestamptz not null,
    day           date not null,
    taken_today   integer not null default 0,
    blocked_until timestamptz,
    primary key (tenant_id, account)
);

-- A reading of one resource of an account, page by page; one at a time. What it has seen so far is beside it, so that it goes
-- on where it was interrupted and knows at its end what was not there.
create table app.rev_sync (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    resource                      text not null check (resource in ('providers', 'service_types', 'usage_plan_groups', 'products',
        'packages', 'package_products', 'customers', 'services', 'service_products')),
    epoch                         integer not null default 1,
    lease_until                   timestamptz,
    started_at                    timestamptz not null,
    next_page                     integer not null default 1,
    records_read                  integer not null default 0,
    records_made                  integer not null default 0,
    records_changed               integer not null default 0,
    records_gone                  integer not null default 0,
    records_unreadable            integer not null default 0,
    -- Why what is missing was not taken for gone.
    kept_because                  text,
    ended_at                      timestamptz,
    -- When the last reading that was whole had begun: that old is the mirror.
    mirrored_at                   timestamptz,
    primary key (tenant_id, integration_authentication_id, resource),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create table app.rev_sync_seen (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    resource                      text not null,
    rev_id                        bigint not null,
    primary key (tenant_id, integration_authentication_id, resource, rev_id),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);

-- What a plan wants read again of an account before it opens or closes lines: asked for by whoever plans, read by whoever looks after
-- the mirror. What was read since is not read for the next plan.
create table app.rev_read_again (
    tenant_id                     uuid not null,
    integration_authentication_id uuid not null,
    -- A customer by its id, the lines of a number, or the lines that anybody got since the last whole reading (the value is empty then).
    what                          text not null check (what in ('customer', 'number', 'new_lines')),
    value                         text not null,
    asked_at                      timestamptz not null,
    -- Whoever reads it has it until then; after trouble nobody does.
    lease_until                   timestamptz,
    -- When the last reading that was whole had begun. Before asked_at: it is still to be read.
    read_at                       timestamptz,
    primary key (tenant_id, integration_authentication_id, what, value),
    foreign key (tenant_id, integration_authentication_id) references app.integration_authentication (tenant_id, id)
);
create index rev_read_again_due on app.rev_read_again (tenant_id, asked_at) where read_at is null or read_at < asked_at;

-- Devices whose links are to be made again because their own number changed; the worker takes them away.
create table app.device_link_due (
    tenant_id uuid not null references app.tenant,
    device_id uuid not null,
    -- Its own number changed: its agents' links are to be made again, too.
    agents_too boolean not null default false,
    primary key (tenant_id, device_id),
    foreign key (tenant_id, device_id) references app.device_tenant (tenant_id, device_id)
);

-- tables/046_carrier.sql
-- The account at a carrier that is behind a service provider: where it is, and what it allows. Its secrets are in app.credential
-- under the service provider's id. A service provider without one is kept by hand, or is an agent's, whose partner has it.
create table app.carrier_account (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    base_url            text not null,
    -- The account's name at the carrier (ThingSpace: 0000123456-00001).
    account_name        text not null,
    calls_per_minute    integer not null default 100 check (calls_per_minute > 0),
    calls_per_day       integer not null default 100000 check (calls_per_day > 0),
    paused_because      text,
    primary key (tenant_id, service_provider_id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);

-- What calls are signed in with and runs out by itself: one for all workers, sealed.
create table app.carrier_sign_in (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    part                text not null check (part in ('bearer', 'session')),
    version             integer not null default 1,
    key_id              text not null,
    sealed_key          bytea not null,
    sealed_value        bytea not null,
    renewed_at          timestamptz not null,
    primary key (tenant_id, service_provider_id, part),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);

-- A reading of the carrier's list of devices, page by page; one at a time. What it has met is beside it, so that it goes on where
-- it was interrupted and knows at its end what was not there.
create table app.carrier_sync (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    epoch               integer not null default 1,
    lease_until         timestamptz,
    started_at          timestamptz not null,
    -- Which account's list it is, by its address and name: another one's place means nothing there.
    of_account          text not null,
    -- Where the list goes on; null: from its beginning, or, once it is listed, nowhere.
    next_cursor         text,
    is_listed           boolean not null default false,
    devices_read        integer not null default 0,
    devices_made        integer not null default 0,
    devices_changed     integer not null default 0,
    devices_archived    integer not null default 0,
    devices_unreadable  integer not null default 0,
    ended_at            timestamptz,
    -- When the last reading that was whole had begun.
    read_at             timestamptz,
    -- Why what was missing was not archived.
    kept_because        text,
    primary key (tenant_id, service_provider_id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
-- What a reading has put into the archive, so that one that meets it again takes it out; what a person puts there stays.
create table app.carrier_archived (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    iccid               text not null,
    primary key (tenant_id, service_provider_id, iccid),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
create table app.carrier_sync_seen (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    iccid               text not null,
    primary key (tenant_id, service_provider_id, iccid),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);

-- What a carrier, or whoever knows our address and its words, has called back with: kept for a day, because it may come before the
-- answer that it belongs to. It proves nothing: who waits for the device reads it sooner.
create table app.carrier_callback (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    id                  uuid not null,
    received_at         timestamptz not null,
    request_id          text not null,
    iccids              text[] not null,
    word                text not null check (word in ('SUCCESS', 'FAILED', 'OTHER')),
    -- The carrier's code for why it failed.
    code                text,
    -- As it came, without secrets and without what is personal.
    body                jsonb not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
create index carrier_callback_by_request on app.carrier_callback (tenant_id, service_provider_id, request_id);
create index carrier_callback_by_age on app.carrier_callback (tenant_id, received_at);

-- By what callbacks of an account are let in, and where the carrier was told to send them. The web role and the dispatcher see digests
-- and compare with them; the one secret that the token, the user name and the password follow from is sealed, for the worker.
create table app.carrier_callback_gate (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    version             integer not null default 1,
    token_sha256        bytea not null check (length(token_sha256) = 32),
    username_sha256     bytea not null check (length(username_sha256) = 32),
    password_sha256     bytea not null check (length(password_sha256) = 32),
    key_id              text not null,
    sealed_key          bytea not null,
    sealed_value        bytea not null,
    -- Whose it is, by address, account and versions of the credentials: another one's is another gate.
    made_for            text not null,
    made_at             timestamptz not null,
    -- The last address that the carrier was given: what it calls there is ours to take away.
    url_sha256          bytea,
    -- When the carrier was last seen to have it as it is, and what was in the way since.
    registered_at       timestamptz,
    trouble             text,
    -- When it is looked after again.
    due_at              timestamptz not null,
    primary key (tenant_id, service_provider_id),
    foreign key (tenant_id, service_provider_id) references app.carrier_account (tenant_id, service_provider_id)
);
-- Whose callback is this, before a tenant is known. Not unique: 256 random bits are, and a key without the tenant is none.
create index carrier_callback_gate_by_token on app.carrier_callback_gate (token_sha256);

-- tables/050_bulk_change.sql
create table app.device_bulk_change (
    tenant_id              uuid not null references app.tenant,
    id                     uuid not null,
    change_request_type_id smallint not null references app.change_request_type,
    -- Null only for a plan that names none and none of whose rows names or has one.
    service_provider_id    uuid,
    status                 text not null check (status in
        ('PLANNING', 'PLANNED', 'PLAN_FAILED', 'NEW', 'SCHEDULED', 'PROCESSING', 'PAUSED', 'PROCESSED', 'ERROR', 'CANCELLED')),
    status_details         text,
    request                jsonb not null,
    reference              text,
    input_name             text,
    plan_hash              bytea,
    created_by             uuid not null,
    created_at             timestamptz not null,
    planning_lease_until   timestamptz,
    -- The fence: whoever takes over a plan moves it on, and who made it before writes nothing more.
    planning_epoch         integer not null default 0,
    planned_at             timestamptz,
    -- What it will do outside: {"calls": {account: n}, "steps": {step: rows}, "carrier": {…}}.
    outside                jsonb not null default '{}',
    -- How old what was known of Rev.io was then; null: nothing is read there, or not all of it was yet.
    billing_mirrored_at    timestamptz,
    expires_at             timestamptz,
    -- The whole change waits until then; null: as soon as it is applied.
    start_at               timestamptz,
    applied_at             timestamptz,
    applied_by             uuid,
    started_at             timestamptz,
    processed_date         timestamptz,
    -- A person took back what had not begun.
    is_cancelled           boolean not null default false,
    row_count              integer not null default 0,
    no_change_count        integer not null default 0,
    refused_count          integer not null default 0,
    by_reason              jsonb not null default '{}',
    -- The columns of the input with the field each is taken for: [{"column": …, "field": … or null}, …].
    input_columns          jsonb not null default '[]',
    -- While it is being planned: rows read and rows judged so far.
    rows_read              integer not null default 0,
    rows_judged            integer not null default 0,
    -- The rows of a plan that expired, or failed, are removed; its counts and reasons stay.
    rows_removed_at        timestamptz,
    retry_of               uuid,
    undo_of                uuid,
    -- A file that mixes service providers becomes linked changes: this one came with that one, which has the upload.
    linked_to              uuid,
    primary key (tenant_id, id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id),
    foreign key (tenant_id, created_by) references app.api_key (tenant_id, id),
    foreign key (tenant_id, applied_by) references app.api_key (tenant_id, id),
    foreign key (tenant_id, retry_of) references app.device_bulk_change (tenant_id, id),
    foreign key (tenant_id, undo_of) references app.device_bulk_change (tenant_id, id),
    foreign key (tenant_id, linked_to) references app.device_bulk_change (tenant_id, id),
    check (applied_at is null or service_provider_id is not null),
    check (num_nonnulls(retry_of, undo_of) <= 1)
);
comment on table app.device_bulk_change is 'One request over many devices of one service provider. A plan and the bulk change it becomes are one row.';

create index device_bulk_change_linked on app.device_bulk_change (tenant_id, linked_to) where linked_to is not null;
-- Few at a time: who looks at plans also looks for those whose planner died.
create index device_bulk_change_planning on app.device_bulk_change (tenant_id) where status = 'PLANNING';

create index device_bulk_change_to_discard on app.device_bulk_change (tenant_id, expires_at)
    where rows_removed_at is null and status in ('PLANNED', 'PLAN_FAILED');

-- Kept in the settle transaction and returned by it, never recounted:
-- planned = ok + failed + skipped + cancelled + needs_attention + to_do.
create table app.bulk_change_counter (
    tenant_id       uuid not null,
    bulk_change_id  uuid not null,
    planned         integer not null,
    ok              integer not null default 0,
    failed          integer not null default 0,
    skipped         integer not null default 0,
    cancelled       integer not null default 0,
    needs_attention integer not null default 0,
    to_do           integer not null,
    primary key (tenant_id, bulk_change_id),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check (planned = ok + failed + skipped + cancelled + needs_attention + to_do),
    check (least(ok, failed, skipped, cancelled, needs_attention, to_do) >= 0)
) with (fillfactor = 50);

-- What rows are to become, stored once per distinct target and not once per device; with the versions it was judged on.
create table app.bulk_change_target (
    tenant_id                     uuid not null,
    bulk_change_id                uuid not null,
    target_number                 integer not null,
    site_id                       uuid not null,
    site_version                  integer not null,
    rev_customer_id               uuid,
    rev_customer_version          integer,
    customer_rate_plan_id         uuid,
    customer_rate_plan_version    integer,
    customer_rate_pool_id         uuid,
    customer_rate_pool_version    integer,
    customer_data_allocation_mb   numeric(25, 4),
    -- The civil date in the tenant's time zone on which plan, pool and allocation take effect, and its first moment.
    effective_date                date,
    effective_at                  timestamptz,
    -- An undo puts plan, pool and allocation back exactly, also to nothing; else null leaves a value alone.
    restores                      boolean not null default false,
    -- The line to be opened at Rev.io for each row, in the account's own ids; a package brings its products, else each product has its rate.
    opens_rev_service             boolean not null default false,
    rev_provider_id               bigint,
    rev_service_type_id           bigint,
    rev_package_id                bigint,
    rev_usage_plan_group_id       bigint,
    rev_product_ids               bigint[],
    rates                         numeric[],
    prorate                       boolean not null default false,
    rev_service_description       text,
    -- The existing line that the row's SIM is put on (app.rev_service).
    existing_rev_service_id       uuid,
    -- At the carrier: the plan that an active SIM is to have there, with its communication plan, where there are such.
    carrier_rate_plan_id          uuid,
    communication_plan            text,
    -- And what a SIM without service is activated with: the plan, and {"zip_code", "sku", "place_of_use": {…}} in the words of
    -- the request; afterwards a static address of this pool.
    activation_carrier_rate_plan_id uuid,
    activation                    jsonb,
    static_ip_pool                text,
    primary key (tenant_id, bulk_change_id, target_number),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    foreign key (tenant_id, site_id) references app.site (tenant_id, id),
    foreign key (tenant_id, rev_customer_id) references app.rev_customer (tenant_id, id),
    foreign key (tenant_id, customer_rate_plan_id) references app.customer_rate_plan (tenant_id, id),
    foreign key (tenant_id, customer_rate_pool_id) references app.customer_rate_pool (tenant_id, id),
    foreign key (tenant_id, existing_rev_service_id) references app.rev_service (tenant_id, id),
    foreign key (tenant_id, carrier_rate_plan_id) references app.carrier_rate_plan (tenant_id, id),
    foreign key (tenant_id, activation_carrier_rate_plan_id) references app.carrier_rate_plan (tenant_id, id),
    check ((activation_carrier_rate_plan_id is null) = (activation is null)),
    check (static_ip_pool is null or activation is not null),
    check (communication_plan is null or carrier_rate_plan_id is not null),
    check ((effective_date is null) = (effective_at is null)),
    check (not (opens_rev_service and existing_rev_service_id is not null)),
    check (rev_package_id is null or rev_product_ids is null),
    check (coalesce(cardinality(rev_product_ids), 0) = coalesce(cardinality(rates), 0))
);

-- The input's own columns, for result files: some thousand rows a part, as CSV, each record led by its row number.
create table app.bulk_change_input (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    first_row      integer not null,
    last_row       integer not null,
    records        text not null,
    primary key (tenant_id, bulk_change_id, first_row),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id)
);

-- A range of rows: what is claimed, leased and fenced. Dispatch: ids only, two policies.
create table app.bulk_change_chunk (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    chunk_number   integer not null,
    first_row      integer not null,
    last_row       integer not null,
    state          text not null check (state in ('PLANNED', 'READY', 'RUNNING', 'DONE')),
    -- Not to be begun, nor begun again after a lease that ran out; whoever holds it may finish.
    is_paused      boolean not null default false,
    -- To be ended instead of done.
    is_cancelled   boolean not null default false,
    -- Times in a row that a worker gave it back unfinished: each wait is longer than the last.
    releases       smallint not null default 0,
    start_at       timestamptz,
    epoch          integer not null default 0,
    lease_until    timestamptz,
    primary key (tenant_id, bulk_change_id, chunk_number),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check (first_row <= last_row),
    check ((state = 'RUNNING') = (lease_until is not null))
) with (fillfactor = 70);
create index bulk_change_chunk_ready on app.bulk_change_chunk (tenant_id, bulk_change_id, chunk_number) where state = 'READY' and not is_paused;
create index bulk_change_chunk_running on app.bulk_change_chunk (lease_until) where state = 'RUNNING' and not is_paused;

-- Whose turn it is. Claims go round the tenants, and within a tenant round its changes: least recently served first. A
-- change that is applied queues behind those served before that moment, so nothing waits for more than one round and a
-- stream of small changes cannot keep a large one waiting. Dispatch: ids and times only.
create table app.tenant_turn (
    tenant_id uuid primary key references app.tenant,
    served_at timestamptz not null
) with (fillfactor = 50);
create table app.bulk_change_turn (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    served_at      timestamptz not null,
    primary key (tenant_id, bulk_change_id),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id)
) with (fillfactor = 50);

-- One device in one bulk change: the plan's row and the ledger's row are the same row.
create table app.m2m_device_change (
    tenant_id                            uuid not null,
    bulk_change_id                       uuid not null,
    row_number                           integer not null,
    device_id                            uuid,
    iccid                                text,
    input                                text,
    status                               text not null check (status in
        ('REFUSED', 'NO_CHANGE', 'PENDING', 'PROCESSING', 'WAITING_CARRIER', 'PROCESSED', 'FAILED', 'SKIPPED', 'NEEDS_ATTENTION', 'CANCELLED')),
    reason                               text,
    status_details                       text,
    target_number                        integer,
    attempts                             smallint not null default 0,
    device_version                       integer,
    device_tenant_version                integer,
    before_site_id                       uuid,
    before_account_number                text,
    before_integration_authentication_id uuid,
    before_customer_rate_plan_id         uuid,
    before_customer_rate_pool_id         uuid,
    before_customer_data_allocation_mb   numeric(25, 4),
    effective_date                       date,
    -- What is to happen outside before the record, in order; null: nothing, which is usual and costs nothing. And the lines
    -- that close_rev_service closes (app.rev_service; hot: no foreign key, the mirror deletes nothing).
    steps                                text[] check (cardinality(steps) > 0),
    closes                               uuid[],
    -- Whose each of them was when that was planned: a line that bills somebody else by now is not closed.
    closes_of                            text[] check (cardinality(closes_of) = cardinality(closes)),
    -- The radio that the SIM is activated with, where the input names it; else the one that the device has.
    imei                                 text,
    -- Of a row that is changed at the carrier: the plan that its SIM has there, as far as it is known.
    before_carrier_rate_plan_id          uuid,
    processed_date                       timestamptz,
    is_processed boolean not null generated always as (status not in ('PENDING', 'PROCESSING', 'WAITING_CARRIER')) stored,
    has_errors   boolean not null generated always as (status in ('REFUSED', 'FAILED', 'SKIPPED', 'NEEDS_ATTENTION')) stored,
    primary key (tenant_id, bulk_change_id, row_number),
    check (status <> 'PENDING' or (device_id is not null and target_number is not null
        and device_version is not null and device_tenant_version is not null)),
    check (status not in ('REFUSED', 'FAILED', 'SKIPPED') or reason is not null)
) with (fillfactor = 85);
comment on column app.m2m_device_change.input is 'What was given, where it differs from the ICCID it was read as.';
comment on column app.m2m_device_change.device_tenant_version is 'version + link_version of the assignment; 0: the tenant had none of this device yet.';

-- Plan, pool and allocation that wait for their effective date, per device. A row applies only while the assignment that
-- made it is still what it left: a newer change supersedes it, cancel and undo take it away.
create table app.device_change_schedule (
    tenant_id                   uuid not null,
    bulk_change_id              uuid not null,
    row_number                  integer not null,
    device_id                   uuid not null,
    effective_date              date not null,
    customer_rate_plan_id       uuid,
    customer_rate_pool_id       uuid,
    customer_data_allocation_mb numeric(25, 4),
    device_tenant_version       integer not null,
    status                      text not null check (status in ('PENDING', 'APPLIED', 'SUPERSEDED', 'CANCELLED', 'FAILED')),
    reason                      text,
    ended_at                    timestamptz,
    primary key (tenant_id, bulk_change_id, row_number),
    check (num_nonnulls(customer_rate_plan_id, customer_rate_pool_id, customer_data_allocation_mb) > 0),
    check ((status = 'PENDING') = (ended_at is null)),
    check ((status = 'FAILED') = (reason is not null))
) with (fillfactor = 85);
create unique index device_change_schedule_pending on app.device_change_schedule (tenant_id, device_id) where status = 'PENDING';

-- The schedule rows of one chunk and one date: what comes due together. Dispatch: ids and times only.
create table app.schedule_chunk (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    chunk_number   integer not null,
    effective_date date not null,
    due_at         timestamptz not null,
    first_row      integer not null,
    last_row       integer not null,
    is_done        boolean not null default false,
    -- To be ended instead of applied.
    is_cancelled   boolean not null default false,
    -- Times in a row that applying it did not go through: each wait is longer than the last.
    releases       smallint not null default 0,
    primary key (tenant_id, bulk_change_id, chunk_number, effective_date),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check (first_row <= last_row)
);
create index schedule_chunk_due on app.schedule_chunk (due_at) where not is_done;

-- One row per step per attempt. Its requests and responses are redacted before they come here.
create table app.m2m_device_bulk_change_log (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    attempt        smallint not null,
    step           text not null,
    status         text not null,
    error_text     text,
    request        text,
    response       text,
    created_at     timestamptz not null
) partition by range (created_at);
create index m2m_device_bulk_change_log_by_row on app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number);

-- Who did what. One entry per act of a person and per transition of a chunk, with a digest of its rows. Append only.
create table app.audit_entry (
    tenant_id      uuid not null,
    id             bigint generated always as identity,
    at             timestamptz not null,
    actor          text not null,
    action         text not null,
    bulk_change_id uuid,
    chunk_number   integer,
    detail         jsonb not null default '{}',
    digest         bytea,
    -- The transaction that wrote it. All entries below a snapshot's xmin are there, whatever order they committed in: what
    -- is sealed is sealed by ranges of these, and none can come late.
    made_in        xid8 not null default pg_current_xact_id()
) partition by range (at);
create index audit_entry_by_change on app.audit_entry (tenant_id, bulk_change_id, id);
create index audit_entry_in_order on app.audit_entry (tenant_id, made_in, id);

-- A block of audit entries under a digest that goes on from the block before: a chain per tenant. Append only.
create table app.audit_seal (
    tenant_id        uuid not null references app.tenant,
    seal_number      integer not null check (seal_number > 0),
    -- The entries of the transactions from this one to before that one.
    from_transaction xid8 not null,
    to_transaction   xid8 not null,
    entries          integer not null check (entries > 0),
    digest           bytea not null,
    sealed_at        timestamptz not null,
    primary key (tenant_id, seal_number)
);

-- What a request with an Idempotency-Key made is a plan or a bulk change.
alter table app.idempotency_key add foreign key (tenant_id, made_id) references app.device_bulk_change (tenant_id, id);

-- tables/055_outside.sql
-- What happens outside, and what is known of it. A row with outside steps leaves its chunk for due_work as soon as its device is
-- locked; from then on its next call has a time, and nobody keeps a worker busy with waiting.

-- One row that something is still due of. Dispatch: ids and times; what else it holds only the worker reads.
create table app.due_work (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    -- Whose gate the next call goes through.
    account        uuid not null,
    -- 'infinity': a person has to decide.
    due_at         timestamptz not null,
    -- Something of it may have happened outside: it is carried on also while its change is paused.
    has_begun      boolean not null default false,
    -- The SIM's number when the row left its chunk: under this one it is sent and looked for, whatever an import says meanwhile.
    msisdn         text,
    -- Lines to be closed that were found to be over without our doing: they are not read again at the gate of another account.
    found_over     bigint[],
    -- Since when nothing can be read of it although the provider answers.
    blind_since    timestamptz,
    -- Null: it is being worked on. Else it has ended, and so many times it was looked at again afterwards.
    sweeps         smallint,
    -- Why what was done of it is being taken back.
    giving_up      text,
    giving_up_details text,
    -- What a person decided: {"as": "processed" | "look_again" | "adopt" | "send_again" | "take_back", …}.
    resolution     jsonb,
    -- The fence: one uuid for each claim, never used again.
    claim          uuid,
    lease_until    timestamptz,
    -- A callback about it came while it was held, perhaps before the answer that it belongs to: it is due at once when it is given back.
    heard_at       timestamptz,
    primary key (tenant_id, bulk_change_id, row_number),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check ((claim is null) = (lease_until is null))
) with (fillfactor = 70);
create index due_work_due on app.due_work (tenant_id, account, bulk_change_id, due_at) where claim is null;
-- Of a change that is paused only these are looked for, however many others wait.
create index due_work_begun on app.due_work (tenant_id, account, bulk_change_id, due_at) where claim is null and has_begun;
create index due_work_leased on app.due_work (lease_until) where claim is not null;

-- Whose turn it is at the gate of an account: changes, least recently served first. Dispatch: ids and times only.
create table app.outside_turn (
    tenant_id      uuid not null,
    account        uuid not null,
    bulk_change_id uuid not null,
    served_at      timestamptz not null,
    is_paused      boolean not null default false,
    is_cancelled   boolean not null default false,
    primary key (tenant_id, account, bulk_change_id),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id)
) with (fillfactor = 50);

-- The gate of an account: when the next call may be thought of, how many rows are taken at a time, and the circuit. Dispatch.
create table app.account_gate (
    tenant_id    uuid not null references app.tenant,
    account      uuid not null,
    not_before   timestamptz not null,
    rows_at_once smallint not null check (rows_at_once > 0),
    -- Times in a row that calls told nothing or did not arrive. From some on, one row at a time is tried, after longer and longer.
    failures     integer not null default 0,
    primary key (tenant_id, account)
) with (fillfactor = 50);

-- One write that was meant to be sent: committed before it is. A second open attempt at the same thing cannot be inserted, nor a
-- second receipt.
create table app.provider_intent (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    step           text not null,
    direction      text not null check (direction in ('apply', 'undo')),
    call           text not null,
    -- Which one of several of the kind: the place of a product to be made, the provider's id of what is to be ended.
    item           bigint not null,
    attempt        smallint not null,
    account        uuid not null,
    -- How it is found again: exact, by the contract of the call.
    natural_key    text not null,
    request_hash   bytea not null,
    claim          uuid not null,
    began_at       timestamptz not null,
    -- Not before then is it known that it has not happened.
    settle_until   timestamptz not null,
    outcome        text not null check (outcome in ('OPEN', 'UNKNOWN', 'DONE', 'REFUSED', 'NOT_SENT', 'NOT_APPLIED')),
    was_unknown    boolean not null default false,
    -- Its id there. A carrier has none of what it does: 0; -1 where the SIM was so before anything was sent.
    provider_ref   bigint,
    -- What it was before, where that can be put back.
    before_image   jsonb,
    -- The day that was sent with it: when it begins, or ends.
    effective_on   date,
    evidence       text,
    ended_at       timestamptz,
    -- The carrier's id of the request that it has accepted: what becomes of the device is not known by that. One for a batch.
    request_id     text,
    -- When it was last read back since.
    looked_at      timestamptz,
    primary key (tenant_id, bulk_change_id, row_number, step, direction, call, item, attempt),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check ((outcome = 'DONE') = (provider_ref is not null)),
    check ((outcome in ('OPEN', 'UNKNOWN')) = (ended_at is null))
) with (fillfactor = 85);
create unique index provider_intent_one_open on app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item)
    where outcome in ('OPEN', 'UNKNOWN');
create unique index provider_intent_one_receipt on app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item)
    where outcome = 'DONE';
-- A thing at the provider is the receipt of one intent: nobody adopts it twice.
create unique index provider_intent_by_receipt on app.provider_intent (tenant_id, account, call, provider_ref)
    where outcome = 'DONE' and call in ('create_service', 'create_service_product');
-- What ended or changed a thing, by that thing: was it another row?
create index provider_intent_by_ended on app.provider_intent (tenant_id, account, provider_ref)
    where outcome = 'DONE' and call in ('disconnect_service_product', 'close_service', 'patch_service');
-- Attempts at the same thing that are not settled: what is found then may be theirs.
create index provider_intent_unsettled on app.provider_intent (tenant_id, account, natural_key) where outcome in ('OPEN', 'UNKNOWN');

-- What was done to a SIM at its carrier: was it another row, later?
create index provider_intent_done_at_carrier on app.provider_intent (tenant_id, account, natural_key)
    where outcome = 'DONE' and call in ('activate', 'deactivate', 'provision_ip', 'change_carrier_rate_plan');

-- What callbacks of a carrier are about: by request and device.
create index provider_intent_accepted on app.provider_intent (tenant_id, account, request_id) where request_id is not null and outcome = 'UNKNOWN';

-- How often the carrier rate plan of a device was changed from here in a calendar month (UTC): carriers allow so many.
create table app.carrier_plan_change (
    tenant_id uuid not null,
    device_id uuid not null,
    month     date not null check (extract(day from month) = 1),
    times     smallint not null,
    primary key (tenant_id, device_id, month),
    foreign key (tenant_id, device_id) references app.m2m_device (tenant_id, id)
) with (fillfactor = 85);

-- tables/055_webhook.sql
-- Where a tenant wants to be told what became of its plans and changes. The signing secret is in app.credential, sealed.
create table app.webhook (
    tenant_id      uuid not null references app.tenant,
    id             uuid not null,
    url            text not null,
    description    text,
    events         text[] not null check (cardinality(events) > 0 and events <@ array[
        'plan.ready', 'plan.failed', 'bulk_change.started', 'bulk_change.completed', 'bulk_change.completed_with_failures',
        'bulk_change.failed', 'bulk_change.cancelled', 'bulk_change.paused', 'bulk_change.resumed',
        'integration.degraded', 'integration.recovered']),
    status         text not null default 'ACTIVE' check (status in ('ACTIVE', 'PAUSED', 'ARCHIVED')),
    -- Who or what paused it.
    paused_because text,
    created_at     timestamptz not null,
    -- Dispatch: one delivery of a webhook is under way at a time, and webhooks take turns. The epoch fences whoever held it before.
    served_at      timestamptz not null,
    lease_until    timestamptz,
    epoch          integer not null default 0,
    primary key (tenant_id, id),
    check ((status = 'PAUSED') = (paused_because is not null))
) with (fillfactor = 70);
comment on table app.webhook is 'An address that is told of events. At most ten of a tenant are not archived; an archived one stays.';
create index webhook_in_turn on app.webhook (served_at) where status = 'ACTIVE';

-- The outbox: one row per event and webhook, written in the transaction that changed the state. The body is what is sent, to
-- the byte. seq counts the events of one change for one webhook, from 1: they are delivered in that order.
create table app.webhook_delivery (
    tenant_id        uuid not null,
    id               uuid not null,
    webhook_id       uuid not null,
    -- Newest first, as it is listed.
    number           bigint generated always as identity,
    -- Null: somebody asked for a test.
    bulk_change_id   uuid,
    seq              integer not null check (seq > 0),
    event            text not null,
    body             text not null,
    created_at       timestamptz not null,
    status           text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED', 'CANCELLED')),
    attempts         integer not null default 0,
    first_attempt_at timestamptz,
    next_attempt_at  timestamptz,
    ended_at         timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, webhook_id) references app.webhook (tenant_id, id),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    unique (tenant_id, webhook_id, bulk_change_id, seq),
    check ((status = 'PENDING') = (next_attempt_at is not null)),
    check ((status = 'PENDING') = (ended_at is null))
) with (fillfactor = 70);
create index webhook_delivery_due on app.webhook_delivery (tenant_id, webhook_id, next_attempt_at) where status = 'PENDING';
create index webhook_delivery_listed on app.webhook_delivery (tenant_id, webhook_id, number);
create index webhook_delivery_ended on app.webhook_delivery (tenant_id, ended_at) where ended_at is not null;

-- What each try of a delivery came to. Nothing of what the receiver said is kept but its status.
create table app.webhook_attempt (
    tenant_id           uuid not null,
    webhook_delivery_id uuid not null,
    attempt             integer not null,
    at                  timestamptz not null,
    http_status         smallint,
    error               text,
    primary key (tenant_id, webhook_delivery_id, attempt),
    foreign key (tenant_id, webhook_delivery_id) references app.webhook_delivery (tenant_id, id) on delete cascade
);

-- tables/060_settling_row.sql
-- A row in the middle of being settled: what settle_chunk holds in memory of one device change. Never stored.
create type app.settling_row as (
    row_number      integer,
    device_id       uuid,
    owner_tenant_id uuid,
    reason          text,
    site_id         uuid,
    is_rev          boolean,
    plan_id         uuid,
    pool_id         uuid,
    allocation_mb   numeric(25, 4),
    restores        boolean,
    effective_date  date,
    due_at          timestamptz,
    waits           boolean,
    was_scheduled   boolean,
    steps           text[]
);

-- A schedule row that is due: what apply_schedule_chunk holds in memory of one. Never stored.
create type app.due_row as (
    row_number    integer,
    device_id     uuid,
    status        text,
    reason        text,
    plan_id       uuid,
    pool_id       uuid,
    allocation_mb numeric(25, 4),
    is_ours       boolean
);

-- tables/070_seat.sql
-- Two views, each the one place where a union or a name is decided. Invoker's rights: the tables' policies hold.
create view app.seat with (security_invoker = true) as
    select s.tenant_id, s.id as site_id, s.name as site_name, s.is_system_default, s.is_active, s.version as site_version,
        coalesce(r.id, s.amop_customer_id) as customer_id,
        case when s.is_system_default then null else coalesce(r.customer_name, s.name) end as customer_name,
        r.rev_customer_id, r.integration_authentication_id
    from app.site s
    left join app.rev_customer r on r.tenant_id = s.tenant_id and r.id = s.rev_customer_id;
comment on view app.seat is 'A site with the customer who sits there.';

create view app.customer with (security_invoker = true) as
    select r.tenant_id, r.id, 'REV' as kind, r.customer_name as name, r.rev_customer_id, r.integration_authentication_id,
        r.status = 'CLOSED' as is_closed, r.version
    from app.rev_customer r
    union all
    select s.tenant_id, s.amop_customer_id, 'AMOP', s.name, null, null, not s.is_active, s.version
    from app.site s where s.amop_customer_id is not null;
comment on view app.customer is 'Rev customers and AMOP customers, as the API lists them.';

-- tables/900_rights.sql
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

-- tables/905_person_rights.sql
-- Who may do what with people. The web role signs people in and keeps them; nobody else sees a password's hash, not even who
-- may read everything.
revoke select on app.person_password from ascribe_auditor;
-- Before a tenant is known the dispatcher finds ids: whose address, whose cookie, whose link, and where somebody has a role.
create policy dispatcher on app.person_lookup for select to ascribe_dispatcher using (true);
grant select on app.person_lookup to ascribe_dispatcher;
create policy dispatcher on app.person_role for select to ascribe_dispatcher using (true);
grant select on app.person_role to ascribe_dispatcher;
create policy dispatcher on app.person_session to ascribe_dispatcher using (true) with check (true);
grant select (token_sha256, tenant_id, person_id, id, acting_tenant_id, created_at, last_seen_at, ended_at), update (last_seen_at)
    on app.person_session to ascribe_dispatcher;
create policy dispatcher on app.person_invitation for select to ascribe_dispatcher using (true);
grant select on app.person_invitation to ascribe_dispatcher;

-- An agent partner sees those of its partner's people who have a role in it: name and address, nothing of their sign-in.
create policy has_role_here on app.person for select to ascribe_web using (exists (
    select from app.person_role r
    where r.tenant_id = (select app.current_tenant()) and r.person_tenant_id = person.tenant_id and r.person_id = person.id));

grant select, insert, update (name, signed_in_at, deactivated_at) on app.person to ascribe_web;
grant select, insert, update (phc, set_at) on app.person_password to ascribe_web;
grant insert on app.person_lookup to ascribe_web;
grant select, insert, update (ended_at) on app.person_role to ascribe_web;
grant select, insert, delete, update (acting_tenant_id, ended_at) on app.person_session to ascribe_web;
grant select, insert, update (used_at) on app.person_invitation to ascribe_web;
grant update (name, role, is_site_restricted) on app.api_key to ascribe_web;
grant delete on app.api_key_site to ascribe_web;

-- procedures/ensure_month_partitions.sql
-- ensure_month_partitions: makes the months of the partitioned tables that p_from falls in and the p_months after it.
-- Seed's procedure: none. Called by migrate, by the worker at start and every hour, and by tests that shift the clock.
-- Definer: the roles that run may not create tables. Children get no grants (they inherit no policy) and are locked
-- by row level security without a policy, so that they are reached through their parent or not at all.
-- Idempotent. Answers how many partitions it made. Raises nothing of its own.
create function app.ensure_month_partitions(p_from date, p_months integer) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_parent text;
    v_month  date;
    v_child  text;
    v_made   integer := 0;
begin
    if p_months not between 0 and 36 then
        raise exception 'between 0 and 36 months ahead, not %', p_months using errcode = 'ZA009';
    end if;
    -- Two workers that start together take turns.
    perform pg_advisory_xact_lock(hashtext('app.ensure_month_partitions'));
    foreach v_parent in array array['device_tenant_history', 'm2m_device_bulk_change_log', 'audit_entry'] loop
        for i in 0 .. p_months loop
            v_month := (date_trunc('month', p_from::timestamp) + make_interval(months => i))::date;
            v_child := v_parent || '_' || to_char(v_month, 'YYYY_MM');
            if to_regclass('app.' || v_child) is null then
                -- It takes the parent for itself. Behind a long reader every settle would queue up after it: better tried
                -- again later, there are months of time.
                perform set_config('lock_timeout', '500ms', true);
                -- The bounds are instants: months begin at midnight UTC, whatever the session's time zone is.
                execute format('create table app.%I partition of app.%I for values from (%L) to (%L)', v_child, v_parent,
                    v_month || ' 00:00:00+00', (v_month + interval '1 month')::date || ' 00:00:00+00');
                execute format('alter table app.%I enable row level security', v_child);
                execute format('alter table app.%I force row level security', v_child);
                v_made := v_made + 1;
            end if;
        end loop;
    end loop;
    return v_made;
end
$$;
grant execute on function app.ensure_month_partitions(date, integer) to ascribe_worker, ascribe_web;

-- procedures/lock_devices.sql
-- lock_devices, unlock_devices, locked_devices: one device is in at most one running change, over all tenants.
-- Seed's procedure: usp_Check_Previous_Bulk_Change_Processing (which serialised whole bulk changes instead).
-- Definer: the table has no grants; who calls these learns only of the ids it asked about.
-- Cost: one index insert, delete or look-up per device; one statement per chunk.

-- Takes the locks in device order and answers the devices it got; a device it does not answer is another change's.
-- Idempotent: a lock this row already holds is answered again.
create function app.lock_devices(p_tenant_id uuid, p_bulk_change_id uuid, p_device_ids uuid[], p_row_numbers integer[])
    returns setof uuid
    language sql security definer set search_path = app, pg_temp
    as $$
    insert into app.device_lock as held (device_id, tenant_id, bulk_change_id, row_number, locked_at)
    select w.device_id, p_tenant_id, p_bulk_change_id, w.row_number, app.now()
    from unnest(p_device_ids, p_row_numbers) as w (device_id, row_number)
    where p_tenant_id = app.current_tenant()
    order by w.device_id
    on conflict (device_id) do update set locked_at = held.locked_at
        where held.tenant_id = excluded.tenant_id and held.bulk_change_id = excluded.bulk_change_id
          and held.row_number = excluded.row_number
    returning held.device_id
$$;

-- Gives back the locks of these rows of this change, and of nobody else. Answers how many.
create function app.unlock_devices(p_tenant_id uuid, p_bulk_change_id uuid, p_device_ids uuid[]) returns bigint
    language sql security definer set search_path = app, pg_temp
    as $$
    with gone as (
        delete from app.device_lock
        where device_id = any (p_device_ids) and tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id
          and p_tenant_id = app.current_tenant()
        returning 1)
    select count(*) from gone
$$;

-- Which of these devices does a change other than this one hold? (null: any change)
create function app.locked_devices(p_bulk_change_id uuid, p_device_ids uuid[]) returns setof uuid
    language sql stable security definer set search_path = app, pg_temp
    as $$
    select device_id from app.device_lock
    where device_id = any (p_device_ids) and bulk_change_id is distinct from p_bulk_change_id
$$;

grant execute on function app.lock_devices(uuid, uuid, uuid[], integer[]) to ascribe_worker;
grant execute on function app.unlock_devices(uuid, uuid, uuid[]) to ascribe_worker;
grant execute on function app.locked_devices(uuid, uuid[]) to ascribe_worker, ascribe_web;

-- procedures/place_devices_at_sites.sql
-- place_devices_at_sites: the write that both kinds of assignment share.
-- Seed's procedure: usp_DeviceBulkChange_Insert_Update_DeviceTenant. Called by the two usp_ that choose the account.
-- The caller holds the rows' locks, in device order, and has checked the sites.
-- Answers how many device_tenant rows are as asked for, which is every one of them.
create function app.place_devices_at_sites(
    p_tenant_id uuid, p_device_ids uuid[], p_owner_tenant_ids uuid[], p_site_ids uuid[],
    p_account_numbers text[], p_authentications uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    -- Once: asked for in the statement it would be computed for every row, which is 2.8 of the 96 microseconds that a device takes.
    v_now    timestamptz := app.now();
    v_placed integer;
begin
    update app.device_tenant dt
    set site_id = w.site_id, account_number = w.account_number,
        account_number_integration_authentication_id = w.authentication, modified_at = v_now
    from unnest(p_device_ids, p_site_ids, p_account_numbers, p_authentications)
        as w (device_id, site_id, account_number, authentication)
    where dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    get diagnostics v_placed = row_count;

    -- A device that had no assignment in this tenant yet: rare, so it is looked for only when rows are missing.
    if v_placed < cardinality(p_device_ids) then
        insert into app.device_tenant (tenant_id, device_id, device_owner_tenant_id, site_id, account_number,
            account_number_integration_authentication_id, modified_at)
        select p_tenant_id, w.device_id, w.owner_tenant_id, w.site_id, w.account_number, w.authentication, v_now
        from unnest(p_device_ids, p_owner_tenant_ids, p_site_ids, p_account_numbers, p_authentications)
            as w (device_id, owner_tenant_id, site_id, account_number, authentication)
        order by w.device_id
        on conflict (tenant_id, device_id) do nothing;
        select count(*) into v_placed from app.device_tenant dt
        where dt.tenant_id = p_tenant_id and dt.device_id = any (p_device_ids);
    end if;

    -- The owner's own site on the device. An agent's change never writes m2m_device.
    update app.m2m_device d
    set site_id = w.site_id
    from unnest(p_device_ids, p_owner_tenant_ids, p_site_ids) as w (device_id, owner_tenant_id, site_id)
    where d.tenant_id = p_tenant_id and w.owner_tenant_id = p_tenant_id and d.id = w.device_id
      and d.site_id is distinct from w.site_id;
    return v_placed;
end
$$;
grant execute on function app.place_devices_at_sites(uuid, uuid[], uuid[], uuid[], text[], uuid[]) to ascribe_worker;

-- procedures/take_permits.sql
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

-- procedures/usp_update_device_rev_service_links.sql
-- usp_update_device_rev_service_links: which line of its account bills a device, and which lines of others do.
-- Seed's procedure: usp_UpdateDevice_RevServiceLinks (the whole database at once there; here the devices that were touched).
-- In:      the tenant; devices. Rules: reference domain 3.5, items 5 to 8.
-- Effect:  candidates are lines whose number is the device's MSISDN, or whose number with a 1 before it is; with a product that
--          has a status; of an account that is not closed (whether it has a seat here says nothing of what is billed); none of an
--          archived device.
--          rev_service_id: the best candidate of the device's own account: an active line first, then by product status
--          (ACTIVE, PENDING, others by name), the later cancel date (none is the latest), the later activation, the higher id.
--          A line is active if it is not disconnected and that product is neither DISCONNECTED nor DENIED.
--          other_rev_service_ids: the active lines of other accounts, null if there is none. The assignment itself is not touched: what
--          disagrees is shown and planned, and not reverted overnight.
-- Errors:  none of its own. Idempotent: a second call moves nothing. Answers how many links changed.
-- Cost per device: 1 row lock, two look-ups by number, 1 update where a link changed. Two statements for all.
create function app.usp_update_device_rev_service_links(p_tenant_id uuid, p_device_ids uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_changed integer;
begin
    -- Locked before anything is looked at: whoever assigns one of them now is waited for, and what it made of the account is seen.
    perform from app.device_tenant dt
    where dt.tenant_id = p_tenant_id and dt.device_id = any (p_device_ids) order by dt.device_id for no key update;

    with asked as (
        select dt.device_id, dt.account_number, dt.account_number_integration_authentication_id as authentication,
            case when not d.is_archived then d.msisdn end as msisdn
        from app.device_tenant dt
        join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
        where dt.tenant_id = p_tenant_id and dt.device_id = any (p_device_ids)
    ), called as materialized (
        -- Materialized: substr in a join counts as leaky, and under row level security lines would not be found by their index.
        select a.device_id, a.account_number, a.authentication, n.number
        from asked a
        cross join lateral (values (a.msisdn), (case when a.msisdn like '1%' then substr(a.msisdn, 2) end)) as n (number)
        where n.number is not null
    ), candidate as (
        select a.device_id, s.id, s.rev_service_id,
            case when (s.rev_customer_id, s.integration_authentication_id) is not distinct from (a.account_number, a.authentication)
                then true else false end as is_own,
            s.disconnected_date is null and p.status not in ('DISCONNECTED', 'DENIED') as is_active,
            case p.status when 'ACTIVE' then 0 when 'PENDING' then 1 else 2 end as status_rank, p.status, p.canceled_date,
            s.activated_date
        from called a
        join app.rev_service s on s.tenant_id = p_tenant_id and s.number = a.number and s.gone_at is null
        join app.rev_service_product p on p.tenant_id = p_tenant_id and p.integration_authentication_id = s.integration_authentication_id
            and p.rev_service_id = s.rev_service_id and p.status is not null and p.gone_at is null
        join app.rev_customer r on r.tenant_id = p_tenant_id and r.integration_authentication_id = s.integration_authentication_id
            and r.rev_customer_id = s.rev_customer_id and r.status <> 'CLOSED'
    ), own as (
        select distinct on (device_id) device_id, id, is_active from candidate where is_own
        order by device_id, is_active desc, status_rank, status, canceled_date desc nulls first, activated_date desc nulls last, rev_service_id desc
    ), other as (
        select device_id, array_agg(distinct id order by id) as ids from candidate where is_active and not is_own group by device_id
    ), link as (
        select a.device_id, o.id as rev_service_id, coalesce(o.is_active, false) as is_active, x.ids as other_rev_service_ids
        from asked a left join own o on o.device_id = a.device_id left join other x on x.device_id = a.device_id
    )
    update app.device_tenant dt
    set rev_service_id = l.rev_service_id, rev_service_is_active = l.is_active, other_rev_service_ids = l.other_rev_service_ids
    from link l
    where dt.tenant_id = p_tenant_id and dt.device_id = l.device_id
      and (dt.rev_service_id, dt.rev_service_is_active, dt.other_rev_service_ids) is distinct from (l.rev_service_id, l.is_active, l.other_rev_service_ids);
    get diagnostics v_changed = row_count;
    return v_changed;
end
$$;
grant execute on function app.usp_update_device_rev_service_links(uuid, uuid[]) to ascribe_worker;

-- procedures/usp_device_bulk_change_assign_non_rev_customer.sql
-- usp_device_bulk_change_assign_non_rev_customer: these devices now sit at these AMOP sites of this tenant.
-- Seed's procedure: usp_DeviceBulkChange_Assign_Non_Rev_Customer.
-- In:      the tenant; devices, their owners and their sites, position by position.
-- Effect:  device_tenant upserted (site set, Rev account cleared); for the owner's own devices also m2m_device.site_id.
--          Plan, pool and allocation are left alone: they are another procedure's.
-- Errors:  ZA010 a site is not one of this tenant's active sites without a Rev account.
-- Idempotent: a second call moves no version. Cost per device: 2 updates, or 1 insert and 1 update for a first assignment.
create function app.usp_device_bulk_change_assign_non_rev_customer(
    p_tenant_id uuid, p_device_ids uuid[], p_owner_tenant_ids uuid[], p_site_ids uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
begin
    -- The set-based check that stands for the foreign keys of the hot columns: once per chunk, not once per row.
    if exists (
        select from (select distinct site_id from unnest(p_site_ids) as w (site_id)) as w
        where not exists (select from app.site s where s.tenant_id = p_tenant_id and s.id = w.site_id
                              and s.is_active and s.rev_customer_id is null))
    then
        raise exception 'a site is not an active AMOP site of this tenant' using errcode = 'ZA010';
    end if;
    return app.place_devices_at_sites(p_tenant_id, p_device_ids, p_owner_tenant_ids, p_site_ids,
        array_fill(null::text, array[cardinality(p_device_ids)]), array_fill(null::uuid, array[cardinality(p_device_ids)]));
end
$$;
grant execute on function app.usp_device_bulk_change_assign_non_rev_customer(uuid, uuid[], uuid[], uuid[]) to ascribe_worker;

-- procedures/usp_assign_customer_update_site.sql
-- usp_assign_customer_update_site: these devices now sit at these rev customers' sites, under their accounts.
-- Seed's procedure: usp_Assign_Customer_Update_Site (one device per call there; a set here).
-- In:      the tenant; devices, their owners and their sites, position by position. The account is the site's.
-- Effect:  device_tenant upserted (site, account number and its integration authentication); for the owner's own
--          devices also m2m_device.site_id.
-- Errors:  ZA010 a site is not an active site of a rev customer of this tenant that is not closed.
-- Idempotent: a second call moves no version. Cost per device: 2 updates, or 1 insert and 1 update for a first assignment.
create function app.usp_assign_customer_update_site(
    p_tenant_id uuid, p_device_ids uuid[], p_owner_tenant_ids uuid[], p_site_ids uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_account_numbers text[];
    v_authentications uuid[];
begin
    select array_agg(r.rev_customer_id order by w.n), array_agg(r.integration_authentication_id order by w.n)
    into v_account_numbers, v_authentications
    from unnest(p_site_ids) with ordinality as w (site_id, n)
    join app.site s on s.tenant_id = p_tenant_id and s.id = w.site_id and s.is_active
    join app.rev_customer r on r.tenant_id = p_tenant_id and r.id = s.rev_customer_id and r.status <> 'CLOSED';
    if coalesce(cardinality(v_account_numbers), 0) <> cardinality(p_site_ids) then
        raise exception 'a site is not an active site of an open rev customer of this tenant' using errcode = 'ZA010';
    end if;
    return app.place_devices_at_sites(p_tenant_id, p_device_ids, p_owner_tenant_ids, p_site_ids, v_account_numbers, v_authentications);
end
$$;
grant execute on function app.usp_assign_customer_update_site(uuid, uuid[], uuid[], uuid[]) to ascribe_worker;

-- procedures/usp_device_bulk_change_customer_rate_plan_change_update.sql
-- usp_device_bulk_change_customer_rate_plan_change_update: plan, pool and data allocation, per row, now.
-- Seed's procedure: usp_DeviceBulkChange_CustomerRatePlanChange_UpdateDevices (which took the first row's values for
-- the whole bulk change; here every device has its own).
-- In:      the tenant; devices with their plan, pool and allocation (MB), position by position; null leaves a value alone.
-- Effect:  device_tenant updated. A device without an assignment in this tenant is not touched.
-- Errors:  ZA010 a plan or a pool is not an active one of this tenant; 23514 a negative allocation.
-- Idempotent: a second call moves no version. Cost per device: 1 update.
create function app.usp_device_bulk_change_customer_rate_plan_change_update(
    p_tenant_id uuid, p_device_ids uuid[], p_customer_rate_plan_ids uuid[], p_customer_rate_pool_ids uuid[],
    p_customer_data_allocations_mb numeric[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_changed integer;
begin
    if exists (select from (select distinct id from unnest(p_customer_rate_plan_ids) as w (id)) as w
               where w.id is not null and not exists (
                   select from app.customer_rate_plan p where p.tenant_id = p_tenant_id and p.id = w.id and p.is_active))
    or exists (select from (select distinct id from unnest(p_customer_rate_pool_ids) as w (id)) as w
               where w.id is not null and not exists (
                   select from app.customer_rate_pool p where p.tenant_id = p_tenant_id and p.id = w.id and p.is_active))
    then
        raise exception 'a plan or a pool is not an active one of this tenant' using errcode = 'ZA010';
    end if;
    update app.device_tenant dt
    set customer_rate_plan_id = coalesce(w.plan_id, dt.customer_rate_plan_id),
        customer_rate_pool_id = coalesce(w.pool_id, dt.customer_rate_pool_id),
        customer_data_allocation_mb = coalesce(w.allocation_mb, dt.customer_data_allocation_mb),
        modified_at = app.now()
    from unnest(p_device_ids, p_customer_rate_plan_ids, p_customer_rate_pool_ids, p_customer_data_allocations_mb)
        as w (device_id, plan_id, pool_id, allocation_mb)
    where dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    get diagnostics v_changed = row_count;
    return v_changed;
end
$$;
grant execute on function app.usp_device_bulk_change_customer_rate_plan_change_update(uuid, uuid[], uuid[], uuid[], numeric[])
    to ascribe_worker;

-- procedures/restore_assignment.sql
-- restore_assignment: plan, pool and allocation back to exactly what they were, also to nothing.
-- Seed's procedure: none (nothing could be undone there). The site and the account are put back by the seed's two
-- procedures for sites; settle_chunk calls them first.
-- In:      the tenant; devices with the plan, pool and allocation (MB) they had, position by position.
-- Errors:  ZA010 a plan or a pool is not this tenant's.
-- Idempotent: a second call moves no version. Cost per device: 1 update.
create function app.restore_assignment(
    p_tenant_id uuid, p_device_ids uuid[], p_customer_rate_plan_ids uuid[], p_customer_rate_pool_ids uuid[],
    p_customer_data_allocations_mb numeric[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_restored integer;
begin
    if exists (select from (select distinct id from unnest(p_customer_rate_plan_ids) as w (id)) as w
               where w.id is not null and not exists (select from app.customer_rate_plan p where p.tenant_id = p_tenant_id and p.id = w.id))
    or exists (select from (select distinct id from unnest(p_customer_rate_pool_ids) as w (id)) as w
               where w.id is not null and not exists (select from app.customer_rate_pool p where p.tenant_id = p_tenant_id and p.id = w.id))
    then
        raise exception 'a plan or a pool is not one of this tenant' using errcode = 'ZA010';
    end if;
    update app.device_tenant dt
    set customer_rate_plan_id = w.plan_id, customer_rate_pool_id = w.pool_id, customer_data_allocation_mb = w.allocation_mb,
        modified_at = app.now()
    from unnest(p_device_ids, p_customer_rate_plan_ids, p_customer_rate_pool_ids, p_customer_data_allocations_mb)
        as w (device_id, plan_id, pool_id, allocation_mb)
    where dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    get diagnostics v_restored = row_count;
    return v_restored;
end
$$;
grant execute on function app.restore_assignment(uuid, uuid[], uuid[], uuid[], numeric[]) to ascribe_worker;

-- procedures/apply_plan.sql
-- apply_plan: a stored plan becomes a bulk change. Takes the plan's id and nothing else of what it will do.
-- Seed's procedure: none (the portal wrote the status after it had enqueued, and could lose that race).
-- Effect:  PLANNED -> NEW, or SCHEDULED if it asks for a later start; its chunks become due then; it queues for its turn;
--          the belt is woken, one audit entry. No device row is touched.
-- Errors:  ZA002 no such plan in this tenant · ZA003 not ready (still planning, or planning failed)
--          ZA004 expired · ZA005 nothing to change · ZA006 already applied
-- Cost: 4 statements and 1 update per chunk, whatever the number of devices.
create function app.apply_plan(p_tenant_id uuid, p_bulk_change_id uuid, p_api_key_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
    v_to_do  integer;
begin
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id for update;
    if not found then
        raise exception 'no such plan' using errcode = 'ZA002';
    elsif v_change.status in ('PLANNING', 'PLAN_FAILED') then
        raise exception 'the plan is %', v_change.status using errcode = 'ZA003';
    elsif v_change.status <> 'PLANNED' then
        raise exception 'the plan was applied, it is %', v_change.status using errcode = 'ZA006';
    elsif v_change.expires_at <= app.now() then
        raise exception 'the plan expired at %', v_change.expires_at using errcode = 'ZA004';
    end if;
    select to_do into v_to_do from app.bulk_change_counter
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    if coalesce(v_to_do, 0) = 0 then
        raise exception 'the plan has no row to change' using errcode = 'ZA005';
    end if;
    update app.bulk_change_chunk set state = 'READY', start_at = greatest(app.now(), v_change.start_at)
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state = 'PLANNED';
    insert into app.tenant_turn (tenant_id, served_at) values (p_tenant_id, app.now()) on conflict (tenant_id) do nothing;
    insert into app.bulk_change_turn (tenant_id, bulk_change_id, served_at) values (p_tenant_id, p_bulk_change_id, app.now());
    update app.device_bulk_change set status = case when v_change.start_at > app.now() then 'SCHEDULED' else 'NEW' end, applied_at = app.now(), applied_by = p_api_key_id
    where tenant_id = p_tenant_id and id = p_bulk_change_id;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, app.now(), p_actor, 'plan_applied', p_bulk_change_id,
        jsonb_build_object('planned', v_to_do, 'plan_hash', encode(v_change.plan_hash, 'hex')));
    perform pg_notify('ascribe_work', '');
end
$$;
grant execute on function app.apply_plan(uuid, uuid, uuid, text) to ascribe_web;

-- procedures/pause_bulk_change.sql
-- pause_bulk_change: no further chunk is begun; one that is being settled is finished.
-- Seed's procedure: none.
-- Errors: ZA002 no such bulk change in this tenant · ZA011 it is not in a state for this.
-- Cost: 1 update per chunk, whatever the number of devices; no device row is touched.
create function app.pause_bulk_change(p_tenant_id uuid, p_bulk_change_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
begin
    -- Of a plan that was not applied nothing is locked: applying it takes the change first.
    if not exists (select from app.device_bulk_change where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null) then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.state <> 'DONE' order by k.chunk_number for update;
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    elsif v_change.status not in ('NEW', 'SCHEDULED', 'PROCESSING') then
        raise exception 'the bulk change is %', v_change.status using errcode = 'ZA011';
    end if;
    update app.bulk_change_chunk set is_paused = true
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state <> 'DONE';
    -- What has begun outside is carried on; what has not is not begun.
    update app.outside_turn set is_paused = true where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    update app.device_bulk_change set status = 'PAUSED' where tenant_id = p_tenant_id and id = p_bulk_change_id;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
    values (p_tenant_id, app.now(), p_actor, 'bulk_change_paused', p_bulk_change_id);
end
$$;
grant execute on function app.pause_bulk_change(uuid, uuid, text) to ascribe_web;

-- procedures/resume_bulk_change.sql
-- resume_bulk_change: what was paused goes on.
-- Seed's procedure: none.
-- Errors: ZA002 no such bulk change in this tenant · ZA011 it is not in a state for this.
-- Cost: 1 update per chunk, whatever the number of devices; no device row is touched.
create function app.resume_bulk_change(p_tenant_id uuid, p_bulk_change_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
begin
    -- Of a plan that was not applied nothing is locked: applying it takes the change first.
    if not exists (select from app.device_bulk_change where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null) then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.state <> 'DONE' order by k.chunk_number for update;
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    elsif v_change.status not in ('PAUSED') then
        raise exception 'the bulk change is %', v_change.status using errcode = 'ZA011';
    end if;
    update app.bulk_change_chunk set is_paused = false, start_at = case when is_cancelled then app.now()
        else greatest(least(start_at, app.now()), v_change.start_at) end
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state <> 'DONE';
    update app.outside_turn set is_paused = false where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    update app.device_bulk_change set status = case when v_change.started_at is not null then 'PROCESSING'
        when v_change.start_at > app.now() and not exists (select from app.bulk_change_chunk k where k.tenant_id = p_tenant_id
            and k.bulk_change_id = p_bulk_change_id and k.is_cancelled) then 'SCHEDULED' else 'NEW' end
    where tenant_id = p_tenant_id and id = p_bulk_change_id;
    perform pg_notify('ascribe_work', '');
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
    values (p_tenant_id, app.now(), p_actor, 'bulk_change_resumed', p_bulk_change_id);
end
$$;
grant execute on function app.resume_bulk_change(uuid, uuid, text) to ascribe_web;

-- procedures/cancel_bulk_change.sql
-- cancel_bulk_change: rows that have not begun are cancelled, chunk by chunk, by the workers, and so is what still waits
-- for its effective date, also of a change that is otherwise over; what is done stays done.
-- Seed's procedure: none.
-- Errors: ZA002 no such bulk change in this tenant · ZA011 it is not in a state for this.
-- Cost: 1 update per chunk, whatever the number of devices; no device row is touched.
create function app.cancel_bulk_change(p_tenant_id uuid, p_bulk_change_id uuid, p_actor text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_change  app.device_bulk_change;
    v_waiting integer;
begin
    -- Of a plan that was not applied nothing is locked: applying it takes the change first.
    if not exists (select from app.device_bulk_change where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null) then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.state <> 'DONE' order by k.chunk_number for update;
    perform from app.schedule_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and not k.is_done order by k.chunk_number, k.effective_date for update;
    select * into v_change from app.device_bulk_change
    where tenant_id = p_tenant_id and id = p_bulk_change_id and applied_at is not null for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    update app.schedule_chunk k set is_cancelled = true, due_at = app.now()
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and not k.is_done and not k.is_cancelled;
    get diagnostics v_waiting = row_count;
    if v_waiting > 0 and v_change.status in ('PROCESSED', 'ERROR', 'CANCELLED') then
        perform pg_notify('ascribe_work', '');
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
        values (p_tenant_id, app.now(), p_actor, 'schedule_cancelled', p_bulk_change_id);
        return;
    elsif v_change.status not in ('NEW', 'SCHEDULED', 'PROCESSING', 'PAUSED') then
        raise exception 'the bulk change is %', v_change.status using errcode = 'ZA011';
    end if;
    update app.bulk_change_chunk set is_cancelled = true, is_paused = false, start_at = least(start_at, app.now())
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and state <> 'DONE';
    -- What has begun outside is carried to its end; what has not is cancelled when its turn comes.
    update app.outside_turn set is_cancelled = true, is_paused = false where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    update app.device_bulk_change set is_cancelled = true, status = case when v_change.started_at is null then 'NEW' else 'PROCESSING' end,
        status_details = 'Cancelled by a person; what was done before stays done.'
    where tenant_id = p_tenant_id and id = p_bulk_change_id;
    perform pg_notify('ascribe_work', '');
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id)
    values (p_tenant_id, app.now(), p_actor, 'bulk_change_cancelled', p_bulk_change_id);
end
$$;
grant execute on function app.cancel_bulk_change(uuid, uuid, text) to ascribe_web;

-- procedures/claim_chunk.sql
-- claim_chunk: the next chunk that is due, leased to the caller, with an epoch of its own.
-- Seed's procedure: the SQS message that Lambda received. Runs as the dispatcher, over all tenants, on ids only.
-- A chunk whose lease ran out (somebody died with it, or it takes too long) is given back first: at once the first time, then
-- after two seconds, four, … so that a chunk that cannot be settled does not keep the others. Then it goes round: the tenant that was served least
-- recently, of its changes the one served least recently, of that one the first chunk. So a change of ten rows starts after
-- at most one chunk of each other tenant and change, whatever their size. SKIP LOCKED: two callers never wait for each other.
-- Answers no row when nothing is due. Cost: 3 updates per chunk of about 1,000 devices, and one index look-up for each
-- change that is under way and has nothing due (paused, scheduled) before the one that has.
create function app.claim_chunk(p_lease interval)
    returns table (tenant_id uuid, bulk_change_id uuid, chunk_number integer, first_row integer, last_row integer,
        epoch integer, lease_until timestamptz)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_tenant uuid;
    v_change uuid;
    v_chunk  integer;
begin
    with lost as (
        select c.tenant_id, c.bulk_change_id, c.chunk_number from app.bulk_change_chunk c
        where c.state = 'RUNNING' and not c.is_paused and c.lease_until <= app.now()
        order by c.lease_until limit 10
        for update skip locked)
    update app.bulk_change_chunk c
    set state = 'READY', lease_until = null, releases = least(c.releases + 1, 1000),
        start_at = app.now() + case when c.releases = 0 then interval '0'
            else least(make_interval(secs => 2 ^ least(c.releases, 9)), interval '5 minutes') end
    from lost
    where c.tenant_id = lost.tenant_id and c.bulk_change_id = lost.bulk_change_id and c.chunk_number = lost.chunk_number;
    for v_tenant, v_change in
        select t.tenant_id, b.bulk_change_id from app.tenant_turn t join app.bulk_change_turn b on b.tenant_id = t.tenant_id
        order by t.served_at, t.tenant_id, b.served_at, b.bulk_change_id
    loop
        select c.chunk_number into v_chunk from app.bulk_change_chunk c
        where c.tenant_id = v_tenant and c.bulk_change_id = v_change
          and c.state = 'READY' and not c.is_paused and c.start_at <= app.now()
        order by c.chunk_number limit 1
        for update skip locked;
        exit when found;
    end loop;
    if v_chunk is null then
        return;
    end if;
    update app.tenant_turn t set served_at = app.now() where t.tenant_id = v_tenant;
    update app.bulk_change_turn b set served_at = app.now() where b.tenant_id = v_tenant and b.bulk_change_id = v_change;
    return query
        update app.bulk_change_chunk c
        set state = 'RUNNING', epoch = c.epoch + 1, lease_until = app.now() + p_lease
        where c.tenant_id = v_tenant and c.bulk_change_id = v_change and c.chunk_number = v_chunk
        returning c.tenant_id, c.bulk_change_id, c.chunk_number, c.first_row, c.last_row, c.epoch, c.lease_until;
end
$$;

-- extend_chunk_lease: more time for who still holds it. Answers the new end; no row: the lease is lost, stop.
create function app.extend_chunk_lease(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer, p_lease interval)
    returns timestamptz
    language sql set search_path = app, pg_temp
    as $$
    update app.bulk_change_chunk set lease_until = app.now() + p_lease
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and chunk_number = p_chunk_number
      and state = 'RUNNING' and epoch = p_epoch and lease_until > app.now()
    returning lease_until
$$;

-- release_chunk: handed back unfinished, so that nobody waits for the lease to run out. It is due again after one second,
-- then two, four, … up to five minutes: a chunk that cannot be settled must not keep the others from being claimed.
create function app.release_chunk(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer) returns boolean
    language plpgsql set search_path = app, pg_temp
    as $$
begin
    update app.bulk_change_chunk
    set state = 'READY', lease_until = null, releases = least(releases + 1, 1000),
        start_at = app.now() + least(make_interval(secs => 2 ^ least(releases, 9)), interval '5 minutes')
    where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id and chunk_number = p_chunk_number
      and state = 'RUNNING' and epoch = p_epoch;
    return found;
end
$$;
grant execute on function app.claim_chunk(interval) to ascribe_dispatcher;
grant execute on function app.extend_chunk_lease(uuid, uuid, integer, integer, interval) to ascribe_dispatcher;
grant execute on function app.release_chunk(uuid, uuid, integer, integer) to ascribe_dispatcher;

-- procedures/finish_rows.sql
-- finish_rows: the tail every settle ends with: the chunk, the counts, the change's own status. Called under the chunk's
-- lock, inside the settle transaction; never by anybody else.
-- Counts move by the difference; nothing is recounted.
create function app.finish_rows(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer,
    p_ok integer, p_failed integer, p_skipped integer, p_cancelled integer, p_ended integer)
    returns table (chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_done boolean;
begin
    -- The chunk is done when none of its rows waits for it any more; those that are under way outside have left it.
    update app.bulk_change_chunk k set state = 'DONE', lease_until = null
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.state = 'RUNNING'
      and not exists (select from app.m2m_device_change c
          where c.tenant_id = k.tenant_id and c.bulk_change_id = k.bulk_change_id
            and c.row_number between k.first_row and k.last_row and c.status = 'PENDING');
    select k.state = 'DONE' into v_done from app.bulk_change_chunk k
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number;

    perform app.count_ended_rows(p_tenant_id, p_bulk_change_id, p_ok, p_failed, p_skipped, p_cancelled, 0);
    return query select v_done, b.status, k.to_do from app.device_bulk_change b
        join app.bulk_change_counter k on k.tenant_id = b.tenant_id and k.bulk_change_id = b.id
        where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
end
$$;

-- count_ended_rows: the counts move by what has ended, and with the last row the change ends. Called at the end of every
-- transaction that ends rows, under the locks of what it ended.
-- When to_do reaches 0: any ok -> PROCESSED; none ok -> ERROR, or CANCELLED if all were cancelled. Rows that need attention end the
-- change's waiting, too; resolving one of them computes it anew.
create function app.count_ended_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_ok integer, p_failed integer, p_skipped integer,
    p_cancelled integer, p_needs_attention integer) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_counter app.bulk_change_counter;
    v_ended   integer := p_ok + p_failed + p_skipped + p_cancelled + p_needs_attention;
    v_status  text;
begin
    if v_ended > 0 then
        update app.bulk_change_counter k
        set ok = k.ok + p_ok, failed = k.failed + p_failed, skipped = k.skipped + p_skipped, cancelled = k.cancelled + p_cancelled,
            needs_attention = k.needs_attention + p_needs_attention, to_do = k.to_do - v_ended
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        returning k.* into v_counter;
        if v_counter.to_do = 0 then
            update app.device_bulk_change b
            set status = case when v_counter.ok > 0 then 'PROCESSED'
                              when v_counter.cancelled = v_counter.planned then 'CANCELLED' else 'ERROR' end,
                started_at = coalesce(b.started_at, v_now), processed_date = v_now
            where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id
            returning b.status into v_status;
            delete from app.bulk_change_turn t where t.tenant_id = p_tenant_id and t.bulk_change_id = p_bulk_change_id;
            insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
            values (p_tenant_id, v_now, 'ascribe', 'bulk_change_finished', p_bulk_change_id,
                jsonb_build_object('status', v_status) || to_jsonb(v_counter) - array['tenant_id', 'bulk_change_id']);
            return;
        end if;
    end if;
    -- The first settle; a change that was paused meanwhile stays paused.
    update app.device_bulk_change b
    set status = case when b.status in ('NEW', 'SCHEDULED') then 'PROCESSING' else b.status end, started_at = v_now
    where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.started_at is null;
end
$$;
grant execute on function app.finish_rows(uuid, uuid, integer, integer, integer, integer, integer, integer) to ascribe_worker;
grant execute on function app.count_ended_rows(uuid, uuid, integer, integer, integer, integer, integer) to ascribe_worker;

-- procedures/cancel_rows.sql
-- cancel_rows: the rows of a cancelled chunk that had not begun. Called by settle_chunk under the chunk's lock; never by
-- anybody else. So cancelling a million rows is as many small transactions as settling them, and one click.
-- Seed's procedure: none (a running bulk change could not be stopped).
-- Effect: PENDING -> CANCELLED with CANCELLED_BY_USER; log, counts, audit. Devices are not touched.
-- Cost per device: 1 update of the row and 1 log insert.
create function app.cancel_rows(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer,
    p_first_row integer, p_last_row integer, p_worker text)
    returns table (settled integer, ok integer, skipped integer, chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now  timestamptz := app.now();
    v_rows integer[];
    v_all  integer;
begin
    with ended as (
        update app.m2m_device_change c set status = 'CANCELLED', reason = 'CANCELLED_BY_USER', processed_date = v_now
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
          and c.row_number between p_first_row and p_last_row and c.status = 'PENDING'
        returning c.row_number)
    select array_agg(e.row_number order by e.row_number), count(*) into v_rows, v_all from ended e;
    if v_all > 0 then
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        select p_tenant_id, p_bulk_change_id, w.row_number, 0, 'record_assignment', 'CANCELLED', 'CANCELLED_BY_USER', v_now
        from unnest(v_rows) as w (row_number);
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        values (p_tenant_id, v_now, p_worker, 'chunk_cancelled', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('first_row', p_first_row, 'last_row', p_last_row, 'epoch', p_epoch, 'cancelled', v_all),
            sha256(convert_to(array_to_string(v_rows, ':CANCELLED' || chr(10)), 'UTF8')));
    end if;
    return query select v_all, 0, 0, f.chunk_done, f.change_status, f.to_do
        from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, 0, 0, 0, v_all, v_all) as f;
end
$$;
grant execute on function app.cancel_rows(uuid, uuid, integer, integer, integer, integer, text) to ascribe_worker;

-- procedures/schedule_rows.sql
-- schedule_rows: what waits for its effective date. Called by settle_chunk under the rows' locks; never by anybody else.
-- Seed's procedure: the insert into Device_CustomerRatePlanOrRatePool_Queue (which kept 100 rows of 2,000; here all of them).
-- In:      the rows of the settle. Those that were left alone are passed over.
-- Effect:  what waited for these devices is superseded by this change, or cancelled if this change undoes the one that put
--          it there; rows whose date is still to come are put on the schedule, with the version the assignment has then;
--          one schedule_chunk per date.
-- Cost per device: none if nothing waited and nothing is to wait; else 1 update of device_tenant, 1 insert and 1 update.
create function app.schedule_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_rows app.settling_row[])
    returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_undo_of uuid;
begin
    if exists (select from unnest(p_rows) as w where w.reason is null and w.was_scheduled) then
        select b.undo_of into v_undo_of from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
        update app.device_change_schedule s
        set status = case when s.bulk_change_id = v_undo_of then 'CANCELLED' else 'SUPERSEDED' end, ended_at = v_now
        from unnest(p_rows) as w
        where s.tenant_id = p_tenant_id and s.device_id = w.device_id and s.status = 'PENDING' and w.reason is null;
    end if;
    update app.device_tenant dt
    set scheduled_change_id = case when w.waits then p_bulk_change_id end, modified_at = v_now
    from unnest(p_rows) as w
    where (w.waits or w.was_scheduled) and w.reason is null and dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    if exists (select from unnest(p_rows) as w where w.waits and w.reason is null) then
        insert into app.device_change_schedule (tenant_id, bulk_change_id, row_number, device_id, effective_date,
            customer_rate_plan_id, customer_rate_pool_id, customer_data_allocation_mb, device_tenant_version, status)
        select p_tenant_id, p_bulk_change_id, w.row_number, w.device_id, w.effective_date, w.plan_id, w.pool_id, w.allocation_mb,
            dt.version, 'PENDING'
        from unnest(p_rows) as w
        join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = w.device_id
        where w.waits and w.reason is null;
        -- A chunk that was halved, or of which a person resolved a row later, comes here more than once; the range is the
        -- whole chunk's.
        insert into app.schedule_chunk (tenant_id, bulk_change_id, chunk_number, effective_date, due_at, first_row, last_row)
        select k.tenant_id, k.bulk_change_id, k.chunk_number, w.effective_date, min(w.due_at), k.first_row, k.last_row
        from unnest(p_rows) as w
        join app.bulk_change_chunk k on k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
        where w.waits and w.reason is null group by k.tenant_id, k.bulk_change_id, k.chunk_number, w.effective_date
        on conflict (tenant_id, bulk_change_id, chunk_number, effective_date) do update
            -- What was cancelled and is not through with it stays cancelled, this row with it.
            set is_done = false, is_cancelled = schedule_chunk.is_cancelled and not schedule_chunk.is_done,
                due_at = case when schedule_chunk.is_cancelled and not schedule_chunk.is_done then schedule_chunk.due_at else excluded.due_at end;
    end if;
end
$$;
grant execute on function app.schedule_rows(uuid, uuid, integer, app.settling_row[]) to ascribe_worker;

-- procedures/record_rows.sql
-- record_rows: the record step of rows that are locked and checked: the assignment itself and all that is written of it. Called
-- under the rows' locks by settle_chunk and settle_outside_rows; never by anybody else.
-- Seed's procedure: the page loop of the Lambda plus usp_DeviceBulkChange_RevService_UpdateM2MChange.
-- In:      the rows; those with a reason are left alone and end SKIPPED.
-- Effect:  assigned by the seed's procedures, plan, pool and allocation put on the schedule where their date is still to come,
--          what was scheduled before superseded; links, history, row, log. Answers a digest of the rows.
-- Cost per device: 1 update of m2m_device and device_tenant (2 with a rate plan), 1 of the row, 1 history and 1 log insert.
create function app.record_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_rows app.settling_row[])
    returns bytea
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now     timestamptz := app.now();
    v_ok      integer;
    v_touched integer;
    v_digest  bytea;
begin
    select count(*) filter (where w.reason is null) into v_ok from unnest(p_rows) as w;
    -- The assignment itself, by the seed's procedures; each only for the rows that are its own.
    perform app.usp_assign_customer_update_site(p_tenant_id, array_agg(w.device_id), array_agg(w.owner_tenant_id), array_agg(w.site_id))
        from unnest(p_rows) as w where w.reason is null and w.is_rev having count(*) > 0;
    perform app.usp_device_bulk_change_assign_non_rev_customer(p_tenant_id, array_agg(w.device_id), array_agg(w.owner_tenant_id), array_agg(w.site_id))
        from unnest(p_rows) as w where w.reason is null and not w.is_rev having count(*) > 0;
    perform app.usp_device_bulk_change_customer_rate_plan_change_update(p_tenant_id, array_agg(w.device_id), array_agg(w.plan_id),
            array_agg(w.pool_id), array_agg(w.allocation_mb))
        from unnest(p_rows) as w
        where w.reason is null and not w.restores and not w.waits and num_nonnulls(w.plan_id, w.pool_id, w.allocation_mb) > 0 having count(*) > 0;
    perform app.restore_assignment(p_tenant_id, array_agg(w.device_id), array_agg(w.plan_id), array_agg(w.pool_id), array_agg(w.allocation_mb))
        from unnest(p_rows) as w where w.reason is null and w.restores having count(*) > 0;

    -- What is billed of them, seen from their new account. Where nothing is mirrored there is nothing to link.
    if exists (select from app.rev_service s where s.tenant_id = p_tenant_id) then
        perform app.usp_update_device_rev_service_links(p_tenant_id, array_agg(w.device_id))
            from unnest(p_rows) as w where w.reason is null having count(*) > 0;
    end if;

    perform app.schedule_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, p_rows);

    insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
        account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
        customer_data_allocation_mb, effective_date)
    select dt.tenant_id, dt.device_id, v_now, p_bulk_change_id, w.row_number, dt.version, dt.site_id,
        dt.account_number, dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id,
        dt.customer_data_allocation_mb, w.effective_date
    from unnest(p_rows) as w
    join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = w.device_id
    where w.reason is null;
    get diagnostics v_touched = row_count;
    if v_touched <> v_ok then
        raise exception '% assignments recorded of %', v_touched, v_ok using errcode = 'ZA008';
    end if;

    update app.m2m_device_change c
    set status = case when w.reason is null then 'PROCESSED' else 'SKIPPED' end, reason = w.reason,
        attempts = c.attempts + 1, processed_date = v_now
    from unnest(p_rows) as w
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = w.row_number;

    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, w.row_number, 1, 'record_assignment',
        case when w.reason is null then 'PROCESSED' else 'SKIPPED' end, w.reason, v_now
    from unnest(p_rows) as w;

    select sha256(convert_to(string_agg(concat_ws(':', w.row_number, w.device_id, coalesce(w.reason, 'PROCESSED')), E'\n' order by w.row_number), 'UTF8'))
    into v_digest from unnest(p_rows) as w;
    return v_digest;
end
$$;
grant execute on function app.record_rows(uuid, uuid, integer, app.settling_row[]) to ascribe_worker;

-- procedures/claim_due_work.sql
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

-- procedures/begin_outside_rows.sql
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

-- procedures/mirror_intents.sql
-- mirror_intents: what these rows have made and ended at Rev.io is in the mirror from the transaction on that records it, not from
-- the next reading on. Called under the rows' hold; never by anybody else.
-- Seed's procedures: usp_RevService_Create_Service, usp_RevService_Create_ServiceProduct (one device a call there).
-- In:      rows, which are due_work still; products that a package brought and that were read, as {"service": id, "id", "product_id", "rate", "status"}.
-- Effect:  receipts become rev_service and rev_service_product; what was closed has its end. Idempotent.
-- Cost per row: 1 upsert for the line and each product.
create function app.mirror_intents(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_products jsonb) returns void
    language sql set search_path = app, pg_temp
    as $$
    with made as (
        select i.account, i.provider_ref, i.effective_on, c.device_id, w.msisdn as sent_as, t.*
        from app.provider_intent i
        join app.due_work w on w.tenant_id = i.tenant_id and w.bulk_change_id = i.bulk_change_id and w.row_number = i.row_number
        join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
        join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
        where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
          and i.call = 'create_service' and i.outcome = 'DONE'
    )
    insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id, number, number2, rev_provider_id,
        rev_service_type_id, rev_package_id, rev_usage_plan_group_id, description, activated_date)
    select p_tenant_id, m.account, m.provider_ref, r.rev_customer_id, m.sent_as, d.iccid, m.rev_provider_id, m.rev_service_type_id,
        m.rev_package_id, m.rev_usage_plan_group_id, m.rev_service_description, m.effective_on
    from made m
    join app.rev_customer r on r.tenant_id = p_tenant_id and r.id = m.rev_customer_id
    join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = m.device_id
    join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = m.device_id
    on conflict (tenant_id, integration_authentication_id, rev_service_id) do nothing;

    insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, rev_customer_id,
        rev_product_id, rate, quantity, status, status_date, activated_date)
    select p_tenant_id, i.account, i.provider_ref, s.provider_ref, r.rev_customer_id, t.rev_product_ids[i.item], t.rates[i.item], 1, 'ACTIVE',
        i.effective_on, i.effective_on
    from app.provider_intent i
    join app.provider_intent s on s.tenant_id = i.tenant_id and s.bulk_change_id = i.bulk_change_id and s.row_number = i.row_number
        and s.step = i.step and s.direction = i.direction and s.call = 'create_service' and s.outcome = 'DONE'
    join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
    join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
    join app.rev_customer r on r.tenant_id = p_tenant_id and r.id = t.rev_customer_id
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'create_service_product' and i.outcome = 'DONE'
    on conflict (tenant_id, integration_authentication_id, rev_service_product_id) do nothing;

    insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, rev_customer_id,
        rev_product_id, rev_package_id, rate, quantity, status, activated_date)
    select p_tenant_id, s.integration_authentication_id, p.id, p.service, s.rev_customer_id, p.product_id, s.rev_package_id, p.rate, 1, p.status, s.activated_date
    from jsonb_to_recordset(p_products) as p (account uuid, service bigint, id bigint, product_id bigint, rate numeric, status text)
    join app.rev_service s on s.tenant_id = p_tenant_id and s.integration_authentication_id = p.account and s.rev_service_id = p.service
    on conflict (tenant_id, integration_authentication_id, rev_service_product_id) do nothing;

    update app.rev_service_product p set status = 'DISCONNECTED', status_date = i.effective_on, canceled_date = i.effective_on
    from app.provider_intent i
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'disconnect_service_product' and i.outcome = 'DONE'
      and p.tenant_id = i.tenant_id and p.integration_authentication_id = i.account and p.rev_service_product_id = i.provider_ref;

    update app.rev_service s set disconnected_date = i.effective_on
    from app.provider_intent i
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'close_service' and i.outcome = 'DONE'
      and s.tenant_id = i.tenant_id and s.integration_authentication_id = i.account and s.rev_service_id = i.provider_ref;

    update app.rev_service s set number = w.msisdn, number2 = d.iccid
    from app.provider_intent i
    join app.due_work w on w.tenant_id = i.tenant_id and w.bulk_change_id = i.bulk_change_id and w.row_number = i.row_number
    join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
    join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = c.device_id
    join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = c.device_id
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'patch_service' and i.direction = 'apply' and i.outcome = 'DONE'
      and not exists (select from app.provider_intent b where b.tenant_id = i.tenant_id and b.bulk_change_id = i.bulk_change_id
          and b.row_number = i.row_number and b.call = 'patch_service' and b.direction = 'undo' and b.outcome = 'DONE')
      and s.tenant_id = i.tenant_id and s.integration_authentication_id = i.account and s.rev_service_id = i.provider_ref;
$$;
grant execute on function app.mirror_intents(uuid, uuid, integer[], jsonb) to ascribe_worker;

-- procedures/mirror_carrier.sql
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

-- procedures/settle_chunk.sql
-- settle_chunk: the record step of a range of a chunk's rows, whole or not at all.
-- Seed's procedure: the page loop of the Lambda plus usp_DeviceBulkChange_RevService_UpdateM2MChange.
-- In:      the chunk and the epoch it was claimed with; the range of rows (the whole chunk, or a part of it while a bad
--          row is being looked for); who works.
-- Effect:  in one transaction: the chunk locked where the epoch is ours and the lease still runs; devices and assignments
--          locked in device order; rows that moved since the plan or are another change's left alone (SKIPPED);
--          rows with steps outside begin those (begin_outside_rows) and leave the chunk; the rest recorded (record_rows);
--          counts, the change's status, one audit entry with a digest of the rows.
-- Errors:  ZA001 the lease is lost. Else a row's data (classes 22, 23, ZA010) or an outage.
-- Idempotent: a range without PENDING rows changes nothing; a chunk that this epoch finished answers as finished.
-- Cost per device: 1 row lock on each of m2m_device and device_tenant, 1 update of each (device_tenant 2 with a rate
-- plan), 1 update of the row, 1 history and 1 log insert; about 15 statements per chunk of 1,000.
create function app.settle_chunk(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer,
    p_first_row integer, p_last_row integer, p_worker text)
    returns table (settled integer, ok integer, skipped integer, chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now           timestamptz := app.now();
    v_chunk         app.bulk_change_chunk;
    v_devices       uuid[];
    v_stale_targets integer[];
    v_rows          app.settling_row[];
    v_ok            integer := 0;
    v_all           integer := 0;
    v_begun         integer := 0;
    v_digest        bytea;
begin
    select * into v_chunk from app.bulk_change_chunk c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.chunk_number = p_chunk_number
      and c.epoch = p_epoch and (c.state = 'DONE' or (c.state = 'RUNNING' and c.lease_until > v_now))
    for update;
    if not found then
        raise exception 'the lease of chunk % is lost', p_chunk_number using errcode = 'ZA001';
    end if;
    if v_chunk.state = 'DONE' then
        return query select 0, 0, 0, f.chunk_done, f.change_status, f.to_do
            from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, 0, 0, 0, 0, 0) as f;
        return;
    end if;
    if v_chunk.is_cancelled then
        return query select * from app.cancel_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, p_epoch, p_first_row, p_last_row, p_worker);
        return;
    end if;

    select array_agg(c.device_id order by c.device_id) into v_devices from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
      and c.row_number between p_first_row and p_last_row and c.status = 'PENDING';

    if v_devices is not null then
        -- Locks, in device order: first the device, then its assignment. (An agent sees no m2m_device here, and locks none.)
        perform from app.m2m_device d
            where d.tenant_id = p_tenant_id and d.id = any (v_devices) order by d.id for no key update;
        perform from app.device_tenant dt
            where dt.tenant_id = p_tenant_id and dt.device_id = any (v_devices) order by dt.device_id for no key update;

        -- What the plan was judged on, has any of it moved? Once per target, not once per row.
        select coalesce(array_agg(t.target_number), '{}') into v_stale_targets
        from app.bulk_change_target t
        left join app.site s on s.tenant_id = t.tenant_id and s.id = t.site_id
        left join app.rev_customer r on r.tenant_id = t.tenant_id and r.id = t.rev_customer_id
        left join app.customer_rate_plan p on p.tenant_id = t.tenant_id and p.id = t.customer_rate_plan_id
        left join app.customer_rate_pool o on o.tenant_id = t.tenant_id and o.id = t.customer_rate_pool_id
        where t.tenant_id = p_tenant_id and t.bulk_change_id = p_bulk_change_id
          and (s.version, r.version, p.version, o.version) is distinct from
              (t.site_version, t.rev_customer_version, t.customer_rate_plan_version, t.customer_rate_pool_version);

        select array_agg((w.row_number, w.device_id, w.owner_tenant_id, w.reason, w.site_id, w.is_rev, w.plan_id, w.pool_id,
                          w.allocation_mb, w.restores, w.effective_date, w.due_at, w.waits, w.was_scheduled, w.steps)::app.settling_row order by w.device_id)
        into v_rows
        from (
            select c.row_number, c.device_id, coalesce(dt.device_owner_tenant_id, p_tenant_id) as owner_tenant_id,
                case
                    when l.device_id is not null then 'LOCKED_BY_OTHER_CHANGE'
                    when c.target_number = any (v_stale_targets) then 'STALE_SINCE_PLAN'
                    when coalesce(dt.version + dt.link_version, 0) <> c.device_tenant_version then 'STALE_SINCE_PLAN'
                    -- An agent reads its partner's device here, and neither locks nor writes it.
                    when d.version is distinct from c.device_version then 'STALE_SINCE_PLAN'
                end as reason,
                t.site_id, t.rev_customer_id is not null as is_rev,
                t.customer_rate_plan_id as plan_id, t.customer_rate_pool_id as pool_id,
                t.customer_data_allocation_mb as allocation_mb, t.restores, c.effective_date, t.effective_at as due_at,
                coalesce(t.effective_at > v_now, false)
                    and num_nonnulls(t.customer_rate_plan_id, t.customer_rate_pool_id, t.customer_data_allocation_mb) > 0 as waits,
                dt.scheduled_change_id is not null as was_scheduled, c.steps
            from app.m2m_device_change c
            join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id
                and t.target_number = c.target_number
            left join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
            -- CASE and not coalesce, which the planner takes for leaky: under row level security it would not use the index.
            left join app.m2m_device d on d.id = c.device_id
                and d.tenant_id = case when dt.device_owner_tenant_id is null then c.tenant_id else dt.device_owner_tenant_id end
            left join app.locked_devices(p_bulk_change_id, v_devices) as l (device_id) on l.device_id = c.device_id
            where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
              and c.row_number between p_first_row and p_last_row and c.status = 'PENDING') as w;
        -- What is to happen outside first leaves the chunk; what is locked by another change is left alone.
        if exists (select from unnest(v_rows) as w where w.reason is null and w.steps is not null) then
            select count(*) into v_begun from unnest(v_rows);
            v_rows := app.begin_outside_rows(p_tenant_id, p_bulk_change_id, v_rows);
            v_begun := v_begun - coalesce(cardinality(v_rows), 0);
        end if;
        select count(*) filter (where w.reason is null), count(*) into v_ok, v_all from unnest(v_rows) as w;
        v_digest := app.record_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, v_rows);
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        values (p_tenant_id, v_now, p_worker, 'chunk_settled', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('first_row', p_first_row, 'last_row', p_last_row, 'epoch', p_epoch, 'ok', v_ok, 'skipped', v_all - v_ok)
                || case when v_begun > 0 then jsonb_build_object('begun', v_begun) else '{}' end, v_digest);
    end if;

    return query select v_all, v_ok, v_all - v_ok, f.chunk_done, f.change_status, f.to_do
        from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, v_ok, 0, v_all - v_ok, 0, v_all) as f;
end
$$;
grant execute on function app.settle_chunk(uuid, uuid, integer, integer, integer, integer, text) to ascribe_worker;

-- procedures/settle_outside_rows.sql
-- settle_outside_rows: rows of which everything outside has happened: their assignment is recorded.
-- Seed's procedures: usp_DeviceBulkChange_RevService_UpdateM2MChange and what the Lambda called before it.
-- In:      the claim; rows; products that packages brought (see mirror_intents); when what was ever unknown is looked at again.
-- Effect:  in one transaction: the rows held, devices and assignments locked in device order, receipts mirrored, the rows recorded
--          (record_rows), devices unlocked, due work ended or put off to its first sweep, counts, one audit entry with a digest.
--          It compares no version: the device has been locked since it was checked. Rows that are not this claim's are passed over.
-- Errors:  a row's data (classes 22, 23, ZA010), or an outage. Idempotent.
-- Cost per device: that of record_rows, of mirror_intents, 1 lock deleted, 1 due work deleted.
create function app.settle_outside_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_products jsonb,
    p_first_sweep interval, p_worker text) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now     timestamptz := app.now();
    v_held    integer[];
    v_devices uuid[];
    v_rows    app.settling_row[];
    v_chunk   record;
    v_digests bytea[] := '{}';
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    select array_agg(c.row_number), array_agg(c.device_id) into v_held, v_devices from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held) and c.status in ('PROCESSING', 'WAITING_CARRIER');
    if v_held is null then
        return 0;
    end if;
    perform from app.m2m_device d
        where d.tenant_id = p_tenant_id and d.id = any (v_devices) order by d.id for no key update;
    perform from app.device_tenant dt
        where dt.tenant_id = p_tenant_id and dt.device_id = any (v_devices) order by dt.device_id for no key update;
    perform app.mirror_intents(p_tenant_id, p_bulk_change_id, v_held, p_products);
    -- Rows of several chunks at most when a claim lies across a border.
    for v_chunk in
        select k.chunk_number, k.first_row, k.last_row from app.bulk_change_chunk k
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
          and exists (select from unnest(v_held) as h where h between k.first_row and k.last_row) order by k.chunk_number
    loop
        select array_agg((w.row_number, w.device_id, w.owner_tenant_id, null, w.site_id, w.is_rev, w.plan_id, w.pool_id,
                          w.allocation_mb, w.restores, w.effective_date, w.due_at, w.waits, w.was_scheduled, w.steps)::app.settling_row order by w.device_id)
        into v_rows
        from (
            select c.row_number, c.device_id, coalesce(dt.device_owner_tenant_id, p_tenant_id) as owner_tenant_id,
                t.site_id, t.rev_customer_id is not null as is_rev,
                t.customer_rate_plan_id as plan_id, t.customer_rate_pool_id as pool_id,
                t.customer_data_allocation_mb as allocation_mb, t.restores, c.effective_date, t.effective_at as due_at,
                coalesce(t.effective_at > v_now, false)
                    and num_nonnulls(t.customer_rate_plan_id, t.customer_rate_pool_id, t.customer_data_allocation_mb) > 0 as waits,
                dt.scheduled_change_id is not null as was_scheduled, c.steps
            from app.m2m_device_change c
            join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id
                and t.target_number = c.target_number
            left join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
            where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
              and c.row_number = any (v_held) and c.row_number between v_chunk.first_row and v_chunk.last_row) as w;
        v_digests := v_digests || app.record_rows(p_tenant_id, p_bulk_change_id, v_chunk.chunk_number, v_rows);
    end loop;
    perform app.leave_outside(p_tenant_id, p_bulk_change_id, v_held, v_devices, p_first_sweep);
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
    values (p_tenant_id, v_now, p_worker, 'rows_settled', p_bulk_change_id,
        jsonb_build_object('rows', cardinality(v_held), 'claim', p_claim), sha256(convert_to(array_to_string(v_digests, ':'), 'UTF8')));
    perform app.count_ended_rows(p_tenant_id, p_bulk_change_id, cardinality(v_held), 0, 0, 0, 0);
    return cardinality(v_held);
end
$$;
grant execute on function app.settle_outside_rows(uuid, uuid, uuid, integer[], jsonb, interval, text) to ascribe_worker;

-- leave_outside: rows that are over give their devices back. What was ever unknown of them is looked at again later, without
-- holding the device: what makes something, and of rows that were not done what ends or changes something and was not there.
create function app.leave_outside(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_devices uuid[], p_first_sweep interval)
    returns void
    language sql set search_path = app, pg_temp
    as $$
    select app.unlock_devices(p_tenant_id, p_bulk_change_id, p_devices);
    update app.due_work w set sweeps = 0, due_at = app.now() + p_first_sweep, claim = null, lease_until = null, resolution = null,
        account = i.account
    from (select distinct on (i.row_number) i.row_number, i.account from app.provider_intent i
          where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
            and (i.was_unknown or i.outcome in ('OPEN', 'UNKNOWN'))
            and (i.call in ('create_service', 'create_service_product') or i.direction = 'apply' and i.outcome <> 'DONE' and exists (
                select from app.m2m_device_change c where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id
                    and c.row_number = i.row_number and c.status <> 'PROCESSED'))
          order by i.row_number, i.began_at) as i
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = i.row_number;
    delete from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows) and w.sweeps is null;
$$;
grant execute on function app.leave_outside(uuid, uuid, integer[], uuid[], interval) to ascribe_worker;

-- end_outside_rows: rows that end otherwise than done: FAILED (nothing of them remains outside), CANCELLED (nothing was begun), or
-- SKIPPED (nothing was sent, and it is not as it was planned on any more), or NEEDS_ATTENTION (nobody knows, or something cannot be taken back: the device stays locked until a person has decided).
-- In:      the claim; per row its status, reason and words for a person.
-- Effect:  in one transaction: rows, log, receipts mirrored and links of their devices, locks, due work, counts, one audit entry.
-- Cost per row: 1 update, 1 log insert, 1 lock and 1 due work deleted.
create function app.end_outside_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_statuses text[],
    p_reasons text[], p_details text[], p_first_sweep interval, p_worker text) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now       timestamptz := app.now();
    v_held      integer[];
    v_over      integer[];
    v_devices   uuid[];
    v_failed    integer;
    v_skipped   integer;
    v_cancelled integer;
    v_attention integer;
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    with ended as (
        update app.m2m_device_change c
        set status = u.status, reason = u.reason, status_details = u.details, attempts = c.attempts + 1,
            processed_date = case when u.status <> 'NEEDS_ATTENTION' then v_now end
        from unnest(p_rows, p_statuses, p_reasons, p_details) as u (row_number, status, reason, details)
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = u.row_number and c.status in ('PROCESSING', 'WAITING_CARRIER')
          and c.row_number = any (v_held)
        returning c.row_number, c.device_id, c.status, c.reason, c.attempts, c.status_details
    ), logged as (
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        select p_tenant_id, p_bulk_change_id, e.row_number, e.attempts, 'record_assignment', e.status, concat_ws(': ', e.reason, e.status_details), v_now from ended e
    ), noted as (
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
        select p_tenant_id, v_now, p_worker, 'rows_ended', p_bulk_change_id, jsonb_build_object('rows', count(*), 'claim', p_claim),
            sha256(convert_to(string_agg(concat_ws(':', e.row_number, e.device_id, e.status, e.reason), E'\n' order by e.row_number), 'UTF8'))
        from ended e having count(*) > 0
    )
    select array_agg(e.row_number) filter (where e.status <> 'NEEDS_ATTENTION'), array_agg(e.device_id) filter (where e.status <> 'NEEDS_ATTENTION'),
        array_agg(e.row_number), count(*) filter (where e.status = 'FAILED'), count(*) filter (where e.status = 'SKIPPED'),
        count(*) filter (where e.status = 'CANCELLED'),
        count(*) filter (where e.status = 'NEEDS_ATTENTION')
    into v_over, v_devices, v_held, v_failed, v_skipped, v_cancelled, v_attention from ended e;
    if v_held is null then
        return 0;
    end if;
    if exists (select from app.provider_intent i where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id
               and i.row_number = any (v_held) and i.outcome = 'DONE') then
        perform app.mirror_intents(p_tenant_id, p_bulk_change_id, v_held, '[]');
        perform app.usp_update_device_rev_service_links(p_tenant_id, array_agg(c.device_id)) from app.m2m_device_change c
            where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held);
    end if;
    if v_over is not null then
        perform app.leave_outside(p_tenant_id, p_bulk_change_id, v_over, v_devices, p_first_sweep);
    end if;
    update app.due_work w set due_at = 'infinity', claim = null, lease_until = null, resolution = null
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_held) and w.claim = p_claim;
    perform app.count_ended_rows(p_tenant_id, p_bulk_change_id, 0, v_failed, v_skipped, v_cancelled, v_attention);
    return cardinality(v_held);
end
$$;
grant execute on function app.end_outside_rows(uuid, uuid, uuid, integer[], text[], text[], text[], interval, text) to ascribe_worker;

-- reopen_for_attention: a row had ended, and later something of it was found at the provider that cannot be ended from here: a
-- person has to look. The only way back from an end; its device is locked again if nobody else has it.
-- Effect:  the row NEEDS_ATTENTION with a reason and words; counts and the change's status, log, one audit entry. Answers how many.
create function app.reopen_for_attention(p_tenant_id uuid, p_bulk_change_id uuid, p_claim uuid, p_rows integer[], p_reasons text[],
    p_details text[], p_worker text) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now    timestamptz := app.now();
    v_held   integer[];
    v_ok     integer;
    v_failed integer;
    v_count  integer;
begin
    select array_agg(h) into v_held from app.hold_due_work(p_tenant_id, p_bulk_change_id, p_claim, p_rows) as h;
    select count(*) filter (where c.status = 'PROCESSED'), count(*) filter (where c.status = 'FAILED'), count(*)
    into v_ok, v_failed, v_count from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held) and c.status in ('PROCESSED', 'FAILED');
    perform app.lock_devices(p_tenant_id, p_bulk_change_id, array_agg(c.device_id order by c.device_id), array_agg(c.row_number order by c.device_id))
    from app.m2m_device_change c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (v_held) and c.status in ('PROCESSED', 'FAILED')
    having count(*) > 0;
    update app.m2m_device_change c set status = 'NEEDS_ATTENTION', reason = u.reason, status_details = u.details
    from unnest(p_rows, p_reasons, p_details) as u (row_number, reason, details)
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = u.row_number and c.row_number = any (v_held)
      and c.status in ('PROCESSED', 'FAILED');
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, u.row_number, 0, 'sweep', 'NEEDS_ATTENTION', concat_ws(': ', u.reason, u.details), v_now
    from unnest(p_rows, p_reasons, p_details) as u (row_number, reason, details) where u.row_number = any (v_held);
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, v_now, p_worker, 'rows_reopened', p_bulk_change_id, jsonb_build_object('rows', v_held));
    update app.bulk_change_counter k
    set ok = k.ok - v_ok, failed = k.failed - v_failed, needs_attention = k.needs_attention + v_count
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id;
    update app.due_work w set due_at = 'infinity', claim = null, lease_until = null
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_held);
    return v_count;
end
$$;
grant execute on function app.reopen_for_attention(uuid, uuid, uuid, integer[], text[], text[], text) to ascribe_worker;

-- procedures/record_intents.sql
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

-- procedures/fail_poison_row.sql
-- fail_poison_row: the one row of a chunk that the database would not take, alone at the end of the halving.
-- Seed's procedure: none (an exception there ended the whole run).
-- Effect: the row FAILED with POISON_ROW and the SQLSTATE; log, counts, audit; its neighbours untouched.
-- Errors: ZA001 the lease is lost. Idempotent: a row that already ended changes nothing.
create function app.fail_poison_row(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_epoch integer, p_row_number integer,
    p_sqlstate text, p_worker text)
    returns table (chunk_done boolean, change_status text, to_do integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now   timestamptz := app.now();
    v_ended integer;
begin
    perform from app.bulk_change_chunk c
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.chunk_number = p_chunk_number
      and c.epoch = p_epoch and c.state = 'RUNNING' and c.lease_until > v_now
    for update;
    if not found then
        raise exception 'the lease of chunk % is lost', p_chunk_number using errcode = 'ZA001';
    end if;
    update app.m2m_device_change c
    set status = 'FAILED', reason = 'POISON_ROW', attempts = c.attempts + 1, processed_date = v_now,
        status_details = 'The database refused this row (SQLSTATE ' || p_sqlstate || ').'
    where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = p_row_number
      and c.status = 'PENDING';
    get diagnostics v_ended = row_count;
    if v_ended = 1 then
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        values (p_tenant_id, p_bulk_change_id, p_row_number, 1, 'record_assignment', 'FAILED', 'POISON_ROW ' || p_sqlstate, v_now);
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        values (p_tenant_id, v_now, p_worker, 'row_failed', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('row', p_row_number, 'reason', 'POISON_ROW', 'sqlstate', p_sqlstate, 'epoch', p_epoch),
            sha256(convert_to(p_row_number || ':POISON_ROW', 'UTF8')));
    end if;
    return query select * from app.finish_rows(p_tenant_id, p_bulk_change_id, p_chunk_number, 0, v_ended, 0, 0, v_ended);
end
$$;
grant execute on function app.fail_poison_row(uuid, uuid, integer, integer, integer, text, text) to ascribe_worker;

-- procedures/claim_schedule_chunk.sql
-- claim_schedule_chunk: the next schedule rows that are due, lent to the caller for a while.
-- Seed's procedure: the job that drained Device_CustomerRatePlanOrRatePool_Queue (not public).
-- Runs as the dispatcher, over all tenants, on ids only; goes round the tenants like claim_chunk. Being lent is not being
-- fenced: apply_schedule_chunk locks the row, and what is applied is not pending any more, so a second try does nothing twice.
-- Each further try of the same chunk waits longer: its lease doubles, up to 2^6 times.
-- Answers no row when nothing is due. Cost: 2 updates per chunk and date.
create function app.claim_schedule_chunk(p_lease interval)
    returns table (tenant_id uuid, bulk_change_id uuid, chunk_number integer, effective_date date, first_row integer, last_row integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_due app.schedule_chunk;
begin
    select c.* into v_due from app.schedule_chunk c join app.tenant_turn t on t.tenant_id = c.tenant_id
    where not c.is_done and c.due_at <= app.now()
    order by t.served_at, c.due_at, c.bulk_change_id, c.chunk_number limit 1
    for update of c skip locked;
    if not found then
        return;
    end if;
    update app.tenant_turn t set served_at = app.now() where t.tenant_id = v_due.tenant_id;
    return query
        update app.schedule_chunk c
        set due_at = app.now() + p_lease * 2 ^ least(c.releases, 6), releases = least(c.releases + 1, 1000)
        where c.tenant_id = v_due.tenant_id and c.bulk_change_id = v_due.bulk_change_id and c.chunk_number = v_due.chunk_number
          and c.effective_date = v_due.effective_date
        returning c.tenant_id, c.bulk_change_id, c.chunk_number, c.effective_date, c.first_row, c.last_row;
end
$$;
grant execute on function app.claim_schedule_chunk(interval) to ascribe_dispatcher;

-- procedures/apply_schedule_chunk.sql
-- apply_schedule_chunk: plan, pool and allocation whose effective date has come, for a range of a chunk's rows.
-- Seed's procedure: the job that drained Device_CustomerRatePlanOrRatePool_Queue (not public).
-- In:      the chunk, the date, the range of rows (the whole, or a part while a bad row is looked for); who works.
-- Effect:  in one transaction, assignments locked in device order: rows whose assignment is still what the change left are
--          APPLIED by the seed's procedure; those whose assignment has moved on are SUPERSEDED; a plan or pool that is not
--          offered any more, or an archived device, is FAILED with its reason; a cancelled chunk's rows are CANCELLED.
--          History, log, one audit entry with a digest; the chunk is done when none of its rows of that date is pending.
-- Errors:  a row's data (classes 22, 23), or an outage.
-- Idempotent: rows that ended are not pending any more.
-- Cost per device: 1 row lock, 2 updates of device_tenant, 1 update of the schedule, 1 history and 1 log insert.
create function app.apply_schedule_chunk(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_effective_date date,
    p_first_row integer, p_last_row integer, p_worker text)
    returns table (applied integer, superseded integer, cancelled integer, failed integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_now       timestamptz := app.now();
    v_cancelled boolean;
    v_rows      app.due_row[];
    v_locked    uuid[];
begin
    select k.is_cancelled into v_cancelled from app.schedule_chunk k
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.effective_date = p_effective_date and not k.is_done
    for update;
    if not found then
        return query select 0, 0, 0, 0;
        return;
    end if;
    perform from app.device_tenant dt
    where dt.tenant_id = p_tenant_id and dt.device_id in (
        select s.device_id from app.device_change_schedule s
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.effective_date = p_effective_date
          and s.row_number between p_first_row and p_last_row and s.status = 'PENDING')
    order by dt.device_id for update;

    select coalesce(array_agg(l), '{}') into v_locked from app.locked_devices(p_bulk_change_id, array(
        select s.device_id from app.device_change_schedule s
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.effective_date = p_effective_date
          and s.row_number between p_first_row and p_last_row and s.status = 'PENDING')) as l;

    select array_agg((w.row_number, w.device_id, w.status, w.reason, w.plan_id, w.pool_id, w.allocation_mb, w.is_ours)::app.due_row
                     order by w.device_id)
    into v_rows
    from (
        select s.row_number, s.device_id, s.customer_rate_plan_id as plan_id, s.customer_rate_pool_id as pool_id,
            s.customer_data_allocation_mb as allocation_mb, dt.scheduled_change_id = p_bulk_change_id as is_ours,
            case when dt.version <> s.device_tenant_version then 'SUPERSEDED'
                 when v_cancelled then 'CANCELLED'
                 when d.is_archived or not coalesce(p.is_active, true) or not coalesce(o.is_active, true) then 'FAILED'
                 else 'APPLIED' end as status,
            case when dt.version <> s.device_tenant_version or v_cancelled then null
                 when d.is_archived then 'DEVICE_ARCHIVED'
                 when not coalesce(p.is_active, true) then 'PLAN_NOT_FOUND'
                 when not coalesce(o.is_active, true) then 'POOL_NOT_FOUND' end as reason
        from app.device_change_schedule s
        join app.device_tenant dt on dt.tenant_id = s.tenant_id and dt.device_id = s.device_id
        left join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
        left join app.customer_rate_plan p on p.tenant_id = s.tenant_id and p.id = s.customer_rate_plan_id
        left join app.customer_rate_pool o on o.tenant_id = s.tenant_id and o.id = s.customer_rate_pool_id
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.effective_date = p_effective_date
          and s.row_number between p_first_row and p_last_row and s.status = 'PENDING'
          -- A device that another change is at work on is left until that is over: then it is superseded, or its turn comes.
          and not (s.device_id = any (v_locked))) as w;

    if v_rows is not null then
        update app.device_tenant dt set scheduled_change_id = null, modified_at = v_now
        from unnest(v_rows) as w
        where w.is_ours and dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
        perform app.usp_device_bulk_change_customer_rate_plan_change_update(p_tenant_id, array_agg(w.device_id), array_agg(w.plan_id),
                array_agg(w.pool_id), array_agg(w.allocation_mb))
            from unnest(v_rows) as w where w.status = 'APPLIED' having count(*) > 0;
        -- Whatever of this moved the assignment's version is in its history: an undo compares the two. What somebody else has
        -- moved since is not ours to claim.
        insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
            account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
            customer_data_allocation_mb, by_schedule, effective_date)
        select dt.tenant_id, dt.device_id, v_now, p_bulk_change_id, w.row_number, dt.version, dt.site_id,
            dt.account_number, dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id,
            dt.customer_data_allocation_mb, true, p_effective_date
        from unnest(v_rows) as w
        join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = w.device_id
        where w.is_ours and w.status <> 'SUPERSEDED';
        update app.device_change_schedule s set status = w.status, reason = w.reason, ended_at = v_now
        from unnest(v_rows) as w
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.row_number = w.row_number;
        insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
        select p_tenant_id, p_bulk_change_id, w.row_number, 1, 'apply_schedule', w.status, w.reason, v_now from unnest(v_rows) as w;
        insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
        select p_tenant_id, v_now, p_worker, 'schedule_applied', p_bulk_change_id, p_chunk_number,
            jsonb_build_object('effective_date', p_effective_date, 'applied', count(*) filter (where w.status = 'APPLIED'),
                'rows', count(*)),
            sha256(convert_to(string_agg(concat_ws(':', w.row_number, w.device_id, w.status, w.reason), E'\n' order by w.row_number), 'UTF8'))
        from unnest(v_rows) as w;
    end if;
    update app.schedule_chunk k set is_done = true
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.effective_date = p_effective_date
      and not exists (select from app.device_change_schedule s where s.tenant_id = k.tenant_id and s.bulk_change_id = k.bulk_change_id
          and s.effective_date = k.effective_date and s.row_number between k.first_row and k.last_row and s.status = 'PENDING');
    return query select count(*) filter (where w.status = 'APPLIED')::integer, count(*) filter (where w.status = 'SUPERSEDED')::integer,
        count(*) filter (where w.status = 'CANCELLED')::integer, count(*) filter (where w.status = 'FAILED')::integer
        from unnest(v_rows) as w;
end
$$;
grant execute on function app.apply_schedule_chunk(uuid, uuid, integer, date, integer, integer, text) to ascribe_worker;

-- procedures/fail_schedule_row.sql
-- fail_schedule_row: the one row of a schedule that the database would not take, alone at the end of the halving.
-- Seed's procedure: none (a failed scheduled change went unseen there).
-- Effect:  the schedule row FAILED with POISON_ROW; log and audit; the device changes nothing but that it waits no longer.
-- Idempotent: a row that ended changes nothing.
create function app.fail_schedule_row(
    p_tenant_id uuid, p_bulk_change_id uuid, p_chunk_number integer, p_effective_date date, p_row_number integer,
    p_sqlstate text, p_worker text) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now    timestamptz := app.now();
    v_device uuid;
    v_ours   integer;
begin
    perform from app.schedule_chunk k
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.chunk_number = p_chunk_number
      and k.effective_date = p_effective_date for update;
    -- The assignment first, then the schedule, as everywhere.
    perform from app.device_tenant dt where dt.tenant_id = p_tenant_id and dt.device_id = (
        select s.device_id from app.device_change_schedule s
        where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.row_number = p_row_number) for update;
    update app.device_change_schedule s set status = 'FAILED', reason = 'POISON_ROW', ended_at = v_now
    where s.tenant_id = p_tenant_id and s.bulk_change_id = p_bulk_change_id and s.row_number = p_row_number and s.status = 'PENDING'
    returning s.device_id into v_device;
    if v_device is null then
        return;
    end if;
    update app.device_tenant dt set scheduled_change_id = null, modified_at = v_now
    where dt.tenant_id = p_tenant_id and dt.device_id = v_device and dt.scheduled_change_id = p_bulk_change_id;
    get diagnostics v_ours = row_count;
    -- What somebody else has moved since is not ours to claim: an undo compares versions.
    insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
        account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
        customer_data_allocation_mb, by_schedule, effective_date)
    select dt.tenant_id, dt.device_id, v_now, p_bulk_change_id, p_row_number, dt.version, dt.site_id, dt.account_number,
        dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id,
        dt.customer_data_allocation_mb, true, p_effective_date
    from app.device_tenant dt where v_ours > 0 and dt.tenant_id = p_tenant_id and dt.device_id = v_device;
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    values (p_tenant_id, p_bulk_change_id, p_row_number, 1, 'apply_schedule', 'FAILED', 'POISON_ROW ' || p_sqlstate, v_now);
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, chunk_number, detail, digest)
    values (p_tenant_id, v_now, p_worker, 'schedule_row_failed', p_bulk_change_id, p_chunk_number,
        jsonb_build_object('row', p_row_number, 'reason', 'POISON_ROW', 'sqlstate', p_sqlstate),
        sha256(convert_to(p_row_number || ':POISON_ROW', 'UTF8')));
end
$$;
grant execute on function app.fail_schedule_row(uuid, uuid, integer, date, integer, text, text) to ascribe_worker;

-- procedures/discard_plan_rows.sql
-- discard_plan_rows: rows of a plan that will never be applied: it expired, it failed, or its planner died and begins again.
-- Seed's procedure: none. Called by the worker for what expired or failed, by the planner before it begins again.
-- Definer: the roles that run may not delete what the ledger holds; this deletes only below a plan that was never applied,
-- and only in the tenant of the transaction (row level security binds the owner, too).
-- Effect:  at most p_limit rows removed, with their records and targets when none is left; counts and reasons stay.
--          Answers how many rows went; less than p_limit: none is left, and the plan says so.
-- Cost per row: 1 delete.
create function app.discard_plan_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_limit integer) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
    v_gone   integer;
begin
    select * into v_change from app.device_bulk_change b
    where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is null
      and (b.status in ('PLANNING', 'PLAN_FAILED') or b.status = 'PLANNED' and b.expires_at <= app.now())
    for update;
    if not found or p_tenant_id is distinct from app.current_tenant() then
        return 0;
    end if;
    with gone as (
        delete from app.m2m_device_change c
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number in (
            select r.row_number from app.m2m_device_change r
            where r.tenant_id = p_tenant_id and r.bulk_change_id = p_bulk_change_id order by r.row_number limit p_limit)
        returning 1)
    select count(*) into v_gone from gone;
    if v_gone < p_limit then
        delete from app.bulk_change_input where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
        delete from app.bulk_change_chunk where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
        delete from app.bulk_change_target where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    end if;
    if v_change.status <> 'PLANNING' then
        -- With the last batch; an apply in between finds it expired.
        update app.device_bulk_change set rows_removed_at = case when v_gone < p_limit then app.now() end
        where tenant_id = p_tenant_id and id = p_bulk_change_id;
    end if;
    return v_gone;
end
$$;
grant execute on function app.discard_plan_rows(uuid, uuid, integer) to ascribe_web, ascribe_worker;

-- procedures/resolve_rows.sql
-- resolve_rows: a person decides on rows that need attention, with a reason and a comment.
-- Seed's procedure: none (an unknown outcome was called processed).
-- Definer: the web role may not write what the ledger says of a device; this does, for rows that need attention, in the
-- tenant of the transaction.
-- In:      the rows; what was decided; for adopt the provider's id of what was made; who, why, and more.
--          failed      nothing of what was asked for has happened, or it was put right: the row ends FAILED.
--          processed   everything asked for has happened outside: a worker records the assignment like any other row's.
--          look_again  a worker looks at the provider and goes on from what it finds.
--          adopt       a worker looks at the thing of that id, and if it is what the row makes takes it for its receipt.
--          send_again  a worker looks, and only if nothing is there sends once more.
--          take_back   a worker takes back what was done, and the row ends FAILED.
-- Effect:  failed ends the rows; else they are under way again, and nothing is sent before a fresh look. Rows without steps outside
--          take processed and failed only, and rows that had ended before look_again and failed, and processed if they were recorded.
--          Locks, counts, the change's status, log, one audit entry. Answers how many rows it took; others are left alone.
-- Errors:  ZA002 no such bulk change in this tenant · ZA011 the rest of the chunk is being cancelled: ask again when it is.
-- Cost per row: 1 update, 1 lock deleted or 1 update of due_work, 1 log insert.
create function app.resolve_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_outcome text, p_adopt bigint,
    p_reason text, p_comment text, p_actor text) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_now     timestamptz := app.now();
    v_rows    integer[];
    v_over    integer[];
    v_devices uuid[];
    v_again   integer[];
    v_pending integer[];
    v_ok      integer;
    v_counter app.bulk_change_counter;
begin
    -- The chunks first, then the change, as everywhere.
    perform from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and exists (select from unnest(p_rows) as r where r between k.first_row and k.last_row)
        order by k.chunk_number for update;
    if p_outcome = 'processed' and exists (select from app.bulk_change_chunk k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
        and k.is_cancelled and k.state <> 'DONE' and exists (select from unnest(p_rows) as r where r between k.first_row and k.last_row)) then
        raise exception 'the rest of the chunk is being cancelled' using errcode = 'ZA011';
    end if;
    perform from app.due_work w where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows)
        order by w.row_number for update;
    -- Gates and turns before the counter, as a settle takes them.
    perform app.queue_at_gates(p_tenant_id, p_bulk_change_id, array_agg(w.account)) from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (p_rows) and p_outcome <> 'failed'
      and exists (select from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is not null)
    having count(*) > 0;
    -- The counter before the change, as finish_rows does.
    perform from app.bulk_change_counter k where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id for update;
    perform from app.device_bulk_change b where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is not null
        and p_tenant_id = app.current_tenant() for update;
    if not found then
        raise exception 'no such bulk change' using errcode = 'ZA002';
    end if;
    with asked as (
        select c.row_number, w.row_number is not null as is_outside, w.sweeps is not null as had_ended,
            exists (select from app.device_tenant_history h where h.tenant_id = c.tenant_id and h.device_id = c.device_id
                and h.bulk_change_id = c.bulk_change_id and h.row_number = c.row_number and not h.by_schedule) as was_recorded
        from app.m2m_device_change c
        left join app.due_work w on w.tenant_id = c.tenant_id and w.bulk_change_id = c.bulk_change_id and w.row_number = c.row_number
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = any (p_rows) and c.status = 'NEEDS_ATTENTION'
    ), decided as (
        select a.row_number, case
            when p_outcome = 'failed' then 'FAILED'
            when not a.is_outside and p_outcome = 'processed' then 'PENDING'
            when a.had_ended and a.was_recorded and p_outcome in ('processed', 'look_again') then 'PROCESSED'
            when a.had_ended and p_outcome = 'look_again' then 'FAILED'
            when a.is_outside and not a.had_ended and p_outcome in ('processed', 'look_again', 'adopt', 'send_again', 'take_back') then 'PROCESSING'
            end as status
        from asked a
    ), taken as (
        update app.m2m_device_change c
        set status = d.status, reason = case when d.status = 'FAILED' then coalesce(c.reason, 'CLOSED_BY_USER') end,
            status_details = concat_ws(': ', p_actor, p_reason, nullif(p_comment, '')),
            processed_date = case when d.status in ('FAILED', 'PROCESSED') then coalesce(c.processed_date, v_now) end
        from decided d
        where d.status is not null and c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number = d.row_number
        returning c.row_number, c.device_id, c.status)
    select array_agg(t.row_number order by t.row_number), array_agg(t.row_number) filter (where t.status <> 'PROCESSING'),
        array_agg(t.device_id) filter (where t.status <> 'PROCESSING'), array_agg(t.row_number) filter (where t.status = 'PROCESSING'),
        array_agg(t.row_number) filter (where t.status = 'PENDING'), count(*) filter (where t.status = 'PROCESSED')
    into v_rows, v_over, v_devices, v_again, v_pending, v_ok from taken t;
    if v_rows is null then
        return 0;
    end if;
    -- A row that is over gives its device back. Of what had ended before a person's word is the last: it is not looked at again unless
    -- that is what was asked for, and then at once.
    perform app.unlock_devices(p_tenant_id, p_bulk_change_id, v_devices);
    if p_outcome = 'look_again' then
        update app.due_work w set due_at = v_now
        where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_over) and w.sweeps is not null;
    else
        delete from app.due_work w
        where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_over) and w.sweeps is not null;
    end if;
    perform app.leave_outside(p_tenant_id, p_bulk_change_id, array_agg(w.row_number), null, interval '15 minutes') from app.due_work w
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_over) and w.sweeps is null
    having count(*) > 0;
    update app.due_work w
    set due_at = v_now, resolution = jsonb_build_object('as', p_outcome, 'id', p_adopt),
        -- What was given up and could not be begun to be taken back goes forward again when it is to be sent again.
        giving_up = case when p_outcome = 'take_back' then coalesce(w.giving_up, 'CLOSED_BY_USER')
            when p_outcome = 'send_again' and not exists (select from app.provider_intent i where i.tenant_id = w.tenant_id
                and i.bulk_change_id = w.bulk_change_id and i.row_number = w.row_number and i.direction = 'undo') then null
            else w.giving_up end,
        giving_up_details = case when p_outcome = 'take_back' then coalesce(w.giving_up_details, p_reason) else w.giving_up_details end
    where w.tenant_id = p_tenant_id and w.bulk_change_id = p_bulk_change_id and w.row_number = any (v_again);
    insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, error_text, created_at)
    select p_tenant_id, p_bulk_change_id, r, 0, 'resolve', case p_outcome when 'failed' then 'FAILED' when 'processed' then 'RESOLVED' else upper(p_outcome) end,
        concat_ws(': ', p_reason, nullif(p_comment, '')), v_now
    from unnest(v_rows) as r;
    insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail)
    values (p_tenant_id, v_now, p_actor, 'rows_resolved', p_bulk_change_id,
        jsonb_build_object('rows', v_rows, 'outcome', p_outcome, 'processed', p_outcome = 'processed', 'adopt', p_adopt, 'reason', p_reason, 'comment', p_comment));
    update app.bulk_change_counter k
    set needs_attention = k.needs_attention - cardinality(v_rows), ok = k.ok + v_ok,
        failed = k.failed + cardinality(v_rows) - v_ok - coalesce(cardinality(v_again), 0) - coalesce(cardinality(v_pending), 0),
        to_do = k.to_do + coalesce(cardinality(v_again), 0) + coalesce(cardinality(v_pending), 0)
    where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id
    returning k.* into v_counter;
    if v_pending is not null then
        -- A person's word is stronger than the cancel before it, and a paused change stays paused.
        update app.bulk_change_chunk k set state = 'READY', start_at = v_now, is_cancelled = false,
            is_paused = (select b.status = 'PAUSED' from app.device_bulk_change b where b.tenant_id = k.tenant_id and b.id = k.bulk_change_id)
        where k.tenant_id = p_tenant_id and k.bulk_change_id = p_bulk_change_id and k.state = 'DONE'
          and exists (select from unnest(v_pending) as r where r between k.first_row and k.last_row);
    end if;
    if v_again is not null or v_pending is not null then
        insert into app.bulk_change_turn (tenant_id, bulk_change_id, served_at) values (p_tenant_id, p_bulk_change_id, v_now)
        on conflict (tenant_id, bulk_change_id) do nothing;
        update app.device_bulk_change b set status = 'PROCESSING', processed_date = null
        where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.status in ('PROCESSED', 'ERROR', 'CANCELLED');
        perform pg_notify('ascribe_work', '');
    elsif v_counter.to_do = 0 then
        update app.device_bulk_change b
        set status = case when v_counter.ok > 0 then 'PROCESSED' when v_counter.cancelled = v_counter.planned then 'CANCELLED' else 'ERROR' end,
            processed_date = coalesce(b.processed_date, v_now)
        where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id;
    end if;
    return cardinality(v_rows);
end
$$;
grant execute on function app.resolve_rows(uuid, uuid, integer[], text, bigint, text, text, text) to ascribe_web;

-- procedures/seal_audit.sql
-- seal_audit: puts the audit entries that nothing can come before any more under the next digest of the tenant's chain.
-- Nothing of the seed: its trail could be edited by whoever reached the table.
-- Cost: one statement over the entries that are new, one row per seal. Two sealers wait for each other.

-- One entry as text. Whatever is changed in it changes this.
create function app.audit_entry_text(p_entry app.audit_entry) returns text
    language sql stable
    as $$
    select jsonb_build_array(p_entry.made_in, p_entry.id, extract(epoch from p_entry.at), p_entry.actor, p_entry.action,
        p_entry.bulk_change_id, p_entry.chunk_number, p_entry.detail, encode(p_entry.digest, 'hex'))::text
$$;

-- Answers how many entries were sealed.
create function app.seal_audit(p_tenant_id uuid) returns integer
    language plpgsql
    as $$
declare
    v_last app.audit_seal;
    v_to xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_entries integer;
    v_block text;
begin
    perform pg_advisory_xact_lock(hashtextextended('audit_seal ' || p_tenant_id::text, 0));
    select * into v_last from app.audit_seal where tenant_id = p_tenant_id order by seal_number desc limit 1;
    select count(*), string_agg(app.audit_entry_text(e), E'\n' order by e.made_in, e.id) into v_entries, v_block
    from app.audit_entry e
    where e.tenant_id = p_tenant_id and e.made_in >= coalesce(v_last.to_transaction, '0'::xid8) and e.made_in < v_to;
    if v_entries > 0 then
        insert into app.audit_seal (tenant_id, seal_number, from_transaction, to_transaction, entries, digest, sealed_at)
        values (p_tenant_id, coalesce(v_last.seal_number, 0) + 1, coalesce(v_last.to_transaction, '0'::xid8), v_to, v_entries,
            sha256(coalesce(v_last.digest, ''::bytea) || convert_to(v_block, 'UTF8')), app.now());
    end if;
    return v_entries;
end
$$;
grant execute on function app.audit_entry_text(app.audit_entry) to ascribe_web, ascribe_worker;
grant execute on function app.seal_audit(uuid) to ascribe_worker;

-- procedures/find_devices_of_agent.sql
-- find_devices_of_agent: devices of a tenant by their ICCIDs, locked, and which of its agents have them. For give_devices and
-- take_back_devices, as the owner; nobody else may call it.
-- Seed's procedure: none.
-- Out:    a row per ICCID that was named: outcome NOT_FOUND (also another tenant's), STORED_AS (detail: as it is stored, with or
--         without its check digit), AMBIGUOUS (at several service providers), or FOUND.
-- Errors: ZA002 the tenant is not the transaction's, or has no such agent.
-- Cost:   3 statements; per device 2 index look-ups and 1 row lock.
create function app.find_devices_of_agent(p_tenant_id uuid, p_agent_id uuid, p_service_provider_id uuid, p_rows integer[],
    p_iccids text[], p_others text[])
    returns table (row_number integer, device_id uuid, service_provider_id uuid, is_archived boolean, has_agent boolean,
        has_another boolean, outcome text, detail text)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
begin
    if p_tenant_id is distinct from app.current_tenant() then
        raise exception 'another tenant''s devices' using errcode = 'ZA002';
    end if;
    -- Only as an agent can its row be seen, and with it who its partner is.
    perform set_config('app.tenant', p_agent_id::text, true);
    if not exists (select from app.tenant t where t.id = p_agent_id and t.parent_tenant_id = p_tenant_id) then
        raise exception 'no such agent' using errcode = 'ZA002';
    end if;
    perform set_config('app.tenant', p_tenant_id::text, true);
    -- In device order, as everywhere: who gives and who takes back the same device go one after the other.
    perform from app.m2m_device d where d.tenant_id = p_tenant_id and d.iccid = any (p_iccids) order by d.id for no key update;
    return query
        select u.n, m.device_id, m.provider_id, m.is_archived, coalesce(a.has_agent, false), coalesce(a.has_another, false),
            case when m.found = 1 then 'FOUND' when m.found > 1 then 'AMBIGUOUS' when o.iccid is not null then 'STORED_AS' else 'NOT_FOUND' end,
            o.iccid
        from unnest(p_rows, p_iccids, p_others) as u (n, iccid, other)
        cross join lateral (
            select count(*) as found, (array_agg(d.id))[1] as device_id, (array_agg(d.service_provider_id))[1] as provider_id,
                bool_or(d.is_archived) as is_archived
            from app.m2m_device d where d.tenant_id = p_tenant_id and d.iccid = u.iccid
              and (p_service_provider_id is null or d.service_provider_id = p_service_provider_id)) m
        left join lateral (
            select d.iccid from app.m2m_device d where m.found = 0 and d.tenant_id = p_tenant_id and d.iccid = u.other
              and (p_service_provider_id is null or d.service_provider_id = p_service_provider_id) limit 1) o on true
        left join lateral (
            select bool_or(dt.tenant_id = p_agent_id) as has_agent, bool_or(dt.tenant_id <> p_agent_id) as has_another
            from app.device_tenant dt
            where dt.device_owner_tenant_id = p_tenant_id and dt.device_id = m.device_id and dt.tenant_id <> dt.device_owner_tenant_id
              and dt.taken_back_at is null) a on m.found = 1;
end
$$;

-- procedures/give_devices.sql
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

-- procedures/take_back_devices.sql
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

-- procedures/note_webhook_events.sql
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

-- procedures/note_integration_events.sql
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

-- procedures/claim_webhook_delivery.sql
-- claim_webhook_delivery: the next delivery that is due, lent to the caller with an epoch of its own.
-- Seed's procedure: none.
-- Runs as the dispatcher, over all tenants, on ids only. What is lent is the webhook: one of its deliveries is under way at a
-- time, so that an address that takes long to answer keeps nobody waiting but itself; webhooks take turns, least recently
-- served first. Of a change's events the first that is not over goes first. SKIP LOCKED: two callers never wait for each
-- other. A lease that ran out (somebody died with it) is lent again: at least once.
-- Answers no row when nothing is due. Cost: one index look-up per active webhook that has nothing due, 1 update.
create function app.claim_webhook_delivery(p_lease interval)
    returns table (tenant_id uuid, webhook_id uuid, delivery_id uuid, epoch integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_tenant   uuid;
    v_webhook  uuid;
    v_delivery uuid;
begin
    select w.tenant_id, w.id into v_tenant, v_webhook from app.webhook w
    where w.status = 'ACTIVE' and (w.lease_until is null or w.lease_until <= app.now())
      and exists (select from app.webhook_delivery d
          where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.status = 'PENDING' and d.next_attempt_at <= app.now()
            and not exists (select from app.webhook_delivery b where b.tenant_id = d.tenant_id and b.webhook_id = d.webhook_id
                and b.bulk_change_id = d.bulk_change_id and b.seq < d.seq and b.status = 'PENDING'))
    order by w.served_at limit 1
    for update of w skip locked;
    if not found then
        return;
    end if;
    -- Now that the webhook is ours: another caller may have done meanwhile what was due when it was looked for.
    select d.id into v_delivery from app.webhook_delivery d
    where d.tenant_id = v_tenant and d.webhook_id = v_webhook and d.status = 'PENDING' and d.next_attempt_at <= app.now()
      and not exists (select from app.webhook_delivery b where b.tenant_id = d.tenant_id and b.webhook_id = d.webhook_id
          and b.bulk_change_id = d.bulk_change_id and b.seq < d.seq and b.status = 'PENDING')
    order by d.next_attempt_at, d.number limit 1;
    if not found then
        return;
    end if;
    return query
        update app.webhook w set lease_until = app.now() + p_lease, epoch = w.epoch + 1, served_at = app.now()
        where w.tenant_id = v_tenant and w.id = v_webhook
        returning w.tenant_id, w.id, v_delivery, w.epoch;
end
$$;
grant execute on function app.claim_webhook_delivery(interval) to ascribe_dispatcher;

-- procedures/end_webhook_attempt.sql
-- end_webhook_attempt: what a try of a delivery came to; the webhook is given back.
-- Seed's procedure: none.
-- In:     the claim's epoch; the status that came back, or why none did; what is next:
--         'DELIVERED' · 'AGAIN' after p_wait · 'FAILED' (tried for days) · 'GONE' (410: the webhook is paused; what is
--         pending is tried again when somebody lets it go on).
-- Effect: the attempt, the delivery, and with it the later events of the same change, which wait as long as it does.
-- Errors: ZA001 the lease is lost: somebody else has the webhook now, and tries the delivery again.
-- Cost:   1 insert, 2 or 3 updates.
create function app.end_webhook_attempt(p_tenant_id uuid, p_webhook_id uuid, p_delivery_id uuid, p_epoch integer,
    p_http_status smallint, p_error text, p_next text, p_wait interval) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now      timestamptz := app.now();
    v_delivery app.webhook_delivery;
begin
    perform from app.webhook w where w.tenant_id = p_tenant_id and w.id = p_webhook_id and w.epoch = p_epoch
        and w.lease_until > v_now for update;
    if not found then
        raise exception 'the lease of the webhook is lost' using errcode = 'ZA001';
    end if;
    select * into v_delivery from app.webhook_delivery d where d.tenant_id = p_tenant_id and d.id = p_delivery_id for update;
    insert into app.webhook_attempt (tenant_id, webhook_delivery_id, attempt, at, http_status, error)
    values (p_tenant_id, p_delivery_id, v_delivery.attempts + 1, v_now, p_http_status, p_error);
    -- Archived while it was under way: it stays cancelled, and the attempt says what came of it.
    update app.webhook_delivery d
    set attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, v_now),
        status = case when d.status <> 'PENDING' then d.status when p_next in ('DELIVERED', 'FAILED') then p_next else 'PENDING' end,
        next_attempt_at = case when d.status = 'PENDING' and p_next in ('AGAIN', 'GONE') then v_now + coalesce(p_wait, interval '0') end,
        ended_at = case when d.status <> 'PENDING' then d.ended_at when p_next in ('DELIVERED', 'FAILED') then v_now end
    where d.tenant_id = p_tenant_id and d.id = p_delivery_id;
    update app.webhook_delivery d set next_attempt_at = case when p_next = 'AGAIN' then v_now + p_wait else v_now end
    where d.tenant_id = p_tenant_id and d.webhook_id = p_webhook_id and d.bulk_change_id = v_delivery.bulk_change_id
      and d.seq > v_delivery.seq and d.status = 'PENDING' and (p_next = 'AGAIN' or d.next_attempt_at > v_now);
    update app.webhook w
    set lease_until = null,
        status = case when p_next = 'GONE' and w.status = 'ACTIVE' then 'PAUSED' else w.status end,
        paused_because = case when p_next = 'GONE' and w.status = 'ACTIVE' then 'it answered 410 Gone' else w.paused_because end
    where w.tenant_id = p_tenant_id and w.id = p_webhook_id;
    if p_next = 'GONE' then
        insert into app.audit_entry (tenant_id, at, actor, action, detail)
        values (p_tenant_id, v_now, 'ascribe', 'webhook_paused', jsonb_build_object('webhook', p_webhook_id, 'because', 'it answered 410 Gone'));
    end if;
end
$$;
grant execute on function app.end_webhook_attempt(uuid, uuid, uuid, integer, smallint, text, text, interval) to ascribe_worker;
