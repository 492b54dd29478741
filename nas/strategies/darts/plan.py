"""How large a DARTS search may be in given seconds. Arithmetic only; the speed is measured by the caller."""

from __future__ import annotations

from dataclasses import dataclass

from nas.cells import CellTemplate

BATCH_SIZE = 32
FEW_JUDGES = 128  # validation images where time is short
_EPOCHS = (50, 40, 30, 20, 15, 10)  # the paper's 50 where there is time
_STEPS_WANTED = 12  # of an epoch: as many as in `darts-bench`
_FEWEST_STEPS, _FEWEST_EPOCHS = 3, 5
_LONGEST_EPOCH = 10.0
_CELLS = {False: (5, 3, 1), True: (1,)}  # of a stage; by whether the cell is concatenated, which costs more
# Costs in pairs of steps, one of the weights and one of the alphas:
_FORWARD = 1 / 6  # of a batch; a step is forward once and backward for two
_EIGENVALUE = 4.0  # measured: 4.1 in cells of NAS-Bench-201, 2.4 in those of DARTS
_AROUND = 0.4  # stem, reductions and classifier, in cells a stage; measured: five cells cost 3.9 times one


@dataclass(frozen=True)
class Plan:
    """The size of one search.

    Attributes:
        seconds: What it is expected to take, selection included.
        cells: Normal cells a stage.
        epochs: Passes over one half of the images.
        images: Training images, both halves together.
        tune_epochs: Epochs of tuning before each edge of the selection.
        step_seconds: Seconds of a step of the weights and one of the alphas.
        perturbs: Whether there is time to select by perturbation and to measure eigenvalues.
    """

    seconds: float
    cells: int
    epochs: int
    images: int
    tune_epochs: int
    step_seconds: float
    perturbs: bool = True


def size_of(
    template: CellTemplate, seconds: float, images: tuple[int, int], seconds_of_one_cell: float
) -> Plan:
    """Returns the largest search that fits: deep cells first, then epochs, then images.

    Depth goes last, because without it there is no collapse to be seen, and nothing to be learnt about deep
    networks (decision 0021).

    Args:
        template: The cell family.
        seconds: For one search.
        images: Training images, and those that judge the mixture after each epoch.
        seconds_of_one_cell: Of a step of the weights and one of the alphas, with one cell a stage.
    """
    n_train, n_val = images
    most_steps = max(1, n_train // 2 // BATCH_SIZE)
    for cells in _CELLS[template.concatenates]:
        pair = seconds_of_one_cell * (cells + _AROUND) / (1 + _AROUND)
        measuring = pair * (_EIGENVALUE + n_val / BATCH_SIZE * _FORWARD)
        limit = max(1, min(most_steps, int(_LONGEST_EPOCH / pair)))
        for epochs in _EPOCHS:
            steps = int((seconds - epochs * measuring) / (pair * (epochs + _selection(template, epochs))))
            fewest = _STEPS_WANTED if epochs > _EPOCHS[-1] else _FEWEST_STEPS
            if steps >= min(fewest, limit):
                return _plan(template, cells, (epochs, min(steps, limit)), n_train, (pair, measuring))
    return _short_plan(seconds, cells, limit, n_train, pair)


def _short_plan(seconds: float, cells: int, limit: int, n_train: int, pair: float) -> Plan:
    """Returns a search that takes the largest alphas and measures little."""
    measuring = pair * FEW_JUDGES / BATCH_SIZE * _FORWARD
    sizes = [(epochs, int((seconds / epochs - measuring) / pair)) for epochs in _EPOCHS]
    fits = [(epochs, steps) for epochs, steps in sizes if steps >= min(_FEWEST_STEPS, limit)]
    epochs, steps = fits[0] if fits else (_FEWEST_EPOCHS, _FEWEST_STEPS)
    steps = min(steps, limit)
    images = min(n_train, 2 * BATCH_SIZE * steps)
    return Plan(epochs * (steps * pair + measuring), cells, epochs, images, 1, pair, perturbs=False)


def selection_seconds(template: CellTemplate, plan: Plan) -> float:
    """Returns the seconds that the selection by perturbation is expected to take."""
    if not plan.perturbs:
        return 0.0
    steps = max(1, plan.images // 2 // BATCH_SIZE)
    return steps * plan.step_seconds * _selection(template, plan.epochs)


def _plan(
    template: CellTemplate, cells: int, size: tuple[int, int], n_train: int, speed: tuple[float, float]
) -> Plan:
    (epochs, steps), (pair, measuring) = size, speed
    seconds = epochs * (steps * pair + measuring) + steps * pair * _selection(template, epochs)
    images = min(n_train, 2 * BATCH_SIZE * steps)
    return Plan(seconds, cells, epochs, images, _tune_epochs(template, epochs), pair)


def _selection(template: CellTemplate, epochs: int) -> float:
    """Returns the cost of the selection in epochs of steps: tuning and judging, edge by edge."""
    judged = (len(template.operations) - 1) * _FORWARD
    return _edges(template) * (_tune_epochs(template, epochs) / 2 + judged)


def _tune_epochs(template: CellTemplate, epochs: int) -> int:
    """Returns DARTS-PT's five for 50 epochs and six edges, in proportion, at least one."""
    return max(1, round(epochs / 10 * 6 / _edges(template)))


def _edges(template: CellTemplate) -> int:
    return len(template.pairs) * (2 if template.concatenates else 1)
