#!/usr/bin/env python3
"""Ratios of what benches/peers.sh measured.

  peers_summary.py RESULTS.jsonl...                          the table
  peers_summary.py --rivals PART MODEL MODE BATCH RESULTS    peers at least PART as fast as the best one

A ratio is rbgpu's samples per second over the peer's: of the medians over all pairs, and in brackets the
least and the largest of one pair. Memory is the largest peak of rbgpu over the least of the peer.
"""
import collections, json, statistics, sys


def read(paths):
    """{(model, mode, batch): {peer: [(rbgpu's line, the peer's line)]}}, and what failed."""
    pairs, errors = collections.defaultdict(dict), []
    for path in paths:
        for text in open(path):
            line = json.loads(text)
            if "error" in line:
                errors.append(line)
            else:
                pairs[path, line["pair"]]["rbgpu" if line["key"] == "rbgpu" else "peer"] = line
    table = collections.defaultdict(lambda: collections.defaultdict(list))
    for pair in pairs.values():
        if len(pair) == 2:
            ours, theirs = pair["rbgpu"], pair["peer"]
            table[ours["model"], ours["mode"], ours["batch"]][theirs["key"]].append((ours, theirs))
    return table, errors


rate = lambda line: line["samples_per_s_median"]
median = lambda lines: statistics.median(map(rate, lines))
theirs = lambda pairs: median(t for _, t in pairs)


def ratios(pairs):
    """Of medians, the least and the largest of one pair, and of memory."""
    single = [rate(o) / rate(t) for o, t in pairs]
    peak = lambda lines: [l["peak_rss_mb"] for l in lines if l.get("peak_rss_mb")]
    ours, others = peak(o for o, _ in pairs), peak(t for _, t in pairs)
    memory = max(ours) / min(others) if ours and others else float("nan")
    return median(o for o, _ in pairs) / theirs(pairs), min(single), max(single), memory


def rivals(part, model, mode, batch, path):
    peers = read([path])[0].get((model, mode, int(batch)), {})
    best = max(map(theirs, peers.values()), default=0)
    print(" ".join(key for key, pairs in peers.items() if theirs(pairs) >= float(part) * best))


def summary(paths):
    table, errors = read(paths)
    head = ["model", "mode", "batch", "peer", "pairs", "rbgpu /s", "peer /s", "ratio", "(min..max)", "memory"]
    rows, best_rows = [head], []
    for (model, mode, batch), peers in table.items():
        order = sorted(peers, key=lambda key: -theirs(peers[key]))
        for key in order:
            pairs = peers[key]
            ratio, low, high, memory = ratios(pairs)
            row = [model, mode, batch, key, len(pairs), f"{median(o for o, _ in pairs):.1f}", f"{theirs(pairs):.1f}",
                   f"{ratio:.2f}", f"({low:.2f}..{high:.2f})", f"{memory:.2f}"]
            rows.append(list(map(str, row)))
        best_rows.append(rows[-len(order)])
    show(rows)
    print("\nagainst the best peer of each")
    show([head] + best_rows)
    for line in errors:
        print(f"failed: {line['key']}, {line['model']}, {line['mode']}, {line['batch']}: {line['error']}")


def show(rows):
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    for row in rows:
        left = lambda c: c in (0, 1, 3)
        print("  ".join(v.ljust(w) if left(c) else v.rjust(w) for c, (v, w) in enumerate(zip(row, widths))).rstrip())


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--rivals":
        rivals(*sys.argv[2:])
    elif len(sys.argv) > 1:
        summary(sys.argv[1:])
    else:
        sys.exit(__doc__)
