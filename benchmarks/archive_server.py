"""A recorder with a day of many recordings: answers searches from pages made before, and takes any login."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = 40
CHALLENGE = 'Digest qop="auth", realm="IP Camera(1)", nonce="4e6f6e6365", stale="FALSE"'


def page(position: int, results: int) -> bytes:
    """Return one page of results as devices write them."""
    items = []
    for number in range(position, min(position + PAGE, results)):
        start, end = (f"{NOON + timedelta(seconds=17 * step):%Y-%m-%dT%H:%M:%SZ}" for step in (number, number + 1))
        items.append(
            f"<searchMatchItem><sourceID>{{0000000000-0000-0000-0000-000000000000}}</sourceID><trackID>201</trackID><timeSpan>"
            f"<startTime>{start}</startTime><endTime>{end}</endTime></timeSpan><mediaSegmentDescriptor><contentType>video</contentType>"
            f"<codecType>H.264-BP</codecType><playbackURI>rtsp://192.0.2.1/Streaming/tracks/201/?starttime={start}&amp;endtime={end}"
            f"&amp;name=ch02_{number:017d}&amp;size=2901372</playbackURI></mediaSegmentDescriptor><metadataMatches><metadataDescriptor>"
            "recordType.meta.hikvision.com/timing</metadataDescriptor></metadataMatches></searchMatchItem>"
        )
    status = "MORE" if position + PAGE < results else "OK"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><CMSearchResult version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<searchID>A</searchID><responseStatus>true</responseStatus><responseStatusStrg>{status}</responseStatusStrg>"
        f"<numOfMatches>{len(items)}</numOfMatches><matchList>{''.join(items)}</matchList></CMSearchResult>"
    ).encode()


def main() -> None:
    """Serve until stdin ends."""
    results = int(sys.argv[1])
    pages = {position: page(position, results) for position in range(0, results, PAGE)}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "Authorization" not in self.headers:
                self.send_response(401)
                self.send_header("WWW-Authenticate", CHALLENGE)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = re.search(rb"<searchResultPostion>(\d+)", body)
            answer = pages[int(found[1]) if found else 0]
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(answer)}\r\n\r\n"
            self.wfile.write(head.encode() + answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
