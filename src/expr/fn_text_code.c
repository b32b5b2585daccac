/* SPDX-License-Identifier: Apache-2.0 */
/* fn_text_code.c - text and BLOBs as codes and back: digests, hexadecimal, binary, Base64, URLs.
 * What becomes text must be UTF-8 again. */
#include "base/digest.h"
#include "expr/call.h"
#include "type/uuid.h"

static const char digits_lower[] = "0123456789abcdef";
static const char digits_upper[] = "0123456789ABCDEF";

static void
write_hex(char *out, const void *bytes, size_t size, const char *digits) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
}

/* ---- a text of known size from each text */
typedef size_t code_size(text t);
typedef void   code_write(char *out, text t);

static status
code_rows(fn_call *c, const char *name, code_size *size_of, code_write *put) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text   t = operand_text(&c->args[0], i);
        const size_t size = size_of(t);
        if (size > TEXT_RESULT_MAX) {
            return fn_text_too_long(c, name, size);
        }
        char *p = fn_text_reserve(c, size);
        if (p == NULL) {
            return error_memory(c->err);
        }
        put(p, t);
        z[i] = fn_text_commit(c, size);
    }
    return OK;
}

/* ---- digests */
static void
write_digest(char *out, text t, digest_kind kind) {
    uint8_t bytes[DIGEST_SIZE_MAX];
    digest_bytes(kind, t.data, t.size, bytes);
    write_hex(out, bytes, digest_size(kind), digits_lower);
}

static size_t
size_32(text t UNUSED) {
    return 32;
}

static size_t
size_40(text t UNUSED) {
    return 40;
}

static size_t
size_64(text t UNUSED) {
    return 64;
}

static void
write_md5(char *out, text t) {
    write_digest(out, t, DIGEST_MD5);
}

static void
write_sha1(char *out, text t) {
    write_digest(out, t, DIGEST_SHA1);
}

static void
write_sha256(char *out, text t) {
    write_digest(out, t, DIGEST_SHA256);
}

status
fn_md5(fn_call *c) {
    return code_rows(c, "md5", size_32, write_md5);
}

status
fn_sha1(fn_call *c) {
    return code_rows(c, "sha1", size_40, write_sha1);
}

status
fn_sha256(fn_call *c) {
    return code_rows(c, "sha256", size_64, write_sha256);
}

/* ---- hexadecimal and binary, of the bytes of a text or of a number in two's complement */
static size_t
hex_size(text t) {
    return 2 * t.size;
}

static void
hex_write(char *out, text t) {
    write_hex(out, t.data, t.size, digits_upper);
}

static size_t
binary_size(text t) {
    return 8 * t.size;
}

static void
binary_write(char *out, text t) {
    for (size_t i = 0; i < 8 * t.size; i++) {
        out[i] = (char)('0' + ((uint8_t)t.data[i / 8] >> (7 - i % 8) & 1));
    }
}

status
fn_hex_text(fn_call *c) {
    return code_rows(c, "hex", hex_size, hex_write);
}

status
fn_binary_text(fn_call *c) {
    return code_rows(c, "bin", binary_size, binary_write);
}

static status
number_rows(fn_call *c, uint32_t bits) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        char     out[64];
        size_t   at = sizeof(out);
        uint64_t n = (uint64_t)fn_integer(&c->args[0], i);
        if (!fn_is_valid(c, i)) {
            continue;
        }
        do {
            out[--at] = digits_upper[n & ((1U << bits) - 1)];
            n >>= bits;
        } while (n != 0);
        char *p = fn_text_reserve(c, sizeof(out));
        if (p == NULL) {
            return error_memory(c->err);
        }
        memcpy(p, out + at, sizeof(out) - at);
        z[i] = fn_text_commit(c, sizeof(out) - at);
    }
    return OK;
}

status
fn_hex_number(fn_call *c) {
    return number_rows(c, 4);
}

status
fn_binary_number(fn_call *c) {
    return number_rows(c, 1);
}

/* ---- Base64 (RFC 4648, padded) */
static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t
base64_size(text t) {
    return (t.size + 2) / 3 * 4;
}

static void
base64_write(char *out, text t) {
    const uint8_t *p = (const uint8_t *)t.data;
    for (size_t i = 0; i < t.size; i += 3) {
        const size_t   left = t.size - i;
        const uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)p[i + 2] : 0);
        *out++ = base64_letters[three >> 18];
        *out++ = base64_letters[three >> 12 & 63];
        *out++ = left > 1 ? base64_letters[three >> 6 & 63] : '=';
        *out++ = left > 2 ? base64_letters[three & 63] : '=';
    }
}

status
fn_to_base64(fn_call *c) {
    return code_rows(c, "to_base64", base64_size, base64_write);
}

/* Bytes written, or SIZE_MAX when it is not Base64. */
static size_t
base64_read(char *out, text t) {
    uint32_t four = 0;
    size_t   used = 0;
    size_t   padding = 0;
    if (t.size % 4 != 0) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < t.size; i++) {
        const char  c = t.data[i];
        const char *at = c == '\0' ? NULL : strchr(base64_letters, c);
        padding += c == '=' && i + 2 >= t.size;
        if (c == '=' ? i + 2 < t.size : at == NULL || padding > 0) {
            return SIZE_MAX;
        }
        four = four << 6 | (c == '=' ? 0 : (uint32_t)(at - base64_letters));
        if (i % 4 == 3) {
            out[used++] = (char)(uint8_t)(four >> 16);
            out[used++] = (char)(uint8_t)(four >> 8);
            out[used++] = (char)(uint8_t)four;
            four = 0;
        }
    }
    return used - padding;
}

/* ---- a text or BLOB from the code of one */
/* Bytes written to `out`, which has room for t.size and three more; SIZE_MAX: it is no such code.
 */
typedef size_t code_read(char *out, text t);

/* Text is UTF-8 and has no NUL. */
static bool
is_text(text t) {
    return text_is_utf8(t) && memchr(t.data, '\0', t.size) == NULL;
}

static status
no_code(fn_call *c, const char *name, const char *code, text t, bool is_code) {
    const text shown = {t.data, t.size > 100 ? 100 : t.size};
    (void)error_set(c->err, ERR_QUERY_FAILED, "%s: '%.*s' is not %s%s%s", name, TEXT_ARG(shown),
                    code, is_code && code[0] != '\0' ? " of " : "", is_code ? "UTF-8 text" : "");
    return is_code ? error_hint(c->err, "decode() and unhex() give a BLOB of any bytes")
                   : ERR_QUERY_FAILED;
}

static status
decode_row(fn_call *c, int32_t row, const char *name, const char *code, code_read *reader) {
    strview   *z = c->values;
    const text t = operand_text(&c->args[0], row);
    char      *p = fn_text_reserve(c, t.size + 3);
    if (p == NULL) {
        return error_memory(c->err);
    }
    const size_t size = reader(p, t);
    if (size == SIZE_MAX || (c->type.id == TYPE_TEXT && !is_text((text){p, size}))) {
        return no_code(c, name, code, t, size != SIZE_MAX);
    }
    z[row] = fn_text_commit(c, size);
    return OK;
}

static status
decode_rows(fn_call *c, const char *name, const char *code, code_read *reader) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(decode_row(c, i, name, code, reader));
        }
    }
    return OK;
}

status
fn_from_base64(fn_call *c) {
    return decode_rows(c, "from_base64", "Base64", base64_read);
}

static int32_t
hex_value(char c) {
    const char *at = c == '\0' ? NULL : strchr(digits_lower, c >= 'A' && c <= 'F' ? c | 0x20 : c);
    return at == NULL ? -1 : (int32_t)(at - digits_lower);
}

static size_t
hex_read(char *out, text t) {
    for (size_t i = 0; i + 1 < t.size; i += 2) {
        const int32_t high = hex_value(t.data[i]);
        const int32_t low = hex_value(t.data[i + 1]);
        if (high < 0 || low < 0) {
            return SIZE_MAX;
        }
        *out++ = (char)(uint8_t)(high << 4 | low);
    }
    return t.size % 2 == 0 ? t.size / 2 : SIZE_MAX;
}

status
fn_unhex(fn_call *c) {
    return decode_rows(c, "unhex", "pairs of hexadecimal digits", hex_read);
}

/* Digits 0 and 1, the first byte may have fewer than eight. */
static size_t
binary_read(char *out, text t) {
    uint32_t byte = 0;
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] != '0' && t.data[i] != '1') {
            return SIZE_MAX;
        }
        byte = byte << 1 | (uint32_t)(t.data[i] - '0');
        if ((t.size - 1 - i) % 8 == 0) {
            *out++ = (char)(uint8_t)byte;
        }
    }
    return (t.size + 7) / 8;
}

status
fn_unbin(fn_call *c) {
    return decode_rows(c, "unbin", "binary digits", binary_read);
}

/* ---- MD5 as a number: its bytes from the lowest on; as a HUGEINT in two's complement. The upper
 * half is that of the first bytes, as in DuckDB. */
static uint128
md5_of(const fn_call *c, int32_t row) {
    uint8_t    bytes[DIGEST_SIZE_MAX];
    uint128    n = 0;
    const text t = operand_text(&c->args[0], row);
    digest_bytes(DIGEST_MD5, t.data, t.size, bytes);
    for (int32_t i = 15; i >= 0; i--) {
        n = n << 8 | bytes[i];
    }
    return n;
}

status
fn_md5_number(fn_call *c) {
    int128 *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = fn_is_valid(c, i) ? (int128)md5_of(c, i) : 0;
    }
    return OK;
}

static status
md5_half(fn_call *c, int32_t shift) {
    uint64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = fn_is_valid(c, i) ? (uint64_t)(md5_of(c, i) >> shift) : 0;
    }
    return OK;
}

status
fn_md5_number_lower(fn_call *c) {
    return md5_half(c, 64);
}

status
fn_md5_number_upper(fn_call *c) {
    return md5_half(c, 0);
}

/* ---- encode(blob, format) and decode(text, format), as in PostgreSQL */
static size_t
hex_lower_write(char *out, text t) {
    write_hex(out, t.data, t.size, digits_lower);
    return 2 * t.size;
}

static size_t
base64_put(char *out, text t) {
    base64_write(out, t);
    return base64_size(t);
}

static size_t
escape_read(char *out, text t) {
    const int64_t size = blob_parse(out, t);
    return size < 0 ? SIZE_MAX : (size_t)size;
}

static const struct blob_format {
    text        name;
    const char *code;
    size_t (*encode)(char *out, text t); /* at most four bytes for each, and four more */
    code_read *decode;
} blob_formats[] = {
    {TEXT("hex"), "pairs of hexadecimal digits", hex_lower_write, hex_read},
    {TEXT("base64"), "Base64", base64_put, base64_read},
    {TEXT("escape"), "ASCII with \\xAB for other bytes", blob_write, escape_read},
};

static status
format_of_row(fn_call *c, int32_t row, const struct blob_format **out) {
    const text name = operand_text(&c->args[1], row);
    for (int32_t i = 0; i < ARRAY_COUNT(blob_formats); i++) {
        if (text_equal_nocase(name, blob_formats[i].name)) {
            *out = &blob_formats[i];
            return OK;
        }
    }
    const text shown = {name.data, name.size > 40 ? 40 : name.size};
    (void)error_set(c->err, ERR_QUERY_FAILED, "unknown format of bytes: '%.*s'", TEXT_ARG(shown));
    return error_hint(c->err, "formats are hex, base64 and escape");
}

status
fn_encode_as(fn_call *c) {
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const struct blob_format *f = NULL;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        TRY(format_of_row(c, i, &f));
        const text   t = operand_text(&c->args[0], i);
        const size_t room = 4 * t.size + 4;
        if (room > TEXT_RESULT_MAX) {
            return fn_text_too_long(c, "encode", room);
        }
        char *p = fn_text_reserve(c, room);
        if (p == NULL) {
            return error_memory(c->err);
        }
        z[i] = fn_text_commit(c, f->encode(p, t));
    }
    return OK;
}

status
fn_decode_as(fn_call *c) {
    for (int32_t i = 0; i < c->row_count; i++) {
        const struct blob_format *f = NULL;
        if (fn_is_valid(c, i)) {
            TRY(format_of_row(c, i, &f));
            TRY(decode_row(c, i, "decode", f->code, f->decode));
        }
    }
    return OK;
}

/* The text whose UTF-8 bytes these are. */
status
fn_decode(fn_call *c) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text t = operand_text(&c->args[0], i);
        if (!is_text(t)) {
            const int32_t fault = text_utf8_fault(t);
            (void)error_set(c->err, ERR_QUERY_FAILED,
                            fault >= 0 ? "decode: the BLOB is not UTF-8 text (byte %d)"
                                       : "decode: the BLOB holds a NUL byte, a text may not",
                            fault);
            return error_hint(c->err, "encode(x, 'hex') and CAST(x AS VARCHAR) show any bytes");
        }
    }
    c->alias = c->args[0].values;
    return OK;
}

/* ---- URLs: letters, digits and - _ . ~ stand for themselves */
static bool
is_plain(char c) {
    const uint8_t b = (uint8_t)c;
    return (b < 0x80 && unicode_is_alphanumeric(b)) || c == '-' || c == '_' || c == '.' || c == '~';
}

static size_t
url_size(text t) {
    size_t size = 0;
    for (size_t i = 0; i < t.size; i++) {
        size += is_plain(t.data[i]) ? 1 : 3;
    }
    return size;
}

static void
url_write(char *out, text t) {
    for (size_t i = 0; i < t.size; i++) {
        if (is_plain(t.data[i])) {
            *out++ = t.data[i];
        } else {
            *out++ = '%';
            write_hex(out, t.data + i, 1, digits_upper);
            out += 2;
        }
    }
}

status
fn_url_encode(fn_call *c) {
    return code_rows(c, "url_encode", url_size, url_write);
}

/* A % without two digits behind it stands for itself. */
static size_t
url_read(char *out, text t) {
    size_t used = 0;
    for (size_t i = 0; i < t.size; i++) {
        const bool    code = t.data[i] == '%' && i + 2 < t.size;
        const int32_t high = code ? hex_value(t.data[i + 1]) : -1;
        const int32_t low = code ? hex_value(t.data[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            out[used++] = (char)(uint8_t)(high << 4 | low);
            i += 2;
        } else {
            out[used++] = t.data[i];
        }
    }
    return used;
}

status
fn_url_decode(fn_call *c) {
    return decode_rows(c, "url_decode", "", url_read);
}
