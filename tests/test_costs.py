"""What a size costs, worked out by hand, and where the prices come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.costs import Prices
from runs.models import PriceList

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
