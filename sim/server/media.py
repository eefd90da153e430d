"""The media engine (MPF): containers of commands, RTP ports and media contexts."""

from sim.server.effects import emit, give, post, refuse, take
from sim.server.handling import handles
from sim.server.plugin import ends_by_itself
from sim.server.records import (
    COMPLETES,
    DEGRADED,
    HAS_ENGINE,
    IN_CONTEXT,
    IN_PROGRESS,
    UNSET,
    Session,
    World,
)
from sim.server.streams import HELD, draw
from sim.vocabulary.messages import (
    CONTAINER_SIZE,
    HOLDS,
    M_AUDIO,
    M_CONTAINER,
    M_STOP,
    RESUMES,
    S_MEDIA,
    S_RESPONSE,
    S_STOPPED,
    STEP_ADD,
    STEP_MODIFY,
    channel_of,
    commands,
    count_of,
    first_of,
    step_of,
    what_of,
)
from sim.vocabulary.plugins import START
from sim.vocabulary.resources import HOLDS_RTP, MEDIA_CONTEXT, RTP_PORT
from sim.vocabulary.tasks import SERVER


def engine_channels(session: Session) -> int:
    """How many channels of a session have an engine."""
    engines = 0
    for i in range(session.channels):
        if session.channel[i] & HAS_ENGINE:
            engines += 1
    return engines


def containers(w: World, session: Session, step: int) -> None:
    """Send the commands of one step to the media engine, five to a container, each one subrequest.

    The commands, in order — adding: RESET, one ADD per engine, RTP ADD, one ASSOCIATION per engine, APPLY; modifying:
    RESET, RTP MODIFY, the ASSOCIATIONs, APPLY; subtracting: RESET, one SUBTRACT per engine, RTP SUBTRACT.
    """
    engines = engine_channels(session)
    if step == STEP_ADD:
        total = 3 + 2 * engines
    elif step == STEP_MODIFY:
        total = 3 + engines
    else:
        total = 2 + engines
    session.subrequests += total
    first = 0
    while first < total:
        count = min(CONTAINER_SIZE, total - first)
        post(w, M_CONTAINER, session, commands(step, first, count))
        first += count


@handles(M_CONTAINER)
def m_container(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mpf_engine_msg_process`: carry out the commands of one container and send it back with the answers."""
    step = step_of(arg)
    first = first_of(arg)
    engines = engine_channels(session)
    for command in range(first, first + count_of(arg)):
        if step == STEP_MODIFY:
            if command == 1 and session.active_arg == HOLDS:
                audio_goes(session, now)
            elif command == 1 and session.active_arg == RESUMES:
                audio_returns(w, session, now)
            continue
        if 1 <= command <= engines:
            engine_termination(w, session, command - 1, step, now)
        elif command == engines + 1:
            if step == STEP_ADD:
                rtp_open(w, session, now)
                context_add(w, session)
            else:
                rtp_close(w, session, now)
                context_subtract(w, session, now)
    delay = 0.0
    if w.p.held_answers > 0.0 and draw(w, HELD) < w.p.held_answers:
        # the woken thread waits for the processor that this one still needs for its contexts
        delay = w.server.contexts * w.p.context_cost_s
    emit(w, SERVER, S_MEDIA, session, arg, delay)


def audio_goes(session: Session, now: float) -> None:
    """The audio bridge is destroyed: no stream callback is called any more, and the recogniser hears nothing."""
    if session.audio_away or session.rtp_port < 0:
        return
    session.audio_away = 1
    session.held_s = now
    if session.listens_s == session.listens_s:
        session.silence_s += now - session.listens_s
        session.listens_s = UNSET
    for i in range(session.channels):
        if session.channel[i] & COMPLETES:
            session.ends_s[i] = max(0.0, session.ends_s[i] - now)


def audio_returns(w: World, session: Session, now: float) -> None:
    """There is a bridge again: what was in progress goes on, and a STOP that waits is answered by the next callback."""
    if not session.audio_away:
        return
    session.audio_away = 0
    for i in range(session.channels):
        if session.channel[i] & COMPLETES:
            after = session.ends_s[i]
            session.asked[i] = (session.asked[i] + 1) % 1024
            session.ends_s[i] = now + after
            ends_by_itself(w, session, i, after)
        if session.channel[i] & IN_PROGRESS and w.plugins[session.resource[i]].adds_silence:
            session.listens_s = now
        if session.stop_waits[i]:
            post(w, M_STOP, session, session.stop_waits[i] - 1)
            session.stop_waits[i] = 0


def engine_termination(w: World, session: Session, index: int, step: int, now: float) -> None:
    """Add the `index`-th engine's termination to the media context, or subtract it."""
    for i in range(session.channels):
        if session.channel[i] & HAS_ENGINE:
            if index == 0:
                if step == STEP_ADD:
                    session.channel[i] |= IN_CONTEXT
                    context_add(w, session)
                elif session.channel[i] & IN_CONTEXT:
                    session.channel[i] &= ~IN_CONTEXT
                    context_subtract(w, session, now)
                return
            index -= 1


def context_add(w: World, session: Session) -> None:
    """One more termination; with the first the context joins those that every tick runs."""
    if session.context_terminations == 0:
        w.server.contexts += 1
    session.context_terminations += 1


def context_subtract(w: World, session: Session, now: float) -> None:
    """One termination less; with the last the context leaves the engine."""
    if session.context_terminations == 0:
        return
    session.context_terminations -= 1
    if session.context_terminations == 0:
        w.server.contexts -= 1
        give(w, now, session, MEDIA_CONTEXT, 0)


def rtp_open(w: World, session: Session, now: float) -> None:
    """Take the next free RTP port, round robin by 2; with the whole range taken the media is answered as disabled."""
    ports = w.p.rtp_ports
    if w.ledger.held[RTP_PORT] >= ports:
        refuse(w, RTP_PORT)
        session.short |= DEGRADED
        session.rtp_port = -1
        return
    i = next_free_port(w, w.server.rtp_next)
    take_port(w, i)
    w.server.rtp_next = i + 1 if i + 1 < ports else 0
    session.rtp_port = w.p.rtp_min + 2 * i
    take(w, now, session, RTP_PORT, 0)


def rtp_close(w: World, session: Session, now: float) -> None:
    """Free the session's RTP port, if it got one."""
    if session.holds & HOLDS_RTP:
        free_port(w, (session.rtp_port - w.p.rtp_min) // 2)
        give(w, now, session, RTP_PORT, 0)


def all_free(ports: int, leaves: int) -> list[int]:
    """A tree over the ports, none of which is taken: node 1 stands for all, 2 n and 2 n + 1 for the halves of n.

    A node is 1 when everything below it is taken, so the next free port is found in log n steps among any number.
    """
    tree = [0] * (leaves + ports) + [1] * (leaves - ports)
    for node in range(leaves - 1, 0, -1):
        tree[node] = tree[2 * node] & tree[2 * node + 1]
    return tree


def next_free_port(w: World, i: int) -> int:
    """The first free port from the `i`-th on, round the end of the range; there is one."""
    node = w.p.port_leaves + i
    while w.ports[node]:
        while node & 1:
            node >>= 1
        node += 1  # to the right of what is taken; from 0, where nothing is, to all of them
    while node < w.p.port_leaves:
        node *= 2
        if w.ports[node]:
            node += 1
    return node - w.p.port_leaves


def take_port(w: World, i: int) -> None:
    """The `i`-th port is taken."""
    node = w.p.port_leaves + i
    w.ports[node] = 1
    while node > 1 and w.ports[node ^ 1]:
        node >>= 1
        w.ports[node] = 1


def free_port(w: World, i: int) -> None:
    """The `i`-th port is free again."""
    node = w.p.port_leaves + i
    while node > 0 and w.ports[node]:
        w.ports[node] = 0
        node >>= 1


@handles(M_AUDIO)
def m_audio(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """A plugin's audio-stream callback has had its first frame; what it did with it kept the media thread busy."""


@handles(M_STOP)
def m_stop(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The audio-stream callback of a channel that was told to stop: the answer leaves from the media thread.

    `arg` is the channel for the internal STOP, and has what it is about for one that the caller sent.
    """
    if session.audio_away:
        session.stop_waits[channel_of(arg)] = arg + 1
    elif what_of(arg) == START:
        post(w, S_STOPPED, session, arg)
    else:
        post(w, S_RESPONSE, session, arg)
