"""The run that tests of the evaluation's pages are shown is what a search would have left."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth.models import User

from nas.data.cache import ImageCache
from nas.data.sealed import open_seal
from nas.evaluation.predictions import load_predictions, predictions_file
from search_app.pages import leaderboard_of, report_of
from tests.finished import evaluated

pytestmark = pytest.mark.django_db


def test_rows_cache_answers_and_report_agree(owner: User) -> None:
    run = evaluated(owner, n_test=120)
    version = run.dataset_version
    cache = ImageCache.open(version.cache_dir)
    board = {row.candidate.number: row for row in leaderboard_of(run, report_of(run))}
    test_rows = cache.open_test(open_seal(run.workdir, ["any"]))
    assert version.dataset.images.count() == len(cache) == 240
    assert version.classes == list(cache.classes)
    for model in run.models.all():
        found = load_predictions(predictions_file(run.workdir, model.name))
        assert found.data_hash == cache.content_hash
        assert np.array_equal(found.rows, test_rows)
        assert np.array_equal(found.labels, cache.labels[test_rows])
        assert board[model.candidate_number].accuracy == float((found.answers == found.labels).mean())
        assert found.has_int8 == (model.candidate_number == 9)
