"""From pixels to whole tenths of a pixel that fit 16 bits, clipped without bending a line."""

from __future__ import annotations

import numpy as np

BREAK = -32768  # an x that lifts the pen
MARGIN = 20.0  # pixels kept around the axes, so that a line leaves the picture in its true direction
HUGE = 1e150  # longer vectors are shortened to this
FAR = 1e9  # farther away, a segment is shortened before it is clipped
LOST = 1e14  # a segment with both ends farther away than this is not drawn: rounding has eaten its place

Box = tuple[float, float, float, float]  # x0, y0, x1, y1


def clip_line(points: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray | None]:
    """Clip the polyline `points` (N, 2) to `box`.

    Returns the points in tenths of a pixel (M, 2) int16, with `BREAK` where the pen is lifted, and `stops`:
    how many of them belong to the first k+1 given points (None when simply k+1).
    """
    x0, y0, x1, y1 = box
    with np.errstate(invalid="ignore"):
        inside = (
            (points[:, 0] >= x0)
            & (points[:, 0] <= x1)
            & (points[:, 1] >= y0)
            & (points[:, 1] <= y1)
        )
    if (inside | np.isnan(points).any(axis=1)).all():  # nothing but gaps to break it
        return tenths(points), None
    out: list[tuple[float, float]] = []
    stops = np.zeros(len(points), dtype=np.int32)
    lifted = (np.nan, np.nan)
    before = None
    for k, point in enumerate(_tame(points)):
        if before is not None and (part := clip_segment(before, point, box)):
            start, end = part
            if not out or out[-1] != start:
                out += [lifted, start] if out and out[-1] is not lifted else [start]
            out.append(end)
            if not inside[k]:
                out.append(lifted)
        elif inside[k]:
            out.append((float(point[0]), float(point[1])))
        elif out and out[-1] is not lifted:
            out.append(lifted)
        stops[k] = len(out)
        before = point if np.isfinite(point).all() else None
    return tenths(np.array(out).reshape(-1, 2)), stops


def clip_segment(
    a: np.ndarray, b: np.ndarray, box: Box
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of the segment from a to b inside the box (Liang–Barsky), or None."""
    if not np.isfinite(b).all():
        return None
    x0, y0, x1, y1 = box
    far_a, far_b = np.abs(a).max(), np.abs(b).max()
    if min(far_a, far_b) > LOST:
        return None
    # Beyond FAR, rounding would move the crossing: shorten towards the nearer end, which keeps the direction.
    if max(far_a, far_b) > FAR >= min(far_a, far_b):
        away = (a - b if far_a > far_b else b - a) * (FAR / max(far_a, far_b))
        a, b = (b + away, b) if far_a > far_b else (a, a + away)
    dx, dy = float(b[0] - a[0]), float(b[1] - a[1])
    enter, leave = 0.0, 1.0
    ax, ay = float(a[0]), float(a[1])
    for p, q in ((-dx, ax - x0), (dx, x1 - ax), (-dy, ay - y0), (dy, y1 - ay)):
        if p == 0:
            if q < 0:
                return None
        elif p < 0:
            enter = max(enter, q / p)
        else:
            leave = min(leave, q / p)
    if enter > leave:
        return None
    start, end = (
        (min(max(float(a[0] + t * dx), x0), x1), min(max(float(a[1] + t * dy), y0), y1))
        for t in (enter, leave)
    )
    return start, (end if leave < 1 else (float(b[0]), float(b[1])))


def clip_points(points: np.ndarray, box: Box) -> np.ndarray:
    """Separate points: those outside the box (or not finite) become `BREAK`, so that the count stays."""
    x0, y0, x1, y1 = box
    with np.errstate(invalid="ignore"):
        inside = (
            (points[:, 0] >= x0)
            & (points[:, 0] <= x1)
            & (points[:, 1] >= y0)
            & (points[:, 1] <= y1)
        )
    return tenths(np.where(inside[:, None], points, np.nan))


def clip_band(lower: np.ndarray, upper: np.ndarray, box: Box) -> np.ndarray:
    """The closed outline between two polylines (N, 2), a piece for every finite run (Sutherland–Hodgman)."""
    finite = np.isfinite(lower).all(axis=1) & np.isfinite(upper).all(axis=1)
    edges = np.flatnonzero(
        np.diff(np.concatenate([[False], finite, [False]]).astype(int))
    )
    pieces: list[np.ndarray] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        outline = _tame(np.concatenate([lower[first:last], upper[first:last][::-1]]))
        for axis, bound, sign in (
            (0, box[0], 1),
            (0, box[2], -1),
            (1, box[1], 1),
            (1, box[3], -1),
        ):
            outline = _cut(outline, axis, bound, sign)
        if len(outline):
            pieces += [outline, np.full((1, 2), np.nan)]
    return tenths(np.concatenate(pieces[:-1]) if pieces else np.empty((0, 2)))


def _cut(polygon: np.ndarray, axis: int, bound: float, sign: int) -> np.ndarray:
    """Keep the part of a polygon on one side of a horizontal or vertical line."""
    kept: list[np.ndarray] = []
    for a, b in zip(np.roll(polygon, 1, axis=0), polygon, strict=True):
        a_in, b_in = sign * (a[axis] - bound) >= 0, sign * (b[axis] - bound) >= 0
        if a_in != b_in:
            kept.append(a + (b - a) * ((bound - a[axis]) / (b[axis] - a[axis])))
        if b_in:
            kept.append(b)
    return np.array(kept).reshape(-1, 2)


def _tame(points: np.ndarray) -> np.ndarray:
    """Shorten enormous vectors, keeping their direction, so that differences stay finite."""
    with np.errstate(invalid="ignore"):
        size = np.max(np.abs(points), axis=1, keepdims=True)
        return np.where(
            np.isfinite(size) & (size > HUGE),
            points / np.maximum(size, 1.0) * HUGE,
            points,
        )


def tenths(points: np.ndarray) -> np.ndarray:
    """Whole tenths of a pixel; what is not finite becomes `BREAK`."""
    broken = ~np.isfinite(points).all(axis=1)
    result = np.rint(np.where(broken[:, None], 0.0, points) * 10).astype(np.int16)
    result[broken] = (BREAK, 0)
    return result
