"""Sample drawings of the ten digits, written by hand for this book: strokes of a few points each.

The points lie on a sheet of 100×100, x to the right, y down; a smooth curve goes through them, with a corner
where a point stands twice.
"""

from __future__ import annotations

import numpy as np

Stroke = list[tuple[float, float]]

# digit -> drawings -> strokes -> "x,y x,y …"
DRAWINGS: dict[int, list[list[str]]] = {
    0: [
        ["50,10 31,20 24,48 31,80 50,91 69,80 76,50 69,20 50,10"],
        ["58,14 38,22 26,50 34,82 52,88 70,68 76,38 66,18 52,13"],
        ["44,12 22,32 22,66 44,88 70,80 82,52 72,22 46,11"],
    ],
    1: [
        ["50,10 50,50 50,90"],
        ["60,10 52,48 44,90"],
        ["36,28 46,20 54,10 54,10 53,50 52,90"],
    ],
    2: [
        ["26,30 34,14 54,11 70,24 66,44 46,66 24,88 24,88 50,86 78,87"],
        ["24,24 44,12 66,20 68,40 52,62 30,82 28,90 40,82 56,84 80,88"],
        ["28,34 40,14 62,14 70,32 58,54 40,72 26,88 26,88 76,88"],
    ],
    3: [
        ["28,20 46,10 66,18 66,36 46,47 46,47 68,54 72,74 52,90 26,82"],
        ["26,14 48,12 72,14 72,14 58,30 46,44 46,44 66,52 70,72 54,88 28,86"],
        ["30,24 44,12 64,16 68,32 54,44 42,48 62,50 74,64 68,82 48,92 26,84"],
    ],
    4: [
        ["34,12 28,36 24,56 24,56 50,56 78,54", "62,14 60,50 58,92"],
        ["58,12 40,38 20,62 20,62 50,62 80,60", "60,34 59,62 56,92"],
        ["28,14 26,40 30,52 50,54 70,48", "70,12 68,50 64,92"],
    ],
    5: [
        ["70,12 48,12 34,13 34,13 31,30 29,45 29,45 48,40 68,50 72,70 56,88 28,86"],
        ["36,14 34,30 31,46 31,46 52,40 70,54 68,78 48,90 26,82", "36,14 54,13 74,11"],
        ["74,14 54,14 40,18 40,18 34,44 34,44 54,46 64,60 60,80 42,90 24,84"],
    ],
    6: [
        ["62,10 42,26 30,52 32,78 48,91 66,82 68,64 54,54 38,60 31,72"],
        ["54,8 38,32 30,60 38,84 56,90 70,76 66,58 50,54 36,66"],
        ["70,14 50,20 34,44 28,70 40,88 60,86 68,70 58,56 42,60 32,74"],
    ],
    7: [
        ["24,16 50,14 76,13 76,13 62,42 50,66 42,92"],
        ["22,18 50,17 74,14 74,14 64,40 54,64 48,92"],
        ["24,22 26,14 50,15 76,14 76,14 60,44 46,90", "36,52 52,51 70,50"],
    ],
    8: [
        [
            "66,22 50,10 34,20 36,36 52,48 68,62 68,80 50,91 33,80 34,64 50,48 66,34 66,20"
        ],
        [
            "50,48 34,34 38,16 54,11 68,22 62,38 50,48 34,62 32,80 48,91 66,82 66,64 50,48"
        ],
        ["70,18 52,12 38,22 42,38 58,52 66,70 56,88 40,86 36,70 50,52 64,38 72,20"],
    ],
    9: [
        ["68,26 54,11 36,18 30,36 42,50 58,46 68,28 68,28 67,56 62,92"],
        ["66,22 48,12 32,26 36,46 54,48 66,32 68,20 68,20 66,50 60,72 50,90"],
        ["70,18 50,14 34,28 38,46 56,44 70,22 70,22 64,56 58,90"],
    ],
}


def samples() -> dict[int, list[list[Stroke]]]:
    """The drawings of each digit as polylines fine enough to look smooth.

    >>> drawings = samples()
    >>> sorted(drawings), len(drawings[4][0])
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 2)
    """
    return {
        digit: [[smooth(parse(stroke)) for stroke in drawing] for drawing in drawings]
        for digit, drawings in DRAWINGS.items()
    }


def parse(text: str) -> Stroke:
    """Points from "x,y x,y …".

    >>> parse("50,10 31,20")
    [(50.0, 10.0), (31.0, 20.0)]
    """
    return [
        (float(x), float(y)) for x, y in (point.split(",") for point in text.split())
    ]


def smooth(points: Stroke, pieces: int = 5) -> Stroke:
    """A polyline along the Catmull–Rom spline through `points`, `pieces` segments between two of them.

    Between p₁ and p₂, with neighbours p₀ and p₃ and t from 0 to 1, it is
    ½[2p₁ + (p₂ − p₀)t + (2p₀ − 5p₁ + 4p₂ − p₃)t² + (3p₁ − p₀ − 3p₂ + p₃)t³]. A point given twice is a corner.
    """
    parts: list[Stroke] = [[]]
    for point in points:
        if parts[-1] and parts[-1][-1] == point:
            parts.append([])
        parts[-1].append(point)
    line: Stroke = []
    for part in parts:
        p = np.array([part[0], *part, part[-1]], dtype=float)
        for p0, p1, p2, p3 in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
            for t in np.arange(pieces) / pieces:
                x, y = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                              + (3 * p1 - p0 - 3 * p2 + p3) * t**3)  # fmt: skip
                line.append((round(float(x), 1), round(float(y), 1)))
        line.append(part[-1])
    return line
