from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from nas.cells import DARTS, NASBENCH201, Edge
from nas.report.cells import cell_svg
from nas.spaces import make_space

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


@pytest.mark.parametrize(("name", "template"), [("nasbench201", NASBENCH201), ("cell", DARTS)])
def test_every_edge_and_node_is_drawn_inside_the_picture(name: str, template) -> None:
    space, rng = make_space(name, max_resolution=28), random.Random(0)
    for _ in range(20):
        edges = space.decode(space.sample(rng)).normal
        root = ElementTree.fromstring(cell_svg(template, edges, title="t"))  # noqa: S314
        assert len([e for e in root.iter(f"{SVG}path") if e.get("marker-end")]) == len(edges)
        assert len(list(root.iter(f"{SVG}rect"))) == 1 + template.n_inputs + template.n_nodes
        _, _, width, height = (float(value) for value in root.get("viewBox").split())
        for label in root.iter(f"{SVG}text"):
            assert 0 < float(label.get("x")) < width and 0 < float(label.get("y")) < height


def test_labels_of_overlapping_edges_lie_apart() -> None:
    edges = [Edge(s, t, "nor_conv_3x3") for s, t in NASBENCH201.pairs]
    root = ElementTree.fromstring(cell_svg(NASBENCH201, edges, title="t"))  # noqa: S314
    places = [(e.get("x"), e.get("y")) for e in root.iter(f"{SVG}text") if e.text == "nor conv 3x3"]
    assert len(places) == len(set(places)) == 6


def test_a_title_is_text_and_no_markup() -> None:
    svg = cell_svg(NASBENCH201, [Edge(0, 3, "skip_connect")], title="<script>x</script> & co")
    assert "<script>" not in svg and "<script>x</script> & co" in texts(svg)
    assert "stroke-dasharray" in svg and "skip" in texts(svg)
