"""Prints Python literals, good and bad, with what the real Python makes of them.

usage: generate_literals.py SEED VALUES MUTATIONS

One JSON object a line: "text" is the literal; "json" is the value as json.dumps writes it, or null
where Reprise must refuse the text: because ast.literal_eval does, or because the value cannot go
through JSON unharmed (nan, inf, bytes, complex, integers beyond 64 bits, the same key twice, half
of a surrogate pair, a tuple as key, an ellipsis).
"""

import ast
import json
import random
import sys
import unicodedata
import warnings

warnings.simplefilter("ignore")


class Refused(Exception):
    pass


def key_text(node):
    value = convert(node)
    if isinstance(node, ast.Tuple):
        raise Refused("tuple as key")
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return value


def convert_dict(node):
    result = {}
    seen = []
    for key, value in zip(node.keys, node.values):
        text = key_text(key)
        original = ast.literal_eval(key)
        if text in result or any(original == other for other in seen):
            raise Refused("key twice")
        seen.append(original)
        result[text] = convert(value)
    return result


def convert_set(node):
    originals = []
    result = []
    for element in node.elts:
        original = ast.literal_eval(element)
        if not any(original == other for other in originals):
            originals.append(original)
            result.append(convert(element))
    return result


def convert(node):
    """The value as it should come out of JSON, from a tree that literal_eval has accepted."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return [convert(element) for element in node.elts]
    if isinstance(node, ast.Set):
        return convert_set(node)
    if isinstance(node, ast.Dict):
        return convert_dict(node)
    if isinstance(node, ast.Call):
        return []
    value = ast.literal_eval(node)
    if isinstance(value, (bytes, complex)) or value is ...:
        raise Refused(type(value).__name__)
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        raise Refused("not finite")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise Refused("too large")
    if isinstance(value, str):
        value = json.loads(json.dumps(value))  # joins the halves of surrogate pairs
        value.encode("utf-8")  # refuses halves
    return value


def expected(text):
    """JSON text, or None for a literal that must be refused."""
    try:
        ast.literal_eval(text)
        tree = ast.parse(text.lstrip(" \t"), mode="eval").body
        return json.dumps(convert(tree))
    except (Refused, UnicodeError, ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def differs_on_purpose(text):
    """Texts that Python takes and Reprise may refuse."""
    squeezed = "".join(text.split())
    return "\\N" in text or "(set" in squeezed or not text.isascii() and any(
        unicodedata.normalize("NFKC", c) in "set" for c in text if not c.isascii())


SIMPLE_ESCAPES = dict(zip("\n\r\t\a\b\f\v", ["\\n", "\\r", "\\t", "\\a", "\\b", "\\f", "\\v"]))


class Writer:
    """Writes values in all the ways that Python reads."""

    def __init__(self, rng):
        self.rng = rng
        self.depth = 0

    def chance(self, probability):
        return self.rng.random() < probability

    def space(self):
        if not self.chance(0.3):
            return ""
        pieces = [" ", "  ", "\t", "\f", "\\\n", "\\\r\n"]
        if self.depth:
            pieces += ["\n", "\r\n", "\r", " # note 'x' {\n", "\n  \n", "#\n"]
        return "".join(self.rng.choice(pieces) for _ in range(self.rng.randint(1, 2)))

    def bracketed(self, left, right, items, trailing):
        self.depth += 1
        out = left + self.space()
        out += ",".join(self.space() + item() + self.space() for item in items)
        if items and (trailing or self.chance(0.2)):
            out += "," + self.space()
        self.depth -= 1
        return out + right

    def underscored(self, digits):
        out = digits[0]
        for digit in digits[1:]:
            out += ("_" if self.chance(0.1) else "") + digit
        return out

    def unsigned_int(self, value):
        kind = self.rng.randrange(8)
        if kind == 0:
            digits = format(value, self.rng.choice("xX"))
            return self.rng.choice(["0x", "0X"]) + self.underscored(digits)
        if kind == 1:
            return self.rng.choice(["0o", "0O"]) + self.underscored(format(value, "o"))
        if kind == 2:
            return self.rng.choice(["0b", "0B"]) + self.underscored(format(value, "b"))
        return self.underscored(str(value))

    def unsigned_float(self, value):
        kind = self.rng.randrange(6)
        if kind == 0:
            return format(value, "." + str(self.rng.randint(0, 20)) + self.rng.choice("eE"))
        if kind == 1 and value < 1e30:
            return format(value, ".30f")
        if kind == 2 and 0 < value < 1:
            return repr(value).removeprefix("0")
        if kind == 3 and value == int(value) and value < 1e15:
            tail = self.rng.choice([".", "e0", ".0", "E+0", ".e-0"])
            return self.rng.choice(["", "0", "00"]) + str(int(value)) + tail
        if kind == 4:
            mantissa, _, exponent = format(value, ".17e").partition("e")
            return mantissa + "e" + exponent[0] + self.underscored("0" + exponent[1:])
        return repr(value)

    def signed(self, negative, text):
        if self.chance(0.05):
            self.depth += 1
            text = "(" + self.space() + text + self.space() + ")"
            self.depth -= 1
        if negative:
            return "-" + self.space() + text
        return ("+" + self.space() if self.chance(0.05) else "") + text

    def character(self, c, quote, triple):
        code = ord(c)
        if c == "\\" or c == quote:
            return "\\" + c
        if c in SIMPLE_ESCAPES and self.chance(0.7):
            return SIMPLE_ESCAPES[c]
        if c == "\n" and triple and self.chance(0.5):
            return self.rng.choice(["\n", "\r\n", "\r"])
        kind = self.rng.randrange(12)
        if 0xD800 <= code < 0xE000 or c in "\n\r\0" or kind == 0:
            return "\\u%04x" % code if code < 0x10000 else "\\U%08X" % code
        if kind == 1 and code < 0x100:
            return "\\x%02X" % code
        if kind == 2 and code < 0o1000:
            return "\\%03o" % code
        if kind == 3 and code > 0xFFFF:
            code -= 0x10000
            return "\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
        if kind == 4:
            return c + "\\\n"
        return c

    def one_string(self, value):
        quote = self.rng.choice("'\"")
        triple = self.chance(0.2)
        marks = quote * (3 if triple else 1)
        raw_is_safe = not any(c in value for c in "\\'\"\n\r\0") and value.isascii()
        if raw_is_safe and self.chance(0.3):
            return self.rng.choice("rR") + marks + value + marks
        prefix = self.rng.choice(["", "", "", "u", "U"])
        return prefix + marks + "".join(self.character(c, quote, triple) for c in value) + marks

    def string(self, value):
        if self.chance(0.4):
            return repr(value)
        if self.chance(0.2):
            cut = self.rng.randint(0, len(value))
            return self.one_string(value[:cut]) + self.space() + self.one_string(value[cut:])
        return self.one_string(value)

    def write(self, value):
        if value is None or isinstance(value, bool):
            return repr(value)
        if isinstance(value, int):
            return self.signed(value < 0, self.unsigned_int(abs(value)))
        if isinstance(value, float):
            return self.signed(str(value)[0] == "-", self.unsigned_float(abs(value)))
        if isinstance(value, str):
            return self.string(value)
        items = [lambda v=v: self.write(v) for v in value] if not isinstance(value, dict) else [
            lambda k=k, v=v: self.write(k) + self.space() + ":" + self.space() + self.write(v)
            for k, v in value.items()]
        if isinstance(value, dict):
            return self.bracketed("{", "}", items, False)
        if isinstance(value, (set, frozenset)):
            return self.bracketed("{", "}", items, False) if value else "set()"
        if isinstance(value, tuple):
            return self.bracketed("(", ")", items, len(value) == 1)
        return self.bracketed("[", "]", items, False)


def random_scalar(rng):
    kind = rng.randrange(10)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind <= 2:
        return rng.choice([0, 1, -1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1,
                           rng.randint(-10, 10), rng.randint(-(2**64), 2**65)])
    if kind <= 5:
        return rng.choice([0.0, -0.0, 1e16, 1e15, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 0.1,
                           rng.uniform(-1, 1), rng.uniform(-1e18, 1e18), float(rng.randint(0, 9)),
                           rng.random() * 10.0 ** rng.randint(-320, 300)])
    alphabet = "ab c{}:,#'\"\\\n\r\t\0\x7f\xa0\xe9\u03bb\u2603\U0001f3d3\ud83c\udfd3"
    if rng.random() < 0.5:
        alphabet = "abcdefg_.:0123/-"
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 8)))


def random_value(rng, depth):
    if depth == 0 or rng.random() < 0.4:
        return random_scalar(rng)
    size = rng.randint(0, 4)
    kind = rng.randrange(5)
    if kind == 0:
        return [random_value(rng, depth - 1) for _ in range(size)]
    if kind == 1:
        return tuple(random_value(rng, depth - 1) for _ in range(size))
    if kind == 2:
        return frozenset(random_scalar(rng) for _ in range(size))
    keys = [random_scalar(rng) if rng.random() < 0.3 else "k%d" % i for i in range(size)]
    return {key: random_value(rng, depth - 1) for key in keys}


TOKENS = list("'\"\\()[]{},:-+._ej01x# \t\n\r\fbfru*=\xa0\xe9\0\v~") + [
    "'''", "True", "None", "set()", "\\x", "\\u", "...", "nan", "\\\n", "if", "not "]


def mutate(rng, text):
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        kind = rng.randrange(3)
        if kind == 0:
            text = text[:at] + rng.choice(TOKENS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + rng.randint(1, 3):]
        else:
            text = text[:at] + rng.choice(TOKENS) + text[at + 1:]
    return text


def random_text(rng):
    return "".join(rng.choice(TOKENS) for _ in range(rng.randint(0, 6)))


def main():
    seed, values, mutations = (int(argument) for argument in sys.argv[1:4])
    rng = random.Random(seed)
    writer = Writer(rng)
    texts = []
    for _ in range(values):
        value = random_value(rng, rng.randint(0, 3))
        texts.append(repr(value).replace("frozenset()", "set()") if "frozenset({" not in repr(value)
                     and rng.random() < 0.3 else writer.space() + writer.write(value))
    originals = list(texts)
    for i in range(mutations):
        texts.append(random_text(rng) if i % 4 == 0 else mutate(rng, rng.choice(originals)))
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeError:
            continue  # cannot stand on a command line
        if not differs_on_purpose(text):
            print(json.dumps({"text": text, "json": expected(text)}))


if __name__ == "__main__":
    main()
