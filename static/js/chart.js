// One chart: what the server sent of it, drawn in the colours of the theme.
import { coloured } from "./chart-colours.js";
import { csvOf, saveCsv, savePng } from "./chart-files.js";
import { rangeWords, timeRange } from "./time-range.js";

const NARROW_PX = 560;
// Text is measured when it is drawn, so the font has to be there. Plotly is parsed meanwhile; the
// page is told complete once it was.
const drawable = Promise.allSettled([
  document.fonts.load("11px Inter"),
  new Promise((done) => document.addEventListener("DOMContentLoaded", done)),
]);
const CONFIG = { staticPlot: true, responsive: false };

export class Chart {
  constructor(box) {
    this.box = box;
    this.name = box.dataset.chart;
    this.plot = null;
    this.data = null; // what is drawn
    this.whole = null; // what there is of all the time
    this.shown = null; // the range that `data` is of
    this.second = null; // where the cursor is
    this.answered = null; // the last answer, once it comes
    this.ahead = null; // one that nobody took yet
    box.ariaBusy = "true";
    new ResizeObserver(() => this.plot && this.draw()).observe(box);
  }

  // Looked up each time: a live page may have got new cards around a chart that stayed.
  part(name) {
    return document.querySelector(`[data-${name}="${this.name}"]`);
  }

  get isLive() {
    return "liveChart" in this.box.dataset;
  }

  // The time axis of all there is; null for charts that are not over time.
  get time() {
    return this.whole?.time ?? null;
  }

  get span() {
    const range = timeRange();
    return range ? [range.from, range.to] : this.time;
  }

  get isInView() {
    const { top, bottom } = this.box.getBoundingClientRect();
    return top < innerHeight && bottom > 0;
  }

  get isEmbedded() {
    return document.getElementById(`chart-data-${this.name}`) !== null;
  }

  async load() {
    const range = this.time && timeRange();
    await this.fetched(range);
    if (!range && this.time && timeRange()) await this.fetched(timeRange());
  }

  // Begin to fetch what `load` then takes.
  ask() {
    if (!this.isEmbedded) this.ahead = this.answer(null);
  }

  answer(range) {
    const address = new URL(this.box.dataset.url, location.href);
    if (range) {
      address.searchParams.set("from", range.from);
      address.searchParams.set("to", range.to);
    }
    if (this.data && same(range, this.shown)) address.searchParams.set("since", this.data.version);
    this.answered = answerOf(address);
    this.answered.catch(() => {}); // whoever waits for it is told
    return this.answered;
  }

  async fetched(range) {
    if (this.isEmbedded) {
      await drawable;
      const embedded = document.getElementById(`chart-data-${this.name}`);
      return this.take(JSON.parse(embedded.textContent), null);
    }
    const asked = this.ahead ?? this.answer(range);
    this.ahead = null;
    const data = await asked;
    if (data === null) return this.foot();
    await drawable;
    this.take(data, range);
  }

  take(data, range) {
    // Somebody may have asked for another range meanwhile.
    if (range && !same(range, timeRange())) return;
    if (data.empty) {
      if (range) this.foot([data.empty]);
      else this.say(data.empty);
      return;
    }
    if (!range) this.whole = data;
    if (!range && this.shown && timeRange()) return;
    this.data = data;
    this.shown = range;
    this.draw();
    this.foot();
  }

  // Another range is looked at: at once with the points there are, then in full.
  async follow() {
    if (!this.time) return;
    if (!timeRange()) {
      this.data = this.whole;
      this.shown = null;
    }
    this.draw();
    this.foot();
    if (!this.isEmbedded && (timeRange() || this.isLive)) await this.fetched(timeRange());
  }

  foot(words = this.data?.footer) {
    const footer = this.part("footer");
    const all = this.time && timeRange() && !same(this.shown, timeRange()) ? ["in the whole time"] : [];
    if (footer && words) footer.textContent = [...words, ...all].join("  ·  ");
    const points = this.part("points");
    if (!points || !this.time) return;
    const address = new URL(points.href);
    for (const end of ["from", "to"]) {
      if (timeRange()) address.searchParams.set(end, timeRange()[end]);
      else address.searchParams.delete(end);
    }
    points.href = address;
  }

  say(text) {
    if (this.plot) return this.foot([text]);
    const note = this.box.querySelector(".chart-note");
    if (note) note.textContent = text;
  }

  figure() {
    const { data, layout } = coloured(this.data.figure);
    const fitting =
      this.box.clientWidth < NARROW_PX ? narrowed(layout, this.data.narrow) : layout;
    // Until the range's own points are there, those of the whole are cut to it.
    if (this.time && timeRange() && !same(this.shown, timeRange())) {
      fitting.xaxis = { ...fitting.xaxis, range: this.span, tickmode: "auto", nticks: 6 };
      delete fitting.xaxis.tickvals;
    }
    return { data, layout: fitting };
  }

  draw(width = null) {
    if (!this.data) return;
    if (!this.plot) {
      this.box.replaceChildren();
      this.plot = document.createElement("div");
      this.plot.className = "chart-plot";
      this.box.append(this.plot);
      this.box.dispatchEvent(new CustomEvent("firstdrawn"));
    }
    const { data, layout } = this.figure();
    const size = width ? { width, autosize: false } : { autosize: true };
    Plotly.react(this.plot, data, { ...layout, ...size }, CONFIG);
    if (this.time) this.describe();
  }

  // --- The cursor -----------------------------------------------------------------------------
  get axes() {
    return this.plot?._fullLayout ?? null;
  }

  // The second under the pointer; null outside of the plot.
  secondAt(clientX) {
    if (!this.time || !this.axes) return null;
    const { xaxis } = this.axes;
    const x = clientX - this.plot.getBoundingClientRect().left - xaxis._offset;
    return x < 0 || x > xaxis._length ? null : xaxis.p2c(x);
  }

  readingAt(second) {
    const { at_s: at, readings } = this.data.cursor;
    return at.length ? `at ${second.toFixed(1)} s: ${readings[nearest(at, second)]}` : "";
  }

  showCursor(second) {
    this.line?.remove();
    this.line = null;
    this.second = second;
    if (!this.time || !this.axes) return;
    const reading = this.part("reading");
    if (reading) reading.textContent = second === null ? "" : this.readingAt(second);
    if (second === null) return;
    const { xaxis, yaxis } = this.axes;
    const x = xaxis.c2p(second);
    if (x < 0 || x > xaxis._length) return;
    this.line = this.over("cursor", x, 1);
    this.line.style.top = `${yaxis._offset}px`;
    this.line.style.height = `${yaxis._length}px`;
    this.describe();
  }

  // Something over the plot, at these pixels of the time axis.
  over(className, x, width) {
    const mark = document.createElement("div");
    mark.className = className;
    mark.style.left = `${this.axes.xaxis._offset + x}px`;
    mark.style.width = `${width}px`;
    mark.style.top = `${this.axes.yaxis._offset}px`;
    mark.style.height = `${this.axes.yaxis._length}px`;
    this.box.append(mark);
    return mark;
  }

  // The cursor is a slider to those who do not see it.
  describe() {
    const [first, last] = this.span;
    const second = this.second ?? first;
    const words = this.second === null ? `${rangeWords({ from: first, to: last })} shown` : null;
    this.box.setAttribute("aria-valuemin", first);
    this.box.setAttribute("aria-valuemax", last);
    this.box.setAttribute("aria-valuenow", second);
    this.box.setAttribute("aria-valuetext", words ?? this.readingAt(second));
  }

  // --- Files ----------------------------------------------------------------------------------
  get title() {
    return this.box.closest(".card").querySelector(".card-title").textContent.trim();
  }

  fileName(ending) {
    const range = this.time && timeRange() ? `-${timeRange().from}-${timeRange().to}s` : "";
    const runs = this.box.dataset.runs.replaceAll(", ", "-");
    return `${runs}-${this.name}${range}.${ending}`;
  }

  async save(kind) {
    if (kind === "csv") {
      return saveCsv(this.fileName("csv"), csvOf(this.data, this.time && timeRange()));
    }
    const range = this.time && timeRange() ? [rangeWords(timeRange())] : [];
    const subtitle = [this.box.dataset.runs, ...range, ...this.data.footer].join("  ·  ");
    const { clientWidth: width, clientHeight: height } = this.plot;
    await savePng(this.fileName("png"), this.figure(), { title: this.title, subtitle }, { width, height });
  }
}

// What a chart's address answers; null where nothing is new.
async function answerOf(address) {
  const answer = await fetch(address, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

const same = (one, other) => one?.from === other?.from && one?.to === other?.to;

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
