"""What is measured, and how the rounds interleave."""

import json
import sys
import time
from dataclasses import dataclass, field

import report
from feed import Feed
from processes import SIGNAL_RELEASE, LOAD_CORE, Process, run_load, slab_kib
from proxies import Easgate, Floor, Haproxy, Nginx

UNKNOWN = ["--first-device", "5000000", "--status", "403"]
MIB = 1 << 20
PEERS = ("easgate", "haproxy", "nginx", "floor")


@dataclass
class Case:
    """One kind of load. `kind` is the port it goes to; the floor may need another one."""

    name: str
    arguments: list
    kind: str = "plain"
    floor_kind: str = ""
    proxies: tuple = PEERS
    unit_bytes: int = 0  # where the figure is per GB and not per request
    more: dict = field(default_factory=dict)  # name of a variant: (proxy, kind)


def transfer(direction, mib):
    if direction == "down":
        return ["--connections", "2", "--answer-bytes", str(mib * MIB)]
    return ["--connections", "2", "--command", "SendMail", "--body-bytes", str(mib * MIB)]


HANDSHAKE = ["--mode", "reconnect", "--connections", "16", *UNKNOWN]
CASES = [
    Case("small-plain", [], more={"nginx-auth": ("nginx", "auth")}),
    Case("small-tls", [], "tls"),
    Case("refused", UNKNOWN, floor_kind="refuse"),
    Case("full-p256", HANDSHAKE, floor_kind="refuse"),
    Case("full-rsa", HANDSHAKE, "rsa"),
    Case("resumed", [*HANDSHAKE, "--resume", "1"], floor_kind="refuse"),
    Case("down10", transfer("down", 10), unit_bytes=10 * MIB),
    Case("down50", transfer("down", 50), unit_bytes=50 * MIB),
    Case("up20", transfer("up", 20), unit_bytes=20 * MIB),
    Case("rate1k", ["--mode", "rate", "--rate", "1000"]),
    Case("log-small-plain", [], proxies=("easgate", "easgate-log", "haproxy-log", "nginx-log")),
    Case("log-refused", UNKNOWN, proxies=("easgate", "easgate-log", "haproxy-log", "nginx-log")),
    Case("workers", [], proxies=("easgate", "easgate-2")),
    Case("million", [], proxies=("easgate", "easgate-1m")),
]
NAMES = [case.name for case in CASES]


class Park:
    """The proxies that the chosen cases need, all running; those that rest cost nothing."""

    def __init__(self, bench, names):
        self.running, self._feeds = {}, []
        try:
            for name in names:
                self.running[name] = self._start(bench, name)
        except BaseException:
            self.close()
            raise

    def _start(self, bench, name):
        if name == "easgate-1m":
            feed = Feed(bench.certificates.certificate("feed"), bench.certificates.key("feed"), 1_000_000)
            self._feeds.append(feed)
            return Easgate(bench, name, feed=feed, kinds=("plain",))
        makers = {
            "easgate": Easgate, "haproxy": Haproxy, "nginx": Nginx, "floor": Floor,
            "easgate-2": lambda bench, name: Easgate(bench, name, workers=2, kinds=("plain",)),
            "easgate-log": lambda bench, name: Easgate(bench, name, log=True),
            "haproxy-log": lambda bench, name: Haproxy(bench, name, log=True),
            "nginx-log": lambda bench, name: Nginx(bench, name, log=True),
        }
        return makers[name](bench, name)

    def close(self):
        for proxy in self.running.values():
            proxy.stop()
        for feed in self._feeds:
            feed.stop()


def measure(bench, case, label, proxy, kind):
    """One measurement: the client's numbers, CPU time a unit, and the share of a core that the proxy had."""
    if isinstance(proxy, Floor) and case.floor_kind:
        kind = case.floor_kind
    process = proxy.process_of(kind)
    milliseconds = bench.milliseconds
    arguments = ["--port", str(proxy.ports[kind]), "--milliseconds", str(milliseconds), *case.arguments]
    if label == "easgate-1m":
        arguments += ["--devices", "1000000"]
    found = run_load(bench.folder, bench.program("load"), arguments, process)
    if found["lost"] or found["wrong_status"] or not found["requests"]:
        raise RuntimeError(f"{case.name} {label}: {found}")
    units = found["requests"] * (case.unit_bytes / 1e9 if case.unit_bytes else 1)
    found["cpu_us"] = found["cpu_ns"] / 1000 / units
    found["use"] = found["cpu_ns"] / 1e9 / found["seconds"]
    found["rate"] = units / found["seconds"]
    return found


def entrants(case, park):
    """(label, proxy, kind) of everything that takes part in a case."""
    found = [(name, park.running[name], case.kind) for name in case.proxies if name in park.running]
    for label, (name, kind) in case.more.items():
        if name in park.running:
            found.append((label, park.running[name], kind))
    return found


def run_rounds(bench, chosen, rounds, figures):
    names = list(dict.fromkeys(name for case in chosen for name in case.proxies))
    park = Park(bench, names)
    try:
        for number in range(rounds):
            for case in chosen:
                everybody = entrants(case, park)
                # Who goes first changes, so that nobody always has the worse moment.
                turn = number % len(everybody)
                for label, proxy, kind in everybody[turn:] + everybody[:turn]:
                    found = measure(bench, case, label, proxy, kind)
                    figures.setdefault(case.name, {}).setdefault(label, []).append(found)
                    print(f"round {number + 1} {case.name:16} {label:12} {found['cpu_us']:12.2f} us CPU, "
                          f"{found['rate']:10.1f}/s, use {found['use']:.2f}", file=sys.stderr)
    finally:
        park.close()


HOLDERS = {"easgate": Easgate, "haproxy": Haproxy, "nginx": Nginx}


def hold(bench, label, kind, count):
    """Memory of so many held Pings in a fresh process, and the time to end them all."""
    proxy = HOLDERS[label](bench, label)
    client = None
    try:
        process = proxy.process_of(kind)
        run_load(bench.folder, bench.program("load"), ["--port", str(proxy.ports[kind]), "--milliseconds", "200"])
        time.sleep(2.5)
        base, slab = process.pss_kib(), slab_kib()
        client = Process(bench.folder, "load", [
            bench.program("load"), "--port", proxy.ports[kind], "--mode", "hold", "--connections", count,
            "--body-bytes", "40"], {LOAD_CORE}, talks=True)
        if client.line() != "ready":
            raise RuntimeError(f"hold {label}: not all Pings came to be held; see {bench.folder}/load.out")
        time.sleep(4)  # every proxy gets the time to give back what it doesn't need
        full, slab = process.pss_kib(), slab_kib() - slab
        before = process.cpu_ns()
        time.sleep(2)
        idle = (process.cpu_ns() - before) / 2e9
        client.say("go")
        bench.upstream.signal(SIGNAL_RELEASE)
        held = int(bench.upstream.line())
        found = json.loads(client.line())
        return {"held": held, "asked": count, "kib": (full - base) / held, "base_kib": base, "idle_use": idle,
                "slab_kib": slab / held, "end_seconds": found["seconds"], "lost": found["lost"]}
    finally:
        if client:
            client.stop()
        proxy.stop()


def run_holds(bench, counts, figures, labels=tuple(HOLDERS), kinds=("plain", "tls")):
    for count in counts:
        for kind in kinds:
            for label in labels:
                found = hold(bench, label, kind, count)
                figures.setdefault(f"hold-{kind}-{count}", {}).setdefault(label, []).append(found)
                print(f"hold {count} {kind:6} {label:8} {found['kib']:.2f} KiB a Ping, all ended in "
                      f"{found['end_seconds']:.2f} s, held {found['held']}", file=sys.stderr)


def run(bench, options):
    wanted = [name for name in options.cases.split(",") if name]
    unknown = set(wanted) - set(NAMES) - {"none"}
    if unknown:
        sys.exit(f"no such case: {', '.join(sorted(unknown))}")
    figures = {}
    chosen = [case for case in CASES if not wanted or case.name in wanted]
    if chosen:
        run_rounds(bench, chosen, options.rounds, figures)
    counts = [int(text) for text in options.hold.split(",") if text] if options.hold else \
        ([] if wanted else [5000, 9500])
    run_holds(bench, [count for count in counts if count], figures)
    return figures


SMOKE = ("small-plain", "small-tls", "refused")
TOLERANCE = 1.10


def smoke(bench, baseline):
    """Few and short measurements against the committed ratios; what seems worse gets a second look."""
    chosen = [case for case in CASES if case.name in SMOKE]
    figures, worse = {}, []
    for rounds in (3, 6):
        again = [case for case in chosen if not worse or case.name in {name for name, *_ in worse}]
        run_rounds(bench, again, rounds, figures)
        if rounds == 3:
            run_holds(bench, [1500], figures, ("easgate", "haproxy"), ("plain",))
        worse = list(report.compare(figures, baseline, TOLERANCE))
        if not worse:
            break
    for name, pair, now, then in worse:
        print(f"WORSE {name} {pair}: {now:.2f}, committed {then:.2f}")
    for name, pair, now, then in report.compare(figures, baseline, 0):
        print(f"{name:20} {pair:20} {now:.2f} (committed {then:.2f})")
    return 1 if worse else 0
