"""Records in, comparisons out: pure functions over what was stored, without torch, Hydra or MLflow."""
