"""Which hand-made networks a run trains."""

from nas.phases.baselines import from_scratch


def test_long_runs_compare_with_resnet_50_too() -> None:
    names = [name for name, _title in from_scratch(14.9)]
    assert names == ["mobilenetv3_small_100", "resnet18"]
    assert [name for name, _title in from_scratch(15.0)] == [*names, "resnet50"]
