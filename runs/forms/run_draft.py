"""What the form of a new run says while it is filled in."""

from __future__ import annotations

from runs.forms.runs import NewRunForm
from runs.models import ProfileRun
from runs.run_duration import Expected, expected_from_now
from runs.run_words import differences, sentence


class RunDraft(NewRunForm):
    """Whatever is missing or wrong in it is left out; nothing is refused."""

    def clean(self) -> dict:
        for name in self.fields:
            self.cleaned_data.setdefault(name, None)
        self.run = ProfileRun(**self.asked_for())
        return self.cleaned_data

    @property
    def sentence(self) -> str:
        return sentence(self.run)

    @property
    def expected(self) -> Expected | None:
        """How long it will take; None until config and target are chosen."""
        if not (self.run.config_id and self.run.target_id):
            return None
        return expected_from_now(self.run)

    @property
    def differences(self) -> list[tuple[str, str, str]] | None:
        """From the run that it repeats, as runs.run_words.differences; None where it does not."""
        name = self.cleaned_data["clone"]
        original = ProfileRun.objects.for_page().filter(name=name).first() if name else None
        if original is None:
            return None
        return differences(self.run, list(self.cleaned_data["models"] or []), original)
