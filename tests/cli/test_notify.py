"""`notify-test` at a port where something else answers."""

import socket
import threading

from tests.cli.asked import here


def test_what_does_not_answer_in_http_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        code, _, errors = here("notify-test", "--alertmanager", f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()
    assert code == 2
    assert "notify-test: no answer from Alertmanager" in errors
