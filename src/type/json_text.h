/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.h - JSON in a text: a strict reader (RFC 8259, nothing more), paths into it, and one
 * way of writing.
 *
 * A value is the part of the text that spells it. Numbers keep their digits, whatever their size;
 * of a key that an object has twice the first counts. */
#ifndef LAMINAR_TYPE_JSON_TEXT_H
#define LAMINAR_TYPE_JSON_TEXT_H

#include "base/error.h"
#include "base/text.h"

#define JSON_LEVELS_MAX 512
#define JSON_STEPS_MAX 64

/* The value of a whole text without the blanks around it. False: it is no JSON; *at is where it
 * stops being some, *why says how. */
bool json_text_whole(text s, text *out, size_t *at, const char **why);

/* ---- values inside a text that json_text_whole accepted */
typedef struct json_member {
    text key; /* with its quotes; data NULL in an array */
    text value;
} json_member;

/* The members of an object or array one by one; *at is 0 first. False: no more, or no such value.
 */
bool    json_next(text value, size_t *at, json_member *out);
int64_t json_count(text value); /* of an array; 0 for others */
/* A quoted string as it is meant. */
bool json_unquote(text quoted, buf *out);
/* Is this quoted key the name? */
bool json_key_is(text quoted, text name, buf *scratch);
/* Without blanks, strings with no more escapes than needed. */
bool json_write(text value, buf *out);
bool json_write_text(text s, buf *out); /* a string of this text */
/* OBJECT, ARRAY, VARCHAR, BOOLEAN, NULL; of numbers UBIGINT, BIGINT or DOUBLE. */
const char *json_type_of(text value);

/* ---- paths: $.a."b c"[0][#-1], /a/b/0, or a name alone; $.*, $[*] and $..a lead to many values */
typedef enum json_reach { JSON_REACH_ONE, JSON_REACH_MEMBERS, JSON_REACH_ITEMS } json_reach;

typedef struct json_step {
    text       name; /* of a member; data NULL: an index */
    int64_t    index;
    bool       either; /* of /a/0: an index too, when it stands before an array */
    json_reach reach;  /* .* and [*]: all of them */
    bool       deep;   /* ..: from the value itself and from all that is inside */
} json_step;

typedef struct json_path {
    bool      many; /* some step leads to several values */
    int32_t   count;
    json_step steps[JSON_STEPS_MAX];
} json_path;

/* ERR_QUERY_FAILED says what is wrong. Names are borrowed from s and from `names`, which has room
 * for s.size bytes. */
status json_path_parse(json_path *out, text s, char *names, error *err) MUST_USE;
/* Gets one value that a path leads to. False: no more are wanted. */
typedef bool json_taker(void *context, text value);
/* All values, outer ones before those inside, in their order. False: the taker said so. */
bool json_find_all(text value, const json_path *path, buf *scratch, json_taker *take,
                   void *context);
/* Of a path that is not `many`. False: there is no such value. */
bool json_find(text value, const json_path *path, text *out, buf *scratch);

#endif
