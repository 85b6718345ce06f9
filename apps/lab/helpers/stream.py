"""One end of a TCP or MPTCP stream of the lab's benches.

Node opens no socket with a congestion control of its choice, bound to a device, or of MPTCP; this does, and nothing else.

    stream.py serve PORT                listens (MPTCP where the kernel has it, which takes plain TCP too)
    stream.py connect ADDRESS PORT JSON connects and carries out one order

An order: {"id", "direction": "up" (the connecting end sends) | "down", "seconds", "congestion": name | null,
"protocol": "tcp" | "mptcp", "device": name | null, "paced": {"bytes", "intervalUs"} | null}. It travels as the first line
of the connection. Whoever receives prints one JSON line with what arrived when; whoever sends prints why it could not.
Times are CLOCK_MONOTONIC: both ends are on one machine.
"""
import json
import socket
import struct
import sys
import threading
import time

IPPROTO_MPTCP = 262  # linux/in.h; Python 3.10 has no name for it
TCP_CONGESTION = 13
BIN_US = 100_000
CHUNK = 1 << 18
HEADER = struct.Struct("<Id")  # of a paced message: number, time at which it was due
PATIENCE = 0.2  # longest wait for a socket before the clock is looked at
CONNECT_SECONDS = 10

printing = threading.Lock()


def now_us():
    return time.monotonic_ns() / 1000


def say(answer):
    with printing:
        print(json.dumps(answer), flush=True)


def ready_for_orders():
    try:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener


def read_order(connection):
    line = bytearray()
    connection.settimeout(CONNECT_SECONDS)
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("closed before its order was read")
        line += byte
    return json.loads(line)


def send_all(connection, data, end_us):
    """Hands over `data`, or as much as the stack takes until `end_us`."""
    view = memoryview(data)
    while view and now_us() < end_us:
        try:
            view = view[connection.send(view):]
        except TimeoutError:
            continue


def send(connection, order):
    if order["congestion"]:
        connection.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, order["congestion"].encode())
    connection.settimeout(PATIENCE)
    start_us = now_us()
    end_us = start_us + order["seconds"] * 1e6
    paced = order["paced"]
    if paced is None:
        data = bytes(CHUNK)
        while now_us() < end_us:
            send_all(connection, data, end_us)
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = bytes(paced["bytes"] - HEADER.size)
    number = 0
    # A message that the stack does not take in time is late from when it was due: waiting counts as delay.
    while (due_us := start_us + number * paced["intervalUs"]) < end_us:
        time.sleep(max(0.0, due_us - now_us()) / 1e6)
        send_all(connection, HEADER.pack(number, due_us) + rest, end_us)
        number += 1


class Messages:
    """Delays and gaps of paced messages."""

    def __init__(self, size):
        self.size = size
        self.pending = bytearray()
        self.delays = []
        self.last_us = 0.0
        self.longest_gap_us = 0.0

    def arrived(self, data, at_us):
        self.pending += data
        while len(self.pending) >= self.size:
            _, due_us = HEADER.unpack_from(self.pending)
            del self.pending[: self.size]
            self.delays.append(round(at_us - due_us))
            if self.last_us:
                self.longest_gap_us = max(self.longest_gap_us, at_us - self.last_us)
            self.last_us = at_us


def receive(connection, order):
    start_us = now_us()
    # What is still under way when the sender stops counts for the messages, not for the rate.
    end_us = start_us + order["seconds"] * 1e6 + (3e6 if order["paced"] else 0)
    messages = Messages(order["paced"]["bytes"]) if order["paced"] else None
    bins = []
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    connection.settimeout(PATIENCE)
    while (now := now_us()) < end_us:
        try:
            count = connection.recv_into(buffer)
        except TimeoutError:
            continue
        except OSError:
            break
        if count == 0:
            break
        now = now_us()
        at = int((now - start_us) // BIN_US)
        if at >= len(bins):
            bins.extend([0] * (at + 1 - len(bins)))
        bins[at] += count
        if messages is not None:
            messages.arrived(view[:count], now)
    answer = {"id": order["id"], "startUs": start_us, "binUs": BIN_US, "bytes": bins}
    if messages is not None:
        answer["messages"] = {"delaysUs": messages.delays, "longestGapUs": round(messages.longest_gap_us)}
    say(answer)


def carry_out(connection, order, sends):
    try:
        (send if sends else receive)(connection, order)
    except OSError as error:
        if sends:
            say({"id": order["id"], "error": f"sending ended early: {error}"})
    finally:
        # Whatever is queued is dropped: the next stream shall find the links empty. Messages are waited for.
        if sends and order["paced"]:
            connection.shutdown(socket.SHUT_WR)
            time.sleep(3)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def serve_one(connection):
    try:
        order = read_order(connection)
    except (OSError, ValueError) as error:
        say({"id": None, "error": f"no order: {error}"})
        connection.close()
        return
    carry_out(connection, order, order["direction"] == "down")


def serve(port):
    listener = ready_for_orders()
    listener.bind(("", port))
    listener.listen(64)
    say({"listening": port})
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(connection,), daemon=True).start()


def connect(address, port, order):
    protocol = IPPROTO_MPTCP if order["protocol"] == "mptcp" else socket.IPPROTO_TCP
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    if order["device"]:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, order["device"].encode())
    connection.settimeout(CONNECT_SECONDS)
    connection.connect((address, port))
    connection.sendall(json.dumps(order).encode() + b"\n")
    carry_out(connection, order, order["direction"] == "up")


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    try:
        connect(sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
    except OSError as error:
        say({"id": json.loads(sys.argv[4])["id"], "error": str(error)})
        sys.exit(1)
