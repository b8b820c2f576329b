import numpy as np


def to_linear(p, icc):
    return p


def from_linear(p, icc):
    return p
