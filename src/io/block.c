/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - see block.h. */
#include "io/block.h"

#include <string.h>

#include "kernel/kernel.h"

status
block_open(block *b, mem *m, vfs *fs, const char *path, size_t unit, error *err) {
    *b = (block){.mem = m, .line = 1, .unit = unit == 0 ? BLOCK_BYTES : unit};
    TRY(fs->open(fs, &b->file, path, VFS_READ | VFS_REGULAR, err));
    TRY(fs->size(b->file, &b->bytes, err));
    return block_rewind(b, err);
}

void
block_close(block *b) {
    if (b->file != NULL) {
        error ignored;
        (void)b->file->fs->close(b->file, &ignored); /* it was only read */
        b->file = NULL;
    }
    mem_free(b->mem, b->data, b->capacity + 1);
    b->data = NULL;
    b->capacity = 0;
}

static status
grow(block *b, error *err) {
    if (b->capacity >= RECORD_BYTES_MAX) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "line %lld: a record is longer than 64 MiB, or a quote is never closed",
                         (long long)b->line);
    }
    const size_t capacity = b->capacity == 0 ? b->unit : 2 * b->capacity;
    char *grown = mem_resize(b->mem, b->data, b->capacity == 0 ? 0 : b->capacity + 1, capacity + 1);
    if (grown == NULL) {
        return error_memory(err);
    }
    b->data = grown;
    b->capacity = capacity;
    return OK;
}

/* The new bytes are text? A character that the end cuts waits for the next block. */
static status
check(block *b, error *err) {
    size_t end = b->size;
    for (int32_t i = 0; !b->ended && i < 4 && end > b->checked; i++) {
        const uint8_t c = (uint8_t)b->data[end - 1];
        if (c < 0x80) {
            break;
        }
        end--;
        if (c >= 0xc0) {
            break;
        }
    }
    const char *from = b->data + b->checked;
    int64_t     bad = utf8_fault(from, (int64_t)(end - b->checked));
    if (bad < 0) {
        const char *nul = memchr(from, '\0', end - b->checked);
        bad = nul == NULL ? -1 : nul - from;
    }
    if (bad < 0) {
        b->checked = end;
        return OK;
    }
    b->no_text = true;
    int64_t line = b->line;
    for (const char *c = b->data + b->at; c < from + bad; c++) {
        line += *c == '\n';
    }
    return error_set(err, ERR_INGESTION_FAILED,
                     "line %lld: the text is not valid UTF-8 or holds a NUL byte", (long long)line);
}

status
block_fill(block *b, error *err) {
    if (b->ended) {
        return DONE;
    }
    if (b->at > 0) {
        memmove(b->data, b->data + b->at, b->size - b->at);
        b->size -= b->at;
        b->checked -= b->at;
        b->at = 0;
    }
    if (b->size == b->capacity) {
        TRY(grow(b, err));
    }
    size_t got;
    TRY(b->file->fs->read(b->file, b->offset, b->data + b->size, b->capacity - b->size, &got, err));
    b->ended = got < b->capacity - b->size;
    b->offset += (int64_t)got;
    b->size += got;
    b->data[b->size] = '\n';
    TRY(check(b, err));
    return got == 0 ? DONE : OK;
}

status
block_rewind(block *b, error *err) {
    b->offset = 0;
    b->at = b->size = b->checked = 0;
    b->line = 1;
    b->ended = b->no_text = false;
    while (b->size < 3 && !b->ended) { /* a mark of three bytes may lie in several blocks */
        TRY(block_fill(b, err));
    }
    if (b->size >= 3 && memcmp(b->data, "\xef\xbb\xbf", 3) == 0) {
        b->at = 3;
        b->checked = b->checked < 3 ? 3 : b->checked;
    }
    return OK;
}
