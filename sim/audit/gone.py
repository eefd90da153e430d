"""Sessions whose pool was destroyed a short while ago, so that a line that still names one shows a use after free."""

from collections import OrderedDict
from typing import Final

from sim.audit.audited import AuditedSession

_RECENT: Final = 5_000


class Gone:
    """A released session, remembered for a while."""

    __slots__ = ("closing", "double", "id", "label", "number", "pointer", "released", "reported")

    def __init__(self, session: AuditedSession) -> None:
        self.number = session.number
        self.id = session.id
        self.label = self.id or session.label
        self.pointer = session.pointer
        self.released = session.released
        self.double = session.double
        self.closing = frozenset(session.closing)
        self.reported = False

    def used(self, what: str, time: int) -> str:
        """What is said of its use after free, once."""
        self.reported = True
        why = " after its engine channel was reported closed twice" if self.double >= 0 else ""
        late = (time - self.released) / 1e3
        return f'session <{self.label}>: "{what}" {late:.3f} ms after its session_pool was destroyed{why}'


class Recent:
    """The last few thousand of them, by id (or address, where they had no id) and by the last to have an address."""

    def __init__(self) -> None:
        self.by_name: OrderedDict[bytes, Gone] = OrderedDict()
        self.by_pointer: dict[bytes, Gone] = {}

    def forget(self) -> None:
        """What a line says now is no evidence about them any more."""
        self.by_name.clear()
        self.by_pointer.clear()

    def remember(self, session: AuditedSession) -> None:
        """`session` was released just now; the oldest is forgotten."""
        gone = Gone(session)
        self.by_name[session.name or session.pointer] = gone
        self.by_pointer[session.pointer] = gone
        if len(self.by_name) > _RECENT:
            oldest = self.by_name.popitem(last=False)[1]
            if self.by_pointer.get(oldest.pointer) is oldest:
                del self.by_pointer[oldest.pointer]
