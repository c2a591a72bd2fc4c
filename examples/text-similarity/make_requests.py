"""Makes rows.requests.jsonl: 120 pairs of texts, five of sentences to one of paragraphs."""

import json
import random
from pathlib import Path
from string import ascii_lowercase

KINDS = {"sentence": (30, 70), "paragraph": (150, 240)}


def text(source, kind):
    letters = source.choices(ascii_lowercase + "   ", k=source.randint(*KINDS[kind]))
    return " ".join("".join(letters).split())


def rows(count):
    source = random.Random(1)
    for number in range(count):
        kind = "paragraph" if number % 6 == 5 else "sentence"
        body = {"first": text(source, kind), "second": text(source, kind)}
        yield {"label": kind, "body": body}


if __name__ == "__main__":
    lines = [json.dumps(row) + "\n" for row in rows(120)]
    (Path(__file__).parent / "rows.requests.jsonl").write_text("".join(lines))
