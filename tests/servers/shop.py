"""A small shop behind `tests/specs/shop.yaml`, which checks what it is shown and remembers what it was asked."""

from __future__ import annotations

import base64
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

TOKEN, KEY, USER, CLIENT = "tok-en-secret", "key-secret", "ann:pass-secret", "id-1:client-secret"
PNG = b"\x89PNG\r\n\x1a\n"


class Shop:
    """The shop's state, and its routes."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {str(number): {"id": str(number), "name": f"item {number}"} for number in range(5)}
        self.pictures: dict[str, bytes] = {}
        self.keys: dict[str, str] = {}
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.asked: list[Request] = []
        self.token_in_body_only = False
        self.application = Starlette(
            routes=[
                Route("/v1/items", self.listed, methods=["GET"]),
                Route("/v1/items", self.add, methods=["POST"]),
                Route("/v1/items/{id}", self.item, methods=["GET", "DELETE"]),
                Route("/v1/items/{id}/picture", self.picture, methods=["GET", "PUT"]),
                Route("/v1/stock", self.stock),
                Route("/v1/status/{code:int}", self.status),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    async def listed(self, request: Request) -> Response:
        self.asked.append(request)
        start, limit = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 2))
        found = list(self.items.values())[start : start + limit]
        after = start + limit
        more = {"next_cursor": str(after)} if after < len(self.items) else {}
        return JSONResponse({"items": found, "tags": request.query_params.get("tags"), **more})

    async def add(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            # As careless servers do: what was sent stands in the answer.
            return JSONResponse({"message": f"bad {request.headers.get('authorization')}"}, status_code=401)
        key = request.headers.get("idempotency-key")
        name = self.keys.get(key or "", str(len(self.items)))
        if key:
            self.keys[key] = name
        self.items[name] = {"id": name, **await request.json()}
        return JSONResponse(self.items[name], status_code=201, headers={"Location": f"/v1/items/{name}?sig=x"})

    async def item(self, request: Request) -> Response:
        self.asked.append(request)
        name = request.path_params["id"]
        if request.method == "DELETE":
            self.items.pop(name, None)
            return Response(status_code=204)
        basic = f"Basic {base64.b64encode(USER.encode()).decode()}"
        if request.query_params.get("api_key") != KEY and request.headers.get("authorization") != basic:
            return JSONResponse({"message": "who are you?"}, status_code=403)
        if name not in self.items:
            return JSONResponse({"detail": f"no item {name}"}, status_code=404)
        return JSONResponse(self.items[name])

    async def picture(self, request: Request) -> Response:
        name = request.path_params["id"]
        if request.method == "PUT":
            self.pictures[name] = await request.body()
            return Response(status_code=204)
        return Response(self.pictures.get(name, PNG), media_type="image/png")

    async def stock(self, request: Request) -> Response:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if shown not in self.tokens or shown in self.revoked:
            return JSONResponse({"error": "invalid_token"}, status_code=401)
        page = int(request.query_params.get("page", 1))
        link = f'<{request.url.replace_query_params(page=page + 1)}>; rel="next", </v1/stock?page=1>; rel="first"'
        return PlainTextResponse("viele Äpfel".encode("latin-1"), media_type="text/plain; charset=latin-1",
                                 headers={"Link": link} if page < 3 else None)  # fmt: skip

    async def status(self, request: Request) -> Response:
        code = request.path_params["code"]
        return JSONResponse({"message": "because " + "x" * 5000}, status_code=code, headers={"Retry-After": "7"})

    async def token(self, request: Request) -> Response:
        form = await request.form()
        pair = base64.b64encode(CLIENT.encode()).decode()
        in_header = request.headers.get("authorization") == f"Basic {pair}" and not self.token_in_body_only
        in_body = f"{form.get('client_id')}:{form.get('client_secret')}" == CLIENT
        if form.get("scope") != "stock.read" or not (in_header or in_body):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        self.tokens.append(f"granted-{len(self.tokens)}-token")
        return JSONResponse({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": "3600"})
