"""The types of arrays, as ``Float[np.ndarray, "h w"]``: jaxtyping's where something can check them.

Nothing checks shapes outside of tests, and loading jaxtyping would be an eighth of every start. So
where nobody has loaded it, an annotation means its array alone.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from jaxtyping import Shaped as Shaped
    from jaxtyping import UInt as UInt
    from jaxtyping import UInt8 as UInt8
else:

    class _Unchecked:
        """What stands in brackets before a shape."""

        def __class_getitem__(cls, array_and_shape: tuple[Any, str]) -> Any:  # noqa: ANN401
            return array_and_shape[0]

    Float = Int = Shaped = UInt = UInt8 = _Unchecked
