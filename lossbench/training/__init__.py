"""One training: initial weights, batch order, and the LightningModule that learns and chooses its best epoch."""
