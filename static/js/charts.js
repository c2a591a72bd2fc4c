// Draws the charts of a page from JSON (runs/charts/data.py). Those over time share a cursor, its
// reading in each card's footer, and a range, which is dragged out with the mouse, or set by the
// buttons or keys; what it holds then comes from the server in full.
import { Chart } from "./chart.js";
import { moved, rangeWords, show, timeRange, zoomed } from "./time-range.js";

const POLL_MS = 2000;
const PATIENCE_MS = 1000;
const LEAST_DRAG_PX = 6;
const PRINTED_PX = 680;
const FAILED = "This could not be loaded from the server; what is shown is what was there before.";

let charts = [];
let drag = null;

const chartOf = (element) =>
  charts.find((chart) => chart.box === element.closest?.("[data-chart]"));
const overTime = () => charts.filter((chart) => chart.time);

// All the time that any of the charts knows.
function whole() {
  const times = overTime().map((chart) => chart.time);
  return [Math.min(...times.map(([first]) => first)), Math.max(...times.map(([, last]) => last))];
}

const shown = () => (timeRange() ? [timeRange().from, timeRange().to] : whole());

// Charts of boxes that are new on the page; those that are gone are forgotten.
function meet() {
  charts = charts.filter((chart) => chart.box.isConnected);
  const known = new Set(charts.map((chart) => chart.box));
  const boxes = [...document.querySelectorAll("[data-chart]")].filter((box) => !known.has(box));
  const met = boxes.map((box) => new Chart(box));
  for (const chart of met) chart.box.addEventListener("firstdrawn", () => ready(chart));
  // A chart that stayed may have got new buttons.
  for (const chart of charts) if (chart.plot) ready(chart);
  charts.push(...met);
  loadInView(met);
}

// What is looked at is asked for and drawn first, and the others, which were asked for meanwhile, in
// one go: no frame is shown between them. For what is slow nobody waits long.
async function loadInView(met) {
  const seen = met.filter((chart) => chart.isInView);
  const others = met.filter((chart) => !seen.includes(chart));
  const long = new Promise((done) => setTimeout(done, PATIENCE_MS));
  const answered = (charts) => Promise.allSettled(charts.map((chart) => chart.answered));
  const drawn = loadAll(seen);
  await Promise.race([answered(seen), long]);
  for (const chart of others) chart.ask();
  await Promise.race([drawn, long]);
  await Promise.race([answered(others), long]);
  loadAll(others);
}

function loadAll(chosen) {
  return Promise.all(chosen.map(loadOne));
}

async function loadOne(chart) {
  try {
    await chart.load();
  } catch {
    chart.say(FAILED);
  }
  chart.box.ariaBusy = "false";
}

// What can be done with a chart stands beside it once it is drawn.
function ready(chart) {
  const tools = chart.part("tools");
  if (tools) tools.hidden = false;
  if (!chart.time) return;
  chart.box.setAttribute("role", "slider");
  chart.box.setAttribute("aria-roledescription", "time cursor");
  chart.box.tabIndex = 0;
  sayRange(chart);
}

function sayRange(chart) {
  const tools = chart.part("tools");
  if (!tools || !chart.time) return;
  const range = timeRange();
  tools.querySelector("[data-do=closer]").hidden = false;
  for (const part of tools.querySelectorAll("[data-in-range]")) part.hidden = !range;
  tools.querySelector("[data-range]").textContent = range ? rangeWords(range) : "";
}

function showCursor(second) {
  for (const chart of charts) chart.showCursor(second);
}

// --- What can be done ---------------------------------------------------------------------------
const ACTIONS = {
  closer: (chart) => zoomed(shown(), whole(), 0.5, chart.second),
  wider: (chart) => zoomed(shown(), whole(), 2, chart.second),
  earlier: () => moved(shown(), whole(), -0.5),
  later: () => moved(shown(), whole(), 0.5),
  whole: () => show(null, whole()),
  png: (chart) => chart.save("png"),
  csv: (chart) => chart.save("csv"),
};

const KEYS = { "+": "closer", "=": "closer", "-": "wider", 0: "whole", PageUp: "earlier", PageDown: "later" };

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-tools] [data-do]");
  if (!button) return;
  const { tools } = button.closest("[data-tools]").dataset;
  const chart = charts.find((one) => one.name === tools);
  ACTIONS[button.dataset.do](chart);
  // The button is gone with the range it belonged to.
  if (button.hidden || button.closest("[hidden]")) {
    chart.part("tools").querySelector("[data-do=closer]").focus();
  }
});

document.addEventListener("keydown", (event) => {
  const chart = event.target.matches?.("[data-chart]") && chartOf(event.target);
  if (!chart?.time || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in KEYS) ACTIONS[KEYS[event.key]](chart);
  else if (!moveCursor(chart, event)) return;
  event.preventDefault();
});

// The cursor by a hundredth of what is shown, with Shift by a tenth.
function moveCursor(chart, { key, shiftKey }) {
  const [first, last] = shown();
  const step = ((last - first) / 100) * (shiftKey ? 10 : 1);
  const at = chart.second ?? first;
  const places = { ArrowLeft: at - step, ArrowRight: at + step, Home: first, End: last };
  if (!(key in places)) return false;
  showCursor(Math.min(Math.max(places[key], first), last));
  return true;
}

document.addEventListener("timerange", () => {
  for (const chart of overTime()) {
    sayRange(chart);
    chart.follow().catch(() => chart.say(FAILED));
  }
});

// --- The pointer --------------------------------------------------------------------------------
document.addEventListener("pointerdown", (event) => {
  const chart = chartOf(event.target);
  // A finger scrolls the page; the buttons are for it.
  if (!chart?.time || event.button !== 0 || event.pointerType === "touch") return;
  const from = chart.secondAt(event.clientX);
  if (from === null) return;
  drag = { chart, from, begunAt: event.clientX, mark: null };
  event.preventDefault();
  chart.box.focus({ preventScroll: true });
});

document.addEventListener("pointermove", (event) => {
  const chart = drag?.chart ?? chartOf(event.target);
  if (!chart) return;
  showCursor(chart.secondAt(event.clientX));
  if (drag) select(event.clientX);
});

function select(clientX) {
  const { chart, from } = drag;
  const { xaxis } = chart.axes;
  const left = chart.plot.getBoundingClientRect().left + xaxis._offset;
  const to = Math.min(Math.max(clientX - left, 0), xaxis._length);
  const begin = xaxis.c2p(from);
  drag.to = xaxis.p2c(to);
  drag.mark?.remove();
  drag.mark = chart.over("selection", Math.min(begin, to), Math.abs(to - begin));
}

document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { from, to, mark, begunAt } = drag;
  mark?.remove();
  drag = null;
  if (Math.abs(event.clientX - begunAt) < LEAST_DRAG_PX) return;
  show({ from: Math.min(from, to), to: Math.max(from, to) }, whole());
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !drag) return;
  drag.mark?.remove();
  drag = null;
});

document.addEventListener("dblclick", (event) => {
  if (chartOf(event.target)?.time && timeRange()) show(null, whole());
});

document.addEventListener("pointerout", (event) => {
  const left = chartOf(event.target);
  if (left && !drag && !left.box.contains(event.relatedTarget)) showCursor(null);
});

// --- The page -----------------------------------------------------------------------------------
document.addEventListener("themechange", () => charts.forEach((chart) => chart.draw()));

// On paper: in light colours, as wide as a sheet.
let theme = null;
addEventListener("beforeprint", () => {
  const root = document.documentElement;
  theme = root.dataset.bsTheme;
  root.dataset.bsTheme = "light";
  for (const chart of charts) chart.draw(Math.min(chart.box.clientWidth, PRINTED_PX));
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.bsTheme = theme;
  for (const chart of charts) chart.draw();
});

meet();
document.addEventListener("htmx:oobAfterSwap", meet);
setInterval(() => document.hidden || loadAll(charts.filter((chart) => chart.isLive)), POLL_MS);
