#!/usr/bin/env python3
"""Loads the datagrams of Reprise with Python's own pickle and compares the values.

    pickle_check.py WRITE_RANDOM_MESSAGES SEND_MESSAGES GOLDEN_FOLDER [SEED COUNT]

Needs nothing beyond the standard library.
"""

import enum
import io
import json
import math
import pathlib
import pickle
import pickletools
import struct
import subprocess
import sys
import types

MAX_DATAGRAM_BYTES = 65507
MAX_HOSTNAME_BYTES = 1024
NAMES = [
    "JOB_STARTED",
    "ERROR_ENCOUNTERED",
    "JOB_SENT_RESULTS",
    "JOB_CONCLUDED",
    "EXIT_FOR_RESUME",
    "JOB_PROGRESS_PERCENTAGE",
    "METRIC_EARLY_REPORT",
]


def load(data):
    """The value, after both of Python's unpicklers and the disassembler have accepted the bytes."""
    value = pickle.loads(data)
    slow = pickle._loads(data)  # checks the frame, which the C code does not
    assert same(value, slow), (value, slow)
    opcodes = [opcode for opcode, _, _ in pickletools.genops(data)]
    assert max(opcode.proto for opcode in opcodes) == 4
    assert not any("GLOBAL" in opcode.name or opcode.name == "REDUCE" for opcode in opcodes)
    pickletools.dis(data, out=io.StringIO())  # raises if something is left on the stack
    return value


def same(a, b):
    """Equal in type, value, order and sign, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return a == b


def bytes_of(word):
    return b"" if word == "-" else bytes.fromhex(word)


def double_of(word):
    return struct.unpack(">d", bytes.fromhex(word))[0]


def text_of(word):
    return bytes_of(word).decode("utf-8", "replace")


def hostname_of(word):
    return text_of(word).encode()[:MAX_HOSTNAME_BYTES].decode("utf-8", "ignore")


def metrics_of(words):
    pairs = (word.split("=") for word in words)
    return {text_of(name): double_of(value) for name, value in pairs}


def payload_of(name, job_id, words):
    """What the server shall get."""
    if name == "JOB_STARTED":
        return (job_id, hostname_of(words[0]))
    if name == "ERROR_ENCOUNTERED":
        return (job_id, [text_of(word) for word in words])
    if name in ("JOB_SENT_RESULTS", "METRIC_EARLY_REPORT"):
        return (job_id, metrics_of(words))
    if name == "JOB_PROGRESS_PERCENTAGE":
        return (job_id, double_of(words[0]))
    return (job_id,)


def check_cut_error(expected, got):
    """An error text that did not fit: begins and ends as it should and says what is missing."""
    text, cut = "".join(expected[1]), "".join(got[1])
    assert got[0] == expected[0]
    assert len(cut) < len(text)
    assert " bytes left out ...]" in cut
    assert cut[:200] == text[:200] and cut[-200:] == text[-200:]


def check_message(text, data):
    name, job_id, *words = text.split(";")
    expected = payload_of(name, int(job_id), words)
    message_type, payload = load(data)
    assert type(message_type) is int and NAMES[message_type] == name
    assert len(data) <= MAX_DATAGRAM_BYTES
    if name == "ERROR_ENCOUNTERED" and not same(payload, expected):
        assert len(pickle.dumps((message_type, expected), 4)) > MAX_DATAGRAM_BYTES - 20_000
        check_cut_error(expected, payload)
        return "cut"
    assert same(payload, expected), (payload, expected)
    return name


def check_random(program, seed, count):
    lines = subprocess.run(
        [program, str(seed), str(count)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()
    seen = {}
    for line in lines:
        kind, text, datagram = line.split(" ")
        data = bytes.fromhex(datagram)
        if kind == "int":
            assert same(load(data), int(text)), line
        elif kind == "float":
            assert same(load(data), double_of(text)), line
        elif kind == "text":
            assert same(load(data), text_of(text)), line[:200]
        else:
            kind = check_message(text, data)
        seen[kind] = seen.get(kind, 0) + 1
    assert set(seen) == {"int", "float", "text", "cut", *NAMES}, seen
    return seen


class Inexpressible(Exception):
    """A payload that Reprise never sends."""


def golden_value(typed):
    kind, value = typed["type"], typed["value"]
    if kind == "int":
        return int(value)
    if kind in ("float", "numpy.float64"):
        return float(value)
    if kind == "str":
        return value
    if kind == "list":
        return [golden_value(element) for element in value]
    if kind == "tuple":
        return tuple(golden_value(element) for element in value)
    if kind == "dict":
        return {key: golden_value(element) for key, element in value}
    raise Inexpressible(kind)


def words_of(name, payload):
    """The words after the id, as send_messages reads them."""
    if name in ("JOB_STARTED", "JOB_PROGRESS_PERCENTAGE"):
        values = [payload[1]]
    elif name == "ERROR_ENCOUNTERED":
        values = payload[1]
    elif name in ("JOB_SENT_RESULTS", "METRIC_EARLY_REPORT"):
        values = [word for pair in payload[1].items() for word in pair]
        if not all(type(value) is float and math.isfinite(value) for value in values[1::2]):
            raise Inexpressible("a metric that is no finite float")
    else:
        values = []
    if name == "JOB_PROGRESS_PERCENTAGE" and not (type(values[0]) is float and values[0] > 0):
        raise Inexpressible("a progress of 0, or an int")
    words = [
        struct.pack(">d", value).hex() if isinstance(value, float) else value.encode().hex() or "-"
        for value in values
    ]
    if isinstance(payload[-1], dict):
        return [f"{key}={value}" for key, value in zip(words[::2], words[1::2])]
    return words


def provide_message_types():
    """What the golden pickles refer to, so that they load without cluster_utils."""
    module = types.ModuleType("cluster_utils.base.communication")
    members = {name: value for value, name in enumerate(NAMES)}
    module.MessageTypes = enum.IntEnum("MessageTypes", members, module=module.__name__)
    sys.modules["cluster_utils"] = types.ModuleType("cluster_utils")
    sys.modules["cluster_utils.base"] = types.ModuleType("cluster_utils.base")
    sys.modules[module.__name__] = module
    return module.MessageTypes


def holds_numpy(typed):
    return "numpy" in json.dumps(typed)


def check_golden(program, folder):
    """Every payload of the real client that Reprise can send arrives as the client's does."""
    message_types = provide_message_types()
    handlers = {member: member.name for member in message_types}  # as the server's table is keyed
    checked = 0
    for path in ("datagrams.jsonl", "datagrams_by_value.jsonl"):
        for line in (folder / path).read_text().splitlines():
            record = json.loads(line)
            name = record["name"]
            try:
                payload = golden_value(record["payload"])
                words = words_of(name, payload)
            except Inexpressible:
                continue
            text = " ".join([name, str(payload[0]), *words]) + "\n"
            ours = subprocess.run(
                [program], input=text, check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            message_type, got = load(bytes.fromhex(ours))
            if holds_numpy(record["payload"]):
                real = (message_types[name], payload)
            else:
                real = pickle.loads(bytes.fromhex(record["hex"]))
            assert handlers[message_type] == handlers[real[0]] == name, record["case"]
            assert same(got, real[1]), (record["case"], got, real[1])
            checked += 1
    assert checked >= 70, checked
    for line in (folder / "pickle_by_python.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert pickle.loads(bytes.fromhex(record["hex"])) == (0, (0, "node1")), record["python"]
    return checked


def main():
    write_random_messages, send_messages, golden = sys.argv[1:4]
    seed, count = map(int, sys.argv[4:6]) if len(sys.argv) > 4 else (1, 1500)
    seen = check_random(write_random_messages, seed, count)
    checked = check_golden(send_messages, pathlib.Path(golden))
    print(f"seed {seed}: {seen}; golden: {checked}")


if __name__ == "__main__":
    main()
