/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - what was typed, in a file that its owner alone can read: an entry a line, with \n and
 * \\ for line ends and backslashes. Several shells append to it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell.h"

#define ENTRIES_MAX 2000 /* kept when the file is read; it is written anew at twice as many */

static char *
joined(const char *a, const char *b) {
    const size_t size = strlen(a) + strlen(b) + 1;
    char        *path = malloc(size);
    if (path != NULL) {
        (void)snprintf(path, size, "%s%s", a, b);
    }
    return path;
}

static char *
find_path(void) {
    const char *named = getenv("LAMINARDB_HISTORY");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (named != NULL) {
        return *named == '\0' ? NULL : joined(named, "");
    }
    if (state != NULL && *state == '/') {
        char *folder = joined(state, "/laminardb");
        char *path = folder == NULL ? NULL : joined(folder, "/history");
        if (folder != NULL) {
            (void)mkdir(folder, 0700);
        }
        free(folder);
        return path;
    }
    return home == NULL || *home == '\0' ? NULL : joined(home, "/.laminardb_history");
}

static bool
push(history *h, const char *text, size_t size) {
    if (h->count == h->room) {
        const int32_t room = h->room == 0 ? 64 : 2 * h->room;
        char        **grown = realloc(h->entries, sizeof(*grown) * (size_t)room);
        if (grown == NULL) {
            return false;
        }
        h->entries = grown;
        h->room = room;
    }
    char *copy = strndup(text, size);
    if (copy != NULL) {
        h->entries[h->count++] = copy;
    }
    return copy != NULL;
}

static void
read_line(history *h, const char *line, size_t size) {
    bytes text = {.size = 0};
    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\\' && i + 1 < size) {
            i++;
            bytes_add(&text, line[i] == 'n' ? "\n" : line + i, 1);
        } else {
            bytes_add(&text, line + i, 1);
        }
    }
    if (text.size > 0) {
        (void)push(h, text.data, text.size);
    }
    bytes_free(&text);
}

static void
write_entry(bytes *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\n' || *text == '\\') {
            bytes_text(out, *text == '\n' ? "\\n" : "\\\\");
        } else {
            bytes_add(out, text, 1);
        }
    }
    bytes_text(out, "\n");
}

/* The newest entries alone: a new file in the place of the old one. */
static void
shorten(history *h) {
    const int32_t gone = h->count - ENTRIES_MAX;
    for (int32_t i = 0; i < gone; i++) {
        free(h->entries[i]);
    }
    memmove(h->entries, h->entries + gone, sizeof(*h->entries) * ENTRIES_MAX);
    h->count = ENTRIES_MAX;
    bytes all = {.size = 0};
    char *path = joined(h->path, ".new");
    for (int32_t i = 0; i < h->count; i++) {
        write_entry(&all, h->entries[i]);
    }
    const int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        const bool whole = !all.failed && write(fd, all.data, all.size) == (ssize_t)all.size;
        (void)close(fd);
        if (!whole || rename(path, h->path) != 0) {
            (void)unlink(path);
        }
    }
    free(path);
    bytes_free(&all);
}

void
lines_open(history *h) {
    *h = (history){.path = find_path()};
    FILE   *in = h->path == NULL ? NULL : fopen(h->path, "re");
    char   *line = NULL;
    size_t  room = 0;
    ssize_t size;
    while (in != NULL && (size = getline(&line, &room, in)) > 0) {
        read_line(h, line, (size_t)size - (line[size - 1] == '\n'));
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    free(line);
    if (h->count > 2 * ENTRIES_MAX) {
        shorten(h);
    }
}

/* One write, so that shells do not mix their lines. What begins with a blank is not kept. */
void
lines_add(history *h, const char *text, size_t size) {
    while (size > 0 && text[size - 1] == '\n') {
        size--;
    }
    const bool again = h->count > 0 && strlen(h->entries[h->count - 1]) == size &&
                       memcmp(h->entries[h->count - 1], text, size) == 0;
    if (size == 0 || text[0] == ' ' || again || !push(h, text, size) || h->path == NULL) {
        return;
    }
    const int fd = open(h->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    bytes line = {.size = 0};
    (void)fchmod(fd, 0600);
    write_entry(&line, h->entries[h->count - 1]);
    if (line.failed || write(fd, line.data, line.size) < 0) {
        free(h->path); /* no place to keep it */
        h->path = NULL;
    }
    bytes_free(&line);
    (void)close(fd);
}

void
lines_close(history *h) {
    for (int32_t i = 0; i < h->count; i++) {
        free(h->entries[i]);
    }
    free(h->entries);
    free(h->path);
    *h = (history){.count = 0};
}
