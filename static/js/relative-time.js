// The same words as runs/formatting.py's ago(), for pages that stay open.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const form = new Intl.DateTimeFormat("en-US", {
  day: "numeric", month: "long", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
});

// As the server writes it into a tooltip, in the browser's own zone.
export function absolute(moment) {
  const part = Object.fromEntries(form.formatToParts(moment).map(({ type, value }) => [type, value]));
  return `${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute}:${part.second} ${part.timeZoneName}`;
}

export function ago(moment, now) {
  const seconds = (now - moment) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(Math.round(seconds / 60), 1)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  const days = Math.round(seconds / 86400);
  if (days < 30) return `${days} day${days === 1 ? "" : "s"} ago`;
  return `${moment.getDate()} ${MONTHS[moment.getMonth()]} ${moment.getFullYear()}`;
}
