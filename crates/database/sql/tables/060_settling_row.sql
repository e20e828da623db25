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
