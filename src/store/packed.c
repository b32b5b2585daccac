/* SPDX-License-Identifier: Apache-2.0 */
/* packed.c - head, directory and checksums; see packed.h.
 *
 * What lies under checksums is a stream: its bytes, then a CRC-32C for each 64 KiB of them. Each
 * covers the salt of the file, the number of the stream (-1: the directory) and of the block (D19,
 * D20). */
#include <stdio.h>

#include "batch/chunk.h"
#include "kernel/kernel.h"
#include "store/packed_internal.h"

enum { BLOCK = 64 << 10, CRC = 4, DIRECTORY = -1, ENTRY_LEAST = 24, HAS_WEIGHT = 1 };

static const char magic[8] = {'L', 'A', 'M', 'I', 'P', 'A', 'C', 'K'};

/* ---- Streams */

static uint32_t
block_crc(uint64_t salt, int32_t stream, uint32_t block, const char *bytes, size_t size) {
    char place[16];
    memcpy(place, &salt, 8);
    memcpy(place + 8, &stream, 4);
    memcpy(place + 12, &block, 4);
    return crc32c(crc32c(0, place, sizeof(place)), bytes, size);
}

/* Appends the checksums of the stream that begins at `from`. */
static void
finish_stream(buf *out, size_t from, uint64_t salt, int32_t stream) {
    const size_t size = out->size - from;
    uint32_t     block = 0;
    for (size_t at = 0; at < size && !out->failed; at += BLOCK) {
        const size_t piece = size - at < BLOCK ? size - at : BLOCK;
        image_put_u32(out, block_crc(salt, stream, block++, out->data + from + at, piece));
    }
}

status
packed_corrupt(const unpacker *u, const char *what) {
    const int64_t at = u->packed->place.offset + u->place + (u->at - u->begin);
    char          which[32] = "the directory";
    if (u->part >= 0) {
        (void)snprintf(which, sizeof(which), "column %d", u->part);
    }
    (void)error_set(u->err, ERR_CORRUPTION, "packed rows are damaged at offset %lld (%s): %s",
                    (long long)at, which, what);
    return error_hint(u->err, "restore a backup, or laminardb.salvage() for what can still be "
                              "read");
}

/* Compares all checksums; u then stands before the bytes. */
static status
open_stream(unpacker *u, text bytes, int32_t stream) {
    const size_t   blocks = (bytes.size + BLOCK + CRC - 1) / (BLOCK + CRC);
    const size_t   size = bytes.size - blocks * CRC;
    const uint64_t salt = u->packed->place.salt;
    u->begin = u->at = bytes.data;
    u->end = bytes.data + bytes.size;
    u->part = stream;
    if (bytes.size < blocks * CRC || (size + BLOCK - 1) / BLOCK != blocks) {
        return packed_corrupt(u, "a size that cannot be");
    }
    for (uint32_t i = 0; i < blocks; i++) {
        const size_t at = (size_t)i * BLOCK;
        const size_t piece = size - at < BLOCK ? size - at : BLOCK;
        uint32_t     crc;
        memcpy(&crc, bytes.data + size + (size_t)i * CRC, CRC);
        u->at = bytes.data + at;
        if (crc != block_crc(salt, stream, i, u->at, piece)) {
            return packed_corrupt(u, "a block does not have its checksum");
        }
    }
    u->at = bytes.data;
    u->end = bytes.data + size;
    return OK;
}

status
packed_take(unpacker *u, size_t size, const char **out) {
    if (size > (size_t)(u->end - u->at)) {
        return packed_corrupt(u, "it ends early");
    }
    *out = u->at;
    u->at += size;
    return OK;
}

status
packed_take_u32(unpacker *u, uint32_t *out) {
    const char *bytes = NULL;
    TRY(packed_take(u, sizeof(*out), &bytes));
    memcpy(out, bytes, sizeof(*out));
    return OK;
}

status
packed_raw(unpacker *u, int64_t bytes) {
    if (bytes > u->raw_left) {
        return packed_corrupt(u, "more than the directory says");
    }
    u->raw_left -= bytes;
    return OK;
}

static status
end_stream(const unpacker *u) {
    return u->at == u->end ? OK : packed_corrupt(u, "bytes behind its end");
}

/* ---- Writing */

/* magic, version, checksum of all else, rows, columns, flags, 0, bytes of the directory, of all */
static void
put_head(char out[PACKED_HEAD], const delta *rows, uint64_t salt, int64_t directory, int64_t size) {
    const uint32_t version = PACKED_VERSION;
    const uint32_t flags = rows->weight != NULL ? HAS_WEIGHT : 0;
    memset(out, 0, PACKED_HEAD);
    memcpy(out, magic, sizeof(magic));
    memcpy(out + 8, &version, 4);
    memcpy(out + 16, &rows->row_count, 4);
    memcpy(out + 20, &rows->column_count, 4);
    memcpy(out + 24, &flags, 4);
    memcpy(out + 32, &directory, 8);
    memcpy(out + 40, &size, 8);
    const uint32_t crc = block_crc(salt, DIRECTORY, UINT32_MAX, out, PACKED_HEAD);
    memcpy(out + 12, &crc, 4);
}

static status
failure(const packer *p, error *err) {
    if (p->failed) {
        return p->fault;
    }
    return p->out.failed ? error_memory(err) : OK;
}

/* One column behind those in p->out, its entry into the directory. */
static status
put_part(packer *p, buf *directory, const column *c, int32_t rows, int32_t at, uint64_t salt,
         error *err) {
    const size_t from = p->out.size;
    packed_part  part = {.type = c->type};
    part.null_count = rows - (int32_t)count_valid(c, rows);
    packed_range(&part, c, rows, p->scratch);
    part.raw_bytes = packed_put_column(p, c, rows);
    finish_stream(&p->out, from, salt, at);
    part.size = (int64_t)(p->out.size - from);
    packed_put_part(directory, &part);
    arena_reset(p->scratch);
    return failure(p, err);
}

static status
put_parts(packer *p, buf *directory, const delta *rows, uint64_t salt, error *err) {
    const column weights = {.type = type_of(TYPE_I64), .values = rows->weight};
    for (int32_t i = 0; i < rows->column_count; i++) {
        TRY(put_part(p, directory, &rows->columns[i], rows->row_count, i, salt, err));
    }
    return rows->weight == NULL
               ? OK
               : put_part(p, directory, &weights, rows->row_count, rows->column_count, salt, err);
}

status
packed_put(buf *out, const delta *rows, uint64_t salt, error *err) {
    char         head[PACKED_HEAD];
    arena        scratch;
    buf          directory;
    packer       p = {.scratch = &scratch, .err = err};
    const size_t before = out->size;
    arena_init(&scratch, out->mem);
    buf_init(&p.out, out->mem, SIZE_MAX);
    buf_init(&directory, out->mem, SIZE_MAX);
    status s = put_parts(&p, &directory, rows, salt, err);
    if (s == OK) {
        finish_stream(&directory, 0, salt, DIRECTORY);
        const size_t size = PACKED_HEAD + directory.size + p.out.size;
        put_head(head, rows, salt, (int64_t)directory.size, (int64_t)size);
        (void)buf_append(out, head, PACKED_HEAD);
        (void)buf_append_text(out, buf_text(&directory));
        (void)buf_append_text(out, buf_text(&p.out));
        if (directory.failed || out->failed) {
            out->size = before;
            s = error_memory(err);
        }
    }
    buf_fini(&directory);
    buf_fini(&p.out);
    arena_fini(&scratch);
    return s;
}

/* ---- Reading */

static status
take_head(packed *p, unpacker *u, text head, int64_t *directory) {
    char     copy[PACKED_HEAD];
    uint32_t version;
    uint32_t flags;
    uint32_t crc;
    if (head.size < PACKED_HEAD) {
        return packed_corrupt(u, "it ends before its head does");
    }
    memcpy(copy, head.data, PACKED_HEAD);
    memcpy(&version, copy + 8, 4);
    memcpy(&crc, copy + 12, 4);
    memset(copy + 12, 0, 4);
    if (memcmp(copy, magic, sizeof(magic)) != 0 ||
        crc != block_crc(p->place.salt, DIRECTORY, UINT32_MAX, copy, PACKED_HEAD)) {
        return packed_corrupt(u, "the head does not have its checksum");
    }
    if (version > PACKED_VERSION) {
        return error_set(u->err, ERR_CORRUPTION,
                         "packed rows at offset %lld were written by a later version: use that one",
                         (long long)p->place.offset);
    }
    memcpy(&p->row_count, copy + 16, 4);
    memcpy(&p->column_count, copy + 20, 4);
    memcpy(&flags, copy + 24, 4);
    memcpy(directory, copy + 32, 8);
    memcpy(&p->size, copy + 40, 8);
    p->has_weight = (flags & HAS_WEIGHT) != 0;
    if (version != PACKED_VERSION || flags > HAS_WEIGHT || p->row_count < 0 ||
        p->row_count > INT32_MAX - 64 || p->column_count < 0 || *directory < 0 ||
        p->size < PACKED_HEAD || *directory > p->size - PACKED_HEAD ||
        p->column_count > *directory / ENTRY_LEAST) {
        return packed_corrupt(u, "a head that cannot be");
    }
    return OK;
}

status
packed_look(text head, packed_place place, int64_t *lead, int64_t *size, error *err) {
    packed   p = {.place = place};
    unpacker u = {.packed = &p, .part = DIRECTORY, .err = err};
    TRY(take_head(&p, &u, head, lead));
    *lead += PACKED_HEAD;
    *size = p.size;
    return OK;
}

static status
take_directory(packed *p, unpacker *u, int64_t at, arena *a) {
    const int32_t count = p->column_count + (p->has_weight ? 1 : 0);
    p->parts = arena_alloc(a, (size_t)(count + 1) * sizeof(packed_part));
    if (p->parts == NULL) {
        return error_memory(u->err);
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(packed_take_part(u, &p->parts[i], a));
        if (p->parts[i].size > p->size - at) {
            return packed_corrupt(u, "a column beyond the end");
        }
        p->parts[i].at = at;
        at += p->parts[i].size;
    }
    if (at != p->size || (p->has_weight && p->parts[count - 1].type.id != TYPE_I64)) {
        return packed_corrupt(u, "columns that do not make up all");
    }
    return end_stream(u);
}

status
packed_open(packed *out, text lead, packed_place place, arena *a, error *err) {
    int64_t directory = 0;
    *out = (packed){.place = place};
    arena    scratch;
    unpacker u = {.packed = out, .part = DIRECTORY, .err = err};
    TRY(take_head(out, &u, lead, &directory));
    if (lead.size - PACKED_HEAD < (size_t)directory) {
        return packed_corrupt(&u, "it ends before its directory does");
    }
    arena_init(&scratch, a->mem);
    u.scratch = &scratch;
    u.place = PACKED_HEAD;
    status s = open_stream(&u, (text){lead.data + PACKED_HEAD, (size_t)directory}, DIRECTORY);
    s = s < 0 ? s : take_directory(out, &u, PACKED_HEAD + directory, a);
    arena_fini(&scratch);
    return s;
}

static status
take_part(unpacker *u, column *out, const packed *p, int32_t at, text bytes) {
    const packed_part *part = &p->parts[at];
    u->begin = u->at = bytes.data;
    u->place = part->at;
    u->raw_left = part->raw_bytes;
    u->part = at;
    if ((int64_t)bytes.size != part->size) {
        return packed_corrupt(u, "a column of another size");
    }
    TRY(open_stream(u, bytes, at));
    TRY(packed_take_column(u, out, part->type, p->row_count, 0));
    TRY(end_stream(u));
    return p->row_count - count_valid(out, p->row_count) == part->null_count
               ? OK
               : packed_corrupt(u, "another number of NULLs");
}

status
packed_column(column *out, const packed *p, int32_t at, text bytes, chunk *c, error *err) {
    arena    scratch;
    unpacker u = {.packed = p, .chunk = c, .scratch = &scratch, .err = err};
    arena_init(&scratch, chunk_mem(c));
    const status s = take_part(&u, out, p, at, bytes);
    arena_fini(&scratch);
    return s;
}

static status
take_columns(batch *b, const packed *p, text bytes, error *err) {
    const int32_t count = p->column_count + (p->has_weight ? 1 : 0);
    column       *columns = chunk_alloc(b->chunk, sizeof(column) * (size_t)(count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const packed_part *part = &p->parts[i];
        const text         of = {bytes.data + part->at, (size_t)part->size};
        TRY(packed_column(&columns[i], p, i, of, b->chunk, err));
    }
    b->rows = (delta){.row_count = p->row_count,
                      .column_count = p->column_count,
                      .columns = columns,
                      .weight = p->has_weight ? columns[p->column_count].values : NULL};
    return OK;
}

static status
take_batch(batch **out, chunk *c, text bytes, packed_place place, arena *a, error *err) {
    packed p;
    batch *b = chunk_alloc(c, sizeof(*b));
    if (b == NULL) {
        return error_memory(err);
    }
    TRY(packed_open(&p, bytes, place, a, err));
    const unpacker u = {.packed = &p, .part = DIRECTORY, .err = err};
    if ((int64_t)bytes.size != p.size) {
        return packed_corrupt(&u, "another size than its head says");
    }
    *b = (batch){.chunk = c};
    TRY(take_columns(b, &p, bytes, err));
    *out = b;
    return OK;
}

status
packed_batch(batch **out, mem *m, text bytes, packed_place place, error *err) {
    arena  a;
    chunk *c = chunk_new(m);
    if (c == NULL) {
        return error_memory(err);
    }
    arena_init(&a, m);
    const status s = take_batch(out, c, bytes, place, &a, err);
    arena_fini(&a);
    if (s < 0) {
        chunk_release(c);
    }
    return s;
}
