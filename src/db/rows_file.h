/* SPDX-License-Identifier: Apache-2.0 */
/* rows_file.h - files of segments: their rows packed (store/packed.h) in a sealed file, read column
 * by column by whoever comes to a segment that is not in memory (table/pager.h).
 *
 * A file holds segments one after another, each its packed rows and then, where they do not follow
 * one another, its positions; at the end for each where it begins and the sizes of both. It stays
 * open as long as a segment lies in it, so that its name may go before. */
#ifndef LAMINAR_DB_ROWS_FILE_H
#define LAMINAR_DB_ROWS_FILE_H

#include "os/vfs.h"
#include "store/manifest.h"
#include "table/segment.h"

typedef struct segment_file segment_file; /* counted */

typedef struct segment_place {
    int64_t at, size, positions; /* bytes */
} segment_place;

/* A new one, to be written by one thread. number 0: without a name, in the directory. */
status segment_file_create(segment_file **out, mem *m, vfs *fs, const char *directory,
                           int64_t number, error *err) MUST_USE;
/* The first rows of the segment. */
status segment_file_put(segment_file *f, segment *s, int32_t row_count, error *err) MUST_USE;
/* What was put is there to be read. After a failure, of which so_far tells too, the file is
 * gone, and f is only released. */
status segment_file_end(segment_file *f, status so_far, error *err) MUST_USE;
status segment_file_sync(segment_file *f, error *err) MUST_USE; /* once: it is on disk */
/* One that was written. All of it is read and compared with its checksums if `whole`. */
status segment_file_open(segment_file **out, mem *m, vfs *fs, const char *directory,
                         const manifest_file *told, bool whole, error *err) MUST_USE;
/* Segment `at` of it: *positions until the next call. */
status        segment_file_take(segment_file *f, int64_t at, pages **out, int32_t *row_count,
                                int32_t *column_count, text *positions, error *err) MUST_USE;
manifest_file segment_file_told(const segment_file *f);
/* A checkpoint has it: its name stays when nobody reads it any more. */
void          segment_file_keep(segment_file *f);
segment_file *segment_file_retain(segment_file *f);
void          segment_file_release(segment_file *f); /* NULL is fine */
/* The file that they are pages of. */
segment_file *segment_file_of(pages *p);

#endif
