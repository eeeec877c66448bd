"""Local services that receive messages in tests: one like ntfy, one for mail."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO, cast
from urllib.parse import parse_qs, urlsplit


class Phone:
    """Accepts what ntfy accepts: a message as JSON or in the URL, with a picture as the body."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.pictures: list[bytes] = []
        self.subjects: list[str] = []
        self.takes_pictures = True
        phone = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                query = parse_qs(urlsplit(self.path).query)
                is_picture = sent.startswith(b"\x89PNG")
                taken = phone.takes_pictures or not is_picture
                if taken and is_picture:
                    phone.pictures.append(sent)
                    phone.bodies.append(query["message"][0].encode())
                    phone.subjects.append(query["title"][0])
                elif taken:
                    phone.bodies.append(sent)
                self.send_response(200 if taken else 400)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"ntfy://127.0.0.1:{self._server.server_port}/secret-topic"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """Accepts mail by SMTP and stores it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    word = line.split()[0].upper() if line.split() else b""
                    if word == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        mails.append(_read_mail(cast("BinaryIO", self.rfile)))
                    self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                    if word == b"QUIT":
                        return

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        port = self._server.server_address[1]
        self.url = f"mailto://127.0.0.1:{port}?from=orbcast@example.com&to=ann@example.com"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _read_mail(stream: BinaryIO) -> EmailMessage:
    lines = []
    while (line := stream.readline()) not in {b".\r\n", b""}:
        lines.append(line)
    return cast("EmailMessage", message_from_bytes(b"".join(lines), policy=policy.default))
