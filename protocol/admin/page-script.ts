/**
 * What the page does, in the words of browsers: takes a state each second and changes only the texts that differ, so
 * that a selection stays and a screen reader is not told anew. What a visitor named (a path) is text, never markup.
 */
export const PAGE_SCRIPT = `"use strict";
const byId = (id) => document.getElementById(id);
const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const bytes = (count) => {
  let unit = 0;
  while (count >= 1024 && unit < UNITS.length - 1) { count /= 1024; unit++; }
  return (unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)) + " " + UNITS[unit];
};
const age = (seconds) => {
  if (seconds < 120) return seconds + " s";
  if (seconds < 7200) return Math.floor(seconds / 60) + " min";
  return seconds < 172800 ? Math.floor(seconds / 3600) + " h" : Math.floor(seconds / 86400) + " days";
};
const saved = ({ pageBytes, linkBytes }) => pageBytes === 0 ? "" : (100 * Math.max(0, 1 - linkBytes / pageBytes)).toFixed(1) + " %";
const number = (text) => ({ text: String(text), number: true });

/** As many children as there are texts. */
const children = (parent, count, make) => {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(make());
};
const make = (name) => () => document.createElement(name);
const rows = (id, list) => {
  const body = byId(id);
  byId(id + "-none").hidden = list.length > 0;
  body.closest(".wide").hidden = list.length === 0;
  children(body, list.length, make("tr"));
  list.forEach((cells, at) => {
    const row = body.children[at];
    children(row, cells.length, make("td"));
    cells.forEach((cell, i) => {
      const isNumber = typeof cell === "object";
      row.children[i].className = isNumber ? "number" : "";
      setText(row.children[i], isNumber ? cell.text : cell);
    });
  });
};
const figures = (list) => {
  const all = byId("figures");
  children(all, list.length, () => { const one = document.createElement("div"); one.append(make("dt")(), make("dd")()); return one; });
  list.forEach(([name, value], at) => { setText(all.children[at].children[0], name); setText(all.children[at].children[1], value); });
};
const chart = ({ steps, ...all }) => {
  const most = Math.max(1, ...steps.map(({ pageBytes, linkBytes }) => Math.max(pageBytes, linkBytes)));
  const svg = byId("chart");
  const area = (name, of) => {
    const points = steps.map((step) => (600 - step.secondsAgo * 2).toFixed(0) + "," + (158 - 150 * of(step) / most).toFixed(1));
    const [first, last] = [steps[0], steps[steps.length - 1]];
    if (first === undefined) return;
    let shape = svg.querySelector("." + name);
    if (shape === null) {
      shape = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
      shape.setAttribute("class", "area " + name);
      svg.append(shape);
    }
    shape.setAttribute("points", (600 - first.secondsAgo * 2) + ",160 " + points.join(" ") + " " + (600 - last.secondsAgo * 2) + ",160");
  };
  area("pages", ({ pageBytes }) => pageBytes);
  area("link", ({ linkBytes }) => linkBytes);
  const told = all.visits === 0 ? "No visits."
    : all.visits + " visits: " + bytes(all.pageBytes) + " of pages, " + bytes(all.linkBytes) + " on the link, " + (saved(all) || "0 %") + " saved.";
  if (svg.getAttribute("aria-label") !== told) svg.setAttribute("aria-label", told);
  setText(byId("chart-most"), "Five minutes; top: " + bytes(most / 5) + " a second. " + told);
};

const volume = (one) => [number(one.visits), number(bytes(one.pageBytes)), number(bytes(one.linkBytes)), number(saved(one))];
const show = (state) => {
  setText(byId("program"), state.program + " " + state.version);
  document.title = (state.ready ? "" : "NOT READY: ") + state.program;
  setText(byId("ready"), state.ready ? "Ready" : "Not ready");
  byId("ready").className = state.ready ? "good" : "bad";
  children(byId("reasons"), state.reasons.length, make("li"));
  state.reasons.forEach((reason, at) => setText(byId("reasons").children[at], reason));
  const { lately, store } = state;
  figures([
    ["Up", age(state.upSeconds)],
    ["Saved, last minutes", saved(lately) || "nothing to save"],
    ["Pages, last minutes", bytes(lately.pageBytes)],
    ["On the link", bytes(lately.linkBytes)],
    ["Links", String(state.links.length)],
    ["Store", bytes(store.bytes) + " of " + bytes(store.mostBytes)],
    ["Versions that had to go", String(store.evicted)],
    ["Waiting for a web server", String(state.queue)],
    ["Deltas that did not verify", String(state.mismatches)],
  ]);
  chart(lately);
  rows("hosts", state.hosts.map((one) => [one.host, one.direct ? "direct" : number(one.links), ...volume(one)]));
  rows("pages", state.pages.map((one) => [one.host + one.path, ...volume(one)]));
  rows("answers", lately.answers.map(({ answer, reason, times }) => [answer, reason, number(times)]));
  rows("links", state.links.map((one) => [one.key, one.address, one.state, number(age(one.upSeconds)),
    number(one.roundTripMs === null ? "" : one.roundTripMs + " ms"), number(one.streams), number(bytes(one.sentBytes)), number(bytes(one.receivedBytes))]));
  byId("dials").closest("section").hidden = state.program === "coilgun-edge";
  rows("dials", state.dials.map((one) => [one.edge, one.state, number(one.tries), number(one.nextMs === null ? "" : (one.nextMs / 1000).toFixed(1) + " s"), one.why]));
  rows("troubles", [
    ...lately.failures.map(({ code, times }) => [code, number(times)]),
    ...state.refused.map(({ limit, times }) => [limit, number(times)]),
  ]);
  rows("events", state.events.map(({ at, level, event, fields }) => [at.slice(11, 19), level, event, fields]));
};

let paused = false;
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
});
const source = new EventSource("events");
source.onmessage = ({ data }) => { if (!paused) show(JSON.parse(data)); };
source.onerror = () => { setText(byId("ready"), "No word from the daemon; trying again."); byId("ready").className = "bad"; };
`;
