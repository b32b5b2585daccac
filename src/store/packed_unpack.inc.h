/* SPDX-License-Identifier: Apache-2.0 */
/* packed_unpack.inc.h - the loops of packed_unpack.c for one width: TYPE, and WITH_TYPE(name) for
 * the names of its functions. Undefines both. */

static status
WITH_TYPE(take_frames)(unpacker *u, void *to, int32_t count) {
    TYPE *out = to;
    for (int32_t at = 0; at < count; at += PACKED_FRAME, out += PACKED_FRAME) {
        const int32_t n = (int32_t)min_i64(PACKED_FRAME, count - at);
        const char   *head = NULL;
        const char   *values = NULL;
        uint32_t      bits = 0;
        TYPE          base;
        TRY(take_frame(u, sizeof(base), n, &bits, &head, &values));
        memcpy(&base, head, sizeof(base));
        if (bits == 64) {
            for (int32_t i = 0; i < n; i++) {
                out[i] = (TYPE)(base + whole_at(values, i));
            }
            continue;
        }
        const uint64_t mask = (UINT64_C(1) << bits) - 1;
        for (int32_t i = 0; i < n; i++) {
            out[i] = (TYPE)(base + bits_at(values, bits, mask, i));
        }
    }
    const char *slack = NULL;
    return packed_take(u, PACKED_SLACK, &slack);
}

static status
WITH_TYPE(take_deltas)(unpacker *u, void *to, int32_t count) {
    TYPE *out = to;
    for (int32_t at = 0; at < count; at += PACKED_FRAME, out += PACKED_FRAME) {
        const int32_t n = (int32_t)min_i64(PACKED_FRAME, count - at);
        const char   *head = NULL;
        const char   *values = NULL;
        uint32_t      bits = 0;
        uint64_t      least;
        TYPE          x;
        TRY(take_frame(u, sizeof(x) + 8, n - 1, &bits, &head, &values));
        memcpy(&x, head, sizeof(x));
        memcpy(&least, head + sizeof(x), sizeof(least));
        const uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
        uint64_t       sum = x;
        out[0] = x;
        for (int32_t i = 1; i < n; i++) {
            const uint64_t d =
                bits == 64 ? whole_at(values, i - 1) : bits_at(values, bits, mask, i - 1);
            sum += d + least;
            out[i] = (TYPE)sum;
        }
    }
    const char *slack = NULL;
    return packed_take(u, PACKED_SLACK, &slack);
}

static void
WITH_TYPE(spread)(void *to, const void *from, const uint32_t *indexes, int32_t count) {
    TYPE       *out = to;
    const TYPE *words = from;
    for (int32_t i = 0; i < count; i++) {
        out[i] = words[indexes[i]];
    }
}

static void
WITH_TYPE(fill)(void *to, const char *one, int32_t count) {
    TYPE *out = to;
    TYPE  x;
    memcpy(&x, one, sizeof(x));
    for (int32_t i = 0; i < count; i++) {
        out[i] = x;
    }
}

static const unpack_width WITH_TYPE(loops) = {WITH_TYPE(take_frames), WITH_TYPE(take_deltas),
                                              WITH_TYPE(spread), WITH_TYPE(fill)};

#undef TYPE
#undef WITH_TYPE
