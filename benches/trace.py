#!/usr/bin/env python3
"""Traces the same loads with poolmon, perf kmem, bpftrace and bcc memleak, one after the other, and prints a table.

    benches/trace.py [--install] [SECONDS]      root, Linux 6.1 or later; some four minutes and 2 GB of temporary files

--install fetches linux-perf, bpftrace and bpfcc-tools with apt-get. Loads, each on its own:
  files  open+close 100,000 times a second (200,000 events of filp a second), and 500 files a second that are kept
  epoll  an entry of an epoll set made and removed in a loop: nothing is kept, and its frees pass no tracepoint
For each tool: events that it lost, what it reports as not freed and how much of that is wrong, processor time of the tool itself,
bytes written, what became of the load's speed, and by how much a round became slower, if the load runs as fast as it can.
"""
import json, os, re, select, shutil, subprocess, sys, tempfile, time

SECONDS = int(next((word for word in sys.argv[1:] if word.isdigit()), "8"))
POOLMON = os.environ.get("POOLMON", "target/release/poolmon")
RATE, KEPT = 100_000, 500


def files(seconds, report):
    start, done, kept = time.monotonic(), 0, []
    while (now := time.monotonic() - start) < seconds:
        while done < now * RATE:
            os.close(os.open("/dev/null", os.O_RDONLY))
            done += 1
        while len(kept) < now * KEPT:
            kept.append(os.open("/dev/zero", os.O_RDONLY))
        time.sleep(0.001)
    os.write(report, b"%d %d" % (done / seconds, len(kept)))


def epoll(seconds, report):
    start, done, poll = time.monotonic(), 0, select.epoll()
    one = os.eventfd(0)
    while time.monotonic() - start < seconds:
        for _ in range(100):
            poll.register(one)
            poll.unregister(one)
        done += 100
    os.write(report, b"%d 0" % (done / seconds))


def under(load, command, env=None):
    """The tool's output and processor time, and the load's speed and kept objects."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.nice(-5)
        load(SECONDS + 6, writes)
        os._exit(0)
    time.sleep(2)
    before = os.times()
    output = subprocess.run(command, capture_output=True, text=True, errors="replace", env=env, check=False) if command else None
    after = os.times()
    if not command:
        time.sleep(SECONDS)
    os.waitpid(child, 0)
    speed, kept = map(int, os.read(reads, 64).split())
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return output, cpu, speed, kept


def poolmon(load, cache, folder):
    save = f"{folder}/p.ptrace"
    output, cpu, speed, _ = under(load, [POOLMON, "trace", cache, "--for", f"{SECONDS}s", "--max-load", "100", "--quiet", "--format", "json", "--save", save])
    answer = json.loads(output.stdout)
    accused = sum(owner["objects"] for owner in answer["owners"] if owner["verdict"] == "keeps-growing")
    events = answer["events"]["allocations"] + answer["events"]["frees"]
    return events, answer["events"]["lost"], f"{accused:,} accused", cpu, os.path.getsize(save), speed


def perf(load, cache, folder):
    data = f"{folder}/perf.data"
    _, cpu, speed, _ = under(load, ["perf", "kmem", "--slab", "record", "-o", data, "sleep", str(SECONDS)])
    # Allocations and frees of the cache, as a script would pair them: perf kmem itself has no outstanding objects.
    script = subprocess.Popen(["perf", "script", "-i", data, "--show-lost-events", "-F", "event,trace"], stdout=subprocess.PIPE, text=True, errors="replace", stderr=subprocess.DEVNULL)
    live, events, lost = set(), 0, 0
    for line in script.stdout:
        if found := re.search(r"LOST.*?lost\D*(\d+)", line):
            lost += int(found[1])
        elif found := re.search(r"kmem_cache_(alloc|free):.*ptr=(\S+) name=(\S+)", line):
            if found[3] == cache:
                events += 1
                (live.add if found[1] == "alloc" else live.discard)(found[2])
    return events, lost, f"{len(live):,} unpaired", cpu, os.path.getsize(data), speed


def bpftrace(load, cache, folder):
    program = """
tracepoint:kmem:kmem_cache_alloc /str(args->name) == "%s"/ { @live[args->ptr] = kstack(16); @made = count(); }
tracepoint:kmem:kmem_cache_free /str(args->name) == "%s"/ { delete(@live[args->ptr]); @freed = count(); }
interval:s:%d { exit(); }""" % (cache, cache, SECONDS)
    env = dict(os.environ, BPFTRACE_MAP_KEYS_MAX="4000000")
    output, cpu, speed, _ = under(load, ["unshare", "-m", "sh", "-c", 'mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing; mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug; exec bpftrace -e "$0"', program], env)
    text = output.stdout
    if "@made" not in text:
        return None, None, "does not run: " + (output.stderr.strip().splitlines() or ["?"])[-1], cpu, 0, speed
    number = lambda name: int(found[1]) if (found := re.search(rf"@{name}: (\d+)", text)) else 0
    lost = sum(map(int, re.findall(r"Lost (\d+) events", output.stderr)))
    live = len(re.findall(r"^@live\[", text, re.M))
    return number("made") + number("freed"), lost, f"{live:,} unpaired", cpu, len(text), speed


def memleak(load, cache, folder):
    name = shutil.which("memleak-bpfcc") or "memleak-bpfcc"
    output, cpu, speed, _ = under(load, ["timeout", str(SECONDS), name, "-o", "0", str(SECONDS - 1), "1"])
    if "bytes in" not in output.stdout:
        return None, None, "does not run: " + (output.stderr.strip().splitlines() or ["?"])[-1][:90], cpu, 0, speed
    live = sum(map(int, re.findall(r"in (\d+) allocations", output.stdout)))
    return None, None, f"{live:,} of all caches", cpu, len(output.stdout), speed


if __name__ == "__main__":
    if "--install" in sys.argv:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "linux-perf", "bpftrace", "bpfcc-tools"], check=True, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    import resource
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for load, cache in ((files, "filp"), (epoll, "eventpoll_epi")):
        _, _, speed, kept = under(load, None)
        untraced = speed
        wrong = f"{kept * SECONDS // (SECONDS + 6):,} kept by the load" if kept else "nothing is kept"
        print(f"\n{load.__name__} ({cache}), {SECONDS} s, {wrong}; untraced {speed:,} rounds/s\n")
        print("| tool | events | lost | not freed | its CPU | written | load, rounds/s | cost a round |\n|---|---|---|---|---|---|---|---|")
        for tool in (poolmon, perf, bpftrace, memleak):
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
                events, lost, found, cpu, size, speed = tool(load, cache, folder)
            cost = "-" if load is files else f"{1e6 / speed - 1e6 / untraced:.2f} µs"
            shown = lambda number: "-" if number is None else f"{number:,}"
            print(f"| {tool.__name__} | {shown(events)} | {shown(lost)} | {found} | {cpu:.2f} s | {size / 1e6:.1f} MB | {speed:,} | {cost} |", flush=True)
