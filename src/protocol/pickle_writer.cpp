#include "reprise/protocol/pickle_writer.hpp"

#include <bit>
#include <limits>

#include "reprise/core/contract.hpp"

namespace reprise {

namespace {

// Opcodes, named as in Lib/pickle.py.
constexpr unsigned char proto = 0x80;
constexpr unsigned char frame = 0x95;
constexpr unsigned char stop = '.';
constexpr unsigned char mark = '(';
constexpr unsigned char binint = 'J';
constexpr unsigned char binint1 = 'K';
constexpr unsigned char binint2 = 'M';
constexpr unsigned char long1 = 0x8a;
constexpr unsigned char binfloat = 'G';
constexpr unsigned char short_binunicode = 0x8c;
constexpr unsigned char binunicode = 'X';
constexpr unsigned char empty_list = ']';
constexpr unsigned char appends = 'e';
constexpr unsigned char empty_dict = '}';
constexpr unsigned char setitems = 'u';
constexpr unsigned char tuple1 = 0x85;
constexpr unsigned char tuple2 = 0x86;

/// The fewest bytes that hold the value in two's complement, 1 to 8.
int bytes_needed(std::int64_t value) {
    int bytes = 1;
    while (bytes < 8 && (value >> (8 * bytes - 1)) != 0 && (value >> (8 * bytes - 1)) != -1) {
        ++bytes;
    }
    return bytes;
}

}  // namespace

void PickleWriter::put(unsigned char opcode) { body_.push_back(static_cast<char>(opcode)); }

void PickleWriter::put_little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
        put(static_cast<unsigned char>(value >> (8 * i)));
    }
}

void PickleWriter::push_int(std::int64_t value) {
    auto const bits = static_cast<std::uint64_t>(value);
    if (value >= 0 && value <= 0xff) {
        put(binint1);
        put_little_endian(bits, 1);
    } else if (value >= 0 && value <= 0xffff) {
        put(binint2);
        put_little_endian(bits, 2);
    } else if (value >= std::numeric_limits<std::int32_t>::min() &&
               value <= std::numeric_limits<std::int32_t>::max()) {
        put(binint);
        put_little_endian(bits, 4);
    } else {
        int const bytes = bytes_needed(value);
        put(long1);
        put_little_endian(static_cast<std::uint64_t>(bytes), 1);
        put_little_endian(bits, bytes);
    }
}

void PickleWriter::push_float(double value) {
    auto const bits = std::bit_cast<std::uint64_t>(value);
    put(binfloat);
    for (int shift = 56; shift >= 0; shift -= 8) {  // the one number in a pickle that is big-endian
        put(static_cast<unsigned char>(bits >> shift));
    }
}

void PickleWriter::push_text(std::string_view utf8) {
    REPRISE_EXPECT(utf8.size() <= std::numeric_limits<std::uint32_t>::max());
    if (utf8.size() <= 0xff) {
        put(short_binunicode);
        put_little_endian(utf8.size(), 1);
    } else {
        put(binunicode);
        put_little_endian(utf8.size(), 4);
    }
    body_.append(utf8);
}

void PickleWriter::push_list() { put(empty_list); }
void PickleWriter::push_dict() { put(empty_dict); }
void PickleWriter::push_mark() { put(mark); }
void PickleWriter::append_to_list() { put(appends); }
void PickleWriter::set_in_dict() { put(setitems); }
void PickleWriter::wrap_one_in_tuple() { put(tuple1); }
void PickleWriter::wrap_two_in_tuple() { put(tuple2); }

std::vector<std::byte> PickleWriter::finish() && {
    put(stop);
    std::string const body = std::move(body_);
    body_.clear();
    put(proto);
    put(4);
    put(frame);
    put_little_endian(body.size(), 8);
    body_ += body;

    std::vector<std::byte> pickle(body_.size());
    for (std::size_t i = 0; i < body_.size(); ++i) {
        pickle[i] = static_cast<std::byte>(body_[i]);
    }
    return pickle;
}

}  // namespace reprise
