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
