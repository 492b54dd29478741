"""Forms of the pages of teams."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from datasets_app.models import Role


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(
        max_length=100, label=_("Name"), help_text=_("How its members will know it, for example your lab.")
    )


class InvitationForm(forms.Form):
    """An invitation."""

    role = forms.ChoiceField(
        choices=Role.choices,
        initial=Role.VIEWER,
        label=_("Role"),
        help_text=_(
            "Viewers look and download. Editors also change, search and stop. Owners also delete, invite and "
            "remove members."
        ),
    )
    email = forms.EmailField(
        required=False,
        label=_("E-mail address"),
        help_text=_("The link is sent there. Without one you pass the link on yourself."),
    )


class ShareForm(forms.Form):
    """With which team a thing is shared."""

    team = forms.ChoiceField(
        required=False, label=_("Team"), help_text=_("One team at a time. “Nobody” ends the sharing.")
    )
