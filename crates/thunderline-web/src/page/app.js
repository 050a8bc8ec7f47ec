"use strict";

// What is shown is fetched anew whenever an event says that something changed; the event stream itself carries no state.

const SHOWN_FEDERATIONS = 20;
const SHOWN_EVENTS = 15;
// Of an id, what tells apart what was made in different milliseconds.
const SHORT_ID = 13;
const SETTLE_MS = 200;
const OVER = ["completed", "failed", "cancelled"];
const QUIET = [
  "fl.client.lease_issued", "fl.client.joined", "fl.client.update_accepted", "system.domain.waiting", "system.domain.activated",
];

const at = (id) => document.getElementById(id);
const rollups = new Map();
const names = new Map();
let events = [];
let lastEvent = null;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function headers() {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

class Refused extends Error {}

async function get(path) {
  const response = await fetch(path, { headers: headers() });
  if (response.status === 401) {
    const problem = await response.json().catch(() => ({ detail: "" }));
    askForToken(sessionStorage.getItem("token") ? problem.detail : "");
    throw new Refused();
  }
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function askForToken(why) {
  at("sign-in").hidden = false;
  at("sign-in-error").textContent = why;
}

at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", at("token").value.trim());
  at("token").value = "";
  at("sign-in").hidden = true;
  refresh();
});

// --- pieces ---------------------------------------------------------------------------------------------------------

const badge = (state) => element("span", { class: `badge ${state}` }, state.replace("_", " "));
const cell = (label, ...children) => element("td", { "data-label": label }, ...children);
const sub = (text, extra = "") => (text ? element("span", { class: `sub ${extra}` }, text) : null);

function when(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return time.slice(0, 10);
}

function command(text) {
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy it by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return element("div", { class: "row" }, element("code", { class: "command" }, text), button);
}

function empty(what, then, ...commands) {
  return element("div", { class: "empty" }, element("strong", {}, what), ` ${then}`, ...commands.map(command));
}

function table(caption, columns, rows) {
  return element("table", {},
    element("caption", { class: "unseen" }, caption),
    element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows));
}

function metric(rollup, name) {
  return rollup.server?.[name] ?? rollup.evaluate?.metrics?.[name] ?? rollup.train?.metrics?.[name];
}

function trend(list, name) {
  const points = list.map((rollup) => metric(rollup, name)).filter((value) => Number.isFinite(value));
  if (points.length === 0) return element("span", { class: "none" }, "–");
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const digits = name === "accuracy" ? 4 : 3;
  const x = (index) => (points.length === 1 ? 100 : (100 * index) / (points.length - 1));
  const y = (value) => (high === low ? 10 : 19 - (18 * (value - low)) / (high - low));
  const line = points.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const told = `${name} over ${points.length} rounds, from ${points[0].toFixed(digits)} to ${points.at(-1).toFixed(digits)}`;
  for (const [key, value] of Object.entries({ viewBox: "0 0 100 20", preserveAspectRatio: "none", role: "img", "aria-label": told })) {
    svg.setAttribute(key, value);
  }
  const polyline = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  polyline.setAttribute("points", (points.length === 1 ? [`0,${y(points[0])}`] : []).concat(line).join(" "));
  svg.append(polyline);
  return element("span", { class: `trend ${name}` }, svg, element("span", {}, points.at(-1).toFixed(digits)));
}

// --- sections -------------------------------------------------------------------------------------------------------

function present(details) {
  const round = details.current_round;
  if (!round || OVER.includes(details.state)) return "";
  const count = (state) => details.clients[state] ?? 0;
  const asked = Object.values(details.clients).reduce((sum, each) => sum + each, 0);
  const lost = count("dropped") + count("expired");
  switch (round.state) {
    case "selecting": return `round ${round.number}: waits for enough nodes`;
    case "running": return `round ${round.number}: ${count("released")} of ${asked} clients done${lost ? `, ${lost} lost` : ""}`;
    case "evaluating": return `round ${round.number}: evaluating, ${count("released")} of ${asked} done`;
    default: return `round ${round.number}: ${round.state.replace("_", " ")}`;
  }
}

async function federationRow(federation) {
  const path = `/api/v1/federations/${federation.id}`;
  const known = rollups.get(federation.id);
  if (!known || known.rounds !== federation.completed_rounds) {
    const old = known?.items ?? [];
    const after = old.at(-1)?.round ?? 0;
    const items = federation.completed_rounds ? (await get(`${path}/rollups?after=${after}`)).items : [];
    rollups.set(federation.id, { rounds: federation.completed_rounds, items: [...old, ...items] });
  }
  const details = OVER.includes(federation.state) ? null : await get(path);
  const { items } = rollups.get(federation.id);
  const share = `${federation.completed_rounds} of ${federation.rounds_total} rounds`;
  const bar = element("progress", { max: federation.rounds_total, value: federation.completed_rounds, "aria-label": share });
  return element("tr", {},
    element("th", { scope: "row" }, federation.name, sub(`${federation.strategy} · ${federation.app} · ${when(federation.created_at)}`),
      element("span", { class: "sub mono", title: federation.id }, federation.id.slice(0, SHORT_ID))),
    cell("State", element("div", {}, badge(federation.state), sub(federation.reason, federation.state === "failed" || federation.failures ? "bad-text" : ""))),
    cell("Progress", element("div", {}, bar, sub(share), sub(details ? present(details) : ""))),
    cell("Accuracy", trend(items, "accuracy")),
    cell("Loss", trend(items, "loss")));
}

async function showFederations() {
  const { items } = await get(`/api/v1/federations?limit=${SHOWN_FEDERATIONS}`);
  items.forEach(({ id, name }) => names.set(id, name));
  const rows = await Promise.all(items.map(federationRow));
  at("federations").replaceChildren(items.length
    ? table("Federations, the newest first", ["Name", "State", "Progress", "Accuracy", "Loss"], rows)
    : empty("No federation yet.", "Submit one, or let the demo show what happens:",
      "thunderline federations submit -f federation.yaml --watch", "thunderline demo"));
}

function nodeRow(node) {
  return element("tr", {},
    element("th", { scope: "row" }, node.name, sub(node.tags.join(" · "))),
    cell("State", element("div", {}, badge(node.state), sub(node.state === "online" ? "" : node.reason))),
    cell("Program", `${node.kind} ${node.version}`),
    cell("Since", when(node.changed_at)),
    cell("Id", element("span", { class: "mono" }, node.id)));
}

async function showNodes() {
  const { items, next } = await get("/api/v1/nodes?limit=100");
  const online = items.filter((node) => node.state === "online").length;
  at("nodes-count").textContent = items.length ? `${online} of ${items.length}${next ? "+" : ""} online` : "";
  at("nodes").replaceChildren(items.length
    ? table("Nodes, the newest first", ["Name", "State", "Program", "Since", "Id"], items.map(nodeRow))
    : empty("No node has come yet.", "Start one on a machine that has data:",
      "thunderline runner --server http://127.0.0.1:8000 --data shard.csv",
      "flower-supernode --insecure --superlink 127.0.0.1:8000"));
}

function about(event) {
  const { payload } = event;
  return [
    payload.name ?? names.get(payload.federation) ?? "",
    payload.round ? `round ${payload.round}` : "",
    payload.client ? `node ${payload.client}` : "",
    payload.reason ?? "",
  ].filter(Boolean).join(" · ") || `${event.subject_kind} ${event.subject_id}`;
}

function showEvents() {
  const rows = events.map((event) => element("tr", {},
    element("td", { class: "when" }, element("time", { datetime: event.time }, new Date(event.time).toLocaleTimeString())),
    element("td", { class: "mono" }, event.name),
    element("td", {}, about(event))));
  at("events").replaceChildren(rows.length
    ? table("Latest events, the newest first", ["Time", "Event", "About"], rows)
    : empty("Nothing has happened yet.", "Events appear here as they happen; on the command line:", "thunderline events tail --follow"));
}

// One line while all is well, and whatever is not well in full.
async function showDomains() {
  const mesh = await get("/api/v1/domains");
  const ill = mesh.domains.filter((domain) => domain.state !== "active");
  at("domains-count").textContent = `${mesh.domains.length - ill.length} of ${mesh.domains.length} active`;
  const rows = ill.map((domain) => element("tr", {},
    cell("Domain", element("strong", {}, domain.name), sub(domain.charter)),
    cell("State", badge(domain.state), sub(domain.required ? "the server is not ready without it" : "")),
    cell("Since", element("time", { datetime: domain.since }, when(domain.since))),
    cell("Why", domain.reason)));
  at("domains").replaceChildren(rows.length
    ? table("Domains that are not active", ["Domain", "State", "Since", "Why"], rows)
    : element("p", { class: "domains" }, ...mesh.domains.map((domain) => badgeFor(domain))));
}

const badgeFor = (domain) => element("span", { class: "badge active", title: domain.charter }, domain.name);

function keep(event) {
  lastEvent = event.sequence;
  if (!QUIET.includes(event.name)) events = [event, ...events].slice(0, SHOWN_EVENTS);
}

// --- staying up to date ---------------------------------------------------------------------------------------------

let settling = null;
let running = false;
let again = false;

// One refresh at a time; what changes meanwhile causes one more.
async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try {
    await Promise.all([showFederations(), showNodes(), showDomains()]);
    showEvents();
  } catch (error) {
    if (!(error instanceof Refused)) link("down", "the server does not answer");
  }
  running = false;
  if (again) { again = false; changed(); }
}

function changed() {
  if (!settling) settling = setTimeout(() => { settling = null; refresh(); }, SETTLE_MS);
}

function link(state, text) {
  at("link").className = `link ${state}`;
  if (at("link").textContent !== text) at("link").textContent = text;
}

function announce(event) {
  const told = { "fl.federation.completed": "A federation is completed.", "fl.federation.failed": "A federation has failed.", "link.node.left": "A node has left." };
  if (told[event.name]) at("announcer").textContent = told[event.name];
}

function take(block) {
  const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("");
  if (!data) return;
  const event = JSON.parse(data);
  keep(event);
  announce(event);
  changed();
}

// `EventSource` cannot send a token, so the stream is read by hand.
async function follow() {
  const resume = lastEvent === null ? {} : { "Last-Event-ID": String(lastEvent) };
  const response = await fetch("/api/v1/events/stream", { headers: { ...headers(), ...resume } });
  if (!response.ok) throw new Error(String(response.status));
  link("live", "live");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream ended");
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    blocks.forEach(take);
  }
}

async function stayConnected() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 10000)) {
    const began = Date.now();
    try { await follow(); } catch { link("down", "not connected, trying again"); }
    if (Date.now() - began > 5000) wait = 500;
    await new Promise((resolve) => setTimeout(resolve, wait));
    refresh();
  }
}

async function start() {
  try {
    const { items } = await get("/api/v1/events?limit=200");
    items.forEach(keep);
  } catch { /* `refresh` says why */ }
  refresh();
  stayConnected();
  setInterval(changed, 30000);
}

start();
