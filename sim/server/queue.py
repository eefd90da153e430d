"""`request_queue` of a session: a list without an end, of which the first few stand in the session's own record.

What does not find room there stands in a list that all sessions share, where each session's own are linked.
"""

from sim.server.records import QUEUE_SLOTS, Session, World


def queue_push(w: World, session: Session, kind: int, arg: int) -> None:
    """`apt_list_push_back`: a request waits behind the active one."""
    if session.more_head < 0 and session.queue_length < QUEUE_SLOTS:
        put(session, kind, arg)
        return
    added = more_append(w, kind, arg)
    if session.more_head < 0:
        session.more_head = added
    else:
        more_link(w, session.more_tail, added)
    session.more_tail = added


def put(session: Session, kind: int, arg: int) -> None:
    """A request takes a place of the ring."""
    tail = (session.queue_head + session.queue_length) % QUEUE_SLOTS
    session.queue_kind[tail] = kind
    session.queue_arg[tail] = arg
    session.queue_length += 1


def queue_drop_first(w: World, session: Session) -> None:
    """`apt_list_pop_front`: the first has become the active one; one that stood elsewhere takes a place of the ring."""
    session.queue_head = (session.queue_head + 1) % QUEUE_SLOTS
    session.queue_length -= 1
    if session.more_head >= 0:
        put(session, more_get(w, session.more_head, 0), more_get(w, session.more_head, 1))
        session.more_head = more_get(w, session.more_head, 2)


# the compiled engine has a list of its own in place of these


def more_append(w: World, kind: int, arg: int) -> int:
    """One more entry at the end of the shared list: its number. It is linked to none."""
    w.more.append([kind, arg, -1])
    return len(w.more) - 1


def more_link(w: World, number: int, following: int) -> None:
    """Entry `number` is followed by another one of its session."""
    w.more[number][2] = following


def more_get(w: World, number: int, column: int) -> int:
    """Kind (0) or argument (1) of an entry, or the number of the one that follows (2), -1 for none."""
    return w.more[number][column]
