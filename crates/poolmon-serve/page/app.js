// The page: what is shown is in the URL, what is known comes from /api/v1, when it is new says /api/v1/events.
import { Group, Plot, bytes, clock, count, spark } from "/charts.js";

const $ = (id) => document.getElementById(id);
const PAGE = 100;
const COLUMNS = [
  ["tag", "Tag"], ["pool", "Pool"], ["mapped_driver", "Owner"], ["bytes", "Bytes", true], ["change", "Change", true],
  ["diff", "Outstanding", true], [null, "Trend"], ["verdict", "Verdict"],
];
let state = read(), status = null, rows = null, gravest = [], limit = PAGE, turn = 0, playing = null;
const overview = new Group(changed), single = new Group(changed), pools = new Map();

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// ---- What is shown, in the URL.
function read() { return Object.fromEntries(new URLSearchParams(location.search)); }
function link(change) {
  const next = { ...state, ...change };
  const query = new URLSearchParams(Object.entries(next).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return query.size ? `/?${query}` : "/";
}
function go(change, replace = false) {
  const url = link(change);
  if (replace) history.replaceState(null, "", url); else history.pushState(null, "", url);
  state = read();
  return show();
}
function opens(change) {
  return { href: link(change), onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(change).then(() => $("main").focus());
  } };
}
// A chart was dragged over, or clicked.
function changed({ range, at }) {
  if (range !== undefined) return go({ from: range ? iso(range[0]) : null, to: range ? iso(range[1]) : null });
  if (at !== undefined && travels()) return go({ at: iso(at) });
}
const iso = (millis) => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
// Where the moments begin that can be gone to: of a file, or of the recording that is written beside a live source.
const since = () => (status.live ? status.recorded?.first : status.first);
const travels = () => Boolean(status && since() && Date.parse(since()) < Date.parse(status.last));

async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const document = await answer.json();
  if (!answer.ok) throw new Error(`${document.error}: ${document.remedy}`);
  return document;
}
const query = (pairs) => new URLSearchParams(Object.entries(pairs).filter(([, value]) => value)).toString();

// ---- Everything, once.
async function show() {
  const mine = ++turn;
  try {
    const wanted = state.tag ? ask(`/api/v1/row?${query({ tag: state.tag, pool: state.of })}`) : ask(`/api/v1/rows?${query({
      search: state.search, pool: state.pool, sort: state.sort === "change" ? "bytes" : state.sort ?? (state.tag ? null : "verdict"),
      by_change: state.sort === "change" ? "true" : null, reverse: state.reverse, at: state.at, before: state.before, over: state.over, limit: String(limit),
    })}`);
    // What is on top is always what is gravest, however the table is sorted.
    const [now, found, top] = await Promise.all([ask("/api/v1/status"), wanted, ask("/api/v1/rows?sort=verdict&limit=6")]);
    if (mine !== turn) return;
    [status, gravest] = [now, top.rows];
    trouble(null);
    frame();
    $("overview").hidden = Boolean(state.tag);
    $("detail").hidden = !state.tag;
    if (state.tag) detail(found); else { rows = found; verdict(); time(); charts(); table(); }
  } catch (error) {
    if (mine === turn) trouble(error.message);
  }
}

function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text ?? "";
}

function frame() {
  const place = status.host ?? status.source;
  $("where").replaceChildren(h("b", {}, place), document.createTextNode([status.system && ` · ${status.system}`, status.simulated && " · simulated"].filter(Boolean).join("")));
  document.title = `${state.tag ? `${state.tag.trim()} – ` : ""}${place} – poolmon`;
  $("version").textContent = `poolmon ${status.version}, ${count(status.samples)} samples`;
  pulse();
}

function pulse(lost) {
  const { failing, live, age_seconds: age, last, interval_seconds: interval } = status ?? {};
  const old = lost || failing || (live && age > Math.max(10, interval * 3));
  const past = live && state.at && !state.tag ? "the table is of an earlier moment; " : "";
  $("pulse").className = old ? "old" : live ? "live" : "";
  $("pulse").querySelector(".text").textContent = lost ? "connection lost, trying again"
    : failing ? `no new sample since ${clock(Date.parse(failing.since))}: ${failing.error}`
      : live ? `${past}live, every ${interval} s` : last ? `recorded until ${clock(Date.parse(last))}` : "one moment";
}

function verdict() {
  $("verdict").className = status.mood;
  if ($("headline").textContent !== status.headline) $("headline").textContent = status.headline;
  const suspects = gravest.filter((row) => row.verdict && row.verdict.gravity !== "explained");
  const chip = (row) => h("a", { class: `chip ${row.verdict.gravity}`, ...opens({ tag: row.tag, of: row.pool }) }, h("span", { class: "tag" }, row.tag.trim()), h("span", {}, row.verdict.brief));
  const key = JSON.stringify(suspects.map((row) => [row.tag, row.pool, row.verdict])) + location.search;
  if ($("suspects").dataset.key !== key) { $("suspects").dataset.key = key; $("suspects").replaceChildren(...suspects.map(chip)); }
  $("notes").replaceChildren(...[...status.remarks, ...status.marks.filter((mark) => mark.kind === "note").slice(-3).map((mark) => `${mark.time ? clock(Date.parse(mark.time)) : ""}  ${mark.text}`)].map((text) => h("li", {}, text)));
}

// ---- Time travel.
const STEP = 3e5;
const ends = () => [Date.parse(since()), Date.parse(status.last)];
const shown = () => (state.at ? Date.parse(state.at) : Date.parse(status.last));
// The end of what is still written is not a moment, but live.
const goes = (to, replace) => go({ at: to >= ends()[1] && status.live ? null : iso(Math.min(Math.max(to, ends()[0]), ends()[1])) }, replace);

function time() {
  const bar = $("time");
  const span = status.first ? [Date.parse(status.first), Date.parse(status.last)] : null;
  const zooms = span ? [["all", null], ["24 h", 864e5], ["1 h", 36e5], ["10 min", 6e5]].filter(([, length]) => !length || length < span[1] - span[0]) : [];
  const far = travels() && ends()[1] - ends()[0] > 2 * STEP;
  bar.hidden = !travels() && zooms.length < 2;
  // Built once: what a person holds or has the keyboard on stays while samples come.
  const key = JSON.stringify([travels(), far, zooms.length]);
  if (bar.dataset.key !== key) {
    bar.dataset.key = key;
    const button = (name, attributes) => h("button", { type: "button", ...attributes }, name);
    const zoom = zooms.length < 2 ? [] : [h("span", { role: "group", "aria-label": "Range of time" }, ...zooms.map(([name, length]) => button(name, { "data-length": length ?? "", onclick: () => {
      const to = Date.parse(status.last);
      go({ from: length && iso(to - length), to: length && iso(to) });
    } })))];
    const travel = travels() ? [
      button("▶ Play", { id: "play", onclick: play }), h("span", { id: "moment" }),
      far ? button("−5 min", { id: "back", onclick: () => goes(shown() - STEP) }) : null,
      h("input", { type: "range", "aria-label": "Moment of the recording", oninput: (event) => goes(Number(event.target.value), true) }),
      far ? button("+5 min", { id: "on", onclick: () => goes(shown() + STEP) }) : null,
      button(status.live ? "Back to live" : "Latest", { id: "latest", onclick: () => { pause(); go({ at: null }); } }),
    ].filter(Boolean) : [];
    bar.replaceChildren(...travel, ...zoom);
  }
  for (const button of bar.querySelectorAll("[data-length]")) {
    button.setAttribute("aria-pressed", String(state.from ? Date.parse(state.to) - Date.parse(state.from) === Number(button.dataset.length) : !button.dataset.length));
  }
  if (!travels()) return;
  bar.classList.toggle("past", Boolean(status.live && state.at));
  $("play").textContent = playing ? "⏸ Pause" : "▶ Play";
  $("moment").textContent = rows.time_of_day ?? clock(rows.time ? Date.parse(rows.time) : shown());
  $("latest").disabled = !state.at;
  const [first, last] = state.from && state.to ? [Date.parse(state.from), Date.parse(state.to)] : ends();
  Object.assign(bar.querySelector("input"), { min: first, max: last, step: Math.max(1000, Math.round((last - first) / 200 / 1000) * 1000), value: shown() });
}

function pause() { clearInterval(playing); playing = null; }

function play() {
  if (playing) { pause(); return time(); }
  const [first, last] = ends();
  let at = state.at && Date.parse(state.at) < last ? Date.parse(state.at) : status.live ? Math.max(first, last - 2 * STEP) : first;
  // What is left takes less than a minute.
  const step = Math.max(1000, (status.live ? last - at : last - first) / 120);
  playing = setInterval(() => {
    at += step;
    if (at >= ends()[1]) pause();
    goes(at, true);
  }, 400);
  time();
}

function charts() {
  overview.range = state.from && state.to ? [Date.parse(state.from), Date.parse(state.to)] : null;
  overview.at = state.at ? Date.parse(state.at) : null;
  for (const pool of status.pools) {
    if (!pools.has(pool.pool)) {
      const plot = h("div", { class: "plot" }), held = h("b"), growth = h("p");
      $("pools").append(h("section", { class: "card", "aria-label": pool.name }, h("header", {}, h("h2", {}, pool.name), held), growth, plot));
      pools.set(pool.pool, { held, growth, plot: new Plot(overview, plot, { label: pool.name, zooms: true }) });
    }
    const { held, growth, plot } = pools.get(pool.pool);
    held.textContent = bytes(pool.bytes);
    growth.textContent = [pool.growth, pool.made_of && `made of ${pool.made_of}`].filter(Boolean).join("; ");
    plot.set(pool.curve, status.marks, pool.limit);
  }
  const choices = ["", ...status.pools.map((pool) => pool.pool)];
  if ($("pool").options.length !== choices.length) $("pool").replaceChildren(...choices.map((pool) => h("option", { value: pool }, pool || "all")));
  $("pool").value = state.pool ?? "";
  $("compare").hidden = !travels();
  const overs = [["", "the sample before"], ["10m", "10 minutes before"], ["1h", "1 hour before"], ["24h", "1 day before"], ["start", "the start"]];
  if (!$("over").options.length) $("over").replaceChildren(...overs.map(([value, name]) => h("option", { value }, name)));
  $("over").value = state.before === "start" ? "start" : state.over ?? "";
}

// ---- The table.
function table() {
  const sort = state.sort ?? "verdict";
  const head = h("tr", {}, ...COLUMNS.map(([id, title, num]) => {
    if (!id) return h("th", { scope: "col" }, h("span", {}, title));
    const falling = !["tag", "pool", "mapped_driver"].includes(id) !== Boolean(state.reverse);
    const on = id === sort;
    return h("th", { scope: "col", class: num ? "num" : null, "aria-sort": on ? (falling ? "descending" : "ascending") : null },
      h("button", { type: "button", "data-sort": id, onclick: () => go({ sort: id, reverse: on && !state.reverse ? "true" : null }) }, title, on ? (falling ? " ▾" : " ▴") : ""));
  }));
  const focused = document.activeElement?.dataset?.sort;
  document.querySelector("thead").replaceChildren(head);
  if (focused) document.querySelector(`thead [data-sort="${CSS.escape(focused)}"]`)?.focus();
  const body = document.querySelector("tbody"), inside = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  body.replaceChildren(...rows.rows.map(row));
  if (!rows.rows.length) body.append(h("tr", {}, h("td", { colspan: COLUMNS.length }, "Nothing matches.")));
  if (inside) body.querySelector(`[data-key="${CSS.escape(inside)}"]`)?.focus();
  const since = rows.since && (state.over || state.before || state.at) ? `; change since ${clock(Date.parse(rows.since))}` : "";
  $("count").textContent = `${count(rows.total)} ${rows.total === 1 ? "row" : "rows"}${since}${rows.rebooted ? "; the machine was rebooted in between" : ""}`;
  $("more").hidden = rows.rows.length >= rows.total || limit >= 500;
}

function row(row) {
  const gravity = row.verdict?.gravity ?? "";
  const change = row.bytes_change ?? null;
  // From sample to sample everything moves a little; colour is for moments that a person compares, and for what grows.
  const shows = state.over || state.before || ["leaking", "suspected", "growing"].includes(gravity);
  return h("tr", { class: gravity },
    h("td", {}, h("a", { class: "tag", "data-key": `${row.pool} ${row.tag}`, ...opens({ tag: row.tag, of: row.pool }) }, row.tag)),
    h("td", { class: "pool" }, row.pool),
    h("td", { class: "owner", title: row.owner }, row.owner ?? ""),
    h("td", { class: "num" }, bytes(row.bytes)),
    h("td", { class: `num ${shows && change > 0 ? "up" : shows && change < 0 ? "down" : ""}` }, change ? bytes(change, true) : change === 0 ? "0" : "–"),
    h("td", { class: "num" }, count(row.diff)),
    h("td", {}, spark(row.spark)),
    h("td", {}, row.verdict ? h("span", { class: `pill ${gravity}` }, row.verdict.brief) : ""));
}

// ---- One tag.
function detail(found) {
  const place = $("detail");
  const verdict = found.verdict;
  const gravity = verdict?.kind === "leaking" ? "leaking" : verdict?.kind === "suspected" ? "leaking" : "";
  single.range = state.from && state.to ? [Date.parse(state.from), Date.parse(state.to)] : null;
  single.at = null;
  const key = `${found.pool} ${found.tag}`;
  if (place.dataset.key !== key) { single.forget(); place.dataset.key = key; place.plot = null; }
  const plot = place.plot?.place ?? h("div", { class: "plot tall" });
  plot.className = `plot tall ${gravity}`;
  const fact = (title, value) => (value === "–" ? null : h("div", {}, h("dt", {}, title), h("dd", {}, value)));
  const list = (title, texts) => (texts.length ? h("section", { class: "card" }, h("h2", {}, title), h("ul", {}, ...texts.map((text) => h("li", {}, text)))) : null);
  const word = verdict && !["steady", "too-little-data", "unknown"].includes(verdict.kind);
  place.replaceChildren(
    h("a", opens({ tag: null, of: null }), "← All tags"),
    h("div", { class: "card" },
      h("div", { class: "title" }, h("h1", { id: "tag", class: "tag" }, found.tag), h("span", {}, found.pool_name),
        word ? h("span", { class: `pill ${gravity || (verdict.kind === "growing" ? "growing" : "explained")}` }, verdict.kind === "suspected" && verdict.level ? `${verdict.word}, ${verdict.level}` : verdict.word) : null),
      h("p", { class: "sentence" }, verdict?.sentence ?? "No verdict on this row."),
      h("dl", { class: "facts" }, fact("Bytes", bytes(found.bytes)), fact("Growth", verdict?.bytes_per_hour ? `${bytes(verdict.bytes_per_hour, true)}/h` : "–"),
        fact("Outstanding", count(found.outstanding)), fact("Allocs", count(found.allocs)), fact("Frees", count(found.frees)),
        fact("Lowest in the last hour", bytes(found.floor_bytes)), fact("Sure", verdict?.confidence ? (verdict.confidence >= 0.995 ? "more than 99 %" : `${Math.round(verdict.confidence * 100)} %`) : "–")),
      plot),
    h("div", { class: "two" },
      list("Why", verdict?.reasons ?? []), list("Evidence", verdict?.evidence ?? []),
      h("section", { class: "card" }, h("h2", {}, "Known of it"), h("dl", { class: "known" }, ...found.known.flatMap((line) => [h("dt", {}, line.title), h("dd", {}, line.text)]))),
      h("section", { class: "card" }, h("h2", {}, "Next"), ...commands(found).map((line) =>
        h("p", { class: "command" }, h("code", {}, line), h("button", { type: "button", "aria-label": `Copy: ${line}`, onclick: (event) => copy(line, event.target) }, "Copy"))))));
  place.plot ??= new Plot(single, plot, { label: found.tag, zooms: true });
  place.plot.set(found.curve, status.marks);
}

// ---- Commands that print what is shown.
const word = (text) => (/^[\w./:+,=@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const source = () => (status.argument ? ` ${status.argument}` : "");
function commands(found) {
  const tag = word(found.tag);
  const simulated = status.simulated ? [] : [`poolmon leaks${source()} --include ${tag} --all`, `poolmon who ${tag}`];
  return [`poolmon tag ${tag}`, ...simulated];
}
function command() {
  if (state.tag) return commands({ tag: state.tag })[1] ?? commands({ tag: state.tag })[0];
  const sort = state.sort ?? "verdict", moves = state.at || state.over || state.before;
  const from = moves && status.live ? status.recorded?.argument : status.argument;
  if (status.simulated && !from) return "poolmon demo";
  const parts = ["poolmon", sort === "verdict" && !moves ? "leaks" : "top"];
  if (from) parts.push(from);
  if (parts[1] === "top") {
    if (sort === "change") parts.push("--by-change"); else if (sort !== "verdict") parts.push("--sort", sort);
    if (state.at) parts.push("--at", word(state.at));
    if (state.over) parts.push("--over", state.over);
    if (state.before) return `poolmon diff ${from}@start ${from}@${state.at ? word(state.at) : "end"}`;
    if (state.reverse) parts.push("--reverse");
  }
  if (state.pool) parts.push("--pool", state.pool);
  if (state.search) parts.push("--include", word(`*${state.search}*`));
  return parts.join(" ");
}
async function copy(text, button) {
  const name = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS, browsers have no clipboard but on this machine.
    window.prompt("Copy:", text);
  }
  setTimeout(() => { button.textContent = name; }, 1200);
}

// ---- What a person does.
let typing;
$("search").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => { limit = PAGE; go({ search: event.target.value }, true); }, 150);
});
$("pool").addEventListener("change", (event) => go({ pool: event.target.value }));
$("over").addEventListener("change", (event) => go(event.target.value === "start" ? { before: "start", over: null, sort: "change" } : { over: event.target.value, before: null, sort: event.target.value ? "change" : null }));
$("more").addEventListener("click", () => { limit += 200; show(); });
$("copy").addEventListener("click", (event) => copy(command(), event.target));
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  theme(dark ? "light" : "dark");
});
function theme(name) {
  document.documentElement.dataset.theme = name;
  try { localStorage.setItem("theme", name); } catch { /* it lasts as long as the page */ }
}
try { if (localStorage.getItem("theme")) theme(localStorage.getItem("theme")); } catch { /* the system's */ }
document.addEventListener("keydown", (event) => {
  const types = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "/" && !types && !state.tag) { event.preventDefault(); $("search").focus(); }
  if (event.key === "Escape" && state.tag) go({ tag: null, of: null });
  else if (event.key === "Escape" && event.target === $("search")) { $("search").value = ""; go({ search: null }, true); $("search").blur(); }
});
addEventListener("popstate", () => { state = read(); $("search").value = state.search ?? ""; show(); });

// ---- What is new. A page that no one sees holds no connection: browsers have six for each server.
let events = null, last = 0, waiting = null;
function listen() {
  if (events || document.hidden) return;
  events = new EventSource("/api/v1/events");
  events.addEventListener("moment", () => {
    const wait = Math.max(0, 900 - (Date.now() - last));
    waiting ??= setTimeout(() => { waiting = null; last = Date.now(); if (!document.hidden) show(); }, wait);
  });
  events.addEventListener("error", () => pulse(true));
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { events?.close(); events = null; } else { listen(); show(); }
});
$("search").value = state.search ?? "";
show().then(listen);
