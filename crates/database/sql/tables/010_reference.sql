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
