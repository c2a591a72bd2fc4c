// A chart as a file: the picture that is seen, and the numbers behind it.
import { colour } from "./chart-colours.js";

const HEAD_PX = 58;
const SIDE_PX = 16;

function save(name, address) {
  const link = document.createElement("a");
  link.download = name;
  link.href = address;
  link.click();
}

// `figure` is as drawn, `words` its title, what it is of, and how it was made.
export async function savePng(name, figure, { title, subtitle }, { width, height }) {
  const margin = { ...figure.layout.margin, t: figure.layout.margin.t + HEAD_PX };
  const ink = (token, size) => ({ family: "Inter, system-ui, sans-serif", size, color: colour(token) });
  const heading = {
    text: title,
    font: { ...ink("ink-1", 15), weight: 600 },
    subtitle: { text: subtitle, font: ink("ink-2", 12) },
    xref: "container",
    x: SIDE_PX / width,
    xanchor: "left",
    yref: "container",
    y: 1 - 22 / (height + HEAD_PX),
    yanchor: "middle",
  };
  const layout = { ...figure.layout, margin, title: heading, paper_bgcolor: colour("card") };
  const size = { width, height: height + HEAD_PX };
  const picture = { data: figure.data, layout: { ...layout, ...size, autosize: false } };
  save(name, await Plotly.toImage(picture, { format: "png", scale: 2, ...size }));
}

// A line for each point of each named series; of a range of time, what lies in it.
export function csvOf({ figure, units, table }, range) {
  if (table) return table.map(csvLine).join("");
  const rows = [["series", ...units]];
  for (const { name, x, y } of figure.data.filter((trace) => trace.name)) {
    x.forEach((at, place) => {
      const shown = !range || (at >= range.from && at <= range.to);
      if (shown && at !== null && y[place] !== null) rows.push([name, at, y[place]]);
    });
  }
  return rows.map(csvLine).join("");
}

const csvLine = (cells) => `${cells.map(csvCell).join(",")}\r\n`;

function csvCell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function saveCsv(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  save(name, address);
  URL.revokeObjectURL(address);
}
