"""The built-in losses, by family. They know `lossbench.loss` and enter by the same entry points as anybody's."""
