//! Searching and paging (`rev_io.md` C3), over the objects as they are at that moment.

use super::inferred::{Inferred, PageSizeAboveMost, UnknownName};
use super::object::{Object, Plain, WireDate};
use super::refusal::Refusal;
use super::table::Table;
use jiff::Timestamp;
use serde::Serialize;
use std::cmp::Ordering;

const DEFAULT_PAGE_SIZE: usize = 10;

/// What an account makes of a search.
pub(crate) struct Habits<'a> {
    pub(crate) most_page_size: usize,
    pub(crate) inferred: &'a Inferred,
    /// Objects made after this are not found: a search that lags behind.
    pub(crate) hide_born_after: Option<Timestamp>,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    ok: bool,
    has_more: bool,
    record_count: usize,
    records: Vec<&'a T>,
}

/// A query, understood.
#[derive(Debug, Default)]
struct Search {
    page: usize,
    size: usize,
    sort: Option<(String, bool)>,
    equal: Vec<(String, Vec<String>)>,
    from: Vec<(String, Timestamp)>,
    to: Vec<(String, Timestamp)>,
}

/// One page, as it goes on the wire.
pub(crate) fn page<T: Object>(
    table: &Table<T>,
    query: &[(String, String)],
    habits: &Habits<'_>,
) -> Result<Vec<u8>, Refusal> {
    let search = read::<T>(query, habits)?;
    let mut records = records(table, &search, habits.hide_born_after);
    let has_more = records.len() > search.size;
    records.truncate(search.size);
    let envelope = Envelope { ok: true, has_more, record_count: records.len(), records };
    serde_json::to_vec(&envelope).map_err(|error| Refusal::invalid(error.to_string()))
}

/// The page's objects, and one more if there is one.
fn records<'a, T: Object>(table: &'a Table<T>, search: &Search, hidden: Option<Timestamp>) -> Vec<&'a T> {
    let skip = (search.page - 1).saturating_mul(search.size);
    let take = search.size.saturating_add(1);
    let seen = |object: &&T| hidden.is_none_or(|after| table.born(object.id()).is_none_or(|born| born <= after));
    let found = candidates(table, search).filter(|object| search.admits(*object)).filter(seen);
    let Some((field, downwards)) = &search.sort else { return found.skip(skip).take(take).collect() };
    let mut found: Vec<&T> = found.collect();
    found.sort_by(|a, b| {
        let order = order(a.plain(field), b.plain(field));
        if *downwards { order.reverse() } else { order }
    });
    found.into_iter().skip(skip).take(take).collect()
}

/// The objects worth looking at: the fewest an index gives, else all.
fn candidates<'a, T: Object>(table: &'a Table<T>, search: &Search) -> Box<dyn Iterator<Item = &'a T> + 'a> {
    let indexed = search.equal.iter().filter_map(|(field, values)| table.indexed(field, values));
    match indexed.min_by_key(std::collections::BTreeSet::len) {
        Some(ids) => Box::new(ids.into_iter().filter_map(|id| table.get(id))),
        None => Box::new(table.iter()),
    }
}

/// Null comes first.
fn order(a: Option<Plain<'_>>, b: Option<Plain<'_>>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.order(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

impl Search {
    fn admits<T: Object>(&self, object: &T) -> bool {
        let equal = |(field, values): &(String, Vec<String>)| {
            object.plain(field).is_some_and(|plain| values.iter().any(|value| plain.is(value)))
        };
        let within = |field: &str, holds: &dyn Fn(Timestamp) -> bool| matches!(object.plain(field), Some(Plain::Instant(at)) if holds(at));
        self.equal.iter().all(equal)
            && self.from.iter().all(|(field, from)| within(field, &|at| at >= *from))
            && self.to.iter().all(|(field, to)| within(field, &|at| at <= *to))
    }
}

fn read<T: Object>(query: &[(String, String)], habits: &Habits<'_>) -> Result<Search, Refusal> {
    let mut search = Search { page: 1, size: DEFAULT_PAGE_SIZE, ..Search::default() };
    for (name, value) in query {
        let name = name.to_ascii_lowercase();
        let Some(name) = name.strip_prefix("search.") else { continue };
        match name {
            "page" => search.page = counting(name, value)?,
            "page_size" => search.size = page_size(counting(name, value)?, habits)?,
            "sort" => search.sort = sort::<T>(value, habits.inferred)?,
            field => filter::<T>(&mut search, field, value, habits.inferred)?,
        }
    }
    Ok(search)
}

fn counting(name: &str, value: &str) -> Result<usize, Refusal> {
    let number = value.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::invalid(format!("search.{name} must be a whole number from 1.")))
}

fn page_size(asked: usize, habits: &Habits<'_>) -> Result<usize, Refusal> {
    let most = habits.most_page_size;
    match habits.inferred.page_size_above_most {
        _ if asked <= most => Ok(asked),
        PageSizeAboveMost::Allow => Ok(asked),
        PageSizeAboveMost::Clamp => Ok(most),
        PageSizeAboveMost::Refuse => Err(Refusal::invalid(format!("search.page_size must be at most {most}."))),
    }
}

fn sort<T: Object>(value: &str, inferred: &Inferred) -> Result<Option<(String, bool)>, Refusal> {
    let field = value.trim().to_ascii_lowercase();
    let (field, downwards) = match field.strip_prefix('-') {
        Some(field) if inferred.descending_sort => (field.to_owned(), true),
        _ => (field, false),
    };
    if T::has(&field) {
        return Ok(Some((field, downwards)));
    }
    unknown("sort", inferred).map(|()| None)
}

/// A field by its own name first: `contract_end` is one, and not the end of a `contract`.
fn filter<T: Object>(search: &mut Search, name: &str, value: &str, inferred: &Inferred) -> Result<(), Refusal> {
    let known = T::has(name) && (name != "number2" || inferred.search_by_number2);
    if known {
        match search.equal.iter_mut().find(|(field, _)| field == name) {
            Some((_, values)) => values.push(value.to_owned()),
            None => search.equal.push((name.to_owned(), vec![value.to_owned()])),
        }
        return Ok(());
    }
    let start = name.strip_suffix("_start").filter(|field| T::has(field) && inferred.search_start_dates);
    let end = name.strip_suffix("_end").filter(|field| T::has(field) && inferred.search_end_dates);
    let Some(field) = start.or(end) else { return unknown(name, inferred) };
    let Some(WireDate(at)) = WireDate::read(value) else {
        return Err(Refusal::invalid(format!("search.{name} must be a date.")));
    };
    let bounds = if start.is_some() { &mut search.from } else { &mut search.to };
    bounds.push((field.to_owned(), at));
    Ok(())
}

fn unknown(name: &str, inferred: &Inferred) -> Result<(), Refusal> {
    match inferred.unknown_search_fields {
        UnknownName::Ignore => Ok(()),
        UnknownName::Refuse => Err(Refusal::invalid(format!("search.{name} is not known."))),
    }
}
