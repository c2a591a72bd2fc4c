"""A sizing policy in the administration: the engine says what is wrong with it."""

from __future__ import annotations

from django import forms

from profiler.spec_reader.policy import OBJECTIVE_KEYS
from runs.forms.problems import add_problem
from runs.models import SizingPolicy

#: Place in the spec -> the field that it comes from. Sizes in MiB are for their fields to check.
FIELDS = {
    **{f"policy.{key}": key for key in ("name", "cpu_margin", "memory_margin", "steps_up")},
    **{f"policy.objective.{key}": key for key in OBJECTIVE_KEYS},
    "policy.grid.steps_millicores": "grid_steps_millicores",
    "policy.grid.step_above_millicores": "grid_step_above_millicores",
    "policy.floors.cpu_millicores": "floor_cpu_millicores",
}


class SizingPolicyForm(forms.ModelForm):
    class Meta:
        model = SizingPolicy
        fields = (
            *("name", "memory_margin", "memory_step_mib", "cpu_margin", "steps_up"),
            *("grid_steps_millicores", "grid_step_above_millicores"),
            *("floor_cpu_millicores", "floor_memory_mib"),
            *OBJECTIVE_KEYS,
        )
        widgets = {"grid_steps_millicores": forms.Textarea(attrs={"rows": 2, "cols": 50})}

    def clean(self) -> dict:
        cleaned = super().clean()
        for problem in SizingPolicy(**cleaned).problems():
            if problem.place in FIELDS or "[" in problem.place:
                add_problem(self, problem, FIELDS)
        return cleaned
