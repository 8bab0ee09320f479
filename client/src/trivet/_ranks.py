"""Which of several processes of one job this is: what launchers say in the environment."""

from __future__ import annotations

import logging
import os
from typing import Final

# Rank and number of processes: torchrun and most launchers, Slurm, Open MPI, MPICH and Intel MPI; on one machine.
_VARIABLES: Final = (
    ("RANK", "WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("LOCAL_RANK", "LOCAL_WORLD_SIZE"),
)
NO_RANK: Final = -1

_log = logging.getLogger("trivet")


def current_rank() -> int:
    """The rank of this process; `NO_RANK` where it is the only one, or nobody says.

    TRIVET_RANK is over what launchers say; `none` is no rank.
    """
    said = os.environ.get("TRIVET_RANK", "").strip().lower()
    if said:
        if not said.isdecimal() and said != "none":
            _log.warning("TRIVET_RANK is %r, which is neither a number nor none; points have no rank", said)
        return int(said) if said.isdecimal() else NO_RANK
    for rank, size in _VARIABLES:
        number = os.environ.get(rank, "")
        if number.isdecimal() and os.environ.get(size, "") != "1":
            return int(number)
    return NO_RANK
