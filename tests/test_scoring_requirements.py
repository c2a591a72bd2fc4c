"""Which requirement is at fault, from what uv says."""

from __future__ import annotations

import pytest

from profiler.services.scoring.requirements import culprit_of, explain, name_of, reason_of

UNKNOWN = """\
Using Python 3.11.2 environment at: /opt/venv
error: No solution found when resolving dependencies
  cause: Because no-such-package was not found in the package registry and you require \
no-such-package, we can conclude that your requirements are unsatisfiable.
"""
CONFLICT = """\
error: No solution found when resolving dependencies
  cause: Because azureml-inference-server-http==1.5.0 depends on flask>=3.1.0,<3.2.dev0 and you \
require azureml-inference-server-http==1.5.0, we can conclude that you require flask>=3.1.0,\
<3.2.dev0.
         And because you require flask==1.0, we can conclude that your requirements are \
unsatisfiable.
"""
NO_NETWORK = """\
error: Request failed after 3 retries
  cause: Failed to fetch: `https://pypi.org/simple/flask/`
  cause: dns error
"""
UNTRUSTED = "error: Request failed\n  cause: invalid peer certificate: UnknownIssuer\n"


def test_an_unknown_package_is_named_with_its_version_as_it_was_written():
    told = explain(UNKNOWN, ("numpy", "No_Such.Package>=1"))

    assert told.startswith("Requirement 'No_Such.Package>=1' cannot be installed: No solution")
    assert "not found in the package registry" in told


def test_in_a_conflict_with_the_server_the_users_requirement_is_named():
    assert explain(CONFLICT, ("numpy", "flask==1.0")).startswith("Requirement 'flask==1.0'")


def test_no_requirement_is_blamed_for_a_missing_network():
    assert explain(NO_NETWORK, ("numpy",)).startswith("The package index could not be reached")


def test_an_untrusted_certificate_says_which_setting_helps():
    assert "PROFILER_CA_BUNDLE" in explain(UNTRUSTED, ("numpy",))


def test_output_without_an_error_is_quoted_from_its_end():
    assert reason_of("one\ntwo\n") == "one. two."
    assert reason_of("") == "it said nothing."


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Scikit_Learn==1.8 # pinned", "scikit-learn"),
        ("torch>=2; python_version<'3'", "torch"),
        ("numpy @ https://example.org/numpy.whl", "numpy"),
        ("--index-url https://example.org", None),
        ("./wheels/mine.whl", None),
    ],
)
def test_the_package_a_line_asks_for(line, name):
    assert name_of(line) == name


def test_nobody_is_named_when_the_reason_names_nobody():
    assert culprit_of("Something else went wrong.", ("numpy",)) is None
