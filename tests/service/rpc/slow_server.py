"""A server in a process of its own; the Observation says how many seconds it takes.

Arguments: grace in seconds. Prints its port when it listens to signals, and for each
analysis `started`, then `done` or `cancelled`.
"""

import sys
import time

from rpc_fakes import FakeAnalyzer, FakeReader, anyone, operation_outcome

from ecgsvc.domain.errors import DeadlineExceeded
from ecgsvc.rpc.server import ServerSettings, build_server


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def work(body, cancelled):
    say("started")
    end_s = time.monotonic() + float(body)
    while time.monotonic() < end_s:
        if cancelled():
            say("cancelled")
            raise DeadlineExceeded("cancelled")
        time.sleep(0.01)
    say("done")


if __name__ == "__main__":
    server = build_server(
        ServerSettings("127.0.0.1:0", n_workers=2),
        analyzer=FakeAnalyzer(work),
        reports=FakeReader(),
        signer=FakeReader(),
        authenticate=anyone,
        operation_outcome=operation_outcome,
        record_refusal=lambda _refused: None,
    )
    received = server.serve_until_signalled(
        float(sys.argv[1]), when_ready=lambda: say(str(server.port))
    )
    say(received.name)
