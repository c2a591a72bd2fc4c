"""The form that puts a size forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth import get_user_model

from runs.comments import MOST_CHARACTERS
from runs.forms.styling import StyledForm
from runs.models import ProfileRun, Proposal
from runs.roles import WORDS, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ProposalForm(StyledForm):
    models = forms.MultipleChoiceField(
        label="For the models",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one model to size."},
    )
    reviewers = forms.ModelMultipleChoiceField(
        label="Ask to review",
        queryset=get_user_model().objects.none(),
        to_field_name="username",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        required=False,
        help_text="Left empty: any reviewer.",
    )
    baseline = forms.ModelChoiceField(
        label="Compare with",
        queryset=ProfileRun.objects.none(),
        to_field_name="name",
        required=False,
        empty_label="No run",
        help_text="The baseline that reviewers see it held against.",
    )
    text = forms.CharField(
        label="Why",
        required=False,
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Markdown and @mentions work.",
    )
    as_properties = forms.BooleanField(
        label="Record the same values as properties too",
        required=False,
        help_text="Properties can be added but never changed.",
    )

    def __init__(self, run: ProfileRun, actor: User, data: dict | None = None) -> None:
        super().__init__(data)
        self.run, self.actor = run, actor
        self._models = {model.ref: model for model in run.models.all()}
        self.fields["models"].choices = [(ref, ref) for ref in self._models]
        self.fields["models"].initial = list(self._models)
        self.fields["reviewers"].queryset = possible_reviewers().exclude(pk=actor.pk)
        others = ProfileRun.objects.comparable_with(run)
        self.fields["baseline"].queryset = others

    def propose(self, size: dict) -> Proposal:
        data = self.cleaned_data
        return Proposal.objects.propose(
            self.run,
            [self._models[ref] for ref in data["models"]],
            size,
            self.actor,
            reviewers=data["reviewers"],
            baseline=data["baseline"],
            text=data["text"],
            as_properties=data["as_properties"],
        )


def possible_reviewers():
    """Those whose role lets them decide, by name."""
    able = [word for word, role in WORDS.items() if role >= Role.REVIEWER]
    people = get_user_model().objects.filter(is_active=True)
    return (
        (people.filter(groups__name__in=able) | people.filter(is_superuser=True))
        .distinct()
        .order_by("username")
    )
