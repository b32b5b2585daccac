/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - all three work on blocks of 64 bytes, the last of which holds the number of bits. */
#include "base/digest.h"

typedef void block_function(uint32_t *state, const uint8_t *block);

static uint32_t
rotate_left(uint32_t x, uint32_t n) {
    return x << n | x >> (32 - n);
}

static uint32_t
load_little(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
load_big(const uint8_t *p) {
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static const uint32_t md5_constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void
md5_block(uint32_t *h, const uint8_t *block) {
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t f, g;
        switch (i / 16) {
        case 0:
            f = (b & c) | (~b & d);
            g = i;
            break;
        case 1:
            f = (d & b) | (~d & c);
            g = (5 * i + 1) % 16;
            break;
        case 2:
            f = b ^ c ^ d;
            g = (3 * i + 5) % 16;
            break;
        default:
            f = c ^ (b | ~d);
            g = 7 * i % 16;
            break;
        }
        const uint32_t k = md5_constants[i];
        const uint32_t next =
            b + rotate_left(a + f + k + load_little(block + 4 * (size_t)g), shifts[i / 16][i % 4]);
        a = d;
        d = c;
        c = b;
        b = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
}

static void
sha1_block(uint32_t *h, const uint8_t *block) {
    uint32_t w[80];
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (size_t i = 0; i < 80; i++) {
        w[i] = i < 16 ? load_big(block + 4 * i)
                      : rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (size_t i = 0; i < 80; i++) {
        const uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                           : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                           : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                    : (b ^ c ^ d) + 0xCA62C1D6;
        const uint32_t next = rotate_left(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

static uint32_t
rotate_right(uint32_t x, uint32_t n) {
    return x >> n | x << (32 - n);
}

static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void
sha256_block(uint32_t *h, const uint8_t *block) {
    uint32_t w[64];
    uint32_t s[8];
    for (size_t i = 0; i < 64; i++) {
        if (i < 16) {
            w[i] = load_big(block + 4 * i);
            continue;
        }
        const uint32_t x = w[i - 15];
        const uint32_t y = w[i - 2];
        w[i] = w[i - 16] + (rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3) + w[i - 7] +
               (rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10);
    }
    memcpy(s, h, sizeof(s));
    for (size_t i = 0; i < 64; i++) {
        const uint32_t e = s[4];
        const uint32_t a = s[0];
        const uint32_t t1 = s[7] +
                            (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                            ((e & s[5]) ^ (~e & s[6])) + sha256_constants[i] + w[i];
        const uint32_t t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
                            ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(*s));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (size_t i = 0; i < 8; i++) {
        h[i] += s[i];
    }
}

size_t
digest_size(digest_kind kind) {
    return kind == DIGEST_MD5 ? 16 : kind == DIGEST_SHA1 ? 20 : 32;
}

/* The count of bits, 8 bytes, in the order the digest reads words. */
static void
store_bits(digest_kind kind, uint8_t *out, uint64_t bits) {
    for (uint32_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(bits >> (kind == DIGEST_MD5 ? 8 * i : 56 - 8 * i));
    }
}

void
digest_bytes(digest_kind kind, const void *data, size_t size, uint8_t *out) {
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    static const uint32_t start_256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static block_function *const functions[] = {md5_block, sha1_block, sha256_block};
    uint32_t                     h[8] = {0};
    uint8_t                      tail[128] = {0};
    const uint8_t               *p = data;
    const size_t                 left = size % 64;
    memcpy(h, kind == DIGEST_SHA256 ? start_256 : start, kind == DIGEST_SHA256 ? 32 : 20);
    for (size_t at = 0; at + 64 <= size; at += 64) {
        functions[kind](h, p + at);
    }
    if (left > 0) {
        memcpy(tail, p + (size - left), left);
    }
    tail[left] = 0x80;
    const size_t tail_size = left < 56 ? 64 : 128;
    store_bits(kind, tail + tail_size - 8, (uint64_t)size * 8);
    for (size_t at = 0; at < tail_size; at += 64) {
        functions[kind](h, tail + at);
    }
    for (size_t i = 0; i < digest_size(kind); i++) {
        const uint32_t shift = (uint32_t)(kind == DIGEST_MD5 ? 8 * (i % 4) : 24 - 8 * (i % 4));
        out[i] = (uint8_t)(h[i / 4] >> shift);
    }
}
