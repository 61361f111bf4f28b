"""A server that misbehaves.  No SDK: plain lines in and out.

Its first argument names how it starts (see the end) or lists (see `LISTS`); a call's name says how that one goes
(see `CALLS`), and any other name is answered in the ordinary way.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODE = sys.argv[1] if len(sys.argv) > 1 else "good"
OUT = sys.stdout.buffer
STATE = sys.argv[2] if len(sys.argv) > 2 else ""
TEXT = {"content": [{"type": "text", "text": "ok"}]}


def say(message: Any) -> None:
    OUT.write(json.dumps(message).encode() + b"\n")
    OUT.flush()


def answer(request: Any, result: Any) -> None:
    say({"jsonrpc": "2.0", "id": request["id"], "result": result})


def refuse(request: Any, code: int, text: str) -> None:
    say({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": text}})


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": f"Does {name}.", "inputSchema": {"type": "object"}, **more}


def flood(size_bytes: int) -> None:
    block = b"x" * 2**16
    for _ in range(size_bytes // len(block)):
        OUT.write(block)


def call(request: Any) -> None:
    name = request["params"]["name"]
    way = CALLS.get(name, lambda asked, _: answer(asked, {"content": [{"type": "text", "text": name}]}))
    way(request, request["params"].get("arguments", {}))
    OUT.flush()


def long_line_id_first(request: Any, arguments: Any) -> None:
    OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request["id"])
    flood(arguments["size_bytes"])
    OUT.write(b'"}]}}\n')


def long_line_id_last(request: Any, arguments: Any) -> None:
    OUT.write(b'{"result":{"content":[{"type":"text","text":"')
    flood(arguments["size_bytes"])
    OUT.write(b'"}]},"jsonrpc":"2.0","id":%d}\n' % request["id"])


def long_line_of_nothing(request: Any, arguments: Any) -> None:
    flood(arguments["size_bytes"])
    OUT.write(b"\n")


def stderr(request: Any, arguments: Any) -> None:
    block = b"noise\n" * 10_000
    for _ in range(arguments["size_bytes"] // len(block)):
        os.write(2, block)
    answer(request, TEXT)


def notices(request: Any, arguments: Any) -> None:
    line = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"spam"}}\n'
    OUT.write(line * (arguments["size_bytes"] // len(line)))
    answer(request, TEXT)


def changes(request: Any, arguments: Any) -> None:
    line = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n'
    OUT.write(line * (arguments["size_bytes"] // len(line)))
    answer(request, TEXT)


def progress(request: Any, arguments: Any) -> None:
    params = {"progressToken": request["params"]["_meta"]["progressToken"], "progress": 1}
    line = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).encode() + b"\n"
    OUT.write(line * (arguments["size_bytes"] // len(line)))
    answer(request, TEXT)


def big(request: Any, arguments: Any) -> None:
    rows = [{"number": number, "text": "x" * 40} for number in range(arguments["size_bytes"] // 70)]
    answer(request, {"content": [{"type": "text", "text": "y" * 1000}], "structuredContent": rows})


def garbage(request: Any, arguments: Any) -> None:
    OUT.write(b"hello\n\xff\xfe\n{]\n[1,2]\n{}\n\n" + b"[" * 100_000 + b"\n")
    answer(request, TEXT)


def wrong_id(request: Any, arguments: Any) -> None:
    for wrong in (request["id"] + 1000, None, "x", 1.5, [1], {"a": 1}):
        answer({"id": wrong}, TEXT)
    answer(request, TEXT)
    answer(request, TEXT)


def deep_result(request: Any, arguments: Any) -> None:
    levels = arguments["levels"]
    OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[],"structuredContent":' % request["id"])
    OUT.write(b'{"a":' * levels + b"1" + b"}" * levels + b"}}\n")


def broken_answer(request: Any, arguments: Any) -> None:
    OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[}}\n' % request["id"])


def secret(request: Any, arguments: Any) -> None:
    token = os.environ["TOKEN"]
    os.write(2, f"using {token}\n".encode())
    refuse(request, -32000, f"bad token {token} " + "y" * 5000)


def ask(request: Any, arguments: Any) -> None:
    params = {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}
    say({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": params})
    reply = json.loads(sys.stdin.readline())
    answer(request, {"content": [], "structuredContent": reply})


def cancelled(request: Any, arguments: Any) -> None:
    heard = json.loads(sys.stdin.readline())
    Path(STATE).write_text(json.dumps([heard, request["id"]]))


CALLS: dict[str, Callable[[Any, Any], object]] = {
    "die": lambda request, arguments: os._exit(3),
    "never": lambda request, arguments: None,
    "block": lambda request, arguments: time.sleep(3600),
    "no_result": lambda request, arguments: answer(request, {"content": "text"}),
    "code": lambda request, arguments: refuse(request, arguments["code"], arguments["text"]),
    "environment": lambda request, arguments: answer(request, {"content": [], "structuredContent": dict(os.environ)}),
    "pid": lambda request, arguments: answer(
        request, {"content": [], "structuredContent": {"pid": os.getpid(), "group": GROUP}}
    ),
    **{
        way.__name__: way
        for way in (
            *(long_line_id_first, long_line_id_last, long_line_of_nothing, stderr, notices, changes, progress, big),
            *(garbage, wrong_id, deep_result, broken_answer, secret, ask, cancelled),
        )
    },
}


def deep(levels: int) -> bytes:
    return b'{"type":"object","properties":{"a":' * levels + b"{}" + b"}}" * levels


def list_tools(request: Any) -> None:
    LISTS.get(MODE, lambda asked, _: answer(asked, {"tools": GOOD}))(
        request, (request.get("params") or {}).get("cursor")
    )


def list_deep(request: Any, cursor: Any) -> None:
    entries = [json.dumps(one).encode() for one in GOOD]
    bad = b'{"name":"deep","inputSchema":' + deep(int(STATE or 2000)) + b"}"
    OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"tools":[' % request["id"])
    OUT.write(b",".join([entries[0], bad, entries[1]]) + b"]}}\n")
    OUT.flush()


def list_recursive(request: Any, cursor: Any) -> None:
    node = {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}
    looped = {"type": "object", "$defs": {"node": node}, "properties": {"root": {"$ref": "#/$defs/node"}}}
    outside = {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}
    answer(request, {"tools": [tool("tree", inputSchema=looped), tool("thief", inputSchema=outside), *GOOD]})


def list_bad_entries(request: Any, cursor: Any) -> None:
    bad = [
        *(None, 7, {}, {"name": 5}, {"name": ""}, {"name": "n" * 999}),
        tool("no_schema", inputSchema=5),
        tool("nonsense", inputSchema={"type": "objekt"}),
        tool("big", inputSchema={"type": "object", "description": "d" * 2**21}),
        tool("odd", description=5, title=[], annotations="no", outputSchema={"type": 5}),
    ]
    answer(request, {"tools": [*bad, *GOOD]})


def list_hidden(request: Any, cursor: Any) -> None:
    text = "a\u202eb\U000e0041c\x1b[31md" + "e" * 100_000
    answer(request, {"tools": [tool("hidden", description=text), *GOOD]})


def list_duplicates(request: Any, cursor: Any) -> None:
    answer(request, {"tools": [tool("twin", title="first"), tool("twin", title="second"), *GOOD]})


def list_endless(request: Any, cursor: Any) -> None:
    page = int(cursor or 0)
    answer(request, {"tools": [tool(f"t{page}_{n}") for n in range(50)], "nextCursor": str(page + 1)})


def list_pages(request: Any, cursor: Any) -> None:
    page = int(cursor or 0)
    more = {"nextCursor": str(page + 1)} if page < 9 else {}
    answer(request, {"tools": [tool(f"t{page}_{n}") for n in range(5)], **more})


def list_circular(request: Any, cursor: Any) -> None:
    answer(request, {"tools": GOOD if cursor is None else [], "nextCursor": "again"})


def list_empty_pages(request: Any, cursor: Any) -> None:
    answer(request, {"tools": [], "nextCursor": str(int(cursor or 0) + 1)})


def list_no_list(request: Any, cursor: Any) -> None:
    refuse(request, -32603, "the list is lost")


GOOD = [tool("good"), tool("also_good")]
LISTS: dict[str, Callable[[Any, Any], object]] = {
    name.removeprefix("list_"): way for name, way in globals().items() if name.startswith("list_")
}


def greet(request: Any) -> None:
    answer(
        request,
        {
            "protocolVersion": request["params"]["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "hostile", "version": "0"},
            "instructions": "I am hostile.",
        },
    )


def discover(request: Any) -> None:
    if MODE == "dies_on_probe":
        os._exit(1)
    if MODE != "deaf_to_probe":
        refuse(request, -32601, "Method not found")


def initialize(request: Any) -> None:
    if MODE == "garbage_handshake":
        answer(request, {"protocolVersion": 5})
    else:
        greet(request)


METHODS: dict[str, Callable[[Any], object]] = {
    "server/discover": discover,
    "initialize": initialize,
    "tools/list": list_tools,
    "tools/call": call,
    "ping": lambda request: answer(request, {}),
}


def main() -> None:
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "id" not in request or (
            MODE == "only_greets" and request.get("method") not in ("server/discover", "initialize")
        ):
            continue
        METHODS.get(request.get("method"), lambda _: None)(request)


GROUP: list[int] = []
if MODE == "hang":
    time.sleep(3600)
elif MODE == "exit":
    sys.exit(7)
elif MODE == "chatty_exit":
    sys.exit("cannot find my configuration, token is " + os.environ.get("TOKEN", "none"))
elif MODE == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif MODE == "family":
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    GROUP.append(subprocess.Popen([sys.executable, "-c", ignore], stdin=subprocess.DEVNULL).pid)
main()
if MODE == "stubborn":
    time.sleep(3600)
