#!/usr/bin/env python3
"""The reference job's rows for deploy/test-compose, computed without the engine.

rows.py send FROM TO        prints rows FROM..TO, a "PARTITION<tab>JSON" line each
rows.py check ROWS FOLDER   compares the visible part files below FOLDER with what ROWS rows must have closed by now;
                            exit 0: exact, 1: rows are missing (so far), 2: rows that are doubled or wrong, which waiting does not heal
"""
import collections
import datetime
import json
import pathlib
import sys

PARTITIONS, BEAT_ROWS, BEAT_S, WINDOW_S, DELAY_S = 4, 22, 5, 120, 5
START = datetime.datetime(2025, 2, 16, 7, 40)
LISTINGS = [json.loads(line) for line in open(pathlib.Path(__file__).parents[2] / "examples/kdv/sahibinden-data.json", encoding="utf-8")]


def seconds(row):
    return row // BEAT_ROWS * BEAT_S


def when(at):
    return (START + datetime.timedelta(seconds=at)).strftime("%Y-%m-%d %H:%M:%S")


def record(row):
    return json.dumps({**LISTINGS[row % BEAT_ROWS], "id": row, "timestamp_column": when(seconds(row))}, ensure_ascii=False)


def text(value):
    quote = len(value.encode("utf-16-le")) > 48 or any(c <= "," or c == "\\" for c in value)
    return '"' + value.replace('"', '""') + '"' if quote else value


def double(value):
    """As Java prints it; prices are whole or near, so only large ones need an exponent."""
    if value < 1e7:
        return repr(value)
    exponent = len(str(int(value))) - 1
    return f"{value / 10**exponent!r}E{exponent}"


def line(row):
    listing = LISTINGS[row % BEAT_ROWS]
    price, kdv = listing["price"], listing["kdv"]
    window = when(seconds(row) // WINDOW_S * WINDOW_S)
    fields = [str(row), text(listing["product"]), text(listing["description"]), str(price), double(kdv), double(price * (1 + kdv)), text(window)]
    return ",".join(fields)


def closed(rows):
    """The slowest partition's newest row is row `rows - PARTITIONS`; a window ends a millisecond before the next begins."""
    watermark = seconds(rows - PARTITIONS) - DELAY_S
    return [row for row in range(rows) if (seconds(row) // WINDOW_S + 1) * WINDOW_S - 0.001 <= watermark]


def check(rows, folder):
    expected = collections.Counter(line(row) for row in closed(rows))
    hidden = lambda path: any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    parts = [path for path in pathlib.Path(folder).rglob("part-*") if not hidden(path)]
    seen = collections.Counter(written for path in parts for written in path.read_text(encoding="utf-8").splitlines())
    lost, more = expected - seen, seen - expected
    doubled = sum(count for written, count in more.items() if written in expected)
    wrong = sum(more.values()) - doubled
    print(f"LOST={sum(lost.values())} DUP={doubled} WRONG={wrong} of {sum(expected.values())} expected rows in {len(parts)} files")
    for written in list(more)[:3]:
        print(f"  not expected: {written}")
    return 2 if more else 1 if lost else 0


if __name__ == "__main__":
    if sys.argv[1] == "send":
        for row in range(int(sys.argv[2]), int(sys.argv[3])):
            print(f"{row % PARTITIONS}\t{record(row)}")
    else:
        sys.exit(check(int(sys.argv[2]), sys.argv[3]))
