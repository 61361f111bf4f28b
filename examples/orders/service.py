"""The service that `openapi.yaml` describes: `SHOP_KEY=… python service.py PORT`, on this machine alone."""

from __future__ import annotations

import argparse
import hmac
import os
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY_HEADER = "X-Shop-Key"


@dataclass(slots=True)
class Book:
    """A book for sale."""

    isbn: str
    title: str
    author: str
    language: str
    price: float
    inStock: int


@dataclass(slots=True)
class Order:
    """An order that was taken."""

    id: str
    customer: str
    lines: list[dict[str, Any]]
    gift: bool
    total: float
    status: str = "taken"


def stock() -> dict[str, Book]:
    """Return the books that the shop begins with, by ISBN."""
    books = (
        Book("9780141439587", "Emma", "Austen", "en", 8.5, 12),
        Book("9780141439686", "Persuasion", "Austen", "en", 7.9, 3),
        Book("9780141439549", "Middlemarch", "Eliot", "en", 11.0, 5),
        Book("9780141439846", "Dracula", "Stoker", "en", 9.2, 7),
        Book("9782070413119", "Madame Bovary", "Flaubert", "fr", 6.8, 4),
        Book("9783150000014", "Faust", "Goethe", "de", 4.4, 20),
    )
    return {book.isbn: book for book in books}


@dataclass(slots=True)
class Shop:
    """All that the shop knows."""

    books: dict[str, Book] = field(default_factory=stock)
    orders: dict[str, Order] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    async def list_books(self, request: Request) -> Response:
        """Answer one page of the books that are asked for."""
        query = request.query_params
        found = [asdict(book) for book in self.books.values() if _asked_for(book, query)]
        limit, offset = int(query.get("limit", "20")), int(query.get("offset", "0"))
        headers = {}
        if offset + limit < len(found):
            after = request.url.include_query_params(offset=offset + limit, limit=limit)
            headers["Link"] = f'<{after}>; rel="next"'
        return JSONResponse(found[offset : offset + limit], headers=headers)

    async def get_book(self, request: Request) -> Response:
        """Answer one book."""
        return JSONResponse(asdict(self._book(request.path_params["isbn"])))

    async def list_orders(self, request: Request) -> Response:
        """Answer the orders, the newest first."""
        status = request.query_params.get("status")
        newest = reversed(self.orders.values())
        return JSONResponse([asdict(one) for one in newest if status in (None, one.status)])

    async def place_order(self, request: Request) -> Response:
        """Take an order."""
        asked = await request.json()
        if not isinstance(asked, dict) or not asked.get("customer") or not asked.get("lines"):
            raise HTTPException(422, "an order has a `customer` and `lines`")
        wanted = [(self._book(line["isbn"]), int(line["quantity"])) for line in asked["lines"]]
        for book, quantity in wanted:
            if quantity > book.inStock:
                raise HTTPException(409, f"of `{book.title}` only {book.inStock} are left")
        for book, quantity in wanted:
            book.inStock -= quantity
        total = round(sum(book.price * quantity for book, quantity in wanted), 2)
        order = Order(f"o-{next(self.numbers)}", asked["customer"], asked["lines"], bool(asked.get("gift")), total)
        self.orders[order.id] = order
        return JSONResponse(asdict(order), status_code=201)

    async def get_order(self, request: Request) -> Response:
        """Answer one order."""
        return JSONResponse(asdict(self._order(request)))

    async def cancel_order(self, request: Request) -> Response:
        """Cancel an order."""
        order = self._order(request)
        if order.status == "cancelled":
            raise HTTPException(409, f"`{order.id}` is cancelled already")
        order.status = "cancelled"
        for line in order.lines:
            self.books[line["isbn"]].inStock += int(line["quantity"])
        return JSONResponse(asdict(order))

    def _book(self, isbn: str) -> Book:
        if isbn not in self.books:
            raise HTTPException(404, f"there is no book `{isbn}`")
        return self.books[isbn]

    def _order(self, request: Request) -> Order:
        order_id = request.path_params["order_id"]
        if order_id not in self.orders:
            raise HTTPException(404, f"there is no order `{order_id}`")
        return self.orders[order_id]


def _asked_for(book: Book, query: QueryParams) -> bool:
    return (
        query.get("author", book.author).casefold() == book.author.casefold()
        and book.price <= float(query.get("maxPrice", "inf"))
        and book.language in (query.getlist("language") or [book.language])
    )


async def _problem(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else type(error).__name__
    body = {"title": "the order service refuses", "status": status, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def application(key: str) -> Starlette:
    """Return the service; it answers those alone who send `key`."""
    shop = Shop()

    async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if not hmac.compare_digest(request.headers.get(KEY_HEADER, "").encode(), key.encode()):
            return await _problem(request, HTTPException(401, f"send your key as `{KEY_HEADER}`"))
        return await call_next(request)

    return Starlette(
        routes=[
            Route("/books", shop.list_books),
            Route("/books/{isbn}", shop.get_book),
            Route("/orders", shop.list_orders),
            Route("/orders", shop.place_order, methods=["POST"]),
            Route("/orders/{order_id}", shop.get_order),
            Route("/orders/{order_id}/cancel", shop.cancel_order, methods=["POST"]),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers={HTTPException: _problem},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The order service, on this machine alone; its key is SHOP_KEY.")
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    if "SHOP_KEY" not in os.environ:
        parser.error("set SHOP_KEY to the key that callers are to send")
    uvicorn.run(application(os.environ["SHOP_KEY"]), host="127.0.0.1", port=port, log_level="warning")
