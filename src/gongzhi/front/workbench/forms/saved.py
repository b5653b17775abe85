"""What somebody says about a view that they keep."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.models import SavedView


class SaveViewForm(forms.Form):
    over = forms.ChoiceField(choices=SavedView.Over.choices, widget=forms.HiddenInput)
    query = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        max_length=40,
        error_messages={"required": _("Give the view a name.")},
    )
    opens = forms.BooleanField(label=_("Open the list with it"), required=False)


class ChangeViewForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=40, error_messages={"required": _("Give the view a name.")})
    position = forms.IntegerField(label=_("Place among the others"), min_value=0, max_value=999)
    pinned = forms.BooleanField(label=_("Shown above the list"), required=False)
    opens = forms.BooleanField(label=_("Open the list with it"), required=False)
