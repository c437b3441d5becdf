"""Everything about Hydra: the command line in order, installed losses as a config group, configurations as cells."""
