#!/usr/bin/env python3
"""A day of the recorder and of the screen, compressed: as many refreshes, 100 ms apart instead of 5 s. Root, Linux.

    benches/soak.py PROGRAM [HOURS]     HOURS of a day at 5 s, 24 if not given: 24 take 29 minutes

Prints resident memory, descriptors, threads and CPU of both, ten times, as a Markdown table, and verifies the recording. The screen is
kept busy: it is resized, sorted and scrolled, and draws into a terminal that is read.
"""
import fcntl, json, os, pty, shutil, signal, struct, subprocess, sys, tempfile, termios, threading, time

INTERVAL = 0.1
program, hours = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 24
length = hours * 3600 / 5 * INTERVAL


def status(pid):
    """Resident MB, descriptors, threads, seconds of CPU."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    with open(f"/proc/{pid}/stat") as file:
        times = file.read().rsplit(")", 1)[1].split()[11:13]
    cpu = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return int(fields["VmRSS"].split()[0]) / 1000, len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"]), cpu


def screen():
    """The screen in a terminal of its own: its process and the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(program, [program, "live", "--interval", "100ms"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return pid, terminal


def read(terminal, drawn):
    try:
        while data := os.read(terminal, 1 << 16):
            drawn[0] += len(data)
    except OSError:
        pass


folder = tempfile.mkdtemp(prefix="poolmon-soak-")
recording = os.path.join(folder, "rec")
recorder = subprocess.Popen([program, "record", recording, "--interval", "100ms"], stderr=subprocess.DEVNULL)
live, terminal = screen()
drawn = [0]
threading.Thread(target=read, args=(terminal, drawn), daemon=True).start()
began = time.monotonic()
keys = [b"j", b"k", b"s", b"r", b"\x1b[B", b"\x1b[A", b"p", b"p"]
try:
    time.sleep(min(10, length / 20))
    before = [status(pid) for pid in (recorder.pid, live)]
    since = time.monotonic()
    print("| refreshes | recorder: RSS, MB | descriptors | threads | CPU, % | screen: RSS, MB | descriptors | threads | CPU, % |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for step in range(1, 11):
        turn = 0
        while time.monotonic() < began + length * step / 10:
            os.write(terminal, keys[turn % len(keys)])
            size = struct.pack("HHHH", 24 + turn % 30, 60 + turn % 100, 0, 0)
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
            turn += 1
            time.sleep(1)
        now, at = [status(pid) for pid in (recorder.pid, live)], time.monotonic()
        cells = [f"{(at - began) / INTERVAL:.0f}"]
        for (rss, files, threads, cpu), (_, _, _, earlier) in zip(now, before):
            cells += [f"{rss:.1f}", str(files), str(threads), f"{100 * (cpu - earlier) / (at - since):.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
        before, since = now, at
    os.kill(live, signal.SIGTERM)
    # Not SIGINT: what is started in the background ignores it.
    recorder.send_signal(signal.SIGTERM)
    ends = recorder.wait(60), os.waitstatus_to_exitcode(os.waitpid(live, 0)[1])
    info = json.loads(subprocess.run([program, "info", "--format", "json", recording], capture_output=True).stdout)
    verified = subprocess.run([program, "verify", recording], capture_output=True).returncode
    size = sum(entry.stat().st_size for entry in os.scandir(recording))
    print(f"{info['samples']} samples recorded, {size / 1e6:.1f} MB, verify {verified}; exit codes {ends}; {drawn[0] / 1e6:.0f} MB drawn")
finally:
    for pid in (recorder.pid, live):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    shutil.rmtree(folder, ignore_errors=True)
