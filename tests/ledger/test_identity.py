"""Every table and every leak of a run has the id that the server's log would have for the session."""

import numpy as np
import pytest

import sim
from sim.audit.audit import audit_logs
from sim.ledger.identity import session_id, session_ids
from sim.logs.writing.write import write_log

LEAKY = {
    "name": "leaky", "duration": "5s", "arrivals": {"rate": "20/s"}, "calls": {"hold": "1s"},
    "plugins": {"speechrecog": {"close": {"never": 0.1}}},
}  # fmt: skip


def test_ids_are_sixteen_digits_and_all_different() -> None:
    ids = session_ids(7, np.arange(-1, 100_000))
    assert ids[0] == b""
    assert len(set(ids.tolist())) == ids.size
    assert all(len(found) == 16 and int(found, 16) >= 0 for found in ids[1:].tolist())
    assert session_id(7, 41) == ids[42].decode() != session_id(8, 41)


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_every_table_and_leak_of_a_run_has_it(engine: str) -> None:
    result = sim.run(sim.load_scenario(LEAKY), seed=3, ledger="full", engine=engine)
    for table in (result.sessions, result.ledger, result.messages):
        assert table is not None
        mine = table["session"] >= 0
        expected = [id_.decode() for id_ in session_ids(3, table["session"].to_numpy())[mine]]
        assert table["session_id"][mine].astype(str).tolist() == expected
        assert table["session_id"][~mine].isna().all()
    assert result.leaks
    assert all(leak.session_id == session_id(3, leak.session) for leak in result.leaks)
    assert result.summary.to_dict()["leaks"][0]["session_id"] == result.leaks[0].session_id


def test_the_audit_of_its_log_has_the_same_ids(tmp_path) -> None:
    result = sim.run(sim.load_scenario(LEAKY), seed=3, ledger="full")
    write_log(result, tmp_path / "server.log")
    audited = audit_logs([tmp_path / "server.log"], ledger="full")
    assert {leak.session_id for leak in audited.leaks} == {leak.session_id for leak in result.leaks}
    ids = dict(zip(audited.sessions["session"], audited.sessions["session_id"].astype(str), strict=True))
    assert set(ids.values()) == set(result.sessions["session_id"].astype(str))
    for table in (audited.ledger, audited.messages):
        mine = table[table["session"] >= 0]
        assert mine["session_id"].notna().all()
        assert (mine["session_id"].astype(str) == mine["session"].map(ids)).all()
