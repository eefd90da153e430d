"""Logs of which some lines were picked, by words or by level: what such a log never shows is no evidence.

The server writes certain lines one after the other for every session. Where a log has several of a later one and none
of an earlier one, somebody took the earlier ones out, and may have taken out others too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from sim.audit.waits import Patience
from sim.ledger.summary import Finding
from sim.logs.reading.wording import PROCESS, SIGNAL, place_of, places_of
from sim.vocabulary.lines import LINES, Kind

_SOME: Final = 3  # of a line before the absence of another one tells that it was taken out
_AT_NOTICE: Final = (Kind.ADD, Kind.REMOVE, Kind.DESTROY)
_LIFE: Final = (Kind.ADD, Kind.OFFER, Kind.ANSWER, Kind.DEACTIVATE, Kind.REMOVE, Kind.TERMINATED, Kind.DESTROY)
_ENDS: Final = (Kind.REMOVE, Kind.TERMINATED, Kind.DESTROY)  # written at once
_OFFERED: Final = (Kind.FOUND_ENGINE, Kind.CHANNEL_ADD, Kind.CHANNEL_MODIFIED, Kind.MEDIA_PATH, Kind.TERMINATE)
_OF_AGENT: Final = (Kind.PENDING_ADD, Kind.AGENT_MODIFIED, Kind.AGENT_REMOVED, Kind.PENDING_REMOVED, Kind.ASSIGN)
_TAKEN_UP: Final = places_of(Kind.PROCESS, Kind.PROCESS_PLAIN).union((PROCESS,))
_WAIT: Final = places_of(Kind.WAIT)
_OFFER: Final = place_of(Kind.OFFER)  # since 1.0
_PLACES: Final = {kind: places_of(kind) for kind in (*_LIFE, *_OFFERED)}
_ABOVE_INFO: Final = {line.kind for line in LINES if line.level not in ("INFO", "DEBUG")}
_BELOW_NOTICE: Final = places_of(*{line.kind for line in LINES} - _ABOVE_INFO)
_FEW: Final = 2  # of a line before the absence of another one does that its writer writes in the same breath
_TASKS: Final = (places_of(Kind.SIGNAL, Kind.SIGNAL_PLAIN).union((SIGNAL,)), _TAKEN_UP, _WAIT)
_PARTS: Final = places_of(
    *(kind for kind in Kind if Kind.CHANNEL_ADD <= kind <= Kind.CONTEXT_REMOVE and kind not in _OF_AGENT)
)
_WITH_INVITE: Final = tuple(map(places_of, (Kind.SIP_EVENT, Kind.CALL_STATE, Kind.CREATE)))
_BYE: Final = places_of(Kind.INITIATE_BYE)
_NOT_SIP: Final = places_of(Kind.RTSP_CREATE, Kind.CLIENT_HANDLE)
_BY_RELEASE: Final = ("", "close", "stop", "request", "release")  # kinds of waits that the end of a session ends too


class Picked:
    """How often a log has each line of a session's life."""

    def __init__(self) -> None:
        self._places: Counter[int] = Counter()

    def listen(self, places: Iterable[int]) -> None:
        """The lines of one more block, by their places in the wording."""
        self._places.update(places)

    def count(self, kind: Kind) -> int:
        """How many lines of a kind there were."""
        return sum(self._places[place] for place in _PLACES[kind])

    @property
    def tasks_shown(self) -> bool:
        """Whether the log has what tells of a task's work: when it takes a message up, and when it is done."""
        return not self._places.keys().isdisjoint(_TAKEN_UP) and not self._places.keys().isdisjoint(_WAIT)

    def _of(self, places: Iterable[int]) -> int:
        return sum(self._places[place] for place in places)

    @property
    def certain(self) -> bool:
        """Whether lines were taken out, beyond doubt."""
        infos = self.infos
        return self._lacks_what_comes_before(infos) or (infos and self._lacks_what_comes_with())

    def _lacks_what_comes_before(self, infos: bool) -> bool:
        later = 0
        for kind in reversed(_LIFE if infos else _AT_NOTICE):
            if kind is Kind.OFFER:
                later = max(later, *map(self.count, _OFFERED))
            count = self.count(kind)
            if not count and later >= _SOME:
                return True
            later = max(later, count)
        return False

    def _lacks_what_comes_with(self) -> bool:
        """Whether one of the lines is missing that are written together: of an INVITE, of an OFFER, of a task."""
        if self.count(Kind.ADD) - self.count(Kind.OFFER) >= _SOME:
            return True
        if self._of(_BYE) and not any(map(self._of, (*_WITH_INVITE, _NOT_SIP))):
            return True  # of what became of the BYE the SIP agent tells
        if self.count(Kind.TERMINATE) >= _FEW and not self.count(Kind.DEACTIVATE):
            return True
        if not self._of(_NOT_SIP):
            if min(self.count(Kind.ADD), self._places[_OFFER]) >= _FEW and not self._of(_WITH_INVITE[2]):
                return True
            invite = [self._of(places) for places in _WITH_INVITE]
            if invite[2] >= _FEW and not all(invite):
                return True
        tasks = [self._of(places) for places in _TASKS]
        return max(*tasks, self._of(_PARTS)) >= _FEW and not all(tasks)

    @property
    def infos(self) -> bool:
        """Whether the log has lines below NOTICE."""
        return any(self._places[place] for place in _BELOW_NOTICE)

    def findings(self, patience: Mapping[str, Patience]) -> list[Finding]:
        """What a reader must know first where lines were taken out: that the log shows no end of a session."""
        shown = self.ends_shown(patience)
        if shown is None or "" in shown:
            return []
        text = "Lines were taken out of this log, and none that is left shows how a session ends"
        return [Finding("lines-unread", f"{text}: which leaked can not be known")]

    def ends_shown(self, patience: Mapping[str, Patience]) -> frozenset[str] | None:
        """Of which kinds of waits the log shows the end for other sessions; None where nothing was taken out of it."""
        if not self.certain:
            return None
        shown = {kind for kind, seen in patience.items() if seen.samples}
        if not any(map(self.count, _ENDS)):
            return frozenset(shown.difference(_BY_RELEASE))
        return frozenset(shown.union(_BY_RELEASE if "release" in shown else ()))
