"""Raw data: the exact points behind a chart, and all samples as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.core.paginator import Paginator
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from profiler.raw import formats
from profiler.samples import Columns
from runs import point_cells, raw_data
from runs.forms.points import PointsForm
from runs.models import Measurement, ProfileRun
from runs.points import SERIES_OF, TooMany
from runs.shown_measurement import measured_words, shown_measurement
from runs.views.errors import error_page
from runs.views.runs import the_run

POINTS_A_PAGE = 100
#: Further on, a narrower range or the download is what one wants.
MOST_PAGES = 200
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


# --- Points behind a chart ------------------------------------------------------------------------
@require_safe
@never_cache
def run_points(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    run, form = _asked(request, name, chart)
    context = {"run": run, "chart": chart, "form": form, "dropped": raw_data.dropped_words(run)}
    if form is not None and form.is_valid():
        context |= _page(form, request.GET.get("page", ""))
    return render(request, "runs/points.html", context)


@require_safe
@never_cache
def run_points_csv(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    """Exactly the points that the page with the same query shows, all of them."""
    run, form = _asked(request, name, chart)
    if form is None:
        raise Http404(raw_data.dropped_words(run) or "There are no raw samples of this.")
    if not form.is_valid():
        wrong = " ".join(text for texts in form.errors.values() for text in texts)
        return _no_points(request, name, chart, wrong)
    try:
        tables = form.points().tables()
    except TooMany as problem:
        return _no_points(request, name, chart, str(problem))
    return _download(formats.to_csv(tables), f"{run.name}-{form.kept.name}-points.csv", "csv")


def _no_points(request: HttpRequest, name: str, chart: str, why: str) -> HttpResponse:
    page = reverse("run_points", args=[name, chart])
    return error_page(request, 400, "No such points", why, page, "To the points")


def _asked(request: HttpRequest, name: str, chart: str) -> tuple[ProfileRun, PointsForm | None]:
    """The run, and what is asked for; None where there are no samples of it."""
    run = the_run(name)
    series = SERIES_OF.get(chart)
    if series is None:
        raise Http404(f"There are no points behind a chart {chart!r}.")
    measurements = list(run.measurements.all())
    found = [one for one in raw_data.kept(run, measurements) if one.series == series]
    if not found:
        return run, None
    row = shown_measurement(run, measurements, request.GET.get("m"))
    here = row.ordinal if row else (run.current or {}).get("ordinal")
    wanted = request.GET.get("m", "")
    ordinal = int(wanted) if wanted.isdecimal() else here
    kept = next((one for one in found if one.ordinal == ordinal), None)
    if kept is None:
        raise Http404(f"There are no samples of a measurement {ordinal!r}.")
    choices = [(one.ordinal, _caption(run, one.ordinal, measurements)) for one in found]
    return run, PointsForm(request.GET.dict(), kept, choices)


def _caption(run: ProfileRun, ordinal: int, measurements: Iterable[Measurement]) -> str:
    row = next((row for row in measurements if row.ordinal == ordinal), None)
    return measured_words(run, row) if row else "under way"


def _page(form: PointsForm, page: str) -> dict:
    points = form.points()
    number = min(max(int(page), 1), MOST_PAGES) if page.isdecimal() else 1
    found = points.select((number - 1) * POINTS_A_PAGE, number * POINTS_A_PAGE)
    shown = Paginator(range(min(found.total, MOST_PAGES * POINTS_A_PAGE)), POINTS_A_PAGE)
    if number > shown.num_pages:
        number = shown.num_pages
        found = points.select((number - 1) * POINTS_A_PAGE, number * POINTS_A_PAGE)
    headings = point_cells.headings(form.kept.series, found.table)
    return {
        "points": points,
        "total": found.total,
        "headings": headings,
        "rows": point_cells.rows(headings, found.table),
        "page": shown.page(number),
        "is_cut": found.total > shown.count,
    }


# --- Everything -----------------------------------------------------------------------------------
@require_safe
def run_raw(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """Every series of a run as a file in one zip archive."""
    run, found = _everything(name, form)
    # Parquet is compressed by itself.
    archive = ZipStream(compress_type=ZIP_STORED if form == "parquet" else ZIP_DEFLATED)
    for one in found:
        archive.add(_written(one.tables(), form), f"{run.name}-{one.name}.{form}")
    return _download(archive, f"{run.name}-raw-{form}.zip", "zip")


@require_safe
def run_raw_series(
    request: HttpRequest, name: str, ordinal: int, series: str, form: str
) -> HttpResponse:
    run, found = _everything(name, form)
    one = next((one for one in found if (one.ordinal, one.series) == (ordinal, series)), None)
    if one is None:
        raise Http404("There are no such samples.")
    return _download(_written(one.tables(), form), f"{run.name}-{one.name}.{form}", form)


def _everything(name: str, form: str) -> tuple[ProfileRun, list[raw_data.Kept]]:
    if form not in formats.FORMATS:
        raise Http404(f"Raw samples are not exported as {form!r}.")
    if form == "parquet" and not formats.can_write_parquet():
        raise Http404(formats.NEEDS_PYARROW)
    run = the_run(name)
    found = raw_data.kept(run, run.measurements.all())
    if not found:
        raise Http404(raw_data.dropped_words(run) or "There are no raw samples of this run.")
    return run, found


def _written(tables: Iterable[Columns], form: str) -> Iterator[bytes]:
    return formats.FORMATS[form](tables)


def _download(pieces: Iterable[bytes], filename: str, kind: str) -> StreamingHttpResponse:
    """Sent as it is made, so that a long run takes no more memory than a short one."""
    response = StreamingHttpResponse(
        pieces, content_type=CONTENT_TYPES.get(kind, "application/zip")
    )
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response
