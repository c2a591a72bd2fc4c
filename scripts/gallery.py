"""Takes pictures of the site's pages, light and dark, for docs/gallery.md: `make gallery`.

Of a real installation on this machine: the sample's run, another of it while it is measured, and
what is done through the site itself: a model registered, a size proposed, discussed, applied. So
every number in the pictures was measured, and none of them is a benchmark. The browser keeps out of
the first run's way; it takes cpu time from the second, which it photographs.
"""

from __future__ import annotations

import base64
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e.installation import Installation  # noqa: E402

IMAGES, DOCUMENT = ROOT / "docs" / "images", ROOT / "docs" / "gallery.md"
THEMES = ("light", "dark")
RUN_TIMEOUT_S, POLL_MS = 300, 2000
ENDED = ("succeeded", "failed", "cancelled", "timed_out")
#: Pixels; a page is cut where it gets too long to be looked at.
WIDTH, TALLEST, NARROW = 1360, 2000, 390
SCALE, QUALITY = 0.66, 0.72
#: The picture of the README: as it is on the screen, down to the sizes that were measured.
COVER, COVER_HEIGHT = IMAGES / "run.png", 1480
#: For charts to be drawn.
SETTLING_MS = 1200
#: For a few seconds of load to be in the charts of the run under way.
LIVE_MS = 6000
RUN, OTHER = "diabetes-ridge-1", "diabetes-ridge-2"
PASSWORD = "staple horse battery correct"
PEOPLE = f"""
from django.contrib.auth.models import Group, User
carol = User.objects.create_user("carol", password={PASSWORD!r})
carol.groups.add(Group.objects.get(name="reviewer"))
"""
PRICES = {"PROFILER_PRICE_CORE_HOUR": "0.04", "PROFILER_PRICE_GIB_HOUR": "0.005"}


@dataclass(frozen=True)
class Picture:
    name: str
    title: str
    path: str


RUNNING = Picture("running", "A run while it is measured", f"/runs/{OTHER}/")
CANCEL = Picture("cancel", "Before a run is cancelled", f"/runs/{OTHER}/cancel/")
SECTIONS = {
    "Runs": [
        Picture("runs", "The runs", "/runs/"),
        RUNNING,
        CANCEL,
        Picture("run", "A run's verdict and evidence", f"/runs/{RUN}/"),
        Picture("compare", "Two runs compared", f"/runs/compare/?runs={RUN},{OTHER}&base={RUN}"),
        Picture("points", "The points behind a chart", f"/runs/{RUN}/points/latency/"),
        Picture("new-run", "A new run", "/runs/new/"),
        Picture("search", "What a search finds", "/search/?q=diabetes"),
    ],
    "Review": [
        Picture("propose", "A size put forward", f"/runs/{OTHER}/propose/"),
        Picture("review", "What waits for a review", "/review/"),
        Picture("proposal", "A proposal that was applied", "/review/1/"),
        Picture("apply", "Applying without a review", f"/runs/{OTHER}/apply/"),
    ],
    "Registry": [
        Picture("models", "The models", "/models/"),
        Picture("model", "A model, its size and where that came from", "/models/diabetes-ridge/1/"),
        Picture("portfolio", "The portfolio: evidence and waste", "/models/portfolio/"),
        Picture("register-model", "Registering a model", "/models/register/"),
        Picture("datasets", "The datasets", "/datasets/"),
        Picture("dataset", "A dataset", "/datasets/diabetes-requests/1/"),
        Picture("register-dataset", "Registering a dataset", "/datasets/register/"),
        Picture("configs", "The configs", "/configs/"),
        Picture("config", "A config", "/configs/sklearn-score/1/"),
        Picture("register-config", "Registering a config", "/configs/register/"),
        Picture("targets", "The targets", "/targets/"),
    ],
    "Administration and the rest": [
        Picture("admin", "The administration", "/admin/"),
        Picture("queues", "Queues and what is wrong with runs", "/admin/queues/"),
        Picture("samples", "Raw samples and their retention", "/admin/samples/"),
        Picture("people", "People and roles", "/admin/auth/user/"),
        Picture("documentation", "The documentation", "/docs/sizing/"),
        Picture("not-found", "An address where nothing is", "/nowhere/"),
        Picture("sign-in", "Signing in", "/sign-in/"),
    ],
}
NARROW_RUN = Picture("narrow", "A run on a phone", f"/runs/{RUN}/")


class Photographer:
    """Takes a picture of a page in both themes, as WebP, which Chromium itself writes."""

    def __init__(self, browser: Browser, site: Installation) -> None:
        self._browser, self._site = browser, site
        self._darkroom = browser.new_page()

    @contextmanager
    def page(self, name: str = "admin", password: str = "") -> Iterator[Page]:
        context = self._browser.new_context(viewport={"width": WIDTH, "height": 850})
        page = context.new_page()
        if name:
            page.goto(self._site.address)
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password").fill(password or self._site.password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(re.compile("/runs/"))
        yield page
        context.close()

    def take(self, page: Page, picture: Picture, stay: bool = False) -> None:
        if not stay:
            page.goto(self._site.address.rstrip("/") + picture.path)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(SETTLING_MS)
            height = page.evaluate("document.documentElement.scrollHeight")
            width = page.viewport_size["width"]
            clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)}
            taken = page.screenshot(full_page=True, clip=clip)
            path = IMAGES / f"gallery-{picture.name}-{theme}.webp"
            path.write_bytes(self._developed(taken))

    def take_cover(self, page: Page) -> None:
        page.goto(f"{self._site.address}runs/{RUN}/")
        page.emulate_media(color_scheme="light")
        page.wait_for_timeout(SETTLING_MS)
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": COVER_HEIGHT}
        page.screenshot(path=COVER, full_page=True, clip=clip)

    def _developed(self, taken: bytes) -> bytes:
        """Smaller, and compressed."""
        url = self._darkroom.evaluate(
            """async ([png, scale, quality]) => {
              const image = new Image();
              image.src = png;
              await image.decode();
              const canvas = document.createElement("canvas");
              canvas.width = Math.round(image.width * scale);
              canvas.height = Math.round(image.height * scale);
              const context = canvas.getContext("2d");
              context.imageSmoothingQuality = "high";
              context.drawImage(image, 0, 0, canvas.width, canvas.height);
              return canvas.toDataURL("image/webp", quality);
            }""",
            ["data:image/png;base64," + base64.b64encode(taken).decode(), SCALE, QUALITY],
        )
        return base64.b64decode(url.partition(",")[2])


def prepare(page: Page, camera: Photographer, site: Installation) -> None:
    """All that the pictures show, done on the site; the run under way is taken as it goes by."""
    see_end(page, site, RUN)
    start_again(page, site)
    measured = page.locator(".phase-step.is-now", has_text=re.compile("measuring|sizing", re.I))
    measured.wait_for(timeout=RUN_TIMEOUT_S * 1000)
    page.wait_for_timeout(LIVE_MS)
    camera.take(page, RUNNING, stay=True)
    camera.take(page, CANCEL)
    see_end(page, site, OTHER)
    register(page, site)
    propose(page, site, RUN, "Verified at this size; the evidence is on the run's page.")
    with camera.page("carol", PASSWORD) as reviewer:
        act(reviewer, site, 1, "Approve", "Verified at exactly this size: **agreed**.")
    act(page, site, 1, "Apply", "")
    propose(page, site, OTHER, "The same again, from the second run. @carol")


def see_end(page: Page, site: Installation, run: str) -> None:
    """Asks from an empty page: one that shows the run would take cpu time from it."""
    page.goto("about:blank")
    end = time.monotonic() + RUN_TIMEOUT_S
    state = ""
    while state not in ENDED and time.monotonic() < end:
        page.wait_for_timeout(POLL_MS)
        state = page.request.get(f"{site.address}api/v1/runs/{run}/").json()["state"]
    if state != "succeeded":
        raise SystemExit(f"{run} gave no verdict, it is {state}")


def start_again(page: Page, site: Installation) -> None:
    """The sample once more, at another rate."""
    page.goto(f"{site.address}runs/new/?model=diabetes-ridge:1")
    page.get_by_label("At a rate").check()
    page.get_by_label("Requests a second", exact=True).fill("75")
    page.get_by_label("A latency bound").check()
    page.get_by_label("At most, milliseconds").fill("50")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(rf"/runs/{OTHER}/"))


def register(page: Page, site: Installation) -> None:
    """A model that nobody has sized."""
    page.goto(f"{site.address}models/register/")
    page.get_by_label("Name", exact=True).fill("text-similarity")
    score = ROOT / "examples" / "text-similarity" / "service" / "score.py"
    page.locator("input[type=file]").first.set_input_files(score)
    page.wait_for_timeout(SETTLING_MS)
    page.get_by_role("button", name="Register model").click()
    page.wait_for_url(re.compile("/models/text-similarity/1/"))


def propose(page: Page, site: Installation, run: str, why: str) -> None:
    page.goto(f"{site.address}runs/{run}/propose/")
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Propose", exact=True).click()
    page.wait_for_url(re.compile(r"/review/\d+/"))


def act(page: Page, site: Installation, number: int, button: str, words: str) -> None:
    page.goto(f"{site.address}review/{number}/")
    page.get_by_label("Your words").fill(words)
    although = page.get_by_label("I know what speaks against it")
    if although.count():
        although.check()
    page.get_by_role("button", name=re.compile(f"^{button}")).click()
    page.locator(".event-approved, .event-applied").last.wait_for()


def take_all(browser: Browser, site: Installation) -> None:
    camera = Photographer(browser, site)
    with camera.page() as page:
        prepare(page, camera, site)
        for picture in (one for section in SECTIONS.values() for one in section):
            if picture not in (RUNNING, CANCEL, SECTIONS["Administration and the rest"][-1]):
                camera.take(page, picture)
        camera.take_cover(page)
        page.set_viewport_size({"width": NARROW, "height": 850})
        camera.take(page, NARROW_RUN)
    with camera.page(name="") as stranger:
        camera.take(stranger, SECTIONS["Administration and the rest"][-1])


def write_document() -> None:
    """The page that shows the pictures, in the order of `SECTIONS`."""
    lines = [
        "# Gallery",
        "",
        "Every page, light and dark, of an installation that profiled the sample twice. What the",
        "pictures show was measured and done there by `make gallery`, which takes them anew; the",
        "prices are the script's.",
    ]
    for title, pictures in SECTIONS.items():
        shown = [*pictures, NARROW_RUN] if title == "Runs" else pictures
        lines += ["", f"## {title}"]
        for one in shown:
            lines += ["", f"### {one.title}", ""]
            lines += [f"![{one.title}, {theme}](images/gallery-{one.name}-{theme}.webp)"
                      for theme in THEMES]  # fmt: skip
    DOCUMENT.write_text("\n".join(lines) + "\n")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mp-"))
    began = time.time()
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    try:
        with Installation(ROOT, folder / "data", **PRICES) as site, sync_playwright() as playwright:
            site.manage("shell", "--verbosity", "0", "-c", PEOPLE)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take_all(browser, site)
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for old in IMAGES.glob("gallery-*.webp"):
        if old.stat().st_mtime < began:
            old.unlink()
    write_document()
    taken = list(IMAGES.glob("gallery-*.webp"))
    size_mib = sum(path.stat().st_size for path in taken) / (1 << 20)
    sys.stdout.write(f"{len(taken)} pictures, {size_mib:.1f} MiB\n")


if __name__ == "__main__":
    main()
