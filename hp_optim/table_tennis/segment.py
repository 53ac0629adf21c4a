"""A block of shared memory under a fixed name, with one owner that answers requests.

The owner is a backend, the client a learner. Both find each other by the name alone, as the
processes of a real robot do: a second backend of that name on the same /dev/shm fails, and
whoever opens the name talks to whoever owns it. Runs that share a /dev/shm and want to be told
apart ask for another name through the environment (`name_of`).

Life and death: the owner holds an exclusive flock on the file. The kernel drops it when the
owner dies, however it dies, so the client needs no process id (which would mean nothing in
another container) to find out. A file whose lock is free is a dead owner's and may be replaced.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import struct
import time

FOLDER = "/dev/shm"
VALUES = 64  # doubles that a request or a reply can hold

_MAGIC = b"hysrseg1"
_SEMAPHORE_BYTES = 64  # glibc's sem_t has 32 on every 64-bit Linux
_STOP_AT = 8
_REQUEST_NUMBER_AT = 16
_REPLY_NUMBER_AT = 24
_REQUEST_SEMAPHORE_AT = 64
_REPLY_SEMAPHORE_AT = _REQUEST_SEMAPHORE_AT + _SEMAPHORE_BYTES
_VALUES_AT = _REPLY_SEMAPHORE_AT + _SEMAPHORE_BYTES
_SIZE = _VALUES_AT + 8 * VALUES

_libc = ctypes.CDLL(None, use_errno=True)


class SegmentError(Exception):
    """The segment cannot be had. The text is fit for a user."""


class OwnerDied(Exception):
    """The process behind the segment has ended."""


def name_of(what):
    """The file name of the segment `what` ("arm", "ball"), with HYSR_SEGMENT_SUFFIX if set."""
    suffix = os.environ.get("HYSR_SEGMENT_SUFFIX", "")
    return "hysr_" + what + ("_" + suffix if suffix else "")


class _TimeSpec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Semaphore:
    """A POSIX semaphore that lies in shared memory."""

    def __init__(self, memory, offset):
        self._view = ctypes.c_char.from_buffer(memory, offset)
        self._address = ctypes.c_void_p(ctypes.addressof(self._view))

    def initialise(self):
        if _libc.sem_init(self._address, 1, 0) != 0:
            raise OSError(ctypes.get_errno(), "sem_init")

    def post(self):
        _libc.sem_post(self._address)

    def wait(self, timeout_s):
        """True when it was posted, False after `timeout_s` or a signal."""
        until = time.monotonic() + timeout_s
        spec = _TimeSpec(int(until), int((until % 1.0) * 1e9))
        clock = ctypes.c_int(time.CLOCK_MONOTONIC)
        if _libc.sem_clockwait(self._address, clock, ctypes.byref(spec)) == 0:
            return True
        code = ctypes.get_errno()
        if code in (errno.ETIMEDOUT, errno.EINTR):
            return False
        raise OSError(code, "sem_clockwait")


class _Mapping:
    """What owner and client share: the mapped file."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.memory = mmap.mmap(descriptor, _SIZE)
        self.request = _Semaphore(self.memory, _REQUEST_SEMAPHORE_AT)
        self.reply = _Semaphore(self.memory, _REPLY_SEMAPHORE_AT)

    def read(self, count):
        return struct.unpack_from("%dd" % count, self.memory, _VALUES_AT)

    def write(self, values):
        struct.pack_into("%dd" % len(values), self.memory, _VALUES_AT, *values)

    def number(self, offset):
        return struct.unpack_from("Q", self.memory, offset)[0]

    def set_number(self, offset, value):
        struct.pack_into("Q", self.memory, offset, value)

    @property
    def stop_asked(self):
        return self.memory[_STOP_AT] != 0

    def ask_to_stop(self):
        self.memory[_STOP_AT] = 1
        self.request.post()


class Owner:
    """Owns the segment `name` until the process ends or `close` is called.

    Raises SegmentError when a living process owns it already.
    """

    def __init__(self, name):
        self._path = os.path.join(FOLDER, name)
        new_path = "%s.%d.new" % (self._path, os.getpid())
        descriptor = os.open(new_path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.ftruncate(descriptor, _SIZE)
            self._mapping = _Mapping(descriptor)
            self._mapping.request.initialise()
            self._mapping.reply.initialise()
            self._mapping.memory[0 : len(_MAGIC)] = _MAGIC
            self._publish(new_path)  # the name appears when everything in it is ready
        finally:
            os.unlink(new_path)

    def _publish(self, new_path):
        for _ in range(3):
            try:
                os.link(new_path, self._path)
                return
            except FileExistsError:
                if not _remove_if_dead(self._path):
                    raise SegmentError(
                        "cannot create %s (a running backend owns it). Stop it with hysr_stop, or "
                        "give this run a /dev/shm of its own." % self._path
                    ) from None
        raise SegmentError("cannot create %s (others create it all the time)." % self._path)

    def serve(self, answer):
        """Answers requests with `answer(values) -> values` until somebody asks to stop."""
        while not self._mapping.stop_asked:
            if self._mapping.request.wait(1.0) and not self._mapping.stop_asked:
                number = self._mapping.number(_REQUEST_NUMBER_AT)
                self._mapping.write(answer(self._mapping.read(VALUES)))
                self._mapping.set_number(_REPLY_NUMBER_AT, number)
                self._mapping.reply.post()

    def close(self):
        try:
            if os.stat(self._path).st_ino == os.fstat(self._mapping.descriptor).st_ino:
                os.unlink(self._path)
        except FileNotFoundError:
            pass
        fcntl.flock(self._mapping.descriptor, fcntl.LOCK_UN)


class Client:
    """A connection to the owner of the segment `name`; raises FileNotFoundError without one."""

    def __init__(self, name):
        self._path = os.path.join(FOLDER, name)
        self._mapping = _Mapping(os.open(self._path, os.O_RDWR | os.O_CLOEXEC))
        if self._mapping.memory[0 : len(_MAGIC)] != _MAGIC:
            raise SegmentError("%s is no segment of this program (other magic)." % self._path)
        if not self.owner_lives():
            raise FileNotFoundError(self._path)

    def owner_lives(self):
        return _locked_by_another(self._mapping.descriptor)

    def call(self, values, reply_count):
        """Sends `values`, returns the first `reply_count` values of the reply.

        Raises OwnerDied at most 0.2 s after the owner's death.
        """
        # A learner that was killed may have left an answer behind: the number tells it from ours.
        number = self._mapping.number(_REQUEST_NUMBER_AT) + 1
        self._mapping.write(values)
        self._mapping.set_number(_REQUEST_NUMBER_AT, number)
        self._mapping.request.post()
        while True:
            if self._mapping.reply.wait(0.2):
                if self._mapping.number(_REPLY_NUMBER_AT) == number:
                    return self._mapping.read(reply_count)
            elif not self.owner_lives():
                raise OwnerDied(self._path)

    def stop_owner(self, timeout_s):
        """Asks the owner to end; True when it has."""
        self._mapping.ask_to_stop()
        until = time.monotonic() + timeout_s
        while self.owner_lives():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True


def remove_dead():
    """Removes the segments of this program, under any suffix, whose owner has died."""
    for name in os.listdir(FOLDER):
        if name.startswith("hysr_") and not name.endswith(".new"):
            try:
                _remove_if_dead(os.path.join(FOLDER, name))
            except OSError:
                pass  # somebody else's


def _locked_by_another(descriptor):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _remove_if_dead(path):
    """Whether the name is free now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
            os.unlink(path)
        return True
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    finally:
        os.close(descriptor)
