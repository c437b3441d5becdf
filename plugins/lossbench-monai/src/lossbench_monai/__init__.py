"""MONAI's losses as lossbench losses: the n targets of a batch are the voxels of one volume."""
