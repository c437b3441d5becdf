"""`lossbench nearest`: the most similar known losses."""

from __future__ import annotations

from lossbench.cli.options import KINDS, loss_parameters, loss_subjects, parser


def nearest(argv: list[str]) -> int:
    """Prints the known losses with the most similar gradients, with their parameters fitted."""
    words = parser("nearest", "Finds the most similar built-in losses: gradients are compared up to a factor.")
    words.add_argument("names", nargs="+", metavar="NAME", help="an installed loss, or my.module:MyLoss")
    words.add_argument("--kind", choices=KINDS, help="only this kind; required if the object does not state one")
    options = words.parse_args(argv)
    given, names = loss_parameters(options.names)

    from lossbench.probe.nearest import SAME, known
    from lossbench.probe.nearest import nearest as nearest_of

    for name in names:
        for subject in loss_subjects(name, options.kind, given):
            print(f"{subject}")
            for likeness in nearest_of(subject, known(subject.kind)):
                if likeness.off <= SAME:
                    print(f"    is {likeness}")
                elif likeness.off <= 0.1:
                    print(f"    is nearly {likeness}, within {100 * likeness.off:.2g} %")
                else:
                    print(f"    is {100 * likeness.off:.3g} % away from {likeness}")
    return 0
