"""Forms in the look of the site: the classes of each control are set in this one place."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField

CHECKS = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)


class StyledBoundField(BoundField):
    """A field whose control carries the class that the style sheet knows."""

    def build_widget_attrs(self, attrs: dict, widget: forms.Widget | None = None) -> dict:
        attrs = super().build_widget_attrs(attrs, widget)
        control = widget or self.field.widget
        own = control.attrs.get("class", "")
        attrs["class"] = f"{_class_of(control)} {own}".strip()
        return attrs

    @property
    def is_check(self) -> bool:
        """Whether the label belongs behind the control, not above it."""
        return isinstance(self.field.widget, forms.CheckboxInput)


def _class_of(widget: forms.Widget) -> str:
    if isinstance(widget, CHECKS):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"


class StyledForm(forms.Form):
    """The base of the site's forms."""

    bound_field_class = StyledBoundField
    use_required_attribute = True
