def to_linear(p, icc):
    return p


def from_linear(p, icc):
    return p
