"""The built-in losses, by family. They import only `lossbench.loss` and register by entry point, like any package."""
