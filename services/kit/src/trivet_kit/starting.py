"""A server that starts looks for no garbage: nearly all that it makes stays until its end.

Python would look through all of it again and again meanwhile, which takes a tenth of a start.
"""

from __future__ import annotations

import gc


def begin() -> None:
    """Looks for no garbage until `end`. To be called before most is imported."""
    gc.disable()


def end() -> None:
    """Looks for garbage from now on, in what is made from now on.

    What is there stays, with the little garbage in it: some MB, for which all would have to be looked through.
    """
    gc.freeze()
    gc.enable()
