// Follows a live run's log: fetches what is new, and stays at the end unless someone scrolled up.
const POLL_MS = 2000;
const log = document.querySelector("[data-log]");

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

if (log) {
  toEnd();
  if ("follow" in log.dataset) setTimeout(follow, POLL_MS);
}
