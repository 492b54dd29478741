"""What sharing asks of searches: they show photos."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from datasets_app.models import Shared, Team
from search_app.models import SearchRun


def check_photos_are_shared(thing: Shared, team: Team) -> None:
    """Refuses to share a search whose photos the team may not see.

    Raises:
        ValidationError: Its data set is not shared with the team.
    """
    if isinstance(thing, SearchRun) and thing.dataset_version.dataset.team_id != team.pk:
        raise ValidationError(
            _("The pages of a search show its photos. Share its data set with this team first.")
        )
