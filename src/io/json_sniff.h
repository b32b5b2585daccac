/* SPDX-License-Identifier: Apache-2.0 */
/* json_sniff.h - which keys the objects of a JSON file have, and of which types their values are;
 * and where its objects end. */
#ifndef LAMINAR_IO_JSON_SNIFF_H
#define LAMINAR_IO_JSON_SNIFF_H

#include "io/block.h"
#include "io/guess.h"

typedef struct json_shape {
    int32_t count, capacity;
    text   *names; /* of the arena, in order of their first use */
    guess  *types;
} json_shape;

/* How many bytes of the text are whole objects with what stands between and around them (blanks,
 * commas, the brackets of an array), at most `most` objects. A malformed one counts to the end of
 * its line. 0: none is whole. */
size_t json_whole(text t, int64_t most);
/* Adds what the objects of `t` have (json_whole); *rows counts them. */
status json_sniff(json_shape *shape, arena *a, text t, int64_t first_line, int64_t *rows,
                  error *err) MUST_USE;
/* The text without the brackets of an array around it. */
text json_inside(text t);

#endif
