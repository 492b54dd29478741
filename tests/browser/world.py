"""Something to see on every page of an installation: `python -m tests.browser.world make|make-small|clear`.

`make` prints the ids as JSON; `make-small` leaves out the finished search, which takes seconds; `clear` reads
the ids from its input and takes away what was made, for the tests that share the installation count what they
find. `AUTOML_VAR_DIR` names the installation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import django

from tests.integration.stack import ROOT, Stack

HOSTILE = "<script>alert(1)</script>" + "x" * 175
"""The longest name that forms take, and no friendly one."""


@contextmanager
def world(stack: Stack, *, small: bool = False) -> Iterator[dict[str, str]]:
    """Makes it, yields the ids, takes it away."""
    made = _call(stack, "make-small" if small else "make")
    yield json.loads(made)
    _call(stack, "clear", made)


def _call(stack: Stack, what: str, told: str = "") -> str:
    command = [sys.executable, "-m", "tests.browser.world", what]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False, input=told
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(*, small: bool) -> dict[str, str]:
    """Returns ids of a data set, searches and a device, and `newcomer`, the link of someone without any."""
    from django.utils import timezone

    from automl_site.welcome import ensure_admin, make_link
    from datasets_app.models import Dataset
    from search_app.device_services import device_create
    from search_app.models import SearchRun
    from tests import factories
    from tests.browser.big_set import make as make_set

    owner = ensure_admin()
    dataset = make_set(48, 4)
    Dataset.objects.filter(pk=dataset).update(name=HOSTILE)
    version = Dataset.objects.get(pk=dataset).current_version
    ids = {"dataset": dataset}
    if not small:
        from tests.finished import finished

        like = SearchRun(dataset_version=version)
        about: dict[str, Any] = {"best_accuracy": 0.93, "n_candidates": 9, "finished_at": timezone.now()}
        ids["finished"] = finished(owner, like=like, **about).pk
    common: dict[str, Any] = {"owner": owner, "dataset_version": version, "minutes": 30}
    running = factories.SearchRunFactory(
        **common,
        name=HOSTILE,
        state=SearchRun.State.RUNNING,
        lease_until=timezone.now() + timedelta(hours=1),  # no worker takes it
        started_at=timezone.now(),
        phase="base_search",
        progress=0.4,
        eta_seconds=700,
        best_accuracy=0.9,
        n_candidates=4,
    )
    for number in range(4):
        factories.make_candidate(running, number)
    failed = factories.SearchRunFactory(
        **common, state=SearchRun.State.FAILED, error=f"{HOSTILE} Free some space and resume it."
    )
    device = device_create(owner=owner, name="My phone", kind="browser", spaces=["lite-elastic"])
    newcomer = factories.UserFactory(username="newcomer")
    ids |= {"running": running.pk, "failed": failed.pk, "device": device.pk}
    return {**{name: str(pk) for name, pk in ids.items()}, "newcomer": make_link(newcomer)}


def clear(ids: dict[str, str]) -> None:
    """Takes away what `make` made."""
    from django.contrib.auth.models import User

    from datasets_app.models import Dataset
    from search_app.models import Device, SearchRun

    SearchRun.objects.filter(dataset_version__dataset=ids["dataset"]).delete()
    Dataset.objects.filter(pk=ids["dataset"]).delete()
    Device.objects.filter(pk=ids["device"]).delete()
    User.objects.filter(username="newcomer").delete()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")
    django.setup()
    if sys.argv[1] == "clear":
        clear(json.load(sys.stdin))
    else:
        sys.stdout.write(json.dumps(make(small=sys.argv[1] == "make-small")))
