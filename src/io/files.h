/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - which files a pattern names: * any characters, ? one, [a-z] one of them, all within a
 * name; ** any directories. A path without those names itself. Paths come from SQL text alone. */
#ifndef LAMINAR_IO_FILES_H
#define LAMINAR_IO_FILES_H

#include "base/arena.h"
#include "os/vfs.h"

#define FILES_MAX 100000

typedef struct file_list {
    int32_t      count, capacity;
    const char **paths; /* sorted */
} file_list;

/* Appends what the pattern matches; nothing is an error that names the nearest file. */
status files_match(file_list *out, arena *a, vfs *fs, text pattern, error *err) MUST_USE;
bool   files_is_pattern(text path);
/* "csv" of "dir/a.csv", "csv" of "a.csv.gz" with *packed; empty when there is none. */
text files_ending(text path, bool *packed);

#endif
