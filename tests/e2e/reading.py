"""What is asked of a page as a browser shows it: accessible, strict, narrow, used by keyboard."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, Response

AXE = next(Path(__file__).parent.glob("vendor/axe-core-*/axe.min.js")).read_text()
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

#: Whatever somebody who uses the keyboard alone has to be able to reach. Of radio buttons of one
#: name the arrows choose, and Tab reaches one; what scrolls by itself may be reached as well.
CONTROLS = """() => {
  const shown = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]");
  const groups = new Set();
  return [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]")].filter((element) => {
    if (element.disabled || element.type === "hidden" || element.tabIndex < 0 || !shown(element)) {
      return false;
    }
    if (element.type === "radio" && element.name) {
      const group = `${element.form?.action} ${element.name}`;
      if (groups.has(group)) return false;
      groups.add(group);
    }
    return true;
  }).length;
}"""

#: Writes down every element that gets the focus: whether it is for the first time, and whether
#: anything shows where it is.
WATCH_FOCUS = """() => {
  const marked = (one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
      || style.boxShadow !== "none";
  };
  const known = new Set();
  window.focused = [];
  document.addEventListener("focusin", ({ target: element }) => {
    const box = element.getBoundingClientRect();
    const seen = [element, element.parentElement, element.labels?.[0], element.nextElementSibling]
      .some((one) => one && marked(one));
    window.focused.push({
      what: element.outerHTML.slice(0, 160), first: !known.has(element), seen,
      outside: box.right < 0 || box.bottom < 0 || box.width === 0,
    });
    known.add(element);
  });
}"""
#: Presses of Tab between two looks at what was written down: each look takes as long as a few.
TABS_AT_ONCE = 20


#: The rules of levels A and AA that a theme makes a difference to.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
#: What a narrow screen alone may break, also with menus open.
NARROW_RULES = ["scrollable-region-focusable"]


#: Charts are drawn, and what follows from that is shown.
SETTLED = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const end = performance.now() + 5000;
  while (document.querySelector("[data-chart][aria-busy=true]") && performance.now() < end) {
    await frame();
  }
  for (let frames = 0; frames < 3; frames++) await frame();
}"""

OPENED = """(chosen) => {
  for (const one of document.querySelectorAll(chosen)) one.open = true;
}"""

#: What is folded away, but for menus, which would cover each other and what is below them.
FOLDED, MENUS = "details:not([data-menu])", "details[data-menu]"


def settle(page: Page) -> None:
    page.evaluate(SETTLED)


def unfold(page: Page) -> None:
    """Open all that is folded away, and wait for what comes from the server then."""
    page.evaluate(OPENED, FOLDED)
    asked = page.locator("[data-follows]")
    if asked.count():
        asked.locator(".by-command-way, .by-command-missing").first.wait_for()


def violations(page: Page, *, only: Sequence[str] = (), within: str = "html") -> list[str]:
    """What axe-core finds of levels A and AA; each with where it is.

    `only` these rules: of a page that was looked at in full, in another theme or width.
    """
    everything = {"type": "tag", "values": LEVELS}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(
        "([within, options]) => axe.run(within, options)",
        [
            within,
            {
                "runOnly": {"type": "rule", "values": list(only)} if only else everything,
                "resultTypes": ["violations"],
                "preload": False,
            },
        ],
    )
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def policy(response: Response) -> dict[str, str]:
    """The content security policy by directive."""
    header = response.headers.get("content-security-policy", "")
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


def overflow(page: Page) -> list[str]:
    """What reaches beyond the right edge of a page that scrolls sideways."""
    return page.evaluate("""() => {
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= width) return [];
      return [...document.body.querySelectorAll("*")]
        .filter((element) => element.getBoundingClientRect().right > width + 1)
        .map((element) => element.outerHTML.slice(0, 120)).slice(0, 5);
    }""")


def walk(page: Page, limit: int = 600) -> tuple[int, list[str]]:
    """Tab through the page: how many places were reached, and those that nothing marks."""
    page.evaluate(WATCH_FOCUS)
    places: list[dict] = []
    for _ in range(limit // TABS_AT_ONCE):
        for _ in range(TABS_AT_ONCE):
            page.keyboard.press("Tab")
        places = page.evaluate("focused")
        if not all(place["first"] for place in places):
            break
    reached = list(itertools.takewhile(lambda place: place["first"], places))
    unmarked = [one["what"] for one in reached if one["outside"] or not one["seen"]]
    return len(reached), unmarked
