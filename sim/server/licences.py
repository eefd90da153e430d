"""Licences of a plugin that lets an open wait for one: who waits, in order, and who is next.

A channel that waits is written as a number: 0 for none, else 1 + its session's slot * MAX_CHANNELS + its own number.
"""

from sim.server.records import Session, World
from sim.vocabulary.plugins import MAX_CHANNELS


def wait_for_licence(w: World, session: Session, i: int) -> None:
    """Channel `i` of a session waits behind all others for a licence of its plugin."""
    plugin = session.resource[i]
    number = 1 + session.slot * MAX_CHANNELS + i
    last = w.server.licence_last[plugin]
    if last:
        w.sessions[(last - 1) // MAX_CHANNELS].licence_next[(last - 1) % MAX_CHANNELS] = number
    else:
        w.server.licence_first[plugin] = number
    w.server.licence_last[plugin] = number
    session.licence_next[i] = 0
    session.licence_waits |= 1 << i


def next_waiting(w: World, plugin: int) -> int:
    """Take the channel that has waited longest out of the queue, as a number; 0 when none waits."""
    number = w.server.licence_first[plugin]
    if number:
        session = w.sessions[(number - 1) // MAX_CHANNELS]
        following = session.licence_next[(number - 1) % MAX_CHANNELS]
        session.licence_waits &= ~(1 << ((number - 1) % MAX_CHANNELS))
        w.server.licence_first[plugin] = following
        if following == 0:
            w.server.licence_last[plugin] = 0
    return number
