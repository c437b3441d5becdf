"""kornia's losses as lossbench losses: the targets of a batch form an image of one row of pixels."""
