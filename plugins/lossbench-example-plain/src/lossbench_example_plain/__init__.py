"""A loss that is a plain function: its package depends on torch alone, and lossbench finds it all the same."""


def power_error(output, target, p: float = 1.5):
    """Asks for something between the median (p = 1) and the mean (p = 2).

    |r|^p, r = output - target. output, target: [n], and n losses come out. 1 ≤ p.
    """
    if not 1 <= p < float("inf"):
        raise ValueError(f"p must be at least 1 and finite, not {p}")
    return (output - target).abs() ** p


# What lossbench reads, if it is there. Only "kind" is needed; `docs/your-loss.md` of lossbench has all keys.
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
    "units": {"p": "power of the error"},
}
