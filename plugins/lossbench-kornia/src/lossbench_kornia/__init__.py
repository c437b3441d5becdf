"""kornia's losses as lossbench losses: the targets of a batch are the pixels of an image of one row."""
