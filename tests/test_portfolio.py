"""The portfolio: evidence, staleness, slack and waste of every model's size."""

from __future__ import annotations

import pytest

from runs.applying import apply_size
from runs.models import PriceList, ProfileRun, RegisteredModel
from runs.portfolio import portfolio, totals
from tests.measured_runs import sized_run
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

GIB = 1 << 30


def by_name(prices=None) -> dict:
    return {row.name: row for row in portfolio(prices)}


def applied(make, alice, name: str = "ridge"):
    """A model whose tags hold the size of its run: 500m, 512 MiB."""
    model = make.model(name)
    run = make.finished_run(models=[model])
    apply_size(run, [model], alice)
    return model, run


def test_a_size_just_applied_is_verified_current_and_wastes_nothing(make, alice) -> None:
    applied(make, alice)
    row = by_name()["ridge"]
    assert (row.standing, row.stale, row.is_sized) == ("verified", [], True)
    assert (row.cpu_slack, row.memory_slack) == (0, 0)


def test_memory_that_a_tag_rounded_up_is_no_slack(make, alice) -> None:
    model, run = applied(make, alice)
    ProfileRun.objects.filter(pk=run.pk).update(advice={**run.advice, "memory_bytes": 144 << 20})
    # 144 MiB are 0.140625 GiB.
    model.set_tags({"requestedMemoryInGb": "0.14063"}, alice)
    row = by_name()["ridge"]
    assert (row.memory_bytes, row.memory_slack, row.differs) == (144 << 20, 0, False)


def test_slack_and_waste_are_what_the_tags_ask_for_beyond_the_advice(make, alice) -> None:
    model, _ = applied(make, alice)
    model.set_tags({"requestedCpu": "2", "requestedMemoryInGb": "1.5"}, alice)
    PriceList.objects.create(core_hour="0.04", gib_hour="0.005", currency="EUR")
    row = by_name(PriceList.objects.current())["ridge"]
    assert (row.cpu_slack, row.memory_slack) == (1500, GIB)
    # 730.5 h of 1.5 cores at 0.04 and 1 GiB at 0.005
    assert row.waste_a_month == pytest.approx(730.5 * (1.5 * 0.04 + 1 * 0.005))
    assert row.cost_a_month == pytest.approx(730.5 * (2 * 0.04 + 1.5 * 0.005))


def test_a_model_that_asks_for_less_than_advised_has_a_page_with_prices(
    signed_in, make, alice
) -> None:
    model, _ = applied(make, alice)
    model.set_tags({"requestedCpu": "0.1", "requestedMemoryInGb": "0.25"}, alice)
    PriceList.objects.create(core_hour="0.04", gib_hour="0.005", currency="EUR")
    # 730.5 h of 0.4 cores at 0.04 and 0.25 GiB at 0.005
    assert "-12.60 EUR" in signed_in.get("/models/portfolio/").content.decode()
    page = signed_in.get(model.get_absolute_url()).content.decode()
    assert "the advised size costs 12.60 EUR more" in page and "below 0 is less" in page


def test_gpus_count_towards_the_cost_and_not_the_waste(make, alice) -> None:
    model, _ = applied(make, alice)
    model.set_tags({"requestedCpu": "1", "requestedGpu": "2"}, alice)
    hourly = {"core_hour": "0.04", "gib_hour": "0.005", "currency": "EUR"}
    PriceList.objects.create(**hourly)
    row = by_name(PriceList.objects.current())["ridge"]
    assert (row.cost_a_month, row.waste_a_month) == (None, pytest.approx(730.5 * 0.5 * 0.04))
    PriceList(**hourly, gpu_hour="2").save()
    row = by_name(PriceList.objects.current())["ridge"]
    assert row.cost_a_month == pytest.approx(730.5 * (0.04 + 0.5 * 0.005 + 2 * 2))
    assert row.waste_a_month == pytest.approx(730.5 * 0.5 * 0.04)


def test_a_model_that_asks_for_less_does_not_make_up_for_one_that_asks_for_more(
    make, alice
) -> None:
    less, _ = applied(make, alice, "ridge")
    more, _ = applied(make, alice, "lasso")
    less.set_tags({"requestedCpu": "0.1"}, alice)
    more.set_tags({"requestedCpu": "1"}, alice)
    assert totals(portfolio(None))["cpu_slack"] == 500


def test_a_standing_written_by_hand_proves_nothing(make, alice) -> None:
    size = {"requestedCpu": "1", "requestedMemoryInGb": "1", "profile.standing": "verified"}
    make.model("without-run")
    model = make.model("provisional")
    apply_size(make.finished_run("provisional", models=[model]), [model], alice, confirmed=True)
    claimed = {"without-run": size, "provisional": {**model.tags, "profile.standing": "verified"}}
    for name, tags in claimed.items():  # as they may stand from when nothing refused them
        RegisteredModel.objects.filter(name=name).update(tags=tags)
    rows = by_name()
    assert (rows["without-run"].standing, rows["without-run"].evidence) == ("by hand", "unverified")
    assert rows["provisional"].standing == "provisional"


@pytest.mark.parametrize("odd", ["1e300", "1e306", "nan", "0.0001"])
def test_a_tag_that_is_no_size_breaks_no_page(signed_in, make, alice, odd) -> None:
    model = make.model("ridge")
    run = sized_run(make, models=[model])
    apply_size(run, [model], alice)
    PriceList.objects.create(core_hour="0.04", gib_hour="0.005", currency="EUR")
    for keys in (["requestedCpu"], ["requestedMemoryInGb"], ["requestedCpu", "requestedGpu"]):
        model.set_tags({"requestedCpu": "1", "requestedMemoryInGb": "1"}, alice)
        model.set_tags(dict.fromkeys(keys, odd), alice)
        assert not by_name(PriceList.objects.current())["ridge"].is_sized
        own = model.get_absolute_url()
        for page in ("/models/", "/models/portfolio/", own, f"{own}sizes/cpu/",
                     run.get_absolute_url(), f"/runs/{run.name}/apply/"):  # fmt: skip
            assert signed_in.get(page).status_code == 200, page


def test_what_changed_since_makes_a_size_stale(make, alice) -> None:
    _, run = applied(make, alice)
    make.config(run.config.name)
    make.dataset(run.dataset.name)
    config, dataset = by_name()["ridge"].stale
    assert config == "The config score:2 is newer than score:1, with which it was measured."
    assert dataset == (
        "The dataset requests:2 is newer than requests:1, with which it was measured."
    )


def test_a_size_changed_by_hand_is_no_longer_the_verified_one(signed_in, make, alice) -> None:
    model, run = applied(make, alice)
    model.set_tags({"requestedCpu": "0.50"}, alice)
    assert by_name()["ridge"].stale == []
    model.set_tags({"requestedCpu": "4"}, alice)
    row = by_name()["ridge"]
    assert (row.evidence, row.standing) == ("stale", "by hand")
    assert row.stale == [
        f"It was changed by hand since it was taken from {run.name}, which advised "
        "500m and 512 MiB."
    ]
    page = signed_in.get(model.get_absolute_url()).content.decode()
    assert "changed by hand since" in page and "4 cores, 512 MiB, by hand" in page


def test_an_image_of_another_config_says_nothing_of_this_one(make, alice) -> None:
    model, run = applied(make, alice)
    other = make.finished_run(models=[model], config=make.config("other"), dataset=run.dataset)
    ProfileRun.objects.filter(pk=other.pk).update(circumstances={"image_id": "sha256:2e"})
    assert by_name()["ridge"].stale == []


def test_another_image_since_makes_a_size_stale(make, alice) -> None:
    model, run = applied(make, alice)
    newer = make.finished_run(models=[model], config=run.config, dataset=run.dataset)
    assert by_name()["ridge"].stale == []
    ProfileRun.objects.filter(pk=newer.pk).update(circumstances={"image_id": "sha256:2e"})
    (why,) = by_name()["ridge"].stale
    assert why.startswith(f"{newer.name} measured another image since")


def test_tags_carried_to_a_new_version_are_stale(make, alice) -> None:
    model, _ = applied(make, alice)
    make.model("ridge", tags=model.tags)
    assert by_name()["ridge"].stale == ["It was measured for ridge:1."]
    assert totals(portfolio(None))["stale_count"] == 1


def test_a_size_by_hand_and_none_at_all_come_first(signed_in, make, alice) -> None:
    applied(make, alice, "sound")
    make.model("unsized")
    make.model("by-hand", tags={"requestedCpu": "1", "requestedMemoryInGb": "1"})
    page = signed_in.get("/models/portfolio/")
    rows = [row.record.name for row in page.context["table"].page.object_list]
    assert rows == ["unsized", "by-hand", "sound"]
    text = page.content.decode()
    assert "2 of 3" in text and "Not sized" in text and "By hand" in text


def shown(client, query: str) -> list[str]:
    page = client.get(f"/models/portfolio/?{query}")
    return sorted(row.record.name for row in page.context["table"].page.object_list)


def test_models_are_found_by_words_tags_and_evidence(signed_in, make, alice) -> None:
    applied(make, alice, "sound")
    _, run = applied(make, alice, "outdated")
    make.dataset(run.dataset.name)
    applied(make, alice, "current")
    make.model("by-hand", tags={"requestedCpu": "1", "requestedMemoryInGb": "1", "team": "risk"})
    make.model("unsized", tags={"team": "risk"})
    assert shown(signed_in, "q=ound") == ["sound"]
    assert shown(signed_in, "tag=team%3Drisk") == ["by-hand", "unsized"]
    assert shown(signed_in, "evidence=unsized") == ["unsized"]
    assert shown(signed_in, "evidence=unverified") == ["by-hand"]
    assert shown(signed_in, "evidence=stale") == ["outdated", "sound"]
    assert shown(signed_in, "evidence=verified") == ["current"]
    assert shown(signed_in, "evidence=verified&q=ound") == []
    assert len(shown(signed_in, "evidence=no-such")) == 5


def test_the_totals_are_of_the_models_shown(signed_in, make, alice) -> None:
    for name, cores in (("ridge", "1"), ("lasso", "2")):
        model, _ = applied(make, alice, name)
        model.set_tags({"requestedCpu": cores}, alice)
    text = signed_in.get("/models/portfolio/?q=ridge").content.decode()
    assert "1 of 1" in text and "500m, 0 MiB" in text
    nothing = signed_in.get("/models/portfolio/?q=no-such").content.decode()
    assert "Nothing matches" in nothing and "No models yet" not in nothing


def test_every_column_sorts_with_unknowns_in_it(signed_in, make, alice) -> None:
    applied(make, alice, "sound")
    make.model("unsized")
    for column in ("name", "cpu_millicores", "advised", "cpu_slack", "waste_a_month", "standing"):
        for sign in ("", "-"):
            assert signed_in.get(f"/models/portfolio/?sort={sign}{column}").status_code == 200


def test_a_models_page_says_what_its_newest_run_advises_instead(signed_in, make, alice) -> None:
    model, run = applied(make, alice)
    model.set_tags({"requestedCpu": "2"}, alice)
    PriceList.objects.create(core_hour="0.04", gib_hour="0.005", currency="EUR")
    page = signed_in.get(model.get_absolute_url()).content.decode()
    size = page[page.index('id="size"') : page.index('id="sizes"')]
    assert "2 cores" in size and "500m" in size and f"{run.name}</a>" in size
    assert "1.5 cores" in size  # the slack
    assert "43.83 EUR of it waste" in size  # 730.5 h of 1.5 cores at 0.04


def test_a_models_page_says_that_its_size_is_stale(signed_in, make, alice) -> None:
    model, run = applied(make, alice)
    assert "may be stale" not in signed_in.get(model.get_absolute_url()).content.decode()
    make.dataset(run.dataset.name)
    assert "may be stale" in signed_in.get(model.get_absolute_url()).content.decode()


@pytest.mark.parametrize("count", [10, 20])
def test_the_portfolio_asks_the_database_the_same_for_any_number(
    signed_in, make, alice, count
) -> None:
    for number in range(count):
        applied(make, alice, f"model-{number}")
    assert queries_of(lambda: signed_in.get("/models/portfolio/")) <= 15
