"""The losses of Keras 3 as lossbench losses, on Keras's torch backend.

Keras's behaviour is left as it is: that it clips probabilities, casts to float32 and swaps weights.
"""

import os

chosen = os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras reads it once, when it is imported
if chosen == "torch":
    import keras

    chosen = keras.backend.backend()  # differs if Keras was imported earlier
if chosen != "torch":
    raise ImportError(
        f"Keras uses the {chosen} backend, but lossbench trains with torch: set KERAS_BACKEND=torch before Keras is "
        f"imported, or leave it unset."
    )

from lossbench_keras.binary import BinaryFocalCrossentropy  # noqa: E402
from lossbench_keras.classes import CategoricalFocalCrossentropy  # noqa: E402
from lossbench_keras.overlap import BinaryDice, BinaryTversky, ClassesDice, ClassesTversky  # noqa: E402

__all__ = ["dice", "focal", "tversky"]

focal = (BinaryFocalCrossentropy, CategoricalFocalCrossentropy)
dice = (BinaryDice, ClassesDice)
tversky = (BinaryTversky, ClassesTversky)
