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
