"use strict";
// Text from the server reaches the page through textContent only, so stored text is inert.

const EVERY = 2000; // ms between two readings
const PATIENCE = 8000; // ms to wait for one
const LAYERS = [
  ["exact", "Exact", "asked before"],
  ["flight", "Flight", "asked at the same time"],
  ["prefix", "Prefix", "same beginning"],
];

class Trouble extends Error {} // its message is for the reader of the page

const $ = (id) => document.getElementById(id);
let key = ""; // in memory only
let reading = null; // the AbortController of the running fetch
let timer = 0;
let last = null; // when the figures on the page were read
let shown = ""; // the rows on the page, so that they change only when the data does

const number = (n, options) => new Intl.NumberFormat(undefined, options).format(n);
const count = (n) => (Math.abs(n) < 1e7 ? number(n) : number(n, { notation: "compact", maximumSignificantDigits: 4 }));
const digitsOf = (n) => (n < 10 ? 1 : 0);
const percent = (x) =>
  x == null ? "–" : number(x, { style: "percent", maximumFractionDigits: digitsOf(100 * x) });
const unit = (n, name, digits) =>
  number(n, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
const clock = (at) => new Date(at * 1000).toLocaleTimeString(undefined, { timeStyle: "medium" });
const day = (at) => new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function duration(s) {
  if (s == null) return "–";
  if (s < 1) return unit(s * 1000, "millisecond", digitsOf(s * 1000));
  if (s < 120) return unit(s, "second", digitsOf(s));
  if (s < 7200) return unit(s / 60, "minute", digitsOf(s / 60));
  return unit(s / 3600, "hour", digitsOf(s / 3600));
}

function money(amount, currency) {
  const small = amount !== 0 && Math.abs(amount) < 0.1;
  const digits = small ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 };
  return number(amount, { style: "currency", currency, ...digits });
}

function size(bytes) {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = bytes > 0 ? Math.min(Math.floor(Math.log10(bytes) / 3), names.length - 1) : 0;
  return unit(bytes / 1000 ** step, names[step], step ? 1 : 0);
}

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text != null) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function total(tokens) {
  return typeof tokens === "number" ? tokens : tokens.prompt + tokens.output;
}

function drawSaved(s) {
  const asked = total(s.tokens.asked);
  const saved = total(s.tokens.saved);
  $("share").textContent = percent(asked ? saved / asked : 0);
  $("tokens").textContent = count(saved);
  $("tokens-note").textContent = `of ${count(asked)} asked for`;
  $("money").textContent = s.money ? money(s.money.saved, s.money.currency) : "–";
  $("money-note").textContent = s.money
    ? `of ${money(s.money.without, s.money.currency)} at the prices of ${s.money.prices_of}`
    : (s.why ?? "no price is known");
  $("seconds").textContent = duration(s.seconds_saved);
  const guess = s.layers.prefix.estimated ? s.layers.prefix.seconds_saved : 0;
  $("seconds-note").textContent = guess > 0 ? `${duration(guess)} of it estimated` : "measured";
  const errors = s.errors ? `, ${count(s.errors)} with an error` : "";
  const requests = `${count(s.requests)} ${s.requests === 1 ? "request" : "requests"}`;
  $("span").textContent = `${requests}${errors}, since ${day(s.since)}`;
}

function drawBar(s) {
  const parts = LAYERS.map(([id, name, what]) => [id, name, what, total(s.layers[id].tokens_saved)]);
  parts.push(["computed", "Computed", "new work", total(s.tokens.computed)]);
  const sum = parts.reduce((all, part) => all + part[3], 0);
  $("bar").replaceChildren();
  $("legend").replaceChildren();
  for (const [id, name, what, tokens] of parts) {
    const piece = make("span", null, id);
    piece.style.flexGrow = tokens;
    if (tokens > 0) $("bar").append(piece);
    const term = make("dt", name);
    term.prepend(make("span", null, `swatch ${id}`));
    const entry = make("div");
    entry.append(term, make("dd", count(tokens)), make("dd", `${percent(sum ? tokens / sum : 0)} · ${what}`, "note"));
    $("legend").append(entry);
  }
}

function heading(name, note) {
  const cell = make("th", name);
  cell.scope = "row";
  if (note) cell.append(" ", make("span", note, "note"));
  return cell;
}

function measured(text, share, className) {
  const cell = make("td", text);
  const track = make("span", null, "track");
  const fill = make("span", null, className);
  fill.style.width = `${100 * Math.min(share || 0, 1)}%`;
  fill.style.minWidth = share > 0 ? "3px" : "0";
  track.append(fill);
  cell.append(track);
  return cell;
}

function drawLayers(s) {
  const rows = LAYERS.map(([id, name]) => {
    const layer = s.layers[id];
    const row = make("tr");
    const about = layer.estimated && layer.seconds_saved ? "≈ " : "";
    row.append(heading(name), measured(percent(layer.hit_rate), layer.hit_rate, id), make("td", count(layer.requests)),
      make("td", about + duration(layer.seconds_saved)));
    return row;
  });
  $("layers").replaceChildren(...rows);
}

function drawLatency({ hit, miss }) {
  const most = Math.max(hit.p95 || 0, miss.p95 || 0);
  const rows = [["From the cache", hit, "exact"], ["Computed", miss, "computed"]].map(([name, l, className]) => {
    const row = make("tr");
    const ms = (value) => duration(value == null || !l.n ? null : value / 1000);
    row.append(heading(name, `${count(l.n)}`), measured(ms(l.p50), l.p50 / most, className),
      measured(ms(l.p95), l.p95 / most, className));
    return row;
  });
  $("latency").replaceChildren(...rows);
  const times = hit.n && miss.n && hit.p50 > 0 ? miss.p50 / hit.p50 : 0;
  $("latency-note").textContent =
    times >= 1.5 ? `At the median, an answer from the cache comes ${count(Math.round(times))} times sooner.` : "";
}

function badge(r) {
  if (r.status >= 400) return make("span", `error ${r.status}`, "badge failed");
  const kind = { hit: "exact", joined: "flight" }[r.cache] || (r.prefix_cached > 0 ? "prefix" : "computed");
  return make("span", r.cache || "answered", `badge ${kind}`);
}

function drawRecent(recent) {
  if (JSON.stringify(recent) === shown) return;
  shown = JSON.stringify(recent);
  const ms = (value) => duration(value == null ? null : value / 1000);
  const rows = recent.map((r) => {
    const made = make("td", null, "made");
    made.append(badge(r), make("span", r.stream ? `${r.via} · stream` : r.via, "note"));
    const row = make("tr");
    row.append(make("td", clock(r.at), "at"), make("td", r.model, "model"), made, make("td", r.reason, "why"));
    const figures = [["Prompt", count(r.prompt)], ["Reused", count(r.prefix_cached)], ["Output", count(r.output)],
      ["First byte", ms(r.ttft_ms)], ["Last byte", ms(r.total_ms)], ["Saved", r.saved_ms ? ms(r.saved_ms) : "–"]];
    for (const [label, text] of figures) {
      const cell = make("td", text, "figure");
      cell.dataset.label = label;
      row.append(cell);
    }
    row.setAttribute("role", "row");
    for (const cell of row.children) cell.setAttribute("role", "cell");
    return row;
  });
  $("recent").replaceChildren(...rows);
}

function drawFindings(findings) {
  $("findings-part").hidden = !findings?.length;
  const rows = (findings ?? []).map((f) => {
    const row = make("li", f.says);
    const price = f.a_day == null ? "" : `${money(f.a_day, f.currency)} a day`;
    const notes = [price, f.model, `tokens ${f.counted}`, f.done ? "repaired on the way" : ""].filter(Boolean);
    row.append(" ", make("span", notes.join(" · "), "note"));
    return row;
  });
  $("findings").replaceChildren(...rows);
}

function drawStore(store) {
  if (!store) return "";
  const stored = [number(store.entries), store.entries === 1 ? "stored answer" : "stored answers"].join(" ");
  const faults = [
    [store.corrupt, "corrupt and dropped"],
    [store.unreadable, "unreadable"],
    [store.unwritten, "not written"],
  ];
  const words = faults.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  return [store.entries ? `${stored}, ${size(store.bytes)}` : "No stored answers", ...words].join(" · ");
}

function draw(s) {
  if (s.version !== 1) throw new Trouble("This page is older than the server: reload it.");
  $("namespace").textContent = s.namespace;
  $("empty").hidden = s.requests > 0;
  $("figures").hidden = s.requests === 0;
  $("store").textContent = drawStore(s.store);
  if (s.requests === 0) return drawCurl();
  drawSaved(s);
  drawBar(s);
  drawLayers(s);
  drawLatency(s.latency_ms);
  drawFindings(s.findings);
  drawRecent(s.recent);
}

function drawCurl() {
  const body = '{"model": "default", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}';
  const header = key ? ` \\\n  -H "Authorization: Bearer $KEY"` : "";
  $("curl").textContent =
    `curl ${location.origin}/v1/chat/completions${header} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
  $("copy").hidden = !navigator.clipboard;
}

function say(state, words, trouble) {
  $("dot").className = `dot ${state}`;
  if ($("state").textContent !== words) $("state").textContent = words;
  if ($("banner").textContent !== trouble) $("banner").textContent = trouble;
  $("banner").hidden = !trouble;
  document.body.classList.toggle("stale", state === "bad" && last !== null);
}

async function fetchStats(signal) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  let response;
  try {
    response = await fetch("/stats", { headers, signal, cache: "no-store", credentials: "omit" });
  } catch {
    throw new Trouble(`The server at ${location.host} does not answer.`);
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const words = body?.error?.message ?? (response.ok ? "no figures in it." : "");
  throw new Trouble(`The server answered ${response.status}${words ? `: ${words}` : "."}`);
}

async function read() {
  clearTimeout(timer);
  reading?.abort();
  const mine = (reading = new AbortController());
  const giveUp = setTimeout(() => mine.abort(), PATIENCE);
  try {
    const stats = await fetchStats(mine.signal);
    if (mine !== reading) return;
    draw(stats);
    last = Date.now() / 1000;
    say("good", `Live, ${clock(last)}`, "");
  } catch (error) {
    if (mine !== reading) return;
    const words = error instanceof Trouble ? error.message : `These figures cannot be shown (${error.message}).`;
    const known = last ? ` What you see is from ${clock(last)}.` : "";
    say("bad", "No new figures", `${words}${known} Trying again every ${EVERY / 1000} seconds.`);
  } finally {
    clearTimeout(giveUp);
    if (mine === reading && !document.hidden) timer = setTimeout(read, EVERY);
  }
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value.trim();
  last = null; // another namespace: nothing of the one before stays on the page
  $("figures").hidden = $("empty").hidden = true;
  $("store").textContent = $("namespace").textContent = "";
  say("", "Reading the figures", "");
  read();
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("curl").textContent);
  $("copy").textContent = "Copied";
});
document.addEventListener("visibilitychange", () => document.hidden || read());
read();
