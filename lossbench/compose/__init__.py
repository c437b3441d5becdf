"""Hydra's side: the command line in order, installed losses as a config group, composed configurations as cells."""
