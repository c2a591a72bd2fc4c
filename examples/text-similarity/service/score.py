"""How alike two texts are: 1 less their edit distance over the longer one's length.

The work grows with the product of the two lengths, so a few long texts take most of the CPU.
"""

import json


def init():
    pass


def run(raw_data):
    asked = json.loads(raw_data)
    first, second = asked["first"], asked["second"]
    longer = max(len(first), len(second), 1)
    return {"similarity": round(1 - edit_distance(first, second) / longer, 4)}


def edit_distance(first, second):
    """Levenshtein's, row by row (Wagner and Fischer, 1974)."""
    above = list(range(len(second) + 1))
    for number, letter in enumerate(first, start=1):
        row = [number]
        for place, other in enumerate(second):
            change = above[place] + (letter != other)
            row.append(min(change, above[place + 1] + 1, row[place] + 1))
        above = row
    return above[-1]
