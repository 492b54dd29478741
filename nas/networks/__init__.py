"""Architectures become torch modules here, with fresh, ImageNet or inherited weights."""

from nas.networks.build import build_network
from nas.networks.counting import count_macs, count_params
from nas.networks.inherit import Inheritance, inherit
from nas.networks.weights import lite0_state_dict, lite_state_dict

__all__ = [
    "Inheritance",
    "build_network",
    "count_macs",
    "count_params",
    "inherit",
    "lite0_state_dict",
    "lite_state_dict",
]
