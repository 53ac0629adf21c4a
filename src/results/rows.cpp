#include "rows.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "checksum.hpp"
#include "little_endian.hpp"
#include "reprise/core/contract.hpp"

namespace reprise::results {
namespace {

// The columns. A visitor has number(name, number), flag(name, bool), outcome(name, enum) and
// text<size>(name, string): size bytes, the last of them always NUL.

template <class Visitor, class Record>
void visit_columns(Visitor& visitor, Record& record, AttemptRecord const&, std::size_t row_size) {
    visitor.number("learning_run", record.key.learning_run);
    visitor.number("iteration", record.key.iteration);
    visitor.number("attempt", record.key.attempt);
    visitor.number("part", record.key.part);
    visitor.outcome("outcome", record.outcome);
    visitor.number("exit_code", record.exit_code);
    visitor.number("signal", record.signal);
    visitor.number("reward", record.reward);
    visitor.number("seed", record.seed);
    visitor.number("start", record.start);
    visitor.number("end", record.end);
    visitor.template text<64>("host", record.host);
    visitor.template text<64>("cores", record.cores);
    if (row_size != attempt_row_size_1) visitor.template text<64>("gpus", record.gpus);
    visitor.number("cpu_s", record.cpu_s);
    visitor.number("peak_memory_mb", record.peak_memory_mb);
    visitor.number("steps", record.steps);
    visitor.number("start_number", record.start_number);
    visitor.number("rank", record.rank);
    visitor.template text<64>("loaded_from", record.loaded_from);
    visitor.template text<256>("message", record.message);
}

template <class Visitor, class Row>
void visit_columns(Visitor& visitor, Row& row, StartRow const&, std::size_t) {
    visitor.number("number", row.record.number);
    visitor.number("revision", row.revision);
    visitor.outcome("outcome", row.record.outcome);
    visitor.number("start", row.record.start);
    visitor.number("end", row.record.end);
    visitor.number("ranks", row.record.ranks);
    visitor.number("early_reports", row.record.early_reports);
    visitor.flag("trained", row.record.trained);
    visitor.template text<64>("host", row.record.host);
}

/// As many bytes of the text as fit, without half a UTF-8 character at the end.
std::size_t fitting_size(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text.size();
    auto size = limit;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
    return size;
}

class Encoder {
  public:
    explicit Encoder(std::byte* to) : to_(to) {}
    template <class Number>
    void number(char const*, Number value) {
        put_number(to_, value);
        to_ += sizeof value;
    }
    void flag(char const*, bool value) { *to_++ = std::byte{value}; }
    template <class Outcome>
    void outcome(char const*, Outcome value) {
        *to_++ = static_cast<std::byte>(value);
    }
    template <std::size_t size>
    void text(char const*, std::string const& value) {
        auto const kept = fitting_size(value, size - 1);
        std::memset(to_, 0, size);
        std::transform(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(kept), to_,
                       [](char c) { return static_cast<std::byte>(c == '\0' ? ' ' : c); });
        to_ += size;
    }
    [[nodiscard]] std::byte* end() const { return to_; }

  private:
    std::byte* to_;
};

class Decoder {
  public:
    explicit Decoder(std::byte const* from) : from_(from) {}
    template <class Number>
    void number(char const*, Number& value) {
        value = get_number<Number>(from_);
        from_ += sizeof value;
    }
    void flag(char const*, bool& value) { value = *from_++ != std::byte{0}; }
    template <class Outcome>
    void outcome(char const*, Outcome& value) {
        value = static_cast<Outcome>(*from_++);
    }
    template <std::size_t size>
    void text(char const*, std::string& value) {
        auto const* text = reinterpret_cast<char const*>(from_);
        value.assign(text, strnlen(text, size));
        from_ += size;
    }

  private:
    std::byte const* from_;
};

Hdf5Type flag_type() {  // what h5py takes for a bool
    Hdf5Type type(H5Tenum_create(H5T_STD_I8LE), "H5Tenum_create");
    std::int8_t value = 0;
    for (auto const* name : {"FALSE", "TRUE"}) {
        checked(H5Tenum_insert(type.get(), name, &value), "H5Tenum_insert");
        ++value;
    }
    return type;
}

template <class Outcome>
bool has_name(Outcome outcome) noexcept {
    return std::strcmp(name_of(outcome), "unknown") != 0;
}

template <class Outcome>
Hdf5Type outcome_type() {
    Hdf5Type type(H5Tenum_create(H5T_STD_U8LE), "H5Tenum_create");
    for (unsigned char value = 0; has_name(static_cast<Outcome>(value)); ++value)
        checked(H5Tenum_insert(type.get(), name_of(static_cast<Outcome>(value)), &value),
                "H5Tenum_insert");
    return type;
}

class TypeBuilder {
  public:
    explicit TypeBuilder(std::size_t size)
        : type_(H5Tcreate(H5T_COMPOUND, size), "H5Tcreate"), size_(size) {}

    void number(char const* name, std::int32_t) { add(name, H5T_STD_I32LE); }
    void number(char const* name, std::uint32_t) { add(name, H5T_STD_U32LE); }
    void number(char const* name, std::int64_t) { add(name, H5T_STD_I64LE); }
    void number(char const* name, double) { add(name, H5T_IEEE_F64LE); }
    void flag(char const* name, bool) { add(name, flag_type().get()); }
    template <class Outcome>
    void outcome(char const* name, Outcome) {
        add(name, outcome_type<Outcome>().get());
    }
    template <std::size_t size>
    void text(char const* name, std::string const&) {
        add(name, text_type(size).get());
    }
    Hdf5Type finish() {
        REPRISE_ENSURE(offset_ == size_);
        return std::move(type_);
    }

  private:
    void add(char const* name, hid_t type) {
        checked(H5Tinsert(type_.get(), name, offset_, type), "H5Tinsert");
        offset_ += H5Tget_size(type);
    }

    Hdf5Type type_;
    std::size_t size_;
    std::size_t offset_ = 0;
};

std::span<std::byte const> checked_part(std::span<std::byte const> row) {
    return row.subspan(1, row.size() - 1 - sizeof(std::uint32_t));
}

template <class Row>
void encode_row(Row const& row, bool confirmed, std::span<std::byte> to) {
    to.front() = std::byte{confirmed};
    Encoder encoder(to.data() + 1);
    visit_columns(encoder, row, row, to.size());
    REPRISE_ENSURE(encoder.end() + sizeof(std::uint32_t) == to.data() + to.size());
    put_number(encoder.end(), checksum_of(checked_part(to)));
}

template <class Row>
Row decode_row(std::span<std::byte const> row) {
    Row result;
    Decoder decoder(row.data() + 1);
    visit_columns(decoder, result, result, row.size());
    return result;
}

template <class Row>
Hdf5Type row_type(std::size_t size) {
    Row const row{};
    TypeBuilder builder(size);
    builder.flag("confirmed", false);
    visit_columns(builder, row, row, size);
    builder.number("crc", std::uint32_t{});
    return builder.finish();
}

}  // namespace

void encode(AttemptRecord const& record, bool confirmed, std::span<std::byte> to) {
    REPRISE_EXPECT(to.size() == attempt_row_size);
    encode_row(record, confirmed, to);
}

void encode(StartRow const& row, bool confirmed, std::span<std::byte> to) {
    REPRISE_EXPECT(to.size() == start_row_size);
    encode_row(row, confirmed, to);
}

AttemptRecord decode_attempt(std::span<std::byte const> row) {
    REPRISE_EXPECT(row.size() == attempt_row_size || row.size() == attempt_row_size_1);
    return decode_row<AttemptRecord>(row);
}

StartRow decode_start(std::span<std::byte const> row) {
    REPRISE_EXPECT(row.size() == start_row_size);
    return decode_row<StartRow>(row);
}

RowState state_of(std::span<std::byte const> row) noexcept {
    auto const crc = get_number<std::uint32_t>(row.data() + row.size() - sizeof(std::uint32_t));
    if (crc == checksum_of(checked_part(row))) return RowState::good;
    auto const is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    return std::all_of(row.begin(), row.end(), is_zero) ? RowState::empty : RowState::damaged;
}

bool is_confirmed(std::span<std::byte const> row) noexcept { return row.front() != std::byte{0}; }

void set_confirmed(std::span<std::byte> row) noexcept { row.front() = std::byte{1}; }

bool is_known(AttemptOutcome outcome) noexcept {
    return outcome != AttemptOutcome::none && has_name(outcome);
}

bool is_known(StartOutcome outcome) noexcept {
    return outcome != StartOutcome::none && has_name(outcome);
}

Hdf5Type attempt_row_type() { return row_type<AttemptRecord>(attempt_row_size); }
Hdf5Type start_row_type() { return row_type<StartRow>(start_row_size); }

Hdf5Type text_type(std::size_t size) {
    Hdf5Type type(H5Tcopy(H5T_C_S1), "H5Tcopy");
    checked(H5Tset_size(type.get(), size), "H5Tset_size");
    checked(H5Tset_strpad(type.get(), H5T_STR_NULLTERM), "H5Tset_strpad");
    checked(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset");
    return type;
}

}  // namespace reprise::results
