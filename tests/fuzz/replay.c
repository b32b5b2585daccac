/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzz target over the files of a folder, each whole, cut short at a few places,
 * and repeated to 64 KiB, where what is not linear takes too long (timed.c): the corpus as a unit
 * test. Usage: replay FOLDER FLOOR; fails when there are fewer files. */
#include <dirent.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 20, CUTS = 4, REPEATED = 1 << 16 };

static size_t
read_file(const char *path, uint8_t *out) {
    FILE *f = fopen(path, "rb");
    FUZZ_CHECK(f != NULL, "cannot open %s", path);
    const size_t size = fread(out, 1, INPUT_MAX, f);
    fclose(f);
    return size;
}

static void
run(const uint8_t *data, size_t size) {
    uint8_t *copy = (uint8_t *)fuzz_copy(data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void
run_repeated(const uint8_t *data, size_t size) {
    static uint8_t long_one[REPEATED];
    for (size_t i = 0; i < REPEATED && size > 0; i++) {
        long_one[i] = data[i % size];
    }
    run(long_one, size > 0 ? REPEATED : 0);
}

int
main(int argc, char **argv) {
    static uint8_t data[INPUT_MAX];
    FUZZ_CHECK(argc == 3, "usage: replay FOLDER FLOOR");
    DIR *folder = opendir(argv[1]);
    FUZZ_CHECK(folder != NULL, "cannot open %s", argv[1]);
    long files = 0;
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        char path[4096];
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
        const size_t size = read_file(path, data);
        for (size_t i = 0; i <= CUTS; i++) {
            run(data, size - size * i / (CUTS + 1));
        }
        run_repeated(data, size);
        files++;
    }
    closedir(folder);
    printf("%s: %ld files\n", argv[1], files);
    FUZZ_CHECK(files >= strtol(argv[2], NULL, 10), "fewer files than %s", argv[2]);
    return 0;
}
