"""Medians, ratios within rounds, and the table of a run."""

import statistics

COMPARISONS = [  # (case, of, to, at most)
    ("small-plain", "easgate", "nginx", 0.75), ("small-plain", "easgate", "haproxy", 0.70),
    ("small-plain", "easgate", "nginx-auth", 0.50), ("small-plain", "easgate", "floor", 1.25),
    ("small-tls", "easgate", "nginx", 0.75), ("small-tls", "easgate", "haproxy", 0.70),
    ("small-tls", "easgate", "floor", 1.25),
    ("refused", "easgate", "nginx", 0.85), ("refused", "easgate", "haproxy", 0.85),
    ("full-p256", "easgate", "nginx", 0.95), ("full-p256", "easgate", "haproxy", 0.95),
    ("full-p256", "easgate", "floor", None),
    ("full-rsa", "easgate", "nginx", None), ("full-rsa", "easgate", "haproxy", None),
    ("resumed", "easgate", "nginx", 1.00), ("resumed", "easgate", "haproxy", 1.00),
    ("resumed", "easgate", "floor", 1.10),
    ("down10", "easgate", "haproxy", None), ("down10", "easgate", "nginx", None),
    ("down50", "easgate", "haproxy", 0.95), ("down50", "easgate", "nginx", None), ("down50", "easgate", "floor", None),
    ("up20", "easgate", "haproxy", 0.90), ("up20", "easgate", "nginx", None), ("up20", "easgate", "floor", None),
    ("rate1k", "easgate", "nginx", None), ("rate1k", "easgate", "haproxy", None),
    ("log-small-plain", "easgate-log", "easgate", 1.05), ("log-small-plain", "easgate-log", "nginx-log", 0.75),
    ("log-small-plain", "easgate-log", "haproxy-log", 0.70),
    ("log-refused", "easgate-log", "nginx-log", 0.85), ("log-refused", "easgate-log", "haproxy-log", 0.85),
    ("workers", "easgate-2", "easgate", 1.05), ("million", "easgate-1m", "easgate", 1.05),
]


def figure_of(found):
    return found["kib"] if "kib" in found else found["cpu_us"]


def ratio(figures, case, one, other):
    """Median of the ratios of the same round; None where it was not measured."""
    ones, others = figures.get(case, {}).get(one), figures.get(case, {}).get(other)
    if not ones or not others:
        return None
    return statistics.median(figure_of(a) / figure_of(b) for a, b in zip(ones, others))


def best_ratio(figures, case, one, other):
    """Ratio of the least disturbed figures: what a short run on a busy machine can stand on."""
    ones, others = figures.get(case, {}).get(one), figures.get(case, {}).get(other)
    if not ones or not others:
        return None
    return min(map(figure_of, ones)) / min(map(figure_of, others))


def comparisons(figures):
    """COMPARISONS and those of the held Pings."""
    more = []
    for case in figures:
        if case.startswith("hold-"):
            more += [(case, "easgate", "haproxy", 0.80), (case, "easgate", "nginx", None)]
    return COMPARISONS + more


def compare(figures, baseline, tolerance):
    """(case, pair, ratio now, ratio committed) wherever now is more than `tolerance` times the committed one.

    Medians against medians, as baseline.json holds them: one quiet moment of another proxy decides nothing."""
    for case, one, other, _ in comparisons(figures):
        now, then = ratio(figures, case, one, other), baseline.get(f"{case} {one}/{other}")
        if now is not None and then is not None and now > then * tolerance:
            yield case, f"{one}/{other}", now, then


def baseline(figures):
    """The ratios of a run, to be committed."""
    found = {}
    for case, one, other, _ in comparisons(figures):
        now = ratio(figures, case, one, other)
        if now is not None:
            found[f"{case} {one}/{other}"] = round(now, 3)
    return found


def table(figures):
    """Two Markdown tables: medians, and ratios with their aims."""
    lines = ["| case | proxy | CPU, us a request (bulk: s a GB) | a second (bulk: GB) | p50 us | p99 us | p99.9 us "
             "| rounds |",
             "|---|---|---:|---:|---:|---:|---:|---:|"]
    for case, by_label in figures.items():
        if case.startswith("hold-"):
            continue
        for label, found in by_label.items():
            middle = {key: statistics.median(entry[key] for entry in found)
                      for key in ("cpu_us", "rate", "p50_us", "p99_us", "p999_us")}
            bulk = middle["cpu_us"] > 50_000
            cpu = f"{middle['cpu_us'] / 1e6:.3f}" if bulk else f"{middle['cpu_us']:.1f}"
            lines.append(f"| {case} | {label} | {cpu} | {middle['rate']:.{2 if bulk else 0}f} | {middle['p50_us']:.0f} "
                         f"| {middle['p99_us']:.0f} | {middle['p999_us']:.0f} | {len(found)} |")
    holds = {case: by_label for case, by_label in figures.items() if case.startswith("hold-")}
    if holds:
        lines += ["", "| held | proxy | PSS, KiB a Ping | kernel slab of all four ends, KiB | held | idle CPU | "
                  "all ended in, s |", "|---|---|---:|---:|---:|---:|---:|"]
        for case, by_label in holds.items():
            for label, found in by_label.items():
                middle = {key: statistics.median(entry[key] for entry in found)
                          for key in ("kib", "slab_kib", "held", "idle_use", "end_seconds")}
                lines.append(f"| {case} | {label} | {middle['kib']:.2f} | {middle['slab_kib']:.1f} "
                             f"| {middle['held']:.0f} | {middle['idle_use'] * 100:.2f} % | {middle['end_seconds']:.2f} |")
    lines += ["", "| case | ratio | median | of the best | range | at most |", "|---|---|---:|---:|---|---:|"]
    for case, one, other, most in comparisons(figures):
        now = ratio(figures, case, one, other)
        if now is None:
            continue
        each = [figure_of(a) / figure_of(b) for a, b in zip(figures[case][one], figures[case][other])]
        lines.append(f"| {case} | {one} / {other} | {now:.2f} "
                     f"| {best_ratio(figures, case, one, other):.2f} | {min(each):.2f} to {max(each):.2f} "
                     f"| {'' if most is None else f'{most:.2f}'} |")
    return "\n".join(lines)
