"""A server that misbehaves in one way, named by its first argument.  No SDK: plain lines in and out.

Ways to start badly: hang, exit, chatty_exit, deaf_to_probe, dies_on_probe, only_greets, no_answer_to_ping, stubborn.
Lists: good, duplicates, deep, recursive, bad_entries, endless, circular, empty_pages, many, wrong_ids, garbage, hidden.
Every well-started server has tools whose names say what a call does: see `call`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
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
    name, arguments = request["params"]["name"], request["params"].get("arguments", {})
    size_bytes = arguments.get("size_bytes", 0)
    if name == "die":
        os._exit(3)
    elif name == "never":
        return
    elif name == "block":
        time.sleep(3600)
    elif name == "long_line_id_first":
        OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request["id"])
        flood(size_bytes)
        OUT.write(b'"}]}}\n')
    elif name == "long_line_id_last":
        OUT.write(b'{"result":{"content":[{"type":"text","text":"')
        flood(size_bytes)
        OUT.write(b'"}]},"jsonrpc":"2.0","id":%d}\n' % request["id"])
    elif name == "long_line_of_nothing":
        flood(size_bytes)
        OUT.write(b"\n")
    elif name == "stderr":
        block = b"noise\n" * 10_000
        for _ in range(size_bytes // len(block)):
            os.write(2, block)
        answer(request, TEXT)
    elif name == "notices":
        line = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"spam"}}\n'
        OUT.write(line * (size_bytes // len(line)))
        answer(request, TEXT)
    elif name == "garbage":
        OUT.write(b"hello\n\xff\xfe\n{]\n[1,2]\n{}\n\n" + b"[" * 100_000 + b"\n")
        answer(request, TEXT)
    elif name == "wrong_id":
        for wrong in (request["id"] + 1000, None, "x", 1.5, [1], {"a": 1}):
            say({"jsonrpc": "2.0", "id": wrong, "result": TEXT})
        answer(request, TEXT)
        answer(request, TEXT)
    elif name == "deep_result":
        levels = arguments.get("levels", 2000)
        OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[],"structuredContent":' % request["id"])
        OUT.write(b'{"a":' * levels + b"1" + b"}" * levels + b"}}\n")
    elif name == "broken_answer":
        OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[}}\n' % request["id"])
    elif name == "no_result":
        answer(request, {"content": "text"})
    elif name == "secret":
        os.write(2, b"using " + os.environ["TOKEN"].encode() + b"\n")
        refuse(request, -32000, f"bad token {os.environ['TOKEN']} " + "y" * 5000)
    elif name == "code":
        refuse(request, arguments["code"], arguments["text"])
    elif name == "environment":
        answer(request, {"content": [], "structuredContent": dict(os.environ)})
    elif name == "ask":
        say({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": {
            "message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}})
        reply = json.loads(sys.stdin.readline())
        answer(request, {"content": [], "structuredContent": reply})
    elif name == "cancelled":
        heard = json.loads(sys.stdin.readline())
        with open(STATE, "w") as out:
            json.dump([heard, request["id"]], out)
    elif name == "pid":
        answer(request, {"content": [], "structuredContent": {"pid": os.getpid(), "group": GROUP}})
    else:
        answer(request, {"content": [{"type": "text", "text": name}]})
    OUT.flush()


def deep(levels: int) -> bytes:
    return b'{"type":"object","properties":{"a":' * levels + b"{}" + b"}}" * levels


def list_tools(request: Any) -> None:
    cursor = (request.get("params") or {}).get("cursor")
    good = [tool("good"), tool("also_good")]
    if MODE == "duplicates":
        answer(request, {"tools": [tool("twin", title="first"), tool("twin", title="second"), *good]})
    elif MODE == "deep":
        entries = [json.dumps(one).encode() for one in good]
        bad = b'{"name":"deep","inputSchema":' + deep(int(STATE or 2000)) + b"}"
        OUT.write(b'{"jsonrpc":"2.0","id":%d,"result":{"tools":[' % request["id"])
        OUT.write(b",".join([entries[0], bad, entries[1]]) + b"]}}\n")
        OUT.flush()
    elif MODE == "recursive":
        node = {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}
        looped = {"type": "object", "$defs": {"node": node}, "properties": {"root": {"$ref": "#/$defs/node"}}}
        outside = {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}
        answer(request, {"tools": [tool("tree", inputSchema=looped), tool("thief", inputSchema=outside), *good]})
    elif MODE == "bad_entries":
        bad = [None, 7, {}, {"name": 5}, {"name": ""}, {"name": "n" * 999},
               tool("no_schema", inputSchema=5), tool("nonsense", inputSchema={"type": "objekt"}),
               tool("big", inputSchema={"type": "object", "description": "d" * 2**21}),
               tool("odd", description=5, title=[], annotations="no", outputSchema={"type": 5})]
        answer(request, {"tools": [*bad, *good]})
    elif MODE == "hidden":
        text = "a\u202eb\U000e0041c\x1b[31md" + "e" * 100_000
        answer(request, {"tools": [tool("hidden", description=text), *good]})
    elif MODE == "endless":
        page = int(cursor or 0)
        answer(request, {"tools": [tool(f"t{page}_{n}") for n in range(50)], "nextCursor": str(page + 1)})
    elif MODE == "circular":
        answer(request, {"tools": good if cursor is None else [], "nextCursor": "again"})
    elif MODE == "empty_pages":
        answer(request, {"tools": [], "nextCursor": str(int(cursor or 0) + 1)})
    elif MODE == "no_list":
        refuse(request, -32603, "the list is lost")
    else:
        answer(request, {"tools": good})


def greet(request: Any) -> None:
    answer(request, {
        "protocolVersion": request["params"]["protocolVersion"],
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": "hostile", "version": "0"},
        "instructions": "I am hostile.",
    })


def main() -> None:
    for line in sys.stdin.buffer:
        request = json.loads(line)
        method = request["method"] if "id" in request and "method" in request else None
        if method == "server/discover":
            if MODE == "dies_on_probe":
                os._exit(1)
            if MODE != "deaf_to_probe":
                refuse(request, -32601, "Method not found")
        elif method == "initialize":
            if MODE == "garbage_handshake":
                answer(request, {"protocolVersion": 5})
            else:
                greet(request)
        elif MODE == "only_greets":
            continue
        elif method == "tools/list":
            list_tools(request)
        elif method == "tools/call":
            call(request)
        elif method == "ping" and MODE != "no_answer_to_ping":
            answer(request, {})


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
