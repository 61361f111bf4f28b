"""The API of the REST benchmark: one operation that reads, one that writes.  `rest.py PORT`."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TEXT = "the quick brown fox jumps over the lazy dog. " * 21


async def read(request: Request) -> Response:
    return JSONResponse({"id": request.path_params["id"], "page": request.query_params.get("page"), "text": TEXT})


async def write(request: Request) -> Response:
    return JSONResponse({"stored": await request.json()}, status_code=201)


app = Starlette(
    routes=[Route("/items/{id:int}", read, methods=["GET"]), Route("/items", write, methods=["POST"])],
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
