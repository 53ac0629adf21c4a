/// @file Writes Python pickles, as far as cluster_utils messages need them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// Builds one pickle, protocol 4 (any Python since 3.4 reads it), as a sequence of operations on
/// the reader's stack. The caller keeps the stack in order: when finish() is called one value must
/// be left. Nothing is memoised. Opcodes: Lib/pickletools.py of CPython, PEP 3154 for the frame.
class PickleWriter {
  public:
    /// Pushes an int.
    void push_int(std::int64_t value);
    /// Pushes a float. Any double, also NaN and infinities.
    void push_float(double value);
    /// Pushes a str. Expects valid UTF-8 (utf8.hpp) of fewer than 2^32 bytes.
    void push_text(std::string_view utf8);
    /// Pushes an empty list or dict.
    void push_list();
    void push_dict();
    /// Marks the stack for append_to_list() or set_in_dict().
    void push_mark();
    /// Takes everything above the mark and appends it to the list below the mark.
    void append_to_list();
    /// Takes key, value, key, value… above the mark and stores them in the dict below the mark.
    void set_in_dict();
    /// Replaces the topmost one or two values by a tuple of them.
    void wrap_one_in_tuple();
    void wrap_two_in_tuple();

    /// The whole pickle: protocol, one frame, the operations so far, end. The writer is spent.
    [[nodiscard]] std::vector<std::byte> finish() &&;

  private:
    void put(unsigned char opcode);
    void put_little_endian(std::uint64_t value, int bytes);

    std::string body_;
};

}  // namespace reprise
