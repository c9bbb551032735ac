# SPDX-License-Identifier: MIT
"""summary - what samples say: medians, ratios turn by turn, targets reached.

A series is {turn: sample}; a sample is a dict with "value" and whatever else
was measured in the same window. The ratio to the baseline is taken within each
turn, since neighbours in time share the machine's mood; its median is judged.
"""
import math
import statistics


class Target:
    """A bound: times a series of the same row, or a plain number."""

    def __init__(self, limit, against=None, unit="", least=False,
                 source="design"):
        self.limit, self.against = limit, against
        self.unit, self.least = unit, least
        self.source = source  # "design": section 5 there; else its page's name

    def text(self):
        sign = "≥" if self.least else "≤"
        if self.against:
            return "%s %.2f × %s" % (sign, self.limit, self.against)
        return "%s %s %s" % (sign, "{:,.10g}".format(self.limit), self.unit)

    def judge(self, series, candidate):
        """{"target", "got" as a share of the limit's base, "verdict"}

        "just" where the limit lies within the interval of what was got: another
        run may find otherwise.
        """
        mine = series.get(candidate, {}).get("median")
        base = series.get(self.against, {}).get("median")
        out = {"target": self.text(), "got": None, "verdict": "not measured",
               "source": self.source}
        if mine is None or (self.against and not base):
            return out
        got, within = mine, series[candidate]["middle"]
        if self.against:
            got, within = series[candidate].get("ratios", {}).get(
                self.against, (mine / base, [mine / base] * 2))
        good = got >= self.limit if self.least else got <= self.limit
        out.update(got=got, verdict="reached" if good else "missed",
                   share=got / self.limit, interval=within,
                   just=within[0] < self.limit < within[1])
        return out


def confidence(values):
    """95 % interval of the median, by rank: assumes no distribution."""
    ordered, n = sorted(values), len(values)
    reach = 0.98 * math.sqrt(n)
    low, high = int(n / 2 - reach), math.ceil(n / 2 + reach)
    return [ordered[max(low, 0)], ordered[min(high, n - 1)]]


def spread(values):
    """Where the middle 80 % lie; all of them if they are few."""
    ordered, cut = sorted(values), len(values) // 10
    return [ordered[cut], ordered[-1 - cut]]


def ratios(series, base):
    """Turn by turn: both were measured within the same second."""
    return [s["value"] / base[turn]["value"] for turn, s in series.items()
            if turn in base and base[turn]["value"]]


def fields(samples):
    """Median of each number that was measured besides the value."""
    names = {k for s in samples for k, v in s.items()
             if k != "value" and isinstance(v, (int, float))}
    return {k: statistics.median([s[k] for s in samples if k in s])
            for k in sorted(names)}


def one_series(name, series, all_series, baseline, against):
    samples = list(series.values())
    values = [s["value"] for s in samples]
    entry = {"median": statistics.median(values), "low": min(values),
             "high": max(values), "n": len(values), "spread": spread(values),
             "middle": confidence(values), "beside": fields(samples)}
    base = all_series.get(baseline)
    if base and name != baseline:
        r = ratios(series, base)
        if r:
            entry["ratio"] = statistics.median(r)
            entry["interval"] = confidence(r)
    for other in against:
        r = ratios(series, all_series.get(other, {}))
        if r and name != other:
            entry.setdefault("ratios", {})[other] = [statistics.median(r),
                                                     confidence(r)]
    return entry


def summarize(row, measured):
    """The row's result, as it is saved."""
    against = {t.against for t in row.targets if t.against}
    series = {name: one_series(name, s, measured, row.baseline, against)
              for name, s in measured.items() if s}
    return {
        "name": row.name, "group": row.group, "x": row.x, "unit": row.unit,
        "more_is_better": row.more_is_better, "baseline": row.baseline,
        "candidate": row.candidate, "note": row.note, "series": series,
        "targets": [t.judge(series, row.candidate) for t in row.targets],
    }


def growth(points):
    """Exponent b of y ~ x^b by least squares over the logarithms."""
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len(logs) < 2:
        return None
    mean_x = statistics.mean(x for x, _ in logs)
    mean_y = statistics.mean(y for _, y in logs)
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread \
        if spread else None
