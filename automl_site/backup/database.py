"""The database of a restore: made anew with the archive's own migrations, filled, then brought up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.db.models.functions import Now

from automl_site.backup.reading import Archive
from automl_site.backup.rows import load_rows
from datasets_app.models import Dataset
from search_app.inventory import OWNERS
from search_app.models import SearchRun
from search_app.webhooks import webhooks_begin_anew

INTERRUPTED: Final = (
    "This search was running when the backup was made that this site was restored from. Press Resume to go "
    "on from the last network that was finished."
)


class Summary(Protocol):
    """What the filling tells."""

    n_rows: int
    interrupted: list[str]


@contextmanager
def fill_database(archive: Archive, lines: Iterable[str], made: Summary) -> Iterator[None]:
    """Fills a new database; it takes the old one's place when the block ends without an error.

    PostgreSQL does all of it in one transaction. SQLite fills a file beside the old one, because its tables
    cannot be altered in a transaction with foreign keys.
    """
    if connection.vendor == "sqlite":
        path = Path(str(connection.settings_dict["NAME"]))
        draft = path.with_name(f".{path.name}.restoring")
        _remove_sqlite(draft)
        try:
            with _pointed_at(draft):
                _fill(archive, lines, made)
                _forget_log()
            yield
            _forget_log()
            connection.close()
            for log in ("-wal", "-shm"):  # of the old file, in case that somebody still had it open
                path.with_name(path.name + log).unlink(missing_ok=True)
            draft.replace(path)
        finally:
            _remove_sqlite(draft)
    else:
        with transaction.atomic():
            _drop_tables()
            _fill(archive, lines, made)
            yield


def table_names() -> set[str]:
    """Returns the names of all tables of the installation; none if its database does not exist yet."""
    if connection.vendor == "sqlite" and not Path(str(connection.settings_dict["NAME"])).exists():
        return set()
    return set(connection.introspection.table_names())


def _fill(archive: Archive, lines: Iterable[str], made: Summary) -> None:
    executor = MigrationExecutor(connection)
    applied = {(app, name) for app, names in archive.head["migrations"].items() for name in names}
    plan = [
        (migration, False)
        for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())
        if (migration.app_label, migration.name) in applied
    ]
    state = executor.migrate(targets=None, plan=plan)
    with transaction.atomic():
        made.n_rows = load_rows(state.apps, lines)
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    with transaction.atomic():
        _forget_deleted(archive)
        _let_go_of_claims(made)


def _forget_deleted(archive: Archive) -> None:
    """Deletes what people deleted while the archive was made: its files are not inside."""
    for model in OWNERS:
        model._default_manager.filter(pk__in=archive.deleted.get(model._meta.label_lower, [])).delete()


def _let_go_of_claims(made: Summary) -> None:
    """No worker of the old installation counts any more, and what was running says so."""
    runs = SearchRun.objects.filter(state__in=SearchRun.working_states)
    made.interrupted = list(runs.values_list("name", flat=True))
    runs.update(state=SearchRun.State.FAILED, error=INTERRUPTED, finished_at=Now(), eta_seconds=None)
    # Whoever drills a restore must not mail people: each end was told, or will be, by the original.
    SearchRun.objects.filter(state__in=SearchRun.ended_states, noticed_at=None).update(noticed_at=Now())
    webhooks_begin_anew()
    for model in (Dataset, SearchRun):
        model.objects.update(lease_until=None, attempt=0, claimed_by="", fence=F("fence") + 1)


@contextmanager
def _pointed_at(path: Path) -> Iterator[None]:
    """Lets the one connection open another file: migrations that move data know only the default database."""
    chosen = connection.settings_dict
    before = chosen["NAME"]
    connection.close()
    chosen["NAME"] = str(path)
    try:
        yield
    finally:
        connection.close()
        chosen["NAME"] = before


def _drop_tables() -> None:
    """Drops the tables of this program, those of other versions included, and no others."""
    ours = ("django_", "site_cache", *(f"{app.label}_" for app in apps.get_app_configs()))
    with connection.cursor() as cursor:
        names = [name for name in connection.introspection.table_names(cursor) if name.startswith(ours)]
        for name in names:
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)} CASCADE")


def _forget_log() -> None:
    """Moves SQLite's write-ahead log into the file, so that the file alone is the database."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _remove_sqlite(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
