"""The losses of imbalanced-losses as lossbench losses, as that library computes them."""
