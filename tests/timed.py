"""What processes of their own are given to time; pickle finds it here by name."""

import os
import time

import numpy as np

from wideopen.errors import RequestError


def nothing(photo):
    return photo


def make_nothing():
    return nothing


def hungry(photo):
    """Hold 200 MiB for a while, long before the end."""
    block = np.ones(200 * 2**20, np.uint8)
    time.sleep(0.3)
    del block
    return photo


def make_hungry():
    return hungry


def make_talkative():
    print("said to standard output")
    return nothing


def make_dead():
    os._exit(3)


def make_refused():
    raise RequestError("no such weights; give others")


def make_cet_ece():
    import torch

    from wideopen.zoo.catalog import solution
    from wideopen.zoo.run import SolutionRenderer

    torch.manual_seed(0)
    found = solution("cet-ece")
    return SolutionRenderer(found, found.build().eval())
