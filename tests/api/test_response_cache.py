"""An answer is made once a second for all clients, and at once again when the archive changed."""

import asyncio
from pathlib import Path
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from bigdipper_exporter.api.response_cache import MOST_RESPONSES, ResponseCache


class Server:
    """An application that counts what it is asked."""

    def __init__(self, path: Path, status: int = 200, more: bool = False) -> None:
        self.asked, self.now, self.status, self.more = 0, 0.0, status, more
        self.app = ResponseCache(self, [path], lambda: self.now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": str(self.asked).encode(), "more_body": self.more})
        if self.more:
            await send({"type": "http.response.body", "body": b""})

    def get(self, path: str = "/a", query: bytes = b"", method: str = "GET") -> bytes:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": query}
        asyncio.run(self.app(scope, receive, send))
        return b"".join(message.get("body", b"") for message in sent[1:])


def test_the_same_question_is_answered_once_a_second(tmp_path: Path) -> None:
    server = Server(tmp_path / "archive.db")
    assert [server.get(), server.get()] == [b"1", b"1"]
    assert [server.get(query=b"bot=2"), server.get("/b"), server.get(method="POST")] == [b"2", b"3", b"4"]
    server.now = 1.0
    assert server.get() == b"5"


def test_a_commit_changes_the_answer(tmp_path: Path) -> None:
    server = Server(tmp_path / "archive.db")
    assert server.get() == b"1"
    (tmp_path / "archive.db-wal").write_bytes(b"x")
    assert [server.get(), server.get()] == [b"2", b"2"]
    (tmp_path / "archive.db-wal").write_bytes(b"xy")
    assert server.get() == b"3"


def test_errors_and_streams_are_not_kept(tmp_path: Path) -> None:
    for server in (Server(tmp_path / "archive.db", status=503), Server(tmp_path / "archive.db", more=True)):
        server.get()
        server.get()
        assert server.asked == 2


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    server = Server(tmp_path / "archive.db")
    for number in range(MOST_RESPONSES + 10):
        server.get(f"/{number}")
    assert len(server.app._responses) == MOST_RESPONSES
