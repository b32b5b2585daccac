/* SPDX-License-Identifier: Apache-2.0 */
/* record_file.h - a file of text to which whole records are appended: all that one call gives, or
 * nothing. What a failed write left behind is cut off before anything is written again, and when
 * the file is closed. One thread at a time. */
#ifndef LAMINAR_IO_RECORD_FILE_H
#define LAMINAR_IO_RECORD_FILE_H

#include "base/mem.h"
#include "base/text.h"
#include "os/vfs.h"

typedef struct record_file {
    vfs_file *file;
    int64_t   size; /* of whole records */
    bool      torn; /* there may be bytes behind them */
} record_file;

/* Opens a regular file, or makes it. A file that does not end with a line feed is refused: a record
 * would go on within its last line. is_ours: nobody else writes it, so such a line is what a
 * process left that died in a write, and is cut off. */
status record_file_open(record_file *f, vfs *fs, const char *path, bool is_ours,
                        error *err) MUST_USE;
/* Records that end with a line feed. After an error none of them is in the file, or will be seen
 * once the disk answers again. */
status record_file_append(record_file *f, text records, error *err) MUST_USE;
status record_file_sync(record_file *f, error *err) MUST_USE;
status record_file_close(record_file *f, error *err); /* whatever it says, it is closed */

#endif
