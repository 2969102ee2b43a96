#!/usr/bin/env python3
"""Replay of a long recording, in a pseudo-terminal of 120x40: time from exec to the first frame and to the first judged one, and what
jumps take, median of 5 runs.

    cargo run --release -p poolmon-store --example weeks -- DIR     writes the recording: four weeks, a sample a minute
    benches/replay.py target/release/poolmon DIR
"""
import fcntl, os, pty, re, select, signal, statistics, struct, sys, termios, time

program, folder = sys.argv[1:3]
# What is typed after `@`, and what the line with the moment has then: the local time of the recording has to be UTC.
JUMPS = [("start", "2026-10-01 08:00:00"), ("2026-10-19 14:00", "2026-10-19 14:00:00"), ("-9d", "2026-10-10 14:00:00"),
         ("end", "2026-10-29 07:59:00"), ("2026-10-03 03:21", "2026-10-03 03:21:00"), ("2026-10-27 23:59", "2026-10-27 23:59:00")]


def run():
    start = time.perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.environ.update(TERM="xterm-256color", TZ="UTC")
        os.execv(program, [program, "replay", folder, "--no-config"])
    screen = Screen(fd)

    def until(wanted):
        begun = time.perf_counter()
        while not wanted(screen.text()):
            if time.perf_counter() - begun > 120:
                sys.exit("never seen; the screen is\n" + screen.text())
            screen.read()
        return time.perf_counter()

    first = until(lambda text: "REPLAY" in text) - start
    # It opens on the verdict, at the end.
    judged = until(lambda text: re.search("[!?]Leak", text) and "2026-10-29 07:59:00" in text) - start
    jumps = []
    for typed, shown in JUMPS:
        os.write(fd, b"@" + typed.encode())
        until(lambda text: typed in text)
        begun = time.perf_counter()
        os.write(fd, b"\r")
        jumps.append(until(lambda text: shown in text and "Go to:" not in text) - begun)
    with open(f"/proc/{pid}/status") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024
    os.kill(pid, signal.SIGTERM)
    screen.drain()
    os.waitpid(pid, 0)
    os.close(fd)
    return first, judged, jumps, peak


class Screen:
    """As much of a terminal as the program needs: cursor positions, erased screens, text."""

    def __init__(self, fd):
        self.fd, self.x, self.y = fd, 0, 0
        self.cells = [[" "] * 120 for _ in range(40)]
        self.rest = ""

    def text(self):
        return "\n".join("".join(line) for line in self.cells)

    def drain(self):
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:
            pass

    def read(self):
        if not select.select([self.fd], [], [], 1)[0]:
            return
        data = self.rest + os.read(self.fd, 1 << 20).decode(errors="replace")
        at = 0
        while at < len(data):
            if data[at] == "\x1b":
                found = re.match(r"\x1b(\[[?>]?[\d;]*[A-Za-z]|[()].|[=>78])", data[at:])
                if not found:
                    break
                self.control(found[1])
                at += found.end()
                continue
            if data[at] == "\r":
                self.x = 0
            elif data[at] == "\n":
                self.y = min(self.y + 1, 39)
            elif self.x < 120:
                self.cells[self.y][self.x] = data[at]
                self.x += 1
            at += 1
        self.rest = data[at:]

    def control(self, code):
        if code.endswith("H"):
            y, x = (code[1:-1].split(";") + ["1"])[:2] if code != "[H" else ("1", "1")
            self.y, self.x = int(y) - 1, int(x) - 1
        elif code == "[2J":
            self.cells = [[" "] * 120 for _ in range(40)]


runs = [run() for _ in range(5)]
middle = lambda values: statistics.median(values) * 1000
print(f"first frame {middle(r[0] for r in runs):.0f} ms, first judged frame {middle(r[1] for r in runs):.0f} ms, "
      f"peak memory {statistics.median(r[3] for r in runs):.0f} MB")
for n, (typed, _) in enumerate(JUMPS):
    print(f"@{typed}: {middle(r[2][n] for r in runs):.0f} ms")
