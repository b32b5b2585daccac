/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - borrowed text: bytes and a size, no terminator promised. And buf, a growing byte
 * buffer with a maximum. */
#ifndef LAMINAR_BASE_TEXT_H
#define LAMINAR_BASE_TEXT_H

#include "base/compiler.h"
#include "base/mem.h"

typedef struct text {
    const char *data;
    size_t      size;
} text;

#define TEXT(literal) ((text){"" literal, sizeof(literal) - 1})
/* For printf: "%.*s", TEXT_ARG(t) */
#define TEXT_ARG(t) (int)(t).size, (t).data

text text_of(const char *terminated); /* NULL gives an empty text */
bool text_equal(text a, text b);
bool text_equal_nocase(text a, text b); /* ASCII letters alone */
int  text_compare(text a, text b);      /* bytewise, as memcmp */
/* Where `what` begins in `s` first, or NULL. Quick for short texts. */
const char *text_find(text s, text what);
/* Where the *left-th `b` of s is, counted from 1, or NULL; *left becomes what is still to find. */
const char *text_find_byte(text s, char b, int64_t *left);
bool        text_is_utf8(text t);     /* strict: no surrogates, no overlong forms */
int32_t     text_utf8_fault(text t);  /* offset of the first ill-formed character, -1 when valid */
bool        text_is_storable(text t); /* UTF-8 without a NUL byte: what a VARCHAR holds */
/* As much of t as `size` bytes hold with an end, whole characters. */
void text_cut(char *out, size_t size, text t);
/* t without its first `skip` bytes; it has as many. */
ALWAYS_INLINE text
text_after(text t, size_t skip) {
    return (text){t.data + skip, t.size - skip};
}

/* Edit distance (Levenshtein with transpositions of neighbours), without regard to ASCII case,
 * capped at `limit + 1`. Texts of more than 127 bytes that differ are never near. */
int32_t text_distance(text a, text b, int32_t limit);

/* The candidate nearest to `wrong`, or -1 when none is near enough to be worth a "did you mean". */
int32_t text_nearest(text wrong, const text *candidates, int32_t count);

typedef struct buf {
    mem   *mem;
    char  *data; /* NULL until the first byte; always NUL-terminated after it */
    size_t size;
    size_t capacity;
    size_t size_max;
    bool   failed; /* sticky: memory ran out or size_max was reached; later appends do nothing */
} buf;

void buf_init(buf *b, mem *m, size_t size_max); /* allocates nothing */
void buf_fini(buf *b);
void buf_clear(buf *b); /* empty again and no longer failed; keeps its memory */
/* Room for `more` bytes in one step; they may then be written behind data + size by hand. */
bool buf_reserve(buf *b, size_t more);
/* An append happens whole or not at all; false when it did not, or an earlier one did not. */
bool buf_append(buf *b, const void *bytes, size_t size);
bool buf_append_text(buf *b, text t);
/* Its content becomes `size` bytes that the caller writes. */
bool buf_room(buf *b, size_t size, char **to);
bool buf_append_char(buf *b, char c);
/* t between quotes, each quote in it doubled: a SQL literal (') or quoted name ("). */
bool buf_append_quoted(buf *b, text t, char quote);
bool buf_printf(buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
text buf_text(const buf *b);

#endif
