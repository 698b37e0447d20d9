#!/usr/bin/env python3
"""Asks a real nginx what requests.txt asks, and writes its answers and its access log to recorded.txt; lets it test each
line of configurations.txt, and writes what it says of it to complaints.txt. Needs `nginx` in PATH.

A line of requests.txt is a request, with the escapes \\r \\n \\\\ \\xNN; a line that starts with a slash is short for a GET
of that path which closes the connection, and headers may follow it after " | ".
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# 14 Nov 2023 22:13:20
MODIFIED = 1_700_000_000
PORT, UPSTREAM_PORT = 9001, 9100


def unescape(text):
    return re.sub(
        rb"\\(r|n|\\|x[0-9a-f]{2})",
        lambda m: {b"r": b"\r", b"n": b"\n", b"\\": b"\\"}.get(m[1]) or bytes([int(m[1][1:], 16)]),
        text.encode(),
    )


def escape(data):
    shown = {10: "\\n", 13: "\\r", 92: "\\\\"}
    return "".join(shown.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data)


def request(line):
    if not line.startswith("/"):
        return unescape(line)
    path, *headers = line.split(" | ")
    head = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return unescape("\\r\\n".join(head) + "\\r\\n\\r\\n")


def echo(connection):
    """Answers every request with its own bytes; the path may ask for something else."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
    while len(body) < length:
        body += connection.recv(65536)
    answer = head + b"\n\n" + body
    path = head.split(b" ")[1]
    if b"redirect" in path:
        host = re.search(rb"Host: (.*)\r\n", head + b"\r\n")[1]
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://" + host + path + b"x\r\nContent-Length: 0\r\n\r\n")
    elif b"status" in path:
        connection.sendall(b"HTTP/1.1 503 Custom\r\nX-Up: 1\r\nContent-Length: 3\r\n\r\nabc")
    elif b"chunked" in path:
        size = f"{len(answer):x}".encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + answer + b"\r\n0\r\n\r\n")
    elif b"drop" in path:
        pass
    elif b"close" in path:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Up: 1\r\n\r\n" + answer)
    else:
        size = str(len(answer)).encode()
        sent = b"" if head.startswith(b"HEAD") else answer
        connection.sendall(b"HTTP/1.1 200 OK\r\nServer: echo\r\nX-Up: 1\r\nContent-Type: text/plain\r\nContent-Length: " + size + b"\r\n\r\n" + sent)
    connection.close()


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def ask(data):
    with socket.create_connection(("127.0.0.1", PORT)) as connection:
        # Longer than nginx waits for the rest of a body that it refused.
        connection.settimeout(10)
        connection.sendall(data)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            raise SystemExit(f"no end of the answer to {data[:80]}: {answer[:200]}") from None
        return answer


def complaints(root):
    path = root / "tested" / "nginx.conf"
    path.parent.mkdir()
    (path.parent / "mime.types").write_text("types {\n    text/html html;\n}\n")
    lines = []
    for line in (HERE / "configurations.txt").read_text().splitlines():
        path.write_bytes(unescape(line))
        said = subprocess.run(["nginx", "-t", "-c", str(path)], capture_output=True, text=True).stderr
        # A log on standard error has the time and the process instead of the name.
        said = re.sub(r"(?m)^\d{4}/\S+ \S+ (\[\w+\]) \d+#\d+: ", r"nginx: \1 ", said)
        lines += ["> " + line, "< " + escape(said.replace(str(path), "@PATH@").encode())]
    (HERE / "complaints.txt").write_text("\n".join(lines) + "\n")


def main():
    root = pathlib.Path(tempfile.mkdtemp())
    shutil.copytree(HERE / "www", root / "www")
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (MODIFIED, MODIFIED))
    subprocess.run(["chmod", "-R", "a+rX", str(root)], check=True)
    complaints(root)
    (root / "nginx.conf").write_text((HERE / "nginx.conf").read_text().replace("@ROOT@", str(root)))
    listener = socket.create_server(("127.0.0.1", UPSTREAM_PORT))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    nginx = subprocess.Popen(["nginx", "-c", str(root / "nginx.conf")])
    time.sleep(1)
    try:
        lines = []
        for line in (HERE / "requests.txt").read_text().splitlines():
            data = request(line)
            answer = re.sub(rb"Date: [^\r]*", b"Date: -", ask(data))
            answer = re.sub(rb"nginx/[0-9.]+", b"nginx/-", answer)
            answer = re.sub(rb"\d{20}", b"-" * 20, answer)
            lines += ["> " + escape(data), "< " + escape(answer)]
        log = (root / "access.log").read_text().splitlines()
        lines += ["= " + entry for entry in log]
        (HERE / "recorded.txt").write_text("\n".join(lines) + "\n")
    finally:
        nginx.terminate()
        nginx.wait()
        shutil.rmtree(root)


main()
