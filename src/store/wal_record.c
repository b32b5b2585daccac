/* SPDX-License-Identifier: Apache-2.0 */
/* wal_record.c - headers of files and heads of records as bytes. See wal_internal.h. */
#include "kernel/kernel.h"
#include "store/wal_internal.h"

static const char magic[8] = {'L', 'A', 'M', 'I', 'W', 'A', 'L', '\n'};

static void
put_u32(char *out, uint32_t v) {
    for (int32_t i = 0; i < 4; i++) {
        out[i] = (char)(v >> (8 * i));
    }
}

static void
put_u64(char *out, uint64_t v) {
    put_u32(out, (uint32_t)v);
    put_u32(out + 4, (uint32_t)(v >> 32));
}

static uint32_t
get_u32(const char *in) {
    uint32_t v = 0;
    for (int32_t i = 0; i < 4; i++) {
        v |= (uint32_t)(uint8_t)in[i] << (8 * i);
    }
    return v;
}

static uint64_t
get_u64(const char *in) {
    return get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

int64_t
wal_padded(int64_t size) {
    return (size + WAL_ALIGN - 1) & -(int64_t)WAL_ALIGN;
}

uint32_t
wal_bytes_crc(text first, text second) {
    const uint32_t crc = first.size == 0 ? 0 : crc32c(0, first.data, first.size);
    return second.size == 0 ? crc : crc32c(crc, second.data, second.size);
}

/* magic, version, checksum of all else, salt, first sequence, bytes of the file, zeros */
void
wal_put_header(char out[WAL_HEADER], uint64_t salt, const wal_segment *s) {
    memset(out, 0, WAL_HEADER);
    memcpy(out, magic, sizeof(magic));
    put_u32(out + 8, WAL_VERSION);
    put_u64(out + 16, salt);
    put_u64(out + 24, (uint64_t)s->first);
    put_u64(out + 32, (uint64_t)s->bytes);
    put_u32(out + 12, crc32c(0, out, WAL_HEADER));
}

bool
wal_get_header(const char in[WAL_HEADER], uint64_t *salt, wal_segment *s, bool *newer) {
    char copy[WAL_HEADER];
    memcpy(copy, in, WAL_HEADER);
    put_u32(copy + 12, 0);
    /* Later versions keep these three fields where they are. */
    const bool whole =
        memcmp(in, magic, sizeof(magic)) == 0 && get_u32(in + 12) == crc32c(0, copy, WAL_HEADER);
    *newer = whole && get_u32(in + 8) > WAL_VERSION;
    *salt = get_u64(in + 16);
    s->first = (int64_t)get_u64(in + 24);
    s->bytes = (int64_t)get_u64(in + 32);
    /* Records of version 1 have one form of rows of those that version 2 has. */
    return whole && get_u32(in + 8) >= 1 && get_u32(in + 8) <= WAL_VERSION && s->first > 0 &&
           s->bytes >= WAL_HEADER;
}

static uint32_t
head_crc(const char *fields, uint64_t salt, int64_t at) {
    char place[16];
    put_u64(place, salt);
    put_u64(place + 8, (uint64_t)at);
    return crc32c(crc32c(0, place, sizeof(place)), fields, WAL_HEAD - 4);
}

/* checksum, kind, sequence, durable, size, checksum of the bytes */
void
wal_put_head(char out[WAL_HEAD], const wal_head *h, uint64_t salt, int64_t at) {
    put_u32(out + 4, h->kind);
    put_u64(out + 8, (uint64_t)h->sequence);
    put_u64(out + 16, (uint64_t)h->durable);
    put_u32(out + 24, h->size);
    put_u32(out + 28, h->bytes_crc);
    put_u32(out, head_crc(out + 4, salt, at));
}

bool
wal_get_head(const char in[WAL_HEAD], wal_head *h, uint64_t salt, int64_t at) {
    h->kind = get_u32(in + 4);
    h->sequence = (int64_t)get_u64(in + 8);
    h->durable = (int64_t)get_u64(in + 16);
    h->size = get_u32(in + 24);
    h->bytes_crc = get_u32(in + 28);
    return (h->kind == WAL_RECORD || h->kind == WAL_END) && h->size <= WAL_RECORD_MAX &&
           get_u32(in) == head_crc(in + 4, salt, at);
}
