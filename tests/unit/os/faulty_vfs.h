/* SPDX-License-Identifier: Apache-2.0 */
/* faulty_vfs.h - a file system in memory that fails on purpose, behind the same table of functions.
 *
 * It keeps for each file what the program sees and what a power cut would leave: written bytes
 * become durable by sync, names by sync_directory. faulty_crash() throws the rest away, or keeps an
 * arbitrary part of it, as disks do. Calls are counted, so that a test can fail each in turn. */
#ifndef LAMINAR_TESTS_UNIT_OS_FAULTY_VFS_H
#define LAMINAR_TESTS_UNIT_OS_FAULTY_VFS_H

#include "base/rng.h"
#include "os/vfs.h"

enum { FAULTY_FILES = 64, FAULTY_PATH = 96, FAULTY_JOURNAL = 256 };

typedef enum faulty_call {
    FAULTY_OPEN = 1,
    FAULTY_READ = 2,
    FAULTY_WRITE = 4,
    FAULTY_SYNC = 8,
    FAULTY_SIZE = 16,
    FAULTY_TRUNCATE = 32,
    FAULTY_RENAME = 64,
    FAULTY_REMOVE = 128,
    FAULTY_SYNC_DIRECTORY = 256,
    FAULTY_CLOSE = 512,
    FAULTY_LIST = 1024,
    FAULTY_DIRECTORY = 2048,
    FAULTY_ALLOCATE = 4096,
    FAULTY_ANY = 8191
} faulty_call;

typedef struct faulty_bytes {
    uint8_t *data;
    int64_t  size;
} faulty_bytes;

typedef struct faulty_node { /* a file, whatever its name */
    faulty_bytes seen;
    faulty_bytes durable;
    faulty_bytes
            forgotten; /* seen at a sync that failed: what did not change since stays unsynced */
    bool    used;
    int32_t handles;
    char    name[FAULTY_PATH];    /* "": removed, or another file took the name */
    char    on_disk[FAULTY_PATH]; /* the name after a power cut; "": none */
} faulty_node;

typedef struct faulty_name { /* a change of a name that is not durable yet */
    faulty_node *node;
    char         from[FAULTY_PATH]; /* "": created */
    char         to[FAULTY_PATH];   /* "": removed */
} faulty_name;

typedef struct faulty_vfs {
    vfs         base;
    faulty_node nodes[FAULTY_FILES];
    faulty_name journal[FAULTY_JOURNAL];
    int32_t     journal_count;
    int64_t     calls;       /* so far, of the kinds in fail_kinds */
    int64_t     fail_at;     /* the call with this number fails; 0: none */
    bool        fail_always; /* all calls from fail_at on: the disk is gone */
    uint32_t    fail_kinds;  /* faulty_call, or-ed */
    int64_t     flip_at;     /* the read with this number gives a wrong bit; 0: none */
    int64_t     reads;       /* since flip_at was set */
    bool        write_short; /* a write that fails leaves the first half of its bytes */
    /* A sync that fails is the last one that tries: what it did not write stands in the cache as if
     * it had, and later syncs leave it out. So does Linux. */
    bool    sync_forgets;
    int32_t open_files;
} faulty_vfs;

void faulty_init(faulty_vfs *fs);
void faulty_fini(faulty_vfs *fs); /* fails the test when files are open */
/* Starts counting at 0 and fails call number `at` of these kinds. */
void faulty_arm(faulty_vfs *fs, uint32_t kinds, int64_t at, bool always);
/* A power cut: what was not synced is gone. With `r` an arbitrary part of it survives: each file
 * keeps its new size or the old one, each block of 512 bytes its new bytes or the old ones, and of
 * the changes of names the first few happened, as in a journal. Files must not be open. */
void faulty_crash(faulty_vfs *fs, rng *r);

#endif
