"""Final answers that refuse a call."""

from sim.server.records import REJECTIONS

OTHER = REJECTIONS.index(500)


def rejection_index(status: int) -> int:
    """Where a refusal is counted in `Server.rejected`."""
    for i in range(len(REJECTIONS)):
        if REJECTIONS[i] == status:
            return i
    return OTHER
