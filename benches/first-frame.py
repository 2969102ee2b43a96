#!/usr/bin/env python3
"""Time from exec to the first drawn row of a live screen, in a pseudo-terminal of 120x40; median of 20 runs.

    benches/first-frame.py WORD COMMAND [ARG...]     WORD stands in the first frame
"""
import fcntl, os, pty, signal, statistics, struct, sys, termios, time

word, command = sys.argv[1].encode(), sys.argv[2:]
times = []
for _ in range(20):
    start = time.perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    seen = b""
    while word not in seen:
        seen += os.read(fd, 65536)
    times.append((time.perf_counter() - start) * 1000)
    os.kill(pid, signal.SIGTERM)
    try:
        while os.read(fd, 65536):
            pass
    except OSError:
        pass
    os.waitpid(pid, 0)
    os.close(fd)
print(f"{' '.join(command)}: {statistics.median(times):.1f} ms (median of {len(times)}, {min(times):.1f} to {max(times):.1f})")
