"""The handlers are written for two worlds: here they are compiled by Numba, away from any engine."""

import ast
from pathlib import Path

import sim.server
from sim.server.handlers import HANDLERS, TABLE
from sim.vocabulary.messages import KINDS, MESSAGE_NAMES


def test_every_message_has_a_handler_and_a_name() -> None:
    assert sorted(TABLE) == list(range(KINDS))
    assert len(HANDLERS) == len(MESSAGE_NAMES)


def test_handlers_never_sleep_queue_or_draw_and_do_not_import_an_engine() -> None:
    for path in sorted(Path(sim.server.__path__[0]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                allowed = node.module.startswith(("sim.server", "sim.vocabulary", "sim.errors"))
                assert allowed or not node.module.startswith("sim"), f"{path.name} imports {node.module}"
                assert node.module.split(".")[0] not in {"numba", "numpy", "simpy", "random"}, path.name
            assert not isinstance(node, ast.Yield | ast.Await), f"{path.name} waits"
