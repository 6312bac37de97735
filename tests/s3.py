"""An S3 server for the tests: a process of its own that checks signatures, and a gate before it.

The server is moto's, which speaks the protocol over HTTP: signatures, buckets, listings in pages,
multipart uploads. Nothing of ours knows that it is not a provider's. The gate passes bytes on, and
can refuse, dawdle, or cut connections off, as networks and stores do.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

START_S = 30
REGION = "us-east-1"
_SERVE = """
import os, sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
app = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, app, True)
print(server.server_address[1], flush=True)
# Whoever started us is gone when this ends, however they went.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
"""
_BEFORE_AUTH = 3  # calls that may come before signatures count: a user, its rights, its key
_REFUSAL = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 59\r\n\r\n<Error><Code>SlowDown</Code><Message>Later</Message></Error>"
)
_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


class S3:
    """A running server with one user; buckets are made on demand."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": str(_BEFORE_AUTH)},
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.key, self.secret = self._make_user()
        self._numbers = itertools.count(1)

    def client(self, service: str = "s3") -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=REGION,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def bucket(self) -> str:
        """A fresh bucket's name."""
        name = f"bellhop-{next(self._numbers)}"
        self.client().create_bucket(Bucket=name)
        return name

    def environment(self, *, port: int | None = None, **changes: str) -> Mapping[str, str]:
        """What a person sets to reach it, through a gate's port perhaps."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
        } | changes

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _make_user(self) -> tuple[str, str]:
        self.key = self.secret = "nobody"
        iam = self.client("iam")
        iam.create_user(UserName="bellhop")
        iam.put_user_policy(UserName="bellhop", PolicyName="all", PolicyDocument=_ALL)
        made = iam.create_access_key(UserName="bellhop")["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]


@dataclass
class Gate:
    """A port that leads to the server. What is set on it holds for connections made from then on.

    Once `cut_after` bytes have gone towards the server, the connection at work is closed, and the
    next ones as well, `cuts` altogether.
    """

    target: int
    refuses: bool = False
    silent: bool = False
    cut_after: int | None = None
    cuts: int = 0
    passed: int = 0  # bytes towards the server
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # shutdown first: a thread that waits in accept would keep the port alive.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in self._open:
            _hang_up(each)

    def drop(self) -> None:
        """Close what is open, so that the next request needs a new connection."""
        while self._open:
            _hang_up(self._open.pop())

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.silent:
                while client.recv(65_536):
                    time.sleep(0)
                return
            if self.refuses:
                client.recv(65_536)
                client.sendall(_REFUSAL)
                _hang_up(client)
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self._open.append(server)
            threading.Thread(target=_pass, args=(server, client), daemon=True).start()
            self._upward(client, server)

    def _upward(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65_536):
            self.passed += len(data)
            if self.cut_after is not None and self.cuts > 0 and self.passed > self.cut_after:
                self.cuts -= 1
                break
            server.sendall(data)
        _hang_up(server)
        _hang_up(client)


@contextlib.contextmanager
def gate(server: S3) -> Iterator[Gate]:
    made = Gate(server.port)
    try:
        yield made
    finally:
        made.close()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    _hang_up(sink)


def _hang_up(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
