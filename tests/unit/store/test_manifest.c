/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest.c - the files of a checkpoint: each bit of 64 KiB of them turned over is told, and
 * so are files that are cut, grow, are missing or stand in one another's place. */
#include "unit.h"

#include "../os/faulty_vfs.h"
#include "kernel/kernel.h"
#include "store/manifest.h"
#include "store/sealed.h"

#define DIRECTORY "d"
enum { STATE_BYTES = 31000, ROWS_BYTES = 35000 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEP = 61 };
#else
enum { STEP = 1 };
#endif

static faulty_vfs fs;
static mem        m;

static int64_t
write_sealed(const char *path, uint64_t salt, int32_t size) {
    sealed_writer *w = NULL;
    error          err = {0};
    rng            r;
    rng_init(&r, salt);
    CHECK_OK(sealed_create(&w, &m, &fs.base, path, salt, &err));
    for (int32_t i = 0; i < size; i++) {
        const uint8_t byte = (uint8_t)rng_next(&r);
        CHECK_OK(sealed_put(w, &byte, 1, &err));
    }
    CHECK_OK(sealed_end(w, OK, &err));
    return size;
}

static void
make(manifest *out, manifest_file *rows, int64_t id) {
    error err = {0};
    buf   path;
    bool  ignored;
    buf_init(&path, &m, SIZE_MAX / 2);
    *rows =
        (manifest_file){.kind = FILE_ROWS, .number = id, .salt = 100 + (uint64_t)id, .count = 1};
    *out = (manifest){.id = id, .state_salt = 200 + (uint64_t)id, .file_count = 1, .files = rows};
    CHECK_OK(manifest_path(DIRECTORY, FILE_ROWS, id, &path, &err));
    rows->size = write_sealed(path.data, rows->salt, ROWS_BYTES);
    CHECK_OK(manifest_path(DIRECTORY, FILE_STATE, id, &path, &err));
    out->state_size = write_sealed(path.data, out->state_salt, STATE_BYTES);
    CHECK_OK(manifest_write(out, &m, &fs.base, DIRECTORY, &ignored, &err));
    buf_fini(&path);
}

static faulty_node *
node(const char *name) {
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        if (fs.nodes[i].used && strcmp(fs.nodes[i].name, name) == 0) {
            return &fs.nodes[i];
        }
    }
    fail();
    return NULL;
}

/* As an opening or a verify finds it. */
static status
look(error *err) {
    manifest *list = NULL;
    int32_t   count = 0;
    *err = (error){.position = -1};
    TRY(manifests_read(&list, &count, NULL, &m, &fs.base, DIRECTORY, err));
    status s = OK;
    for (int32_t i = 0; s == OK && i < count; i++) {
        s = manifest_check(&list[i], &m, &fs.base, DIRECTORY, err);
    }
    manifests_free(list, count, &m);
    return s;
}

static void
check_refused(const char *file) {
    error err;
    CHECK_EQ(look(&err), ERR_CORRUPTION);
    CHECK(strstr(err.message, file) != NULL && err.hint[0] != '\0');
}

/* Each bit of a file by a reader of its own, and some by all that reads a checkpoint. */
static int64_t
flip_sealed(const char *name, uint64_t salt, int64_t size) {
    enum { WHOLE = 1009 };
    faulty_node   *n = node(name);
    error          err = {0};
    sealed_reader *r = NULL;
    int64_t        told = 0;
    CHECK_OK(sealed_open(&r, &m, &fs.base, name, salt, size, &err));
    for (int64_t bit = 0; bit < 8 * n->seen.size; bit += STEP) {
        n->seen.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        told += sealed_check(r, &err) == ERR_CORRUPTION;
        if (bit % WHOLE == 0) {
            check_refused(name);
        }
        n->seen.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
    sealed_close(r);
    return told;
}

static void
test_every_bit(void **state) {
    manifest      made;
    manifest_file rows;
    error         err;
    (void)state;
    kernel_init();
    mem_init(&m, INT64_MAX);
    faulty_init(&fs);
    make(&made, &rows, 7);
    CHECK_EQ(look(&err), OK);
    faulty_node *n = node(DIRECTORY "/checkpoint-0000000000000007");
    int64_t      bits = 8 * n->seen.size;
    int64_t      told = 0;
    for (int64_t bit = 0; bit < bits; bit++) {
        n->seen.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        told += look(&err) == ERR_CORRUPTION;
        CHECK(strstr(err.message, n->name) != NULL);
        n->seen.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
    CHECK_EQ(told, bits);
    told = flip_sealed(DIRECTORY "/state-0000000000000007", made.state_salt, made.state_size) +
           flip_sealed(DIRECTORY "/rows-0000000000000007", rows.salt, rows.size);
    int64_t wanted = 0;
    for (int32_t i = 0; i < 2; i++) {
        const int64_t size = 4 + (i == 0 ? STATE_BYTES : ROWS_BYTES);
        wanted += (8 * size + STEP - 1) / STEP;
    }
    print_message("a checkpoint: %lld bits turned over, %lld told\n", (long long)(wanted + bits),
                  (long long)(told + bits));
    CHECK_EQ(told, wanted);
    CHECK_EQ(look(&err), OK);
    faulty_fini(&fs);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_other_files(void **state) {
    static const char *const names[] = {DIRECTORY "/checkpoint-0000000000000001",
                                        DIRECTORY "/state-0000000000000001",
                                        DIRECTORY "/rows-0000000000000001"};
    manifest                 first, second;
    manifest_file            rows[2];
    error                    err;
    (void)state;
    mem_init(&m, INT64_MAX);
    faulty_init(&fs);
    make(&first, &rows[0], 1);
    make(&second, &rows[1], 2);
    CHECK_EQ(look(&err), OK);
    for (int32_t i = 0; i < ARRAY_COUNT(names); i++) {
        faulty_node  *n = node(names[i]);
        const int64_t size = n->seen.size;
        for (int64_t cut = 1; cut < size; cut += size / 13) {
            n->seen.size = size - cut;
            check_refused(names[i]);
        }
        n->seen.size = size + 1; /* what comes behind is whatever lay there */
        check_refused(names[i]);
        n->seen.size = size;
    }
    for (int32_t i = 1; i < ARRAY_COUNT(names); i++) { /* each checkpoint has the other one's */
        char other[FAULTY_PATH];
        (void)snprintf(other, sizeof(other), "%.*s2", (int)strlen(names[i]) - 1, names[i]);
        faulty_node       *a = node(names[i]), *b = node(other);
        const faulty_bytes kept = a->seen;
        a->seen = b->seen;
        b->seen = kept;
        check_refused(names[i]);
        b->seen = a->seen;
        a->seen = kept;
    }
    CHECK_EQ(look(&err), OK);
    CHECK_OK(fs.base.remove(&fs.base, names[2], &err));
    CHECK(look(&err) < 0);
    CHECK(strstr(err.message, names[2]) != NULL);
    faulty_fini(&fs);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_every_bit), UNIT(test_other_files))
