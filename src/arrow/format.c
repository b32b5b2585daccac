/* SPDX-License-Identifier: Apache-2.0 */
/* format.c - Arrow's format strings. */
#include "arrow/format.h"

typedef struct known_format {
    const char *format; /* of timestamps without the zone */
    uint8_t     kind;
    uint8_t     type;
    uint8_t     width;
    uint8_t     alignment;
    uint8_t     buffers;
    int64_t     multiply, divide;
} known_format;

static const known_format known_formats[] = {
    {"n", ARROW_NULL, TYPE_NULL, 0, 1, 0, 1, 1},
    {"b", ARROW_BOOL, TYPE_BOOL, 0, 1, 2, 1, 1},
    {"c", ARROW_PLAIN, TYPE_I8, 1, 1, 2, 1, 1},
    {"s", ARROW_PLAIN, TYPE_I16, 2, 2, 2, 1, 1},
    {"i", ARROW_PLAIN, TYPE_I32, 4, 4, 2, 1, 1},
    {"l", ARROW_PLAIN, TYPE_I64, 8, 8, 2, 1, 1},
    {"C", ARROW_PLAIN, TYPE_U8, 1, 1, 2, 1, 1},
    {"S", ARROW_PLAIN, TYPE_U16, 2, 2, 2, 1, 1},
    {"I", ARROW_PLAIN, TYPE_U32, 4, 4, 2, 1, 1},
    {"L", ARROW_PLAIN, TYPE_U64, 8, 8, 2, 1, 1},
    {"e", ARROW_F16, TYPE_F32, 2, 2, 2, 1, 1},
    {"f", ARROW_PLAIN, TYPE_F32, 4, 4, 2, 1, 1},
    {"g", ARROW_PLAIN, TYPE_F64, 8, 8, 2, 1, 1},
    {"u", ARROW_UTF8, TYPE_TEXT, 4, 4, 3, 1, 1},
    {"U", ARROW_LARGE_UTF8, TYPE_TEXT, 8, 8, 3, 1, 1},
    {"vu", ARROW_UTF8_VIEW, TYPE_TEXT, 16, 8, 3, 1, 1},
    {"z", ARROW_UTF8, TYPE_BLOB, 4, 4, 3, 1, 1},
    {"Z", ARROW_LARGE_UTF8, TYPE_BLOB, 8, 8, 3, 1, 1},
    {"vz", ARROW_UTF8_VIEW, TYPE_BLOB, 16, 8, 3, 1, 1},
    {"tdD", ARROW_PLAIN, TYPE_DATE, 4, 4, 2, 1, 1},
    {"tdm", ARROW_UNITS, TYPE_DATE, 8, 8, 2, 1, 86400000},
    {"tts", ARROW_UNITS, TYPE_TIME, 4, 4, 2, 1000000, 1},
    {"ttm", ARROW_UNITS, TYPE_TIME, 4, 4, 2, 1000, 1},
    {"ttu", ARROW_UNITS, TYPE_TIME, 8, 8, 2, 1, 1},
    {"ttn", ARROW_UNITS, TYPE_TIME, 8, 8, 2, 1, 1000},
    {"tss:", ARROW_PLAIN, TYPE_TIMESTAMP_S, 8, 8, 2, 1, 1},
    {"tsm:", ARROW_PLAIN, TYPE_TIMESTAMP_MS, 8, 8, 2, 1, 1},
    {"tsu:", ARROW_PLAIN, TYPE_TIMESTAMP, 8, 8, 2, 1, 1},
    {"tsn:", ARROW_PLAIN, TYPE_TIMESTAMP_NS, 8, 8, 2, 1, 1},
    {"tin", ARROW_INTERVAL, TYPE_INTERVAL, 16, 8, 2, 1, 1},
    {"+l", ARROW_LIST, TYPE_LIST, 4, 4, 2, 1, 1},
    {"+L", ARROW_LIST, TYPE_LIST, 8, 8, 2, 1, 1},
    {"+vl", ARROW_LIST_VIEW, TYPE_LIST, 4, 4, 3, 1, 1},
    {"+vL", ARROW_LIST_VIEW, TYPE_LIST, 8, 8, 3, 1, 1},
    {"+m", ARROW_MAP, TYPE_MAP, 4, 4, 2, 1, 1},
    {"+s", ARROW_STRUCT, TYPE_STRUCT, 0, 1, 1, 1, 1},
    {"+r", ARROW_RUN_ENDS, TYPE_NULL, 0, 1, 0, 1, 1},
};

/* A time with a zone is a moment, whatever the zone: TIMESTAMPTZ counts it in microseconds. */
static void
make_zoned(arrow_format *f) {
    const int64_t unit_ns = type_time_unit_ns(f->type);
    f->type = type_of(TYPE_TIMESTAMPTZ);
    f->kind = unit_ns == 1000 ? ARROW_PLAIN : ARROW_UNITS;
    f->multiply = unit_ns > 1000 ? unit_ns / 1000 : 1;
    f->divide = unit_ns < 1000 ? 1000 / unit_ns : 1;
}

/* A whole number at *p, which moves behind it. */
static bool
take_number(const char **p, int32_t *out) {
    const bool negative = **p == '-';
    int32_t    n = 0;
    *p += negative;
    if (**p < '0' || **p > '9') {
        return false;
    }
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        n = n < 100000000 ? n * 10 + (**p - '0') : n;
    }
    *out = negative ? -n : n;
    return true;
}

/* d:precision,scale[,bits]. A negative scale becomes zeros in front of the point, one beyond the
 * precision zeros behind it; of more than 38 digits the values decide. */
static bool
decimal_format(arrow_format *out, const char *format) {
    const char *p = format + 2;
    int32_t     precision, scale;
    int32_t     bits = 128;
    if (!take_number(&p, &precision) || *p++ != ',' || !take_number(&p, &scale) ||
        (*p == ',' && (p++, !take_number(&p, &bits))) || *p != '\0') {
        return false;
    }
    const bool known = bits == 32 || bits == 64 || bits == 128 || bits == 256;
    if (!known || precision < 1 || precision > 76 || scale > DECIMAL_PRECISION_MAX ||
        scale < -DECIMAL_PRECISION_MAX) {
        return false;
    }
    const int32_t zeros = scale < 0 ? -scale : 0;
    scale = scale < 0 ? 0 : scale;
    precision += zeros;
    precision = precision < scale ? scale : precision;
    precision = precision > DECIMAL_PRECISION_MAX ? DECIMAL_PRECISION_MAX : precision;
    *out = (arrow_format){.format = format,
                          .kind = ARROW_DECIMAL,
                          .type = type_decimal(precision, scale),
                          .width = bits / 8,
                          .alignment = bits == 32 ? 4 : 8,
                          .buffers = 2,
                          .multiply = zeros};
    return true;
}

static int32_t
metadata_number(const char **p) {
    int32_t n;
    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return n;
}

/* Whether the metadata gives the key this value. The producer vouches for its sizes. */
static bool
metadata_has(const char *metadata, text key, text wanted) {
    if (metadata == NULL) {
        return false;
    }
    for (int32_t pairs = metadata_number(&metadata); pairs > 0; pairs--) {
        text part[2];
        for (int32_t i = 0; i < 2; i++) {
            const int32_t size = metadata_number(&metadata);
            if (size < 0) {
                return false;
            }
            part[i] = (text){metadata, (size_t)size};
            metadata += size;
        }
        if (text_equal(part[0], key)) {
            return text_equal(part[1], wanted);
        }
    }
    return false;
}

/* w:size */
static bool
fixed_format(arrow_format *out, const char *format, const char *metadata) {
    const char *p = format + 2;
    int32_t     width;
    if (!take_number(&p, &width) || *p != '\0' || width < 0) {
        return false;
    }
    const bool is_uuid =
        width == 16 && metadata_has(metadata, TEXT("ARROW:extension:name"), TEXT("arrow.uuid"));
    *out = (arrow_format){.format = format,
                          .kind = is_uuid ? ARROW_UUID : ARROW_FIXED_BINARY,
                          .type = type_of(is_uuid ? TYPE_UUID : TYPE_BLOB),
                          .width = width,
                          .alignment = 1,
                          .buffers = 2};
    return true;
}

/* Our own HUGEINT columns say so: their last values have 39 digits. */
static bool
mark_hugeint(arrow_format *f, const char *metadata) {
    if (strcmp(f->format, "d:38,0") == 0 &&
        metadata_has(metadata, TEXT("laminardb:type"), TEXT("HUGEINT"))) {
        f->kind = ARROW_PLAIN;
        f->type = type_of(TYPE_I128);
    }
    return true;
}

/* +w:size */
static bool
fixed_list_format(arrow_format *out, const char *format) {
    const char *p = format + 3;
    int32_t     size;
    if (!take_number(&p, &size) || *p != '\0' || size < 0) {
        return false;
    }
    *out = (arrow_format){.format = format,
                          .kind = ARROW_FIXED_LIST,
                          .type = type_of(TYPE_LIST),
                          .alignment = 1,
                          .buffers = 1,
                          .multiply = size};
    return true;
}

bool
arrow_format_of(arrow_format *out, const char *format, const char *metadata) {
    if (strncmp(format, "d:", 2) == 0) {
        return decimal_format(out, format) && mark_hugeint(out, metadata);
    }
    if (strncmp(format, "w:", 2) == 0) {
        return fixed_format(out, format, metadata);
    }
    if (strncmp(format, "+w:", 3) == 0) {
        return fixed_list_format(out, format);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(known_formats); i++) {
        const known_format *k = &known_formats[i];
        const bool          has_zone = strncmp(k->format, "ts", 2) == 0;
        if (has_zone ? strncmp(format, k->format, 4) != 0 : strcmp(format, k->format) != 0) {
            continue;
        }
        *out = (arrow_format){.format = format,
                              .kind = k->kind,
                              .type = type_of((type_id)k->type),
                              .width = k->width,
                              .alignment = k->alignment,
                              .buffers = k->buffers,
                              .multiply = k->multiply,
                              .divide = k->divide};
        if (has_zone && format[4] != '\0') {
            make_zoned(out);
        }
        return true;
    }
    return false;
}
