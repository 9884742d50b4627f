"""Posts or signs until it is ended: URL, key file, name, posts or signs, threads.

Whatever the store does not confirm is sent again, as clients do. Prints each identifier, or
report and version, once it is acknowledged.
"""

import os
import sys
import time
from pathlib import Path
from threading import Thread

from factories import CALLER, a_signing, a_source, an_identifier, open_store, submit

from ecgsvc.domain.errors import StoreUnavailable, VersionConflict
from ecgsvc.domain.report import ReportQuery
from ecgsvc.domain.signing import ReportStatus
from ecgsvc.store import ReportStore
from ecgsvc.trail import SigningKey

PAUSE_S = 0.05


def main(url: str, key: str, name: str, work: str, n_threads: str) -> None:
    store = open_store(url, SigningKey.at(Path(key)), timeout_s=5.0)
    for number in range(int(n_threads)):
        Thread(target=run, args=(store, f"{name}-{number}", work)).start()


def run(store: ReportStore, name: str, work: str) -> None:
    number = 0
    while True:
        try:
            done = post(store, f"{name}-{number}") if work == "posts" else sign(store)
        except (StoreUnavailable, VersionConflict):
            time.sleep(PAUSE_S)
            continue
        number += 1
        if done:
            os.write(1, f"{done}\n".encode())


def post(store: ReportStore, value: str) -> str:
    source = a_source(an_identifier(value), content=value.encode(), size=500)
    submit(store, source, request_id=value)
    return value


def sign(store: ReportStore) -> str:
    page = store.list(CALLER, ReportQuery(status="preliminary", page_size=5))
    for report in page.reports:
        signed = store.add_signed(CALLER, a_signing(report, ReportStatus.FINAL))
        return f"{signed.report_id} {signed.version}"
    time.sleep(PAUSE_S)
    return ""


if __name__ == "__main__":
    main(*sys.argv[1:6])
