/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - see files.h. A pattern is walked name by name from the left; directories that a name of
 * it does not match are never looked into. */
#include "io/files.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64 /* directories below each other */

bool
files_is_pattern(text path) {
    for (size_t i = 0; i < path.size; i++) {
        if (strchr("*?[", path.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

text
files_ending(text path, bool *packed) {
    *packed = path.size > 3 && text_equal_nocase((text){path.data + path.size - 3, 3}, TEXT(".gz"));
    path.size -= *packed ? 3 : 0;
    for (size_t i = path.size; i > 0 && path.data[i - 1] != '/'; i--) {
        if (path.data[i - 1] == '.') {
            return (text){path.data + i, path.size - i};
        }
    }
    return TEXT("");
}

/* [a-z], [!a-z]: does c match? *next is behind the bracket; without one, '[' is itself. */
static bool
match_class(const char *p, const char *end, char c, const char **next) {
    const char *at = p + 1;
    const bool  negated = at < end && (*at == '!' || *at == '^');
    bool        found = false;
    at += negated;
    for (const char *first = at; at < end && (*at != ']' || at == first); at++) {
        if (at + 2 < end && at[1] == '-' && at[2] != ']') {
            found = found || (c >= at[0] && c <= at[2]);
            at += 2;
        } else {
            found = found || *at == c;
        }
    }
    if (at >= end) {
        *next = p + 1;
        return c == '[';
    }
    *next = at + 1;
    return found != negated;
}

/* One name against one part of a pattern; linear, as the last * alone is tried again. */
static bool
match_name(text pattern, const char *name) {
    const char *p = pattern.data, *end = pattern.data + pattern.size;
    const char *star = NULL, *retry = NULL;
    while (*name != '\0') {
        const char *next = p + 1;
        bool        ok = false;
        if (p < end && *p == '*') {
            star = p++;
            retry = name;
            continue;
        }
        if (p < end) {
            ok = *p == '?' || (*p == '[' ? match_class(p, end, *name, &next) : *p == *name);
        }
        if (ok) {
            p = next;
            name++;
        } else if (star != NULL) {
            p = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (p < end && *p == '*') {
        p++;
    }
    return p == end;
}

typedef struct walk {
    arena      *arena;
    vfs        *fs;
    file_list  *out;
    error      *err;
    const char *directory; /* "" or ending in "/" */
    text        part, rest;
    int32_t     depth;
} walk;

static status walk_rest(walk *w, const char *directory, text rest, int32_t depth);

static char *
joined(arena *a, const char *directory, text name, const char *end) {
    const size_t size = strlen(directory) + name.size + strlen(end) + 1;
    char        *path = arena_alloc(a, size);
    if (path != NULL) {
        memcpy(path, directory, strlen(directory));
        memcpy(path + strlen(directory), name.data, name.size);
        memcpy(path + strlen(directory) + name.size, end, strlen(end) + 1);
    }
    return path;
}

static status
add_path(walk *w, const char *path) {
    file_list *out = w->out;
    if (out->count == FILES_MAX) {
        return error_set(w->err, ERR_QUERY_FAILED, "the pattern matches more than %d files",
                         FILES_MAX);
    }
    if (out->count == out->capacity) {
        const int32_t capacity = out->capacity == 0 ? 8 : 2 * out->capacity;
        const char  **grown = arena_alloc(w->arena, sizeof(char *) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(w->err);
        }
        if (out->count > 0) {
            memcpy(grown, out->paths, sizeof(char *) * (size_t)out->count);
        }
        out->paths = grown;
        out->capacity = capacity;
    }
    out->paths[out->count++] = path;
    return OK;
}

static bool
is_directory(const walk *w, const char *path) {
    error     ignored;
    vfs_file *f;
    /* It opens as a file unless it is a directory, or not for us at all. */
    if (w->fs->open(w->fs, &f, path, VFS_READ | VFS_REGULAR, &ignored) == OK) {
        (void)w->fs->close(f, &ignored);
        return false;
    }
    return strstr(ignored.message, "is a directory") != NULL;
}

static status
take_name(void *context, const char *name) {
    walk      *w = context;
    const bool any_depth = text_equal(w->part, TEXT("**"));
    const bool hidden = name[0] == '.' && (w->part.size == 0 || w->part.data[0] != '.');
    if (hidden || (!any_depth && !match_name(w->part, name))) {
        return OK;
    }
    const text  t = text_of(name);
    const char *path = joined(w->arena, w->directory, t, "");
    if (path == NULL) {
        return error_memory(w->err);
    }
    if (w->rest.size == 0 && !any_depth) {
        return is_directory(w, path) ? OK : add_path(w, path);
    }
    if (!is_directory(w, path)) {
        return OK;
    }
    const char *below = joined(w->arena, w->directory, t, "/");
    if (below == NULL) {
        return error_memory(w->err);
    }
    const text again =
        w->rest.size == 0 ? w->part : (text){w->part.data, w->part.size + 1 + w->rest.size};
    return walk_rest(w, below, any_depth ? again : w->rest, w->depth + 1);
}

static status
walk_rest(walk *w, const char *directory, text rest, int32_t depth) {
    if (depth > DEPTH_MAX) {
        return OK;
    }
    const char *slash = memchr(rest.data, '/', rest.size);
    const text  part = {rest.data, slash == NULL ? rest.size : (size_t)(slash - rest.data)};
    text        more = {rest.data + part.size, 0};
    if (slash != NULL) {
        more = (text){slash + 1, rest.size - part.size - 1};
    }
    if (!files_is_pattern(part)) {
        const char *path = joined(w->arena, directory, part, slash == NULL ? "" : "/");
        if (path == NULL) {
            return error_memory(w->err);
        }
        if (slash != NULL) {
            return walk_rest(w, path, more, depth);
        }
        error     ignored;
        vfs_file *f;
        if (w->fs->open(w->fs, &f, path, VFS_READ | VFS_REGULAR, &ignored) == OK) {
            (void)w->fs->close(f, &ignored);
            return add_path(w, path);
        }
        return OK;
    }
    if (text_equal(part, TEXT("**"))) { /* no directory at all, too */
        const text none = more.size == 0 ? TEXT("*") : more;
        TRY(walk_rest(w, directory, none, depth));
    }
    walk inner = *w;
    inner.directory = directory;
    inner.part = part;
    inner.rest = more.size == 0 && text_equal(part, TEXT("**")) ? TEXT("") : more;
    inner.depth = depth;
    error        why = {0};
    const status s =
        w->fs->list(w->fs, directory[0] == '\0' ? "." : directory, take_name, &inner, &why);
    return s == ERR_CONNECTOR_FAILED ? OK : s; /* one that is not there has no files */
}

/* ---- what there is instead */

typedef struct nearby {
    arena  *arena;
    text    names[256];
    int32_t count;
} nearby;

static status
take_nearby(void *context, const char *name) {
    nearby *n = context;
    if (n->count < ARRAY_COUNT(n->names)) {
        n->names[n->count] = arena_text(n->arena, text_of(name));
        n->count += n->names[n->count].data != NULL;
    }
    return OK;
}

static void
hint_nearest(arena *a, vfs *fs, text path, error *err) {
    size_t at = path.size;
    while (at > 0 && path.data[at - 1] != '/') {
        at--;
    }
    nearby      n = {.arena = a};
    error       ignored;
    const char *directory = joined(a, "", (text){path.data, at}, at == 0 ? "." : "");
    if (directory == NULL || fs->list(fs, directory, take_nearby, &n, &ignored) < 0) {
        return;
    }
    const int32_t near = text_nearest((text){path.data + at, path.size - at}, n.names, n.count);
    if (near >= 0) {
        error_hint(err, "did you mean '%.*s%.*s'?", (int)at, path.data, TEXT_ARG(n.names[near]));
    }
}

static int
by_bytes(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

status
files_match(file_list *out, arena *a, vfs *fs, text pattern, error *err) {
    if (pattern.size == 0 || pattern.size > 4096 || memchr(pattern.data, 0, pattern.size) != NULL) {
        return error_set(err, ERR_QUERY_FAILED, "a path has 1 to 4,096 bytes and no NUL");
    }
    if (!files_is_pattern(pattern)) {
        walk        w = {.arena = a, .out = out, .err = err};
        const char *path = joined(a, "", pattern, "");
        vfs_file   *f;
        TRY(path == NULL ? error_memory(err) : OK);
        if (fs->open(fs, &f, path, VFS_READ | VFS_REGULAR, err) < 0) {
            hint_nearest(a, fs, pattern, err);
            return err == NULL ? ERR_CONNECTOR_FAILED : err->status;
        }
        TRY(fs->close(f, err));
        return add_path(&w, path);
    }
    const bool    rooted = pattern.data[0] == '/';
    const text    rest = {pattern.data + rooted, pattern.size - rooted};
    const int32_t before = out->count;
    walk          w = {.arena = a, .fs = fs, .out = out, .err = err};
    TRY(walk_rest(&w, rooted ? "/" : "", rest, 0));
    if (out->count == before) {
        return error_set(err, ERR_QUERY_FAILED, "no file matches '%.*s'",
                         (int)(pattern.size < 200 ? pattern.size : 200), pattern.data);
    }
    qsort(out->paths + before, (size_t)(out->count - before), sizeof(char *), by_bytes);
    return OK;
}
