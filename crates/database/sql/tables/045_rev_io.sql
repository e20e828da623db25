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
