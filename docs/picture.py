"""Draw the pictures of the README from real runs: `python docs/picture.py`."""

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import sim
from sim.scenario.shipped import shipped_folder

HERE = Path(__file__).parent
INK, BLUE, ORANGE, FAINT = "#333333", "#0072B2", "#D55E00", "#bbbbbb"
LANES = ("NUA", "SIP-Agent-1", "MRCP Server", "MRCPv2-Agent-1", "Media-Engine-1", "Demo Recog Engine")
NAMED = {
    # message: (what to write, shift right in ms, shift up in lanes)
    "INVITE": ("INVITE", 0.0, 0.28),
    "OFFER": ("OFFER", 0.0, 0.28),
    "open": ("open", 0.0, 0.28),
    "OPEN response": ("Send Answer (200)", -1.2, 0.28),
    "CONTROL": ("RECOGNIZE", -0.4, -0.55),
    "BYE": ("BYE", 0.0, 0.28),
    "TERMINATE": ("TERMINATE", 0.0, 0.28),
    "STOP at tick": ("tick: STOP answered", -0.6, 0.28),
    "close": ("close", 0.0, 0.28),
}


def one_call(left: Any, right: Any) -> None:
    """One call, task by task: bars are work, thin lines are waits."""
    result = sim.run(sim.load_scenario(shipped_folder() / "one-call.yaml"), ledger="full")
    messages, sessions = result.messages, result.sessions
    assert messages is not None
    assert sessions is not None
    bye = float(sessions["bye_s"].iloc[0])
    created, released = float(sessions["created_s"].iloc[0]), float(sessions["released_s"].iloc[0])
    for axes, start in ((left, 0.0), (right, bye)):
        for row in messages.itertuples():
            if (row.sent_s >= bye) != (start > 0) or row.task not in LANES:
                continue
            lane = len(LANES) - LANES.index(row.task)
            sent, began, ended = ((t - start) * 1e3 for t in (row.sent_s, row.started_s, row.finished_s))
            axes.plot([sent, began], [lane, lane], color=FAINT, linewidth=1.2, zorder=1)
            axes.barh(lane, max(ended - began, 0.07), left=began, height=0.42, color=BLUE, zorder=2)
            text, dx, dy = NAMED.get(str(row.message), ("", 0.0, 0.0))
            if row.message == "MPF container":
                text, dx, dy = ("tick: ADD" if start == 0 else "tick: SUBTRACT"), -0.6, 0.28
            if text:
                axes.text(began + dx, lane + dy, text, fontsize=7.5, color=INK)
        axes.set_yticks(range(1, len(LANES) + 1), reversed(LANES), fontsize=8)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(-0.3, len(LANES) + 0.75)
    right.tick_params(axis="y", left=False, labelleft=False)
    right.spines["left"].set_visible(False)
    left.set_xlim(-0.1, 7.0)
    right.set_xlim(-0.3, (released - bye) * 1e3 + 2.6)
    left.set_xlabel("ms since INVITE", fontsize=8)
    right.set_xlabel("ms since BYE, two seconds later", fontsize=8)
    left.set_title("One call (scenarios/one-call.yaml)", loc="left", fontsize=10, fontweight="bold", color=INK)
    pool = {"height": 0.5, "color": ORANGE, "alpha": 0.75}
    left.barh(0.25, 7.0 - created * 1e3, left=created * 1e3, **pool)
    right.barh(0.25, (released - bye) * 1e3 + 0.3, left=-0.3, **pool)
    left.text(created * 1e3 + 0.1, 0.2, "the session's pool: apr_pool_create …", fontsize=7.5, color="white")
    right.text((released - bye) * 1e3 - 0.2, 0.2, "… apr_pool_destroy", fontsize=7.5, color="white", ha="right")


def pools_held(axes: Any) -> None:
    """The same load twice: a healthy plugin, and one that forgets to answer one close in fifty."""
    runs = (("every close is answered", {}, BLUE), ("1 close in 50 is never answered", {"never": 0.02}, ORANGE))
    for name, close, colour in runs:
        overrides = {"duration": "10min", "plugins.speechrecog.close": close, "expect": []}
        result = sim.run(sim.load_scenario(shipped_folder() / "baseline.yaml", overrides), ledger="sessions")
        levels = result.levels
        rows = levels[levels["resource"] == "session_pool"]
        axes.plot(rows["time_s"], rows["mean"], color=colour, linewidth=1.2, label=name)
        if result.summary.sessions.leaked:
            text = f"{result.summary.sessions.leaked} pools leaked"
            axes.annotate(text, (result.summary.horizon_s, rows["held"].iloc[-1]), xytext=(-4, -12),
                          textcoords="offset points", ha="right", fontsize=8, color=colour)  # fmt: skip
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.set_title("Session pools held, 20 calls/s for 10 minutes (scenarios/baseline.yaml)", loc="left", fontsize=10,
                   fontweight="bold", color=INK)  # fmt: skip
    axes.set_xlabel("simulated time, s", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def leak() -> Figure:
    """One call, and what a plugin that forgets to answer does to a server in ten minutes."""
    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1.0), width_ratios=(0.9, 1.4))
    left = figure.add_subplot(grid[0, 0])
    one_call(left, figure.add_subplot(grid[0, 1]))
    pools_held(figure.add_subplot(grid[1, :]))
    return figure


def capacity_found() -> Figure:
    """How many calls a second 40 channels carry when one caller in a hundred may be refused."""
    from sim.report.curves import capacity_curve
    from sim.report.style import figure_of

    found = sim.capacity(
        shipped_folder() / "channel-limit.yaml",
        between=("2/s", "40/s"),
        targets=["sessions.blocking < 1%"],
        overrides={"duration": "5min", "expect": []},
        precision=0.05,
    )
    return figure_of(capacity_curve(found))


PICTURES = {"picture.png": leak, "capacity.png": capacity_found}
"""What the README shows, and what draws it."""


def main(folder: Path = HERE) -> None:
    for name, draw in PICTURES.items():
        draw().savefig(folder / name, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
