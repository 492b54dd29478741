"""The form of a new device."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from nas.spaces import SPACES
from search_app.forms import SPACE_NAMES
from search_app.models import Device

EXTENT_TIMES = {
    "quick": _("About a minute, longer on an old phone."),
    "thorough": _("About four minutes, longer on an old phone."),
}
EXTENT_NAMES = {"quick": _("quick measurement"), "thorough": _("thorough measurement")}
EXTENT_HINTS = (
    ("quick", _("Quick"), _("About a minute, longer on an old phone. Enough to search for the device.")),
    (
        "thorough",
        _("Thorough"),
        _("About four minutes, longer on an old phone. Every block, and more networks."),
    ),
)
KIND_HINTS = (
    (
        "browser",
        _("In its browser"),
        _("A phone, tablet or computer: it opens a link, nothing is installed."),
    ),
    ("python", _("With Python"), _("A board or a server: it runs one script with ONNX Runtime.")),
)


class DeviceForm(forms.Form):
    """Checks form only; what a device may be is decided by `device_services.device_create`."""

    name = forms.CharField(
        max_length=100,
        label=_("Name"),
        help_text=_("How you will find it again, such as “Phone of the warehouse”."),
        error_messages={"required": _("Give the device a name by which you will know it.")},
    )
    kind = forms.ChoiceField(choices=[(value, name) for value, name, _ in KIND_HINTS], initial="browser")
    extent = forms.ChoiceField(choices=[(value, name) for value, name, _ in EXTENT_HINTS], initial="quick")
    spaces = forms.MultipleChoiceField(
        choices=[(name, SPACE_NAMES[name]) for name in SPACES],
        initial=[SPACES[0]],
        error_messages={"required": _("Choose at least one search space.")},
    )


assert {value for value, _, _ in KIND_HINTS} == set(Device.Kind.values)
