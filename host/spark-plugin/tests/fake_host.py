"""A stand-in for the Sparkwright host: speaks PROTOCOL.md over the socket so that the plugin can be tested alone.

Test equipment for the protocol only; it decides by whatever function the test gives it.
"""

import json
import os
import socket
import tempfile
import threading
import time

WELCOME = {
    "sparkwright": "welcome",
    "mode": "act",
    "question_timeout_ms": 2000,
    "misses_before_unsteered": 3,
    "event_queue_length": 10000,
    "question_queue_length": 64,
    "open_executions_at_most": 1000,
    "managed_keys": [
        "spark.sql.shuffle.partitions",
        "spark.sql.adaptive.advisoryPartitionSizeInBytes",
        "spark.sql.autoBroadcastJoinThreshold",
    ],
    "if_lost": None,
    "nodes_at_most": 400,
    "files_at_most": 1000,
    "settled_ms": 0,
    "list_folder_from": 4,
    "unknown_above_bytes": 1 << 60,
    "stack_frames_at_most": 160,
    "storage_look_ms": 500,
    "alive_ms": 500,
    "wants_shapes": False,
    "columns_at_most": 256,
}


def until(condition, timeout=20, what="condition"):
    """Waits until `condition()` holds."""
    end = time.time() + timeout
    while not condition():
        if time.time() > end:
            raise AssertionError(f"waited {timeout} s in vain for: {what}")
        time.sleep(0.02)


class FakeHost:
    """Listens on `path`. `decide(ask) -> answer members` answers questions; returning None leaves one unanswered."""

    def __init__(self, decide=None, welcome=None, answer_hello=True):
        self.folder = tempfile.mkdtemp(prefix="sparkwright-test-")
        self.path = os.path.join(self.folder, "host.sock")
        self.decide = decide or (lambda ask: {"none": "nothing to decide"})
        self.welcome = {**WELCOME, **(welcome or {})}
        self.answer_hello = answer_hello
        self.hello = None
        self.launch_hello = None
        self.confs = {}  # what a plugin that started this host is to set
        self.questions_hello = None
        self.lines = []  # everything from the events connection
        self.asks = []
        self.reading = threading.Event()
        self.reading.set()
        self.connections = []
        self._events = None
        self._acted = {}
        self._next = 100
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._talk(connection)
        except (OSError, ValueError):
            pass

    def _talk(self, connection):
        reader = connection.makefile("r", encoding="utf-8", newline="\n")
        hello = json.loads(reader.readline())
        if hello["role"] == "launch":
            connection.sendall((json.dumps({"sparkwright": "launch", "confs": self.confs}) + "\n").encode())
            self.launch_hello = hello
        elif hello["role"] == "events":
            self.hello = hello
            if not self.answer_hello:
                return time.sleep(3600)
            connection.sendall((json.dumps(self.welcome) + "\n").encode())
            self._events = connection
            while True:
                self.reading.wait()
                line = reader.readline()
                if not line:
                    return
                message = json.loads(line)
                if message.get("sparkwright") == "acted":
                    self._acted[message["id"]] = message
                self.lines.append(message)
        else:
            self.questions_hello = hello
            while True:
                self.reading.wait()
                line = reader.readline()
                if not line:
                    return
                ask = json.loads(line)
                self.asks.append(ask)
                answer = self.decide(ask)
                if answer is not None:
                    connection.sendall((json.dumps({"answer": ask["ask"], **answer}) + "\n").encode())

    def command(self, what, timeout=20, **members):
        with self._lock:
            self._next += 1
            number = self._next
        self._events.sendall((json.dumps({"do": what, "id": number, **members}) + "\n").encode())
        self.until(lambda: number in self._acted, timeout, f"answer to {what}")
        return self._acted[number]

    def read_up(self):
        """Waits until all lines that the plugin has written so far are read: the answer to a command is written after them."""
        self.command("conf", set={})

    def of(self, kind):
        return [m for m in list(self.lines) if m.get("sparkwright") == kind]

    def events(self, name):
        return [m for m in list(self.lines) if m.get("Event", "").endswith(name)]

    until = staticmethod(until)

    def die(self):
        """As a crash would: both connections and the listener go away."""
        self._listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
