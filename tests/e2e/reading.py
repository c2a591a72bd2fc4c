"""What is asked of a page as a browser shows it: accessible, strict, narrow, used by keyboard."""

from __future__ import annotations

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

#: The element that has the focus, in words; "" once the focus has left the page. `hidden` says
#: that nothing shows where it is.
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const marked = (one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
      || style.boxShadow !== "none";
  };
  const label = element.labels?.[0];
  const box = element.getBoundingClientRect();
  const seen = [element, element.parentElement, label, element.nextElementSibling]
    .some((one) => one && marked(one));
  const first = !element.dataset.reached;
  element.dataset.reached = "yes";
  return {
    what: element.outerHTML.slice(0, 160), first, seen,
    outside: box.right < 0 || box.bottom < 0 || box.width === 0,
  };
}"""


#: The rules of levels A and AA that a theme makes a difference to.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """What axe-core finds of levels A and AA; each with where it is.

    `colours_only`: of a page whose other theme was looked at in full.
    """
    everything = {"type": "tag", "values": LEVELS}
    page.evaluate(AXE)
    found = page.evaluate(
        "(options) => axe.run(options)",
        {
            "runOnly": {"type": "rule", "values": COLOUR_RULES} if colours_only else everything,
            "resultTypes": ["violations"],
            "preload": False,
        },
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
    reached, unmarked = 0, []
    for _ in range(limit):
        page.keyboard.press("Tab")
        place = page.evaluate(FOCUSED)
        if place is None or not place["first"]:
            break
        reached += 1
        if place["outside"] or not place["seen"]:
            unmarked.append(place["what"])
    return reached, unmarked
