/* SPDX-License-Identifier: Apache-2.0 */
/* json_path.c - paths into JSON: $.a."b c"[0][#-1], JSON pointers (RFC 6901), names. */
#include "type/json_text.h"

#define SHOWN_MAX 100

typedef struct path_reader {
    text       whole;
    size_t     at;
    json_path *out;
    error     *err;
} path_reader;

static status
fault(const path_reader *p, const char *why) {
    (void)error_set(p->err, ERR_QUERY_FAILED, "JSON path '%.*s': %s",
                    (int)(p->whole.size < SHOWN_MAX ? p->whole.size : SHOWN_MAX), p->whole.data,
                    why);
    (void)error_hint(p->err, "paths are like $.name.\"a b\"[0], $[#-1] for the last, /name/0, or a "
                             "name alone");
    return ERR_QUERY_FAILED;
}

static status
add_step(path_reader *p, json_step step) {
    if (p->out->count == JSON_STEPS_MAX) {
        return fault(p, "it has more than 64 steps");
    }
    p->out->steps[p->out->count++] = step;
    return OK;
}

static bool
more(const path_reader *p) {
    return p->at < p->whole.size;
}

static char
here(const path_reader *p) {
    return p->whole.data[p->at];
}

/* Digits from here on. False: there are none, or too many. */
static bool
take_index(path_reader *p, int64_t *out) {
    int64_t v = 0;
    size_t  n = 0;
    for (; more(p) && here(p) >= '0' && here(p) <= '9' && n < 18; n++) {
        v = v * 10 + (here(p) - '0');
        p->at++;
    }
    *out = v;
    return n > 0;
}

static status
index_step(path_reader *p, bool deep) {
    p->at++; /* [ */
    const bool last = more(p) && here(p) == '#';
    p->at += last;
    const bool back = more(p) && here(p) == '-';
    p->at += back;
    int64_t i = 0;
    if (more(p) && here(p) == '*' && !last && !back) {
        p->at++;
        if (!more(p) || here(p) != ']') {
            return fault(p, "] is expected after [*");
        }
        p->at++;
        p->out->many = true;
        return add_step(p, (json_step){.reach = JSON_REACH_ITEMS, .deep = deep});
    }
    const bool digits = take_index(p, &i);
    if ((!digits && (back || !last)) || (last && digits && !back) || !more(p) || here(p) != ']') {
        return fault(p, "a number and ] are expected after [");
    }
    p->at++;
    if (last && !back) {
        return fault(p, "[#] is behind the last element");
    }
    return add_step(p, (json_step){.name = {NULL, 0}, .index = back ? -i : i, .deep = deep});
}

static status
name_step(path_reader *p) {
    p->at++; /* . */
    if (!more(p)) {
        return fault(p, "it ends with a point");
    }
    const bool deep = here(p) == '.';
    p->at += deep;
    p->out->many |= deep;
    if (deep && more(p) && here(p) == '[') {
        return index_step(p, true);
    }
    if (more(p) && here(p) == '*') {
        p->at++;
        p->out->many = true;
        return add_step(p, (json_step){.reach = JSON_REACH_MEMBERS, .deep = deep});
    }
    if (!more(p)) {
        return fault(p, "a name is missing");
    }
    const bool quoted = here(p) == '"';
    p->at += quoted;
    const size_t first = p->at;
    while (more(p) && (quoted ? here(p) != '"' : here(p) != '.' && here(p) != '[')) {
        p->at++;
    }
    const text name = {p->whole.data + first, p->at - first};
    if (quoted && !more(p)) {
        return fault(p, "a name in quotes does not end");
    }
    if (!quoted && name.size == 0) {
        return fault(p, "a name is missing");
    }
    p->at += quoted;
    return add_step(p, (json_step){.name = name, .deep = deep});
}

/* /a~1b/0: ~1 is /, ~0 is ~. */
static status
pointer_step(path_reader *p, char **names) {
    p->at++; /* the slash */
    char *first = *names;
    while (more(p) && here(p) != '/') {
        char c = here(p);
        p->at++;
        if (c == '~') {
            if (!more(p) || (here(p) != '0' && here(p) != '1')) {
                return fault(p, "~ stands only in ~0 and ~1");
            }
            c = here(p) == '0' ? '~' : '/';
            p->at++;
        }
        *(*names)++ = c;
    }
    json_step   step = {.name = {first, (size_t)(*names - first)}};
    path_reader digits = {.whole = step.name};
    step.either = take_index(&digits, &step.index) && digits.at == step.name.size;
    return add_step(p, step);
}

status
json_path_parse(json_path *out, text s, char *names, error *err) {
    path_reader p = {.whole = s, .out = out, .err = err};
    out->count = 0;
    out->many = false;
    if (s.size == 0) {
        return OK;
    }
    if (s.data[0] == '/') {
        while (more(&p)) {
            TRY(pointer_step(&p, &names));
        }
        return OK;
    }
    if (s.data[0] != '$') {
        return add_step(&p, (json_step){.name = s});
    }
    p.at = 1;
    while (more(&p)) {
        if (here(&p) != '.' && here(&p) != '[') {
            return fault(&p, ". or [ is expected");
        }
        TRY(here(&p) == '.' ? name_step(&p) : index_step(&p, false));
    }
    return OK;
}

static bool
step_into(text *value, const json_step *s, buf *scratch) {
    size_t      at = 0;
    json_member m;
    if (s->name.data != NULL && value->data[0] == '{') {
        while (json_next(*value, &at, &m)) {
            if (json_key_is(m.key, s->name, scratch)) {
                *value = m.value;
                return true;
            }
        }
        return false;
    }
    if (value->data[0] != '[' || (s->name.data != NULL && !s->either)) {
        return false;
    }
    int64_t wanted = s->index < 0 ? json_count(*value) + s->index : s->index;
    if (wanted < 0) {
        return false;
    }
    while (json_next(*value, &at, &m)) {
        if (wanted-- == 0) {
            *value = m.value;
            return true;
        }
    }
    return false;
}

bool
json_find(text value, const json_path *path, text *out, buf *scratch) {
    for (int32_t i = 0; i < path->count; i++) {
        if (!step_into(&value, &path->steps[i], scratch)) {
            return false;
        }
    }
    *out = value;
    return true;
}

typedef struct json_search {
    const json_path *path;
    buf             *scratch;
    json_taker      *take;
    void            *context;
} json_search;

static bool search(const json_search *s, text value, int32_t at);

static bool
has_members(text value) {
    return value.data[0] == '{' || value.data[0] == '[';
}

/* What step `at` leads to from this value alone. */
static bool
search_from(const json_search *s, text value, int32_t at) {
    const json_step *step = &s->path->steps[at];
    if (step->reach == JSON_REACH_ONE) {
        return !step_into(&value, step, s->scratch) || search(s, value, at + 1);
    }
    size_t      next = 0;
    json_member m;
    while (value.data[0] == (step->reach == JSON_REACH_MEMBERS ? '{' : '[') &&
           json_next(value, &next, &m)) {
        if (!search(s, m.value, at + 1)) {
            return false;
        }
    }
    return true;
}

/* Levels of JSON and steps of a path bound how deep this goes. */
static bool
search(const json_search *s, text value, int32_t at) {
    if (at == s->path->count) {
        return s->take(s->context, value);
    }
    if (!search_from(s, value, at)) {
        return false;
    }
    size_t      next = 0;
    json_member m;
    while (s->path->steps[at].deep && has_members(value) && json_next(value, &next, &m)) {
        if (!search(s, m.value, at)) {
            return false;
        }
    }
    return true;
}

bool
json_find_all(text value, const json_path *path, buf *scratch, json_taker *take, void *context) {
    const json_search s = {.path = path, .scratch = scratch, .take = take, .context = context};
    return search(&s, value, 0);
}
