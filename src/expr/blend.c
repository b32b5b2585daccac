/* SPDX-License-Identifier: Apache-2.0 */
/* blend.c - moves of values by width, whatever their type. */
#include "expr/blend.h"

#define BLEND blend_1
#define SCATTER scatter_1
#define VALUE uint8_t
#include "expr/blend.inc.h"

#define BLEND blend_2
#define SCATTER scatter_2
#define VALUE uint16_t
#include "expr/blend.inc.h"

#define BLEND blend_4
#define SCATTER scatter_4
#define VALUE uint32_t
#include "expr/blend.inc.h"

#define BLEND blend_8
#define SCATTER scatter_8
#define VALUE uint64_t
#include "expr/blend.inc.h"

#define BLEND blend_16
#define SCATTER scatter_16
#define VALUE strview
#include "expr/blend.inc.h"

void
blend_values(void *out, const reg *in, const uint8_t *take, int32_t n) {
    const int32_t by = in->is_constant ? 0 : 1;
    switch (type_width(in->column.type)) {
    case 1:
        blend_1(out, in->column.values, by, take, n);
        break;
    case 2:
        blend_2(out, in->column.values, by, take, n);
        break;
    case 4:
        blend_4(out, in->column.values, by, take, n);
        break;
    case 8:
        blend_8(out, in->column.values, by, take, n);
        break;
    default:
        blend_16(out, in->column.values, by, take, n);
        break;
    }
}

void
blend_scatter(void *out, const reg *in, const int32_t *rows, int32_t n) {
    const int32_t by = in->is_constant ? 0 : 1;
    switch (type_width(in->column.type)) {
    case 1:
        scatter_1(out, in->column.values, by, rows, n);
        break;
    case 2:
        scatter_2(out, in->column.values, by, rows, n);
        break;
    case 4:
        scatter_4(out, in->column.values, by, rows, n);
        break;
    case 8:
        scatter_8(out, in->column.values, by, rows, n);
        break;
    default:
        scatter_16(out, in->column.values, by, rows, n);
        break;
    }
}

uint64_t
blend_pack(const uint8_t *bytes, int32_t count) {
    uint64_t bits = 0;
    int32_t  i = 0;
    for (; i + 8 <= count; i += 8) { /* byte k of a little-endian word moves to bit 56 + k */
        uint64_t w;
        memcpy(&w, bytes + i, sizeof(w));
        bits |= ((w * UINT64_C(0x0102040810204080)) >> 56) << i;
    }
    for (; i < count; i++) {
        bits |= (uint64_t)bytes[i] << i;
    }
    return bits;
}
