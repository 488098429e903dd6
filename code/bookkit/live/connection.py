"""Which kernel the page is connected to: asked by Matplotlib's backend and by the stand-ins."""

from __future__ import annotations

from typing import Any

_kernel: Any = None


def current() -> Any:
    """The page's `Kernel`; there is one."""
    if _kernel is None:
        raise RuntimeError("no page is connected")
    return _kernel


def set_current(kernel: Any) -> None:
    """Make `kernel` the page's."""
    global _kernel
    _kernel = kernel
