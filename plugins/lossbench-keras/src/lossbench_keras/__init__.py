"""The losses of Keras 3 as lossbench losses, on Keras's torch backend.

What Keras does is left as it is: probabilities that it clips, float32 that it casts to, weights that it swaps.
"""

import os

chosen = os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras reads it once, when it is imported
if chosen == "torch":
    import keras

    chosen = keras.backend.backend()  # another one, where Keras was imported before the choice
if chosen != "torch":
    raise ImportError(
        f"Keras runs on {chosen} here, and lossbench trains with torch: set KERAS_BACKEND=torch before Keras is "
        f"imported, or leave it unset."
    )

from lossbench_keras.binary import BinaryFocalCrossentropy  # noqa: E402
from lossbench_keras.classes import CategoricalFocalCrossentropy  # noqa: E402
from lossbench_keras.overlap import BinaryDice, BinaryTversky, ClassesDice, ClassesTversky  # noqa: E402

__all__ = ["dice", "focal", "tversky"]

focal = (BinaryFocalCrossentropy, CategoricalFocalCrossentropy)
dice = (BinaryDice, ClassesDice)
tversky = (BinaryTversky, ClassesTversky)
