// Draws the charts of a run's page from JSON (runs/charts/data.py), in the colours of the theme.
//
// In a figure, "token:<name>" or "token:<name>/<opacity>" stands for a colour of tokens.css.
// One cursor runs through all charts over time, its reading in each card's footer.

const POLL_MS = 2000;
const NARROW_PX = 560;
const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false };

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

function colour(token) {
  const [name, opacity] = token.split("/");
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  if (!opacity) return value;
  const [r, g, b] = value.match(/[\d.]+/g);
  return `rgba(${r}, ${g}, ${b}, ${opacity})`;
}

function coloured(value) {
  if (typeof value === "string") return value.startsWith("token:") ? colour(value.slice(6)) : value;
  if (Array.isArray(value)) return value.map(coloured);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
}

class Chart {
  constructor(box) {
    this.box = box;
    this.name = box.dataset.chart;
    this.version = "";
    this.plot = null;
    this.data = null;
    new ResizeObserver(() => this.plot && this.draw()).observe(box);
    box.addEventListener("pointermove", (event) => this.point(event));
    box.addEventListener("pointerleave", () => showCursor(null));
  }

  // Looked up each time: a live page may have got new cards around a chart that stayed.
  get footer() {
    return document.querySelector(`[data-footer="${this.name}"]`);
  }

  get reading() {
    return document.querySelector(`[data-reading="${this.name}"]`);
  }

  get isLive() {
    return "liveChart" in this.box.dataset;
  }

  async load() {
    const address = new URL(this.box.dataset.url, location.href);
    if (this.version) address.searchParams.set("since", this.version);
    const answer = await fetch(address, { headers: { accept: "application/json" } });
    if (answer.status === 204) return this.foot();
    if (!answer.ok) throw new Error(`${this.name}: ${answer.status}`);
    const data = await answer.json();
    this.version = data.version;
    if (data.empty) return this.say(data.empty);
    this.data = data;
    this.draw();
    this.foot();
  }

  foot() {
    if (this.footer && this.data) this.footer.textContent = this.data.footer.join("  ·  ");
  }

  say(text) {
    if (this.plot) return;
    const note = this.box.querySelector(".chart-note");
    if (note) note.textContent = text;
  }

  draw() {
    if (!this.data) return;
    if (!this.plot) {
      this.box.replaceChildren();
      this.plot = document.createElement("div");
      this.plot.className = "chart-plot";
      this.box.append(this.plot);
    }
    const figure = coloured(this.data.figure);
    const layout = this.box.clientWidth < NARROW_PX ? narrowed(figure.layout, this.data.narrow) : figure.layout;
    Plotly.react(this.plot, figure.data, { ...layout, autosize: true }, CONFIG);
  }

  // Where the pointer is, in seconds; only charts over time have readings.
  point(event) {
    if (!this.data?.cursor.at_s.length || !this.plot?._fullLayout) return;
    const axis = this.plot._fullLayout.xaxis;
    const x = event.clientX - this.plot.getBoundingClientRect().left - axis._offset;
    if (x < 0 || x > axis._length) return showCursor(null);
    showCursor(axis.p2c(x));
  }

  showCursor(second) {
    this.line?.remove();
    this.line = null;
    const readings = this.data?.cursor;
    if (!readings?.at_s.length || !this.plot?._fullLayout) return;
    if (this.reading) this.reading.textContent = "";
    if (second === null) return;
    const { xaxis, yaxis } = this.plot._fullLayout;
    const x = xaxis.c2p(second);
    if (x < 0 || x > xaxis._length) return;
    this.line = document.createElement("div");
    this.line.className = "cursor";
    this.line.style.left = `${xaxis._offset + x}px`;
    this.line.style.top = `${yaxis._offset}px`;
    this.line.style.height = `${yaxis._length}px`;
    this.box.append(this.line);
    if (this.reading) {
      const text = readings.readings[nearest(readings.at_s, second)];
      this.reading.textContent = `at ${second.toFixed(1)} s: ${text}`;
    }
  }
}

// The layout on a narrow screen: what the server says of its parts, and less room at the sides.
function narrowed(layout, { annotations: changes, ...axes }) {
  const { l, r } = layout.margin;
  const margin = { ...layout.margin, l: Math.min(l, 44), r: Math.min(r, 40) };
  const annotations = layout.annotations.map((one, place) => ({ ...one, ...changes[place] }));
  const changed = { ...layout, margin, annotations };
  for (const [name, change] of Object.entries(axes)) changed[name] = { ...layout[name], ...change };
  return changed;
}

function nearest(values, wanted) {
  let low = 0;
  let high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle;
    else high = middle;
  }
  return wanted - values[low] <= values[high] - wanted ? low : high;
}

let charts = [];

// Charts of boxes that are new on the page; those that are gone are forgotten.
function meet() {
  charts = charts.filter((chart) => chart.box.isConnected);
  const known = new Set(charts.map((chart) => chart.box));
  const boxes = [...document.querySelectorAll("[data-chart]")].filter((box) => !known.has(box));
  const met = boxes.map((box) => new Chart(box));
  charts.push(...met);
  loadAll(met);
}

function showCursor(second) {
  for (const chart of charts) chart.showCursor(second);
}

function loadAll(chosen) {
  for (const chart of chosen) {
    chart.load().catch(() => chart.say("The chart could not be loaded; it is tried again when the page is."));
  }
}

document.addEventListener("themechange", () => charts.forEach((chart) => chart.draw()));
// Text is measured when it is drawn, so the font has to be there.
document.fonts.load("11px Inter").finally(() => {
  meet();
  document.addEventListener("htmx:oobAfterSwap", meet);
  setInterval(() => document.hidden || loadAll(charts.filter((chart) => chart.isLive)), POLL_MS);
});
