"""A process that stores reports and says so: URL, name, number of reports.

Prints the identifier of each report once it is acknowledged.
"""

import sys

from factories import a_source, an_identifier, open_store, submit


def main(url: str, name: str, n_reports: int) -> None:
    store = open_store(url)
    for number in range(n_reports):
        identifier = an_identifier(f"{name}-{number}")
        source = a_source(identifier, content=identifier.value.encode(), size=20_000)
        submit(store, source, request_id=identifier.value)
        sys.stdout.write(f"{identifier.value}\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
