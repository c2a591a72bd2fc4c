"""What somebody does who has no mouse: Tab to a control, then type, Space or Enter."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page

#: More controls than any page has.
MOST_TABS = 400


def reach(page: Page, control: Locator) -> None:
    """Tab on until the control has the focus."""
    control.wait_for()
    for _ in range(MOST_TABS):
        if control.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {control}")


def press(page: Page, control: Locator, key: str = "Enter") -> None:
    reach(page, control)
    page.keyboard.press(key)


def fill(page: Page, field: Locator, text: str) -> None:
    reach(page, field)
    page.keyboard.type(text)


def check(page: Page, radio: Locator) -> None:
    """Tab reaches the chosen one of a group, the arrow keys the others."""
    name = radio.get_attribute("name")
    reach(page, page.locator(f"input[type=radio][name={name}]:checked"))
    for _ in range(page.locator(f"input[type=radio][name={name}]").count()):
        if radio.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"no arrow key reaches {radio}")


def choose(page: Page, select: Locator, option: str) -> None:
    """In a closed list typing an option's first letters chooses it."""
    reach(page, select)
    page.keyboard.type(option)


def choose_file(page: Page, field: Locator, path: Path) -> None:
    """The field's own button opens the system's dialogue, where a path can be typed."""
    reach(page, field)
    with page.expect_file_chooser() as dialogue:
        page.keyboard.press("Enter")
    dialogue.value.set_files(path)


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    page.goto(address)
    fill(page, page.get_by_label("Username"), name)
    fill(page, page.get_by_label("Password"), password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
