"""Numbers of things in words: `{{ n|images }}` says "1 image" or "1,234 images" in the page's language."""

from __future__ import annotations

from django import template
from django.utils.translation import ngettext

from datasets_app.words.figures import whole

register = template.Library()


@register.filter
def images(n: int) -> str:
    """Returns a number of images in words."""
    return ngettext("%(n)s image", "%(n)s images", n) % {"n": whole(n)}


@register.filter
def photos(n: int) -> str:
    """Returns a number of photos in words."""
    return ngettext("%(n)s photo", "%(n)s photos", n) % {"n": whole(n)}


@register.filter
def classes(n: int) -> str:
    """Returns a number of classes in words."""
    return ngettext("%(n)s class", "%(n)s classes", n) % {"n": whole(n)}


@register.filter
def threads(n: int) -> str:
    """Returns a number of threads in words."""
    return ngettext("%(n)s thread", "%(n)s threads", n) % {"n": whole(n)}


@register.filter
def changes(n: int) -> str:
    """Returns a number of changes in words."""
    return ngettext("%(n)s change", "%(n)s changes", n) % {"n": whole(n)}
