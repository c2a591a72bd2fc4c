"""Registering an inference config: checked by the engine before anything is kept."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from django.core.files import File
from django.db import transaction
from django.utils.safestring import SafeString

from profiler.errors import InvalidSpec
from profiler.spec import Config
from profiler.spec_fields import Folder, Problems, Table
from profiler.spec_reader.config import read_config
from runs import storage
from runs.forms.config_fields import CONDA, CONDA_FILE, DOCKERFILE, PIP, ConfigFields, Kind
from runs.forms.config_initial import SAME
from runs.forms.problems import add_problem
from runs.forms.sent_files import Upload, stored_upload, written
from runs.highlighting import SHOWN_BYTES, highlighted, readable
from runs.models import InferenceConfig, StoredFiles

#: What the files are called where none is sent apart from the sources.
USUAL_NAMES = {
    PIP: ("requirements.txt",),
    CONDA: ("conda.yml", "conda.yaml", "environment.yml", "environment.yaml"),
    DOCKERFILE: ("Dockerfile",),
}
#: A requirement of one version, of an address or of a file; options are none.
PINNED = re.compile(r"==|@|^-")

#: Place in the spec -> the field that it comes from.
FIELDS = {
    **{f"config.{name}": name for name in SAME},
    "config.source_directory": "files",
    "config.environment": "environment_kind",
    "config.environment.pip": "requirements",
    "config.environment.conda": "conda_file",
    "config.environment.dockerfile": "dockerfile",
    "config.environment.base_image": "base_image",
    "config.environment.python": "python",
}


class RegisterConfigForm(ConfigFields):
    #: What the engine read of it, and the entry script's beginning; once they were read.
    config: Config | None = None
    script: bytes | None = None
    #: Whether the sources are another config's: a file that is sent takes the place of theirs.
    takes_former = False

    @property
    def shown_script(self) -> SafeString | None:
        """The entry script's beginning, highlighted; None where it is no text."""
        text = None if self.script is None else readable(self.script)
        return None if text is None else highlighted(text, "score.py")

    @property
    def unpinned(self) -> list[str]:
        """Packages of which another build may bring another version."""
        environment = getattr(self.config, "environment", None)
        packages = environment.pip if environment else ()
        return [line for line in packages if not PINNED.search(line)]

    @cached_property
    def former(self) -> InferenceConfig | None:
        """The config whose sources are taken where no files are sent."""
        ref = self["sources_of"].value()
        scored = InferenceConfig.objects.exclude(files=None).select_related("files")
        try:
            return scored.ref(ref) if ref else None
        except InferenceConfig.DoesNotExist:
            return None

    def _upload(self, cleaned: dict) -> Upload | None:
        if cleaned.get("kind") == Kind.CONTAINER:
            return None
        if self.former and not self.staged_upload and not self.sent()[0]:
            self.takes_former = True
            return stored_upload(self.former.files)
        return super()._upload(cleaned).as_folder(self.folder_name)

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.served_errors:
            return cleaned
        try:
            if cleaned["kind"] == Kind.CONTAINER:
                self._check_container(cleaned)
            else:
                with written(cleaned["upload"]) as source:
                    self._check_scored(cleaned, source)
        except storage.UploadRefused as refusal:
            self.add_error("files", str(refusal))
        return cleaned

    @property
    def served_errors(self) -> list[tuple[str, str]]:
        """What is wrong with what is served, by label: it is checked before it has a name, too."""
        return [
            (self[field].label if field in self.fields else "", error)
            for field, errors in self.errors.items()
            if field not in ("name", "description")
            for error in errors
        ]

    def _check_container(self, cleaned: dict) -> None:
        for field in ("image", "port"):
            if not cleaned[field]:
                self.add_error(field, "A container needs it.")
        if self.served_errors:
            return
        given = ("image", "port", "health_path", "score_path", "method", "headers")
        cleaned["definition"] = self._with_common({key: cleaned[key] for key in given})
        self._check(cleaned["definition"], Path())

    def _check_scored(self, cleaned: dict, source: Path) -> None:
        """Check the sources together with what was sent beside them."""
        environment = self._environment(cleaned, source)
        definition = {
            "entry_script": cleaned["entry_script"] or self._the_script(source),
            "environment": {key: value for key, value in environment.items() if value},
            "workers": cleaned["workers"],
        }
        cleaned["definition"] = self._with_common(definition)
        if not self.served_errors:
            self._check(cleaned["definition"], source)
        self._read_script(definition["entry_script"], source)

    def _read_script(self, name: str, source: Path) -> None:
        """Its text, to be shown before anything is kept."""
        path = source / name
        if name and path.resolve().is_relative_to(source.resolve()) and path.is_file():
            with path.open("rb") as file:
                self.script = file.read(SHOWN_BYTES + 1)

    def _with_common(self, definition: dict) -> dict:
        common = {key: self.cleaned_data[key] for key in ("env", "gpu", "egress")}
        return {key: value for key, value in {**definition, **common}.items() if value}

    def _the_script(self, source: Path) -> str:
        scripts = sorted(path.name for path in source.glob("*.py"))
        if "score.py" in scripts:
            return "score.py"
        if len(scripts) == 1:
            return scripts[0]
        found = f"There are {', '.join(scripts)}" if scripts else "There is no .py file at the top"
        self.add_error("entry_script", f"{found}: say which file has init() and run().")
        return ""

    def _environment(self, cleaned: dict, source: Path) -> dict:
        """The spec's `environment`, with the paths of files among the sources."""
        kind = cleaned["environment_kind"] or PIP
        if kind == DOCKERFILE:
            return {DOCKERFILE: self._file_of(kind, cleaned["dockerfile"], source)}
        shared = {"base_image": cleaned["base_image"], "python": cleaned["python"]}
        if kind == CONDA:
            return {CONDA: self._file_of(kind, cleaned[CONDA_FILE], source), **shared}
        lines = [line.strip() for line in cleaned["requirements"].splitlines()]
        given = [line for line in lines if line and not line.startswith("#")]
        return {PIP: given or self._usual_file(PIP, source), **shared}

    def _file_of(self, kind: str, sent: File | None, source: Path) -> str | None:
        """The name among the sources of the file sent for it, or of one usually called so."""
        field = CONDA_FILE if kind == CONDA else DOCKERFILE
        if sent is None:
            found = self._usual_file(kind, source)
            if found is None:
                names = " or ".join(USUAL_NAMES[kind][:3:2] or USUAL_NAMES[kind])
                self.add_error(field, f"Choose it, or put {names} among the sources.")
            return found
        name = storage.safe_path(sent.name)
        if (source / name).exists() and not self.takes_former:
            self.add_error(field, f"The sources hold a {name} already; keep one of them.")
            return None
        _put(sent, source / name)
        return name

    def _usual_file(self, kind: str, source: Path) -> str | None:
        """Among the sources: what the config that they are of calls it, or what it is called."""
        former = self.former.definition.get("environment", {}).get(kind) if self.former else None
        names = (*([former] if isinstance(former, str) else []), *USUAL_NAMES[kind])
        return next((name for name in names if (source / name).is_file()), None)

    def _check(self, definition: dict, source: Path) -> None:
        """Put every problem that the engine finds at the field that it comes from."""
        problems = Problems()
        root = Table({"config": definition}, "", problems, ("config",))
        self.config = read_config(root, Folder(source, confined=True, called="the sources"), None)
        try:
            problems.raise_if_any()
        except InvalidSpec as refusal:
            for problem in refusal.problems:
                add_problem(self, problem, FIELDS)

    def register(self) -> InferenceConfig:
        """Store the sources and the next version of the name, both or neither."""
        with transaction.atomic():
            self.forget_files()
            files = self._store_sources() if self.cleaned_data["upload"] else None
            return InferenceConfig.objects.register(
                name=self.cleaned_data["name"],
                kind=self.cleaned_data["kind"],
                definition=self.cleaned_data["definition"],
                files=files,
                description=self.cleaned_data["description"],
                created_by=self.owner,
            )

    def _store_sources(self) -> StoredFiles:
        with written(self.cleaned_data["upload"]) as source:
            used = self.cleaned_data["definition"].get("environment", {}).values()
            for sent in (self.cleaned_data[CONDA_FILE], self.cleaned_data[DOCKERFILE]):
                if sent and sent.name in used:
                    _put(sent, source / sent.name)
            return StoredFiles.objects.store_path(source)


def _put(sent: File, path: Path) -> None:
    path.write_bytes(sent.open().read())
