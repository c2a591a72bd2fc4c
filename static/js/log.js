// A run's log: follows a live one and stays at its end unless someone scrolled up; finds words in all
// of it, which the server looks through.
const POLL_MS = 2000;
const TYPING_MS = 250;
const log = document.querySelector("[data-log]");
const search = document.querySelector("[data-log-search]");

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
const toEnd = () => (log.scrollTop = log.scrollHeight);

async function follow() {
  if (!document.hidden) {
    try {
      const answer = await fetch(`${log.dataset.url}?after=${log.dataset.next}`);
      const news = await answer.json();
      const stay = isAtEnd();
      if (news.text) log.append(news.text);
      if (stay) toEnd();
      log.dataset.next = news.next;
      if (news.finished) return;
    } catch {
      // tried again at the next turn; the page's live part says that the connection is lost
    }
  }
  setTimeout(follow, POLL_MS);
}

async function find() {
  const found = document.querySelector("[data-log-found]");
  const said = search.querySelector("output");
  const wanted = search.elements.find.value;
  found.hidden = !wanted;
  log.hidden = Boolean(wanted);
  said.textContent = "";
  if (!wanted) return;
  try {
    const answer = await fetch(`${search.action}?${new URLSearchParams({ find: wanted })}`);
    const text = await answer.text();
    // Somebody may have typed on meanwhile.
    if (wanted !== search.elements.find.value) return;
    const lines = text.split("\n").slice(0, -1);
    said.textContent = lines.length === 1 ? "1 line" : `${lines.length} lines`;
    found.replaceChildren(...marked(text, wanted));
  } catch {
    said.textContent = "The log could not be looked through: the server did not answer.";
  }
}

// The text with every occurrence marked.
function* marked(text, wanted) {
  const words = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  for (const [place, part] of text.split(new RegExp(`(${words})`, "gi")).entries()) {
    if (place % 2 === 0) {
      yield part;
      continue;
    }
    const mark = document.createElement("mark");
    mark.textContent = part;
    yield mark;
  }
}

if (log) {
  toEnd();
  if ("follow" in log.dataset) setTimeout(follow, POLL_MS);
}

if (search) {
  let typing = 0;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(find, TYPING_MS);
  });
  search.addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
}
