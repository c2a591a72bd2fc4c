// The theme's colours in a figure: "token:<name>" or "token:<name>/<opacity>" stands for one of
// tokens.css.

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

// Each is asked of the browser once a theme: asking makes it lay out the page.
const known = new Map();

export function colour(token) {
  const key = `${document.documentElement.dataset.bsTheme} ${token}`;
  if (!known.has(key)) known.set(key, computed(token));
  return known.get(key);
}

function computed(token) {
  const [name, opacity] = token.split("/");
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  if (!opacity) return value;
  const [r, g, b] = value.match(/[\d.]+/g);
  return `rgba(${r}, ${g}, ${b}, ${opacity})`;
}

export function coloured(value) {
  if (typeof value === "string") return value.startsWith("token:") ? colour(value.slice(6)) : value;
  if (Array.isArray(value)) return value.map(coloured);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
}
