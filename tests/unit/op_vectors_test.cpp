// SPDX-License-Identifier: MIT
#include "support/op_vectors.hpp"

#include <gtest/gtest.h>

#include <set>

#include "picture.hpp"

namespace {

using test_support::op_vectors;
using test_support::OpVector;
using test_support::VectorOperand;

zaccel_operand operand_of(const VectorOperand& from, std::vector<std::uint8_t>& bytes) {
    zaccel_operand operand{};
    operand.kind = from.kind;
    if (from.kind == ZACCEL_SLOT_RANGE) {
        operand.range = {bytes.data(), bytes.size()};
    } else if (from.kind == ZACCEL_SLOT_IMAGE) {
        operand.image.format = zaccel_format_find(from.fourcc);
        operand.image.width = from.width;
        operand.image.height = from.height;
        for (std::size_t i = 0; i < from.planes.size(); i++)
            operand.image.planes[i] = {bytes.data() + from.planes[i].offset, from.planes[i].pitch};
    }
    return operand;
}

class OpVectors : public testing::TestWithParam<OpVector> {};

INSTANTIATE_TEST_SUITE_P(All, OpVectors, testing::ValuesIn(op_vectors()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(OpVectors, HasExpectedOutcome) {
    const OpVector& vector = GetParam();

    for (const std::uint64_t slice : {0u, 2u, 4u}) {
        SCOPED_TRACE(testing::Message() << "slices of " << slice);
        std::vector<std::uint8_t> dst_bytes = vector.dst.bytes;
        std::vector<std::uint8_t> src_bytes = vector.src.bytes;
        const zaccel_operand dst = operand_of(vector.dst, dst_bytes);
        const zaccel_operand src = operand_of(vector.src, src_bytes);

        const unit::Outcome outcome = unit::execute(vector.command, &dst, &src, slice);
        EXPECT_EQ(outcome.status, vector.status);
        EXPECT_EQ(outcome.result, vector.result);
        EXPECT_EQ(dst_bytes, vector.expected);
        EXPECT_EQ(src_bytes, vector.src.bytes);
    }
}

TEST(OpVectorTable, CoversEveryOperationAndFormat) {
    std::set<unsigned> opcodes;
    std::set<std::uint32_t> sources, destinations;
    for (const OpVector& vector : op_vectors()) {
        if (vector.status != 0) continue;
        opcodes.insert(vector.command.opcode);
        if (vector.command.opcode != ZACCEL_OP_CONVERT) continue;
        sources.insert(vector.src.fourcc);
        destinations.insert(vector.dst.fourcc);
    }
    // WAIT, SIGNAL and EXEC mean nothing here: tests/uapi has them.
    for (unsigned i = 0; const zaccel_op* op = zaccel_op_at(i); i++) {
        if (op->opcode >= ZACCEL_OP_WAIT) continue;
        EXPECT_TRUE(opcodes.contains(op->opcode)) << op->name;
    }
    for (unsigned i = 0; const zaccel_format* format = zaccel_format_at(i); i++) {
        EXPECT_TRUE(destinations.contains(format->fourcc)) << i;
        EXPECT_TRUE(sources.contains(format->fourcc)) << i;
    }
}

}  // namespace
