"""What Numba does in vain when it starts and for each function it compiles, left out.

Nothing here changes what compiled code does.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any, Final

from numba import types
from numba.core import event
from numba.core.cpu import CPUContext

_BLAS: Final = "scipy.linalg.cython_blas"


def spare_the_start() -> None:
    """Keep Numba from looking, when its context is first made, whether there is a BLAS: the import of scipy.linalg is an eighth of a second process.

    All that hangs on the answer is which inner loop np.convolve() and np.correlate() take in compiled code.
    """
    load = CPUContext.load_additional_registries

    def load_additional_registries(self: Any) -> None:
        setattr(CPUContext, "load_additional_registries", load)  # noqa: B010
        unasked = _BLAS not in sys.modules
        if unasked:
            sys.modules[_BLAS] = None  # type: ignore[assignment]  # importing it fails at once
        try:
            load(self)
        finally:
            if unasked:
                del sys.modules[_BLAS]

    setattr(CPUContext, "load_additional_registries", load_additional_registries)  # noqa: B010


def spare_the_compiler() -> None:
    """Remember what an operator of numbers or arrays is: Numba asks all of its templates, NumPy's first, at each use. Name a record without its fields.

    And measure nothing: every call of LLVM would be told to as many listeners as there are callers on the stack.
    """
    resolve = types.BaseFunction.get_call_type
    known: dict[Any, Any] = {}

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        if kws or not all(isinstance(arg, types.Number | types.Boolean | types.Array) for arg in args):
            return resolve(self, context, args, kws)
        use = (self, args)
        if use not in known:
            known[use] = resolve(self, context, args, kws)
        return known[use]

    setattr(types.BaseFunction, "get_call_type", get_call_type)  # noqa: B010
    setattr(types.Record, "__repr__", types.Type.__repr__)  # noqa: B010
    setattr(event, "install_timer", lambda _kind, _callback: nullcontext())  # noqa: B010
