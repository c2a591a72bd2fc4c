"""What tests share: people, a data directory, a real queue server, and whether Docker is there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# How long an example takes is the machine's: tests have no time limits of their own.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# --- What measures --------------------------------------------------------------------------------
#: Tests that measure or keep times: they run by themselves, one after the other (see the Makefile).
#: Of files in which only some do, those are marked there.
ALONE = {
    "test_aa",
    "test_bench",
    "test_cgroup",
    "test_diagnoses_docker",
    "test_docker_image",
    "test_engine_process",
    "test_engine_questions",
    "test_fresh_clone",
    "test_gpu_runs",
    "test_load_answer_check",
    "test_load_answers",
    "test_load_connections",
    "test_load_driver",
    "test_load_endings",
    "test_memory_docker",
    "test_process_service",
    "test_process_usage",
    "test_recorded_arrivals",
    "test_review_journey",
    "test_scoring_model_path",
    "test_usage_docker",
    "test_variants_docker",
}
#: Begun first where tests run beside each other: begun last, they would be waited for.
LONGEST = {"test_register_journey", "test_serve"}


def pytest_configure() -> None:
    """Each process of tests is an installation of its own: one sweeps nothing of another's."""
    from django.conf import settings

    settings.PROFILER_INSTALLATION = f"tests-{os.getpid()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in LONGEST)
    for item in items:
        if item.path.stem in ALONE:
            item.add_marker(pytest.mark.alone)
    _skip_without_docker(items)


# --- Docker ---------------------------------------------------------------------------------------
def _skip_without_docker(items: list[pytest.Item]) -> None:
    """Tests that need Docker are skipped with the reason, or fail with REQUIRE_DOCKER=1."""
    needy = [item for item in items if item.get_closest_marker("docker")]
    if not needy or os.environ.get("REQUIRE_DOCKER") == "1":
        return
    from profiler.services.docker_engine import check_docker

    trouble = check_docker()
    if trouble:
        for item in needy:
            item.add_marker(pytest.mark.skip(reason=f"no Docker: {trouble}"))


# --- Database and files ---------------------------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file rather than memory: workers are other processes."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        database.setdefault("TEST", {})
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> Path:
    """Each test's own PROFILER_DATA_DIR."""
    settings.PROFILER_DATA_DIR = tmp_path / "data"
    settings.FILE_UPLOAD_TEMP_DIR = settings.PROFILER_DATA_DIR / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    settings.STATIC_ROOT = settings.PROFILER_DATA_DIR / "static"
    settings.STATIC_ROOT.mkdir()
    # The real hasher is slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Pages are tested without having gathered the static files first.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return settings.PROFILER_DATA_DIR


@pytest.fixture
def processes_allowed(settings) -> None:
    """Runs may be asked for on targets that start processes."""
    settings.PROFILER_ALLOW_PROCESS_TARGET = True


@pytest.fixture
def unthrottled() -> None:
    """What tests before this one asked for counts against no limit of its own."""
    from django.core.cache import cache

    cache.clear()


# --- People ---------------------------------------------------------------------------------------
@pytest.fixture
def alice(django_user_model):
    return django_user_model.objects.create_user("alice", password="correct horse battery")


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create_user("bob", password="staple correct horse")


@pytest.fixture
def carol(django_user_model):
    """A reviewer."""
    from django.contrib.auth.models import Group

    user = django_user_model.objects.create_user("carol", password="horse staple correct")
    user.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    return user


@pytest.fixture
def root(django_user_model):
    return django_user_model.objects.create_superuser("root", password="battery staple horse")


@pytest.fixture
def signed_in(client, alice):
    """A browser in which Alice is signed in."""
    client.force_login(alice)
    return client


# --- Rows to work with ----------------------------------------------------------------------------
@pytest.fixture
def make(alice) -> Callable[..., object]:
    """Rows with sensible content: `make.model(name="ridge")`, `make.run()`, ..."""
    from tests.rows import Rows

    return Rows(alice)


# --- GPUs -----------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stand-in for the NVIDIA driver's library."""
    from tests.fake_gpu import compiled

    return compiled(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def gpus(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two GPUs of this host, also to this process; their locks are in a folder of the test."""
    from tests.fake_gpu import FakeGpus, load

    load(nvml_library)
    fake = FakeGpus(nvml_library, tmp_path, gpus=2)
    for name, value in fake.env.items():
        monkeypatch.setenv(name, value)
    return fake


# --- Queue ----------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def queue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real queue server: REDIS_URL's, or one of our own on a unix socket.

    Of REDIS_URL's, tests that run beside each other have a database each: its number is theirs.
    """
    from django.conf import settings

    if settings.REDIS_URL:
        number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
        server = settings.REDIS_URL.rpartition("/")[0]
        yield f"{server}/{number}" if number else settings.REDIS_URL
        return
    from runs.serving import queue_server
    from runs.serving.children import Children

    socket_path = tmp_path_factory.mktemp("q") / "q.sock"
    children = Children()
    queue_server.start(children, socket_path)
    yield f"unix://{socket_path}"
    children.stop(patience_s=2)


@pytest.fixture
def queue(queue_server: str, settings) -> str:
    """The queue server, as the app's own."""
    place = {"URL": queue_server, "SERIALIZER": "rq.serializers.JSONSerializer"}
    settings.RQ_QUEUES = {name: dict(place) for name in settings.RQ_QUEUES}
    return queue_server


@pytest.fixture
def keep_signals() -> Iterator[None]:
    """A worker run within the test takes over signals; give them back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
