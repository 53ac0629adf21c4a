"""A server that takes the datagrams of jobs, and what can be in them."""

import io
import pickle
import socket
import struct
import typing

from surroundings import wait_until

STARTED = "JOB_STARTED"
ERROR = "ERROR_ENCOUNTERED"
RESULTS = "JOB_SENT_RESULTS"
CONCLUDED = "JOB_CONCLUDED"
RESUME = "EXIT_FOR_RESUME"
PROGRESS = "JOB_PROGRESS_PERCENTAGE"
EARLY_REPORT = "METRIC_EARLY_REPORT"
MESSAGE_NAMES = (STARTED, ERROR, RESULTS, CONCLUDED, RESUME, PROGRESS, EARLY_REPORT)
LAST_WORDS = {ERROR, CONCLUDED, RESUME}


class Message(typing.NamedTuple):
    time: float  # seconds since the epoch, by the kernel
    name: str
    job_id: int
    payload: typing.Any  # None for a message without one

    def __str__(self):
        return f"{self.name}{'' if self.payload is None else ' ' + repr(self.payload)}"


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"a message needs {module}.{name}")


_SO_TIMESTAMPNS = 35  # socket(7); Python does not name it


class Server:
    """Takes datagrams as the communication server does and keeps them in the order in which they
    came. The kernel keeps them until somebody asks."""

    def __init__(self, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.address = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self._messages = []

    def close(self):
        self._socket.close()

    @property
    def messages(self):
        """All that have come so far."""
        while True:
            try:
                data, extras, _, _ = self._socket.recvmsg(1 << 16, 256)
            except BlockingIOError:
                return self._messages
            seconds, nanoseconds = struct.unpack("qq", extras[0][2][:16])
            self._messages.append(self._decode(data, seconds + 1e-9 * nanoseconds))

    @staticmethod
    def _decode(data, when):
        number, payload = _PlainUnpickler(io.BytesIO(data)).load()
        assert type(number) is int and 0 <= number < len(MESSAGE_NAMES), number
        assert type(payload) is tuple and 1 <= len(payload) <= 2, payload
        name = MESSAGE_NAMES[number]
        value = payload[1] if len(payload) == 2 else None
        assert (value is None) == (name in (CONCLUDED, RESUME)), payload
        return Message(when, name, payload[0], value)

    @property
    def names(self):
        return [message.name for message in self.messages]

    def payloads(self, name):
        return [message.payload for message in self.messages if message.name == name]

    def forget(self):
        """Starts anew, as for the next start of a job."""
        self.messages.clear()

    def wait_for(self, name, count=1):
        wait_until(
            lambda: self.names.count(name) >= count,
            f"{count} {name}",
            state=lambda: list(map(str, self.messages)),
        )

    @property
    def error_text(self):
        """Of the one error that came."""
        errors = self.payloads(ERROR)
        assert len(errors) == 1, f"{len(errors)} errors among {self.names}"
        assert all(type(line) is str for line in errors[0]), errors[0]
        return "".join(errors[0])
