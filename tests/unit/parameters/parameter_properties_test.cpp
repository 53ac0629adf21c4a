/// @file What must hold for any value, tried on drawn ones.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "reprise/parameters/nearest_name.hpp"
#include "reprise/parameters/python_literal.hpp"
#include "reprise/parameters/python_text.hpp"
#include "reprise/parameters/settings_text.hpp"

namespace reprise {
namespace {

using Json = nlohmann::ordered_json;

/// Any bits that make a finite number.
rc::Gen<double> finite_double() {
    return rc::gen::suchThat(
        rc::gen::map(rc::gen::arbitrary<std::uint64_t>(),
                     [](std::uint64_t bits) { return std::bit_cast<double>(bits); }),
        [](double value) { return std::isfinite(value); });
}

rc::Gen<std::string> text() {
    return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                            "a", "_", " ", "'", "\"", "\\", "\n", "\r", "\t", "\x01", "{", "}", ":",
                            ",", "#", "ö", "\u00a0", "☃", "\u2028", "🏓", "\U000e0001")),
                        [](std::vector<std::string> const& pieces) {
                            std::string joined;
                            for (auto const& piece : pieces) joined += piece;
                            return joined;
                        });
}

rc::Gen<Json> value(int depth) {
    auto scalar = rc::gen::oneOf(
        rc::gen::just(Json()),
        rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Json(b); }),
        rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t i) { return Json(i); }),
        rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t i) { return Json(i); }),
        rc::gen::map(finite_double(), [](double d) { return Json(d); }),
        rc::gen::map(text(), [](std::string const& s) { return Json(s); }));
    if (depth == 0) return scalar;
    auto const list = rc::gen::map(rc::gen::container<std::vector<Json>>(value(depth - 1)),
                                   [](std::vector<Json> const& v) { return Json(v); });
    auto const object =
        rc::gen::map(rc::gen::container<std::map<std::string, Json>>(text(), value(depth - 1)),
                     [](std::map<std::string, Json> const& members) {
                         auto result = Json::object();
                         for (auto const& [key, member] : members) result[key] = member;
                         return result;
                     });
    return rc::gen::oneOf(scalar, list, object);
}

RC_GTEST_PROP(PythonTextProperty, FloatsReadBackAsTheSameNumber, ()) {
    auto const number = *finite_double();
    auto const shown = python_float(number);
    RC_ASSERT(std::strtod(shown.c_str(), nullptr) == number);
    RC_ASSERT(shown.find_first_of(".e") != std::string::npos);
}

RC_GTEST_PROP(PythonTextProperty, ReprReadsBackAsTheSameValue, ()) {
    auto const any = *value(2);
    auto const read = parse_python_literal(python_repr(any));
    RC_ASSERT(read.has_value());
    RC_ASSERT(python_json_line(read.value()) == python_json_line(any));
}

RC_GTEST_PROP(PythonTextProperty, JsonReadsBackAsTheSameValue, ()) {
    auto const any = *value(2);
    for (auto const& written : {python_json(any), python_json_line(any)}) {
        RC_ASSERT(python_json_line(parse_json_text(written, "f")) == python_json_line(any));
    }
}

RC_GTEST_PROP(NearestNameProperty, EditDistanceIsSymmetricAndBounded, ()) {
    auto const one = *text();
    auto const other = *text();
    auto const distance = edit_distance(one, other);
    RC_ASSERT(distance == edit_distance(other, one));
    RC_ASSERT((distance == 0) == (one == other));
    RC_ASSERT(distance <= std::max(one.size(), other.size()));
}

}  // namespace
}  // namespace reprise
