"""Python requirements: a list in the spec, a requirements file, a conda file's pip section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from profiler.spec_fields import Folder, Problems, shown

#: A requirements or conda file larger than this is something else.
FILE_BYTES_MAX = 1 << 20

_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s+|=|(?<=-r))(?P<path>\S.*)")
_EDITABLE = re.compile(r"(-e|--editable)(\s|=|$)")
_OPTION = re.compile(r"(?P<name>--?[A-Za-z][A-Za-z-]*)")
_HASH = re.compile(r"\s--hash[=\s]")
_LOCAL = re.compile(r"^(\.{0,2}[/\\]|~|[A-Za-z]:[/\\]|file:)|\.(whl|zip|tar\.gz|tar\.bz2)$")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_REMOTE = re.compile(r"(git|hg|svn|bzr)\+|https?://")

_INDEX_OPTIONS = {"-i", "--index-url", "--extra-index-url", "--trusted-host", "--no-index"}
_COPY_IT = "copy the package's folder into source_directory and import it, or name a release"


class RequirementLines:
    """Collects requirements from lines and files; problems carry the file and line."""

    def __init__(self, folder: Folder, place: str, problems: Problems) -> None:
        self.found: list[str] = []
        self._folder = folder
        #: Of what is added next: the lines of a list have one each.
        self.place = place
        self._problems = problems
        self._open: list[Path] = []
        #: Package -> its exact version, and the line that asks for it.
        self._exact: dict[str, tuple[str, str]] = {}

    def add_file(self, path: Path) -> None:
        """The requirements of a file, those it includes with -r in their place."""
        if path in self._open:
            chain = " -> ".join(file.name for file in [*self._open, path])
            self._refuse("", f"includes itself ({chain}); remove one -r")
            return
        text = read_small_file(path, self.place, self._problems)
        if text is None:
            return
        self._open.append(path)
        for number, line in _joined(text):
            self.add(line, f"{path.name} line {number}: ", Folder(path.parent, False))
        self._open.pop()

    def add(self, line: str, where: str = "", beside: Folder | None = None) -> None:
        """One line; comments and empty lines add nothing. `beside` is where -r looks."""
        line = _COMMENT.sub("", line).strip()
        if not line:
            return
        if included := _INCLUDE.fullmatch(line):
            self._include(included["path"].strip().strip("\"'"), where, beside or self._folder)
        elif message := _not_installable(line):
            self._refuse(where, message)
        else:
            self._add_requirement(line, where)

    def _include(self, text: str, where: str, beside: Folder) -> None:
        # Looked up beside the including file, but confined (if at all) to the spec's own folder; a
        # message names it from there.
        path = beside.base / text
        is_inside = path.is_relative_to(self._folder.base)
        inside = path.relative_to(self._folder.base) if is_inside else path
        found = self._folder.find(str(inside), "file")
        if isinstance(found, str):
            self._refuse(where, found)
        else:
            self.add_file(found)

    def _add_requirement(self, line: str, where: str) -> None:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            self._refuse(where, f"{shown(line)} is not a requirement ({reason}); correct it")
            return
        if requirement.url and requirement.url.startswith("file:"):
            self._refuse(where, f"{shown(line)} is a local path; {_COPY_IT}")
            return
        if other := self._contradicts(requirement):
            self._refuse(where, f"{shown(line)} contradicts {shown(other)}; keep one of them")
            return
        self.found.append(line)

    def _contradicts(self, requirement: Requirement) -> str | None:
        """The line that asks for another exact version of the same package, wherever it runs."""
        exact = [one.version for one in requirement.specifier if one.operator == "=="]
        if requirement.marker or not exact or exact[0].endswith("*"):
            return None
        name = canonicalize_name(requirement.name)
        version, line = self._exact.setdefault(name, (exact[0], str(requirement)))
        return None if Version(version) == Version(exact[0]) else line

    def _refuse(self, where: str, message: str) -> None:
        self._problems.add(self.place, _CREDENTIALS.sub("***", f"{where}{message}"))


def _not_installable(line: str) -> str | None:
    """Why a line that pip may know cannot be used here, or None."""
    if _EDITABLE.match(line):
        return f"{shown(line)} is an editable install; {_COPY_IT}"
    if option := _OPTION.match(line):
        return _refused_option(option["name"])
    if _HASH.search(line):
        return "--hash is not supported; remove it (pip-compile --no-generate-hashes)"
    if _REMOTE.match(line):
        return f"{shown(line)} has no name; write the package's name before it, as `name @ URL`"
    if _LOCAL.search(line) and "@" not in line:
        return f"{shown(line)} is a local path; {_COPY_IT}"
    return None


def _refused_option(name: str) -> str:
    if name in _INDEX_OPTIONS:
        return f"{name} is not read from requirements; set PIP_INDEX_URL where the worker runs"
    if name in ("-c", "--constraint"):
        return f"{name} is not supported; write the versions into the requirements themselves"
    return f"the option {name} is not supported; remove the line"


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1; one that ends in a backslash goes on in the next."""
    begun, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            begun += line[:-1].strip() + " "
            continue
        yield start, begun + line.strip()
        begun, start = "", 0
    if begun:
        yield start, begun


def read_small_file(path: Path, place: str, problems: Problems) -> str | None:
    """The text of a file of settings, or None with the problem noted."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            problems.add(
                place, f"{path.name} is over {FILE_BYTES_MAX} bytes; is it the right file?"
            )
            return None
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.add(place, f"{path.name} line {line} is not UTF-8; save the file as UTF-8")
    except OSError as error:
        problems.add(place, f"{path.name} cannot be read: {error.strerror}")
    return None
