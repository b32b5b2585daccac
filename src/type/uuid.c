/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.c - see uuid.h. */
#include "type/uuid.h"

static const char digits[16] = "0123456789abcdef";
static const char capitals[16] = "0123456789ABCDEF"; /* as DuckDB writes a BLOB */

static int32_t
digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int128
uuid_from_bytes(const uint8_t bytes[16]) {
    uint128 v = 0;
    for (int32_t i = 0; i < 16; i++) {
        v = v << 8 | bytes[i];
    }
    return (int128)(v ^ (uint128)1 << 127);
}

void
uuid_to_bytes(int128 v, uint8_t bytes[16]) {
    uint128 rest = (uint128)v ^ (uint128)1 << 127;
    for (int32_t i = 15; i >= 0; i--) {
        bytes[i] = (uint8_t)rest;
        rest >>= 8;
    }
}

bool
uuid_parse(text s, int128 *out) {
    uint8_t bytes[16];
    int32_t count = 0; /* of digits */
    if (s.size >= 2 && s.data[0] == '{' && s.data[s.size - 1] == '}') {
        s = (text){s.data + 1, s.size - 2};
    }
    for (size_t i = 0; i < s.size; i++) {
        const int32_t digit = digit_of(s.data[i]);
        if (digit < 0) {
            const bool between = count > 0 && count < 32 && count % 4 == 0 && s.data[i - 1] != '-';
            if (s.data[i] != '-' || !between) {
                return false;
            }
            continue;
        }
        if (count == 32) {
            return false;
        }
        bytes[count / 2] = (uint8_t)(count % 2 == 0 ? digit << 4 : bytes[count / 2] | digit);
        count++;
    }
    if (count != 32) {
        return false;
    }
    *out = uuid_from_bytes(bytes);
    return true;
}

void
uuid_write(char *out, int128 v) {
    uint8_t bytes[16];
    uuid_to_bytes(v, bytes);
    for (int32_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
}

size_t
blob_write(char *out, text bytes) {
    size_t size = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t b = (uint8_t)bytes.data[i];
        const bool    plain = b >= ' ' && b <= '~' && b != '\\' && b != '\'' && b != '"';
        if (out != NULL && plain) {
            out[size] = (char)b;
        } else if (out != NULL) {
            const char escaped[4] = {'\\', 'x', capitals[b >> 4], capitals[b & 15]};
            memcpy(out + size, escaped, 4);
        }
        size += plain ? 1 : 4;
    }
    return size;
}

int64_t
blob_parse(char *out, text s) {
    int64_t size = 0;
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        if (c == '\\') {
            const int32_t high =
                i + 3 < s.size && s.data[i + 1] == 'x' ? digit_of(s.data[i + 2]) : -1;
            const int32_t low = high < 0 ? -1 : digit_of(s.data[i + 3]);
            if (low < 0) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 3;
        } else if ((uint8_t)c >= 0x80) {
            return -1;
        }
        out[size++] = c;
    }
    return size;
}
