#!/usr/bin/env python3
"""What `poolmon serve` takes: scrapes a second with their 99th percentile, 500 pages that listen, a day of scrapes, and idle beside
node_exporter.

    benches/serve.py PROGRAM [scrapes|listeners|soak|idle]...

Everything is on this machine; the client shares its cores.
"""
import asyncio
import os
import re
import signal
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")


def process(pid):
    """CPU seconds, resident MiB, open descriptors."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as file:
        resident = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024
    return (int(fields[11]) + int(fields[12])) / TICK, resident, len(os.listdir(f"/proc/{pid}/fd"))


class Program:
    def __init__(self, words, wait):
        self.child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.pid, self.port = self.child.pid, None
        for line in self.child.stdout:
            found = re.search(wait, line)
            if found:
                self.port = int(found.group(1))
                break

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(20)


def serve(program, *more):
    return Program([program, "serve", "--listen", "127.0.0.1:0", *more], r"http://127.0.0.1:(\d+)/")


async def scrape(reader, writer, path):
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n", 1)[0], head
    length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
    return len(await reader.readexactly(length))


async def client(port, count, times):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = 0
    for _ in range(count):
        began = time.perf_counter()
        size = await scrape(reader, writer, "/metrics")
        times.append(time.perf_counter() - began)
    writer.close()
    return size


async def scrapes(port, clients, count):
    times, began = [], time.perf_counter()
    sizes = await asyncio.gather(*(client(port, count, times) for _ in range(clients)))
    took = time.perf_counter() - began
    times.sort()
    return len(times) / took, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000, sizes[0]


def measure_scrapes(program):
    server = serve(program, "--from", "demo")
    time.sleep(3)
    for clients in (1, 8):
        before = process(server.pid)[0]
        rate, median, worst, size = asyncio.run(scrapes(server.port, clients, 4000 // clients))
        cpu = process(server.pid)[0] - before
        print(f"scrapes, {clients} connections: {rate:.0f} a second, median {median:.2f} ms, 99 % within {worst:.2f} ms, "
              f"{size:,} bytes each, {cpu / 4000 * 1000:.2f} ms CPU each")
    server.end()


async def listen(port, events):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        while line := await reader.readline():
            events[0] += line.startswith(b"data:")
    finally:
        writer.close()


async def listeners(server, count, seconds):
    events = [0]
    tasks = [asyncio.create_task(listen(server.port, events)) for _ in range(count)]
    await asyncio.sleep(5)
    events[0], before = 0, process(server.pid)
    await asyncio.sleep(seconds)
    after = process(server.pid)
    for task in tasks:
        task.cancel()
    return events[0] / seconds, (after[0] - before[0]) / seconds, after[1]


def measure_listeners(program):
    for count in (0, 500):
        server = serve(program, "--from", "demo")
        rate, cpu, resident = asyncio.run(listeners(server, count, 30))
        print(f"listeners, {count}: {rate:.0f} events a second, {cpu * 100:.1f} % of a core, {resident:.1f} MiB resident")
        server.end()


def measure_soak(program):
    server = serve(program, "--from", "demo")
    time.sleep(3)
    total = 17_280
    for done in range(0, total, total // 8):
        rate, _, worst, _ = asyncio.run(scrapes(server.port, 4, total // 8 // 4))
        cpu, resident, files = process(server.pid)
        print(f"soak, after {done + total // 8:,} scrapes: {resident:.1f} MiB resident, {files} descriptors, "
              f"{rate:.0f} a second, 99 % within {worst:.2f} ms")
    server.end()


def measure_idle(program):
    """A scrape each 15 s for 150 s, of this machine."""
    ours = serve(program)
    node = Program(["prometheus-node-exporter", "--collector.disable-defaults", "--collector.slabinfo",
                    "--web.listen-address=127.0.0.1:19191"], r"address=127\.0\.0\.1:(\d+)")
    both = {"poolmon serve": ours, "node_exporter --collector.slabinfo": node}

    async def round_of(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        size = len(await reader.read(-1))
        writer.close()
        return size

    before = {name: process(one.pid)[0] for name, one in both.items()}
    sizes = {}
    for _ in range(10):
        time.sleep(15)
        sizes = {name: asyncio.run(round_of(one.port)) for name, one in both.items()}
    for name, one in both.items():
        cpu, resident, _ = process(one.pid)
        print(f"idle, {name}: {(cpu - before[name]) / 150 * 1000:.1f} ms CPU a second, {resident:.1f} MiB resident, "
              f"{sizes[name]:,} bytes a scrape")
        one.end()


def main():
    program, *wanted = sys.argv[1:]
    all_of = {"scrapes": measure_scrapes, "listeners": measure_listeners, "soak": measure_soak, "idle": measure_idle}
    for name in wanted or all_of:
        all_of[name](program)


main()
