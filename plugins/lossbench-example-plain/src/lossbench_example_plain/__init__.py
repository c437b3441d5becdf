"""A loss that is a plain function: its package depends only on torch, and lossbench still finds it."""


def power_error(output, target, p: float = 1.5):
    """Estimates something between the median (p = 1) and the mean (p = 2).

    |r|^p, r = output - target.

    Args:
        p: exponent of the error, at least 1.

    Shape: output, target [n]; returns [n].
    """
    if not 1 <= p < float("inf"):
        raise ValueError(f"p must be at least 1 and finite, not {p}")
    return (output - target).abs() ** p


# Read by lossbench. Only "kind" is required; `docs/your-loss.md` of lossbench lists all keys.
power_error.__lossbench__ = {
    "kind": "continuous",
    "reference": "|r|^p, r = ŷ - y",
    "elicits": "centre",
    "bounded": False,
    "convex": True,
    "zero": True,
    "monotone": True,
    "special_cases": {"p=1": "mae", "p=2": "mse"},
    "search": {"p": (1.0, 3.0)},
    "units": {"p": "exponent of the error"},
}
