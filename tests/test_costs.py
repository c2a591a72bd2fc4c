"""What a size costs, worked out by hand, and where the prices come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.costs import Prices
from runs.models import PriceList, ProfileRun
from runs.verdict import verdict
from tests.measured_runs import sized_run

MIB, GIB = 1 << 20, 1 << 30
PRICES = Prices(core_hour=0.04, gib_hour=0.005, gpu_hour=2.5, currency="EUR")


@pytest.mark.parametrize(
    ("cpu_millicores", "memory_bytes", "gpus", "cost"),
    [
        (1000, GIB, 0, 0.045),
        (500, 512 * MIB, 0, 0.0225),  # 0.5 x 0.04 + 0.5 x 0.005
        (2500, 3 * GIB, 0, 0.115),  # 2.5 x 0.04 + 3 x 0.005
        (1000, GIB, 2, 5.045),
    ],
)
def test_an_hour_is_cores_and_gib_times_their_prices(
    cpu_millicores, memory_bytes, gpus, cost
) -> None:
    assert PRICES.cost_per_hour(cpu_millicores, memory_bytes, gpus) == pytest.approx(cost)


def test_1000_requests_cost_the_time_that_they_take() -> None:
    # At 10 requests/s an hour answers 36,000: 36 times 1,000.
    assert PRICES.cost_per_1000(1000, GIB, 10.0) == pytest.approx(0.045 / 36)
    # At 1 request in 3.6 s an hour answers 1,000.
    assert PRICES.cost_per_1000(1000, GIB, 1 / 3.6) == pytest.approx(0.045)


@pytest.mark.parametrize("rps", [None, 0.0])
def test_without_a_rate_1000_requests_have_no_cost(rps) -> None:
    assert PRICES.cost_per_1000(1000, GIB, rps) is None


def test_what_is_not_known_is_not_free() -> None:
    without = Prices(0.04, 0.005, None, "EUR")
    assert without.cost_per_hour(1000, GIB, gpus=1) is None
    assert without.cost_per_1000(1000, GIB, 10.0, gpus=1) is None
    assert without.cost_per_hour(1000, GIB) == pytest.approx(0.045)
    assert PRICES.cost_per_hour(None, GIB) is None
    assert PRICES.cost_per_hour(1000, None) is None


@given(
    cpu=st.integers(1, 100_000),
    memory=st.integers(1, 1 << 40),
    rps=st.floats(0.01, 1e5),
    more=st.integers(1, 1000),
)
def test_a_larger_size_never_costs_less_and_a_higher_rate_never_more(cpu, memory, rps, more):
    assert PRICES.cost_per_hour(cpu + more, memory) > PRICES.cost_per_hour(cpu, memory)
    cost = PRICES.cost_per_1000(cpu, memory, rps)
    assert PRICES.cost_per_1000(cpu, memory, rps * 2) == pytest.approx(cost / 2)
    assert cost * rps * 3.6 == pytest.approx(PRICES.cost_per_hour(cpu, memory))


# --- Where prices come from -----------------------------------------------------------------------
@pytest.mark.django_db
def test_there_are_no_prices_until_somebody_sets_them(settings) -> None:
    assert PriceList.objects.current() is None
    settings.PROFILER_PRICE_CORE_HOUR, settings.PROFILER_PRICE_GIB_HOUR = 0.05, 0.01
    assert PriceList.objects.current() == Prices(0.05, 0.01, None, "USD")


@pytest.mark.django_db
def test_what_an_administrator_set_goes_before_the_environment(settings) -> None:
    settings.PROFILER_PRICE_CORE_HOUR, settings.PROFILER_PRICE_GIB_HOUR = 0.05, 0.01
    PriceList(core_hour="0.04", gib_hour="0.005", gpu_hour="2.5", currency="EUR").save()
    assert PriceList.objects.current() == PRICES
    PriceList.objects.all().delete()
    assert PriceList.objects.current() == Prices(0.05, 0.01, None, "USD")


@pytest.mark.django_db
def test_there_is_one_list_of_prices_however_often_it_is_set() -> None:
    for core_hour in (1, 2):
        PriceList(core_hour=core_hour, gib_hour=1, currency="EUR").save()
    assert PriceList.objects.get().core_hour == 2


# --- In the administration ------------------------------------------------------------------------
ADD, LIST = "/admin/runs/pricelist/add/", "/admin/runs/pricelist/"
FILLED_IN = {"core_hour": "0.04", "gib_hour": "0.005", "gpu_hour": "", "currency": "EUR"}


@pytest.fixture
def administrator(client, root):
    client.force_login(root)
    return client


@pytest.mark.django_db
def test_an_administrator_sets_prices_once_and_changes_them(administrator, root) -> None:
    assert administrator.post(ADD, FILLED_IN).headers["location"] == LIST
    assert PriceList.objects.get().changed_by == root
    assert administrator.get(ADD).status_code == 403
    change = f"{LIST}1/change/"
    assert administrator.post(change, {**FILLED_IN, "core_hour": "0.06"}).status_code == 302
    assert PriceList.objects.current() == Prices(0.06, 0.005, None, "EUR")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("core_hour", "-1", "A price is 0 or more."),
        ("core_hour", "cheap", "Enter a number."),
        ("gib_hour", "", "This field is required."),
        ("currency", "euro", "at most 3 characters"),
        ("currency", "eur", "Write three capital letters, such as EUR."),
    ],
)
def test_prices_that_make_no_sense_are_refused(administrator, field, value, said) -> None:
    page = administrator.post(ADD, {**FILLED_IN, field: value})
    assert page.status_code == 200
    assert said in page.content.decode()
    assert not PriceList.objects.exists()


@pytest.mark.django_db
def test_only_administrators_set_prices(signed_in) -> None:
    assert signed_in.post(ADD, FILLED_IN).status_code == 302
    assert not PriceList.objects.exists()


# --- On the pages and in the API ------------------------------------------------------------------
@pytest.fixture
def priced() -> None:
    """A core-hour is 0.04 and a GiB-hour 0.005 EUR."""
    PriceList(core_hour="0.04", gib_hour="0.005", currency="EUR").save()


def cost_of(run) -> str:
    found = verdict(run, list(run.measurements.all()), list(run.models.all()))
    (fact,) = [fact for fact in found.facts if fact.label == "Cost"]
    return f"{fact.text} | {fact.detail}"


@pytest.mark.django_db
def test_the_verdict_says_what_the_size_costs_and_saves(make, priced) -> None:
    """400m and 128 MiB at 100 requests/s; 1 core and 1 GiB were the largest and are tagged."""
    tags = {"requestedCpu": "1", "requestedMemoryInGb": "1"}
    run = sized_run(make, models=[make.model(tags=tags)])
    # 0.4 x 0.04 + 0.125 x 0.005 = 0.016625; 360,000 requests an hour.
    assert cost_of(run) == (
        "0.0166 EUR an hour, 0.0000462 EUR for 1,000 requests | "
        "63 % less than the tags ask for (0.0450 EUR); 63 % less than the largest size (0.0450 EUR)"
    )


@pytest.mark.django_db
def test_a_tag_that_asks_for_less_makes_the_size_cost_more(make, priced) -> None:
    tags = {"requestedCpu": "0.2", "requestedMemoryInGb": "0.0625"}
    run = sized_run(make, models=[make.model(tags=tags)])
    assert "100 % more than the tags ask for" in cost_of(run)


@pytest.mark.django_db
def test_without_prices_the_verdict_says_how_to_set_them(make) -> None:
    said = cost_of(sized_run(make))
    assert said.startswith("No prices are set | an administrator sets them")


@pytest.mark.django_db
def test_without_a_price_of_gpus_a_service_that_has_some_has_no_cost(make, priced) -> None:
    run = sized_run(make)
    run.config.definition = {**run.config.definition, "gpu": 1}
    assert cost_of(run).startswith("A GPU-hour has no price")


@pytest.mark.django_db
def test_a_declined_advice_costs_nothing_to_talk_of(make, priced) -> None:
    run = sized_run(make, [{"cpu_millicores": 1000, "latency_ms": 90.0}])
    found = verdict(run, list(run.measurements.all()), list(run.models.all()))
    assert "Cost" not in {fact.label for fact in found.facts}


@pytest.mark.django_db
def test_runs_are_compared_by_cost(signed_in, make) -> None:
    runs = [sized_run(make), sized_run(make)]
    address = "/runs/compare/?runs=" + ",".join(run.name for run in runs)
    page = signed_in.get(address).content.decode()
    assert "Costs are not shown, since no prices are set: an administrator" in page
    PriceList(core_hour="0.04", gib_hour="0.005", currency="EUR").save()
    # The other run's size is twice as large.
    advice = {**runs[1].advice, "cpu_millicores": 800, "memory_bytes": 256 * MIB}
    ProfileRun.objects.filter(pk=runs[1].pk).update(advice=advice)
    context = signed_in.get(address).context
    per_hour, per_1000 = context["sizes"][2:]
    assert (per_hour.base, per_hour.cells[0].value) == ("0.0166 EUR", "0.0333 EUR")
    assert (per_hour.cells[0].change, per_hour.cells[0].tone) == ("100 %", "fail")
    assert (per_1000.base, per_1000.cells[0].value) == ("0.0000462 EUR", "–")  # noqa: RUF001


@pytest.mark.django_db
def test_the_api_says_what_sizes_cost(signed_in, make) -> None:
    run = sized_run(make)
    path = f"/api/v1/runs/{run.name}/"
    assert signed_in.get(path).json()["advice_cost"] is None
    assert signed_in.get(f"{path}measurements/").json()["results"][0]["cost"] is None
    PriceList(core_hour="0.04", gib_hour="0.005", currency="EUR").save()
    assert signed_in.get(path).json()["advice_cost"] == {
        "currency": "EUR",
        "per_hour": pytest.approx(0.016625),
        "per_1000_requests": pytest.approx(0.016625 / 360),
    }
    first = signed_in.get(f"{path}measurements/").json()["results"][0]
    assert first["cost"]["per_hour"] == pytest.approx(0.045)  # at the largest size
    assert first["cost"]["per_1000_requests"] == pytest.approx(0.045 / 360)
    assert signed_in.get(f"{path}measurements/1/").json()["cost"] == first["cost"]
