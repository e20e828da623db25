// What the pages do beside being pages: they stay up to date, and know a few keys. Everything works without it.
"use strict";

const status = () => document.getElementById("status");

function announce(text) {
  const region = status();
  if (region && region.textContent !== text) region.textContent = text;
}

// What somebody is typing is theirs: a part of the page that is renewed leaves it alone.
if (window.Idiomorph) window.Idiomorph.defaults.ignoreActiveValue = true;

// --- Up to date -------------------------------------------------------------------------------------------------------------

const FASTEST = 1000;
let events = null;
let polling = null;
let lastRefresh = 0;
let waiting = null;
let announced = null;
let stoppedAt = null;

function live() {
  return document.getElementById("live");
}

function refresh() {
  // Ticked rows would be lost, and a hidden page needs nothing.
  const part = live();
  if (!part || document.hidden || part.querySelector("input[type=checkbox]:checked")) return;
  const wait = lastRefresh + FASTEST - Date.now();
  if (wait > 0) {
    waiting ??= setTimeout(() => { waiting = null; refresh(); }, wait);
    return;
  }
  lastRefresh = Date.now();
  part.setAttribute("aria-busy", "true");
  window.htmx?.trigger(part, "refresh");
}

function tell() {
  const part = live();
  if (!part?.dataset.said) return;
  // At every quarter and at every state: not at every tick.
  const quarter = Math.floor(Number(part.dataset.percent ?? 0) / 25);
  const state = part.querySelector(".state")?.textContent ?? "";
  const now = `${state} ${quarter}`;
  if (announced !== null && announced !== now) announce(part.dataset.said);
  announced = now;
}

function poll() {
  const part = live();
  const seconds = Number(part?.dataset.poll ?? 0);
  if (polling || !seconds) return;
  polling = setInterval(() => {
    if (!live()?.dataset.poll) { clearInterval(polling); polling = null; return; }
    refresh();
  }, seconds * 1000);
}

function liveness() {
  const place = document.getElementById("liveness");
  if (!place) return;
  const seconds = stoppedAt === null ? 0 : Math.round((Date.now() - stoppedAt) / 1000);
  place.textContent = stoppedAt === null ? "" : `Live updates stopped ${seconds} s ago. Reconnecting.`;
}

function follow() {
  const part = live();
  if (!part) return;
  tell();
  if (!part.dataset.events || !window.EventSource) { poll(); return; }
  if (events) return;
  events = new EventSource(part.dataset.events);
  events.addEventListener("open", () => { stoppedAt = null; liveness(); clearInterval(polling); polling = null; });
  events.addEventListener("progress", refresh);
  events.addEventListener("finished", () => { events?.close(); refresh(); });
  events.addEventListener("error", () => { stoppedAt ??= Date.now(); liveness(); poll(); });
}

document.addEventListener("htmx:afterSettle", () => { live()?.removeAttribute("aria-busy"); liveness(); tell(); });
for (const failed of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failed, () => { stoppedAt ??= Date.now(); liveness(); });
}
// A browser has few connections to one host: a page that nobody looks at keeps none.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    events?.close();
    events = null;
  } else {
    follow();
    refresh();
  }
});

// --- Focus ------------------------------------------------------------------------------------------------------------------

document.getElementById("refused")?.focus();

// --- Keys -------------------------------------------------------------------------------------------------------------------

let going = 0;

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

// A row is where its link is: what is focused is something that does something.
function rows() {
  return [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a, input, button"));
}

function step(event) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? 0 : at + (event.key === "j" ? 1 : -1);
  const target = all[next]?.querySelector("th a, a, input, button");
  if (target) { event.preventDefault(); target.focus(); target.scrollIntoView({ block: "nearest" }); }
}

function tick(event) {
  const box = document.activeElement?.closest("tr")?.querySelector("input[type=checkbox]");
  if (box) { event.preventDefault(); box.click(); }
}

function press(event, what, form) {
  const target = document.querySelector(what);
  const field = target || !form ? null : document.querySelector(form)?.querySelector("input:not([type=hidden]), select, textarea");
  if (target) { event.preventDefault(); target.click(); } else if (field) { event.preventDefault(); field.focus(); }
}

document.addEventListener("keydown", (event) => {
  if (!document.body.hasAttribute("data-shortcuts") || event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (Date.now() - going < 1500) {
    going = 0;
    const place = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (place) { event.preventDefault(); place.click(); }
    return;
  }
  if (event.key === "g") going = Date.now();
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
  if (event.key === "j" || event.key === "k") step(event);
  if (event.key === "x") tick(event);
  if (event.key === "n") press(event, "[data-new]", "section[aria-labelledby=new-title], section[aria-labelledby=add-title]");
  if (event.key === "e") press(event, "[data-export], a[href*='results.csv']");
  if (event.key === "?") {
    const keys = document.getElementById("shortcuts");
    if (keys) { event.preventDefault(); keys.showModal(); }
  }
});

// --- Ticks ------------------------------------------------------------------------------------------------------------------

// How many are ticked is on the button; with Shift, from the one that was ticked before to this one.
const pick = document.getElementById("pick");
let lastTick = null;

function ticks() {
  return [...document.querySelectorAll("input[name=tick]")];
}

function countTicks() {
  const ticked = ticks().filter((tick) => tick.checked).length;
  const button = pick.querySelector("button[value=ticked]");
  button.textContent = ticked ? `Assign a customer to ${ticked} ticked` : "Assign a customer to those ticked";
  announce(`${ticked} ticked`);
}

if (pick && ticks().length > 0) {
  // A browser that comes back keeps what was ticked.
  if (ticks().some((tick) => tick.checked)) countTicks();
  document.addEventListener("click", (event) => {
    const tick = event.target;
    if (!(tick instanceof HTMLInputElement) || tick.name !== "tick") return;
    const all = ticks();
    if (event.shiftKey && lastTick) {
      const [from, to] = [all.indexOf(lastTick), all.indexOf(tick)].sort((a, b) => a - b);
      for (const between of all.slice(from, to + 1)) between.checked = tick.checked;
    }
    lastTick = tick;
    countTicks();
  });
}

follow();
