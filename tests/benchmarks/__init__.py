"""What lossbench costs against the bare minimum, and whether equal losses come out equal. `make bench` runs it."""
