"""`lossbench nearest`: which known loss another one nearly is."""

from __future__ import annotations

from lossbench.cli.options import KINDS, loss_parameters, loss_subjects, parser


def nearest(argv: list[str]) -> int:
    """The known losses whose gradients are nearest, their parameters fitted."""
    words = parser("nearest", "Which built-in loss another one nearly is: their gradients, compared up to a factor.")
    words.add_argument("names", nargs="+", metavar="NAME", help="an installed loss, or my.module:MyLoss")
    words.add_argument("--kind", choices=KINDS, help="that kind alone; of an object that does not say its own")
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
