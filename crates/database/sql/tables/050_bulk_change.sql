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
