# SPDX-License-Identifier: MIT
"""units - numbers as people read them: three digits, a unit that fits.

A whole table or picture has one unit, chosen by its candidate's values, so its
numbers can be compared by eye.
"""

# unit of a row: [(from this value on, divided by, shown as)], largest first
SCALES = {
    "ns": [(2000, 1000, "µs"), (0, 1, "ns")],
    "us": [(10000, 1000, "ms"), (0, 1, "µs")],
    "B": [(0, 1, "bytes")],
    "/s": [(1e6, 1e6, "million per second"), (1e3, 1e3, "thousand per second"),
           (0, 1, "per second")],
    "conns": [(0, 1, "connections")],
}


def scale(rows):
    """(divisor, unit) for the rows of one group."""
    mine = [r["series"].get(r["candidate"], {}).get("median", 0) for r in rows]
    unit = rows[0]["unit"]
    for least, divisor, name in SCALES.get(unit, []):
        if max(mine) >= least:
            return divisor, name
    return 1, unit


def number(value):
    """Three significant digits, and no more than what is left of the point."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= 99.95:
        return "{:,.0f}".format(value)
    if size >= 9.995:
        return "%.1f" % value
    return "0" if size < 0.005 else "%.2f" % value


def times(value):
    """A ratio: two digits after the point below ten, and ×."""
    if value is None:
        return "–"
    if value < 0.005:
        return "≈ 0"
    return "%.2f×" % value if value < 9.995 else "%s×" % number(value)
