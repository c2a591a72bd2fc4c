// The range of time that all charts over time show, in seconds; null is the whole. It stands in the
// page's address (?from=2&to=3.5), so that a link shows what its sender saw. Each change is told by
// a "timerange" event on the document.

const SHORTEST_S = 0.2;

let range = fromAddress();

function fromAddress() {
  const asked = new URLSearchParams(location.search);
  const from = Number.parseFloat(asked.get("from"));
  const to = Number.parseFloat(asked.get("to"));
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? { from, to } : null;
}

export const timeRange = () => range;

export const rangeWords = ({ from, to }) => `${seconds(from)} to ${seconds(to)} s`;

const seconds = (value) => String(Number(value.toFixed(value % 1 ? 2 : 0)));

// `whole` is all that there is to see, [first, last]: no range reaches beyond it.
export function show(wanted, whole) {
  range = wanted && within(wanted, whole);
  writeAddress();
  document.dispatchEvent(new CustomEvent("timerange"));
}

function within({ from, to }, [first, last]) {
  const width = Math.min(Math.max(to - from, SHORTEST_S), last - first);
  const begin = Math.min(Math.max(from, first), last - width);
  const isWhole = width >= (last - first) * 0.999;
  return isWhole ? null : { from: rounded(begin), to: rounded(begin + width) };
}

const rounded = (value) => Number(value.toFixed(3));

function writeAddress() {
  // A report that is opened from disk has an address that cannot be changed.
  if (location.protocol === "file:") return;
  const address = new URL(location.href);
  for (const end of ["from", "to"]) {
    if (range) address.searchParams.set(end, range[end]);
    else address.searchParams.delete(end);
  }
  history.replaceState(history.state, "", address);
}

// Closer (or further) by a factor around a second; earlier or later by a share of the width.
export function zoomed(shown, whole, factor, around) {
  const [first, last] = shown;
  const centre = around ?? (first + last) / 2;
  const width = (last - first) * factor;
  const share = (centre - first) / (last - first);
  show({ from: centre - share * width, to: centre + (1 - share) * width }, whole);
}

export function moved(shown, whole, share) {
  const step = (shown[1] - shown[0]) * share;
  show({ from: shown[0] + step, to: shown[1] + step }, whole);
}
