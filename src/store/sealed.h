/* SPDX-License-Identifier: Apache-2.0 */
/* sealed.h - files that are written once and read in part, checksummed block by block.
 *
 * A block is up to SEALED_CONTENT bytes and a CRC-32C over the file's salt, the number of the block
 * and the bytes (rules D19, D20), so what was damaged, moved or belongs to another file is refused
 * where it is read. Sizes and salts stand elsewhere, in what refers to the file. Offsets count
 * content alone. One thread at a time. */
#ifndef LAMINAR_STORE_SEALED_H
#define LAMINAR_STORE_SEALED_H

#include "base/error.h"
#include "base/mem.h"
#include "os/vfs.h"

#define SEALED_BLOCK 65536
#define SEALED_CONTENT (SEALED_BLOCK - 4)

typedef struct sealed_writer sealed_writer;
typedef struct sealed_reader sealed_reader;

/* A new file, for the user alone; one of that name is written over. */
status sealed_create(sealed_writer **out, mem *m, vfs *fs, const char *path, uint64_t salt,
                     error *err) MUST_USE;
/* Without a name, in a directory: it is gone when it is closed, whatever happens. */
status  sealed_create_temporary(sealed_writer **out, mem *m, vfs *fs, const char *directory,
                                uint64_t salt, error *err) MUST_USE;
status  sealed_put(sealed_writer *w, const void *bytes, size_t size, error *err) MUST_USE;
int64_t sealed_size(const sealed_writer *w); /* content so far */
/* so_far OK: writes what is left, and it is on disk. Else, and when that fails, the file is
 * removed. Frees w in any case, and returns how it went. Its name is the directory's matter. */
status sealed_end(sealed_writer *w, status so_far, error *err) MUST_USE;
/* As sealed_end, but that it stays open to be read, and is on disk only after sealed_sync. */
status sealed_turn(sealed_writer *w, status so_far, sealed_reader **out, error *err) MUST_USE;

/* size: of its content. ERR_CORRUPTION when the file has another size. */
status sealed_open(sealed_reader **out, mem *m, vfs *fs, const char *path, uint64_t salt,
                   int64_t size, error *err) MUST_USE;
/* ERR_CORRUPTION names file and offset. */
status sealed_read(sealed_reader *r, int64_t at, void *out, size_t size, error *err) MUST_USE;
status sealed_check(sealed_reader *r, error *err) MUST_USE; /* all of it */
status sealed_sync(sealed_reader *r, error *err) MUST_USE;  /* of sealed_turn */
void   sealed_close(sealed_reader *r);                      /* NULL is fine */

#endif
