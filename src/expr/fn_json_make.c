/* SPDX-License-Identifier: Apache-2.0 */
/* fn_json_make.c - functions that make JSON: to_json, json_object, json_array, json_merge_patch. */
#include "expr/call.h"
#include "type/json_text.h"
#include "type/json_value.h"

static status
make_rows(fn_call *c, const char *name, status (*make)(fn_call *c, int32_t row, buf *out)) {
    strview *z = c->values;
    buf      out;
    status   s = OK;
    buf_init(&out, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            out.size = 0;
            s = make(c, i, &out);
            s = s == OK ? fn_text_of_buf(c, name, &out, &z[i]) : s;
        }
    }
    buf_fini(&out);
    return s;
}

static status
make_scalar(fn_call *c, int32_t row, buf *out) {
    const value v = fn_value(&c->args[0], row);
    (void)json_write_value(&v, out);
    return OK;
}

status
fn_to_json(fn_call *c) {
    return make_rows(c, "to_json", make_scalar);
}

static status
make_array(fn_call *c, int32_t row, buf *out) {
    (void)buf_append_char(out, '[');
    for (int32_t i = 0; i < c->arg_count; i++) {
        const value v = fn_value(&c->args[i], row);
        (void)(i == 0 || buf_append_char(out, ','));
        (void)json_write_value(&v, out);
    }
    (void)buf_append_char(out, ']');
    return OK;
}

status
fn_json_array(fn_call *c) {
    return make_rows(c, "json_array", make_array);
}

static status
make_object(fn_call *c, int32_t row, buf *out) {
    if (c->arg_count % 2 != 0) {
        return error_set(
            c->err, ERR_QUERY_FAILED,
            "json_object takes pairs of a name and a value, and there are %d arguments",
            c->arg_count);
    }
    (void)buf_append_char(out, '{');
    for (int32_t i = 0; i < c->arg_count; i += 2) {
        const value name = fn_value(&c->args[i], row);
        const value v = fn_value(&c->args[i + 1], row);
        if (name.is_null || name.type.id != TYPE_TEXT) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "json_object: argument %d is a name, which is a VARCHAR and not NULL",
                             i + 1);
        }
        (void)(i == 0 || buf_append_char(out, ','));
        (void)json_write_text(name.s, out);
        (void)buf_append_char(out, ':');
        (void)json_write_value(&v, out);
    }
    (void)buf_append_char(out, '}');
    return OK;
}

status
fn_json_object(fn_call *c) {
    return make_rows(c, "json_object", make_object);
}

/* ---- JSON merge patch (RFC 7396) */
typedef struct merge {
    buf *out;
    buf  left, right; /* scratch of keys */
} merge;

static bool
find_key(merge *m, text object, text key, text *out) {
    size_t      at = 0;
    json_member member;
    m->left.size = 0;
    if (object.size == 0 || object.data[0] != '{' || !json_unquote(key, &m->left)) {
        return false;
    }
    while (json_next(object, &at, &member)) {
        if (json_key_is(member.key, buf_text(&m->left), &m->right)) {
            *out = member.value;
            return true;
        }
    }
    return false;
}

static void
write_member(merge *m, text key, bool *first) {
    (void)(*first || buf_append_char(m->out, ','));
    *first = false;
    (void)json_write(key, m->out);
    (void)buf_append_char(m->out, ':');
}

/* `target` may be no object, or nothing. Recursion is as deep as the patch nests. */
static void
write_merged(merge *m, text target, text patch) {
    const text  nothing = {"null", 4};
    bool        first = true;
    size_t      at = 0;
    json_member member;
    text        other;
    if (patch.data[0] != '{') {
        (void)json_write(patch, m->out);
        return;
    }
    (void)buf_append_char(m->out, '{');
    while (target.data[0] == '{' && json_next(target, &at, &member)) {
        if (!find_key(m, patch, member.key, &other)) {
            write_member(m, member.key, &first);
            (void)json_write(member.value, m->out);
        } else if (other.data[0] != 'n') {
            write_member(m, member.key, &first);
            write_merged(m, member.value, other);
        }
    }
    at = 0;
    while (json_next(patch, &at, &member)) {
        if (member.value.data[0] != 'n' && !find_key(m, target, member.key, &other)) {
            write_member(m, member.key, &first);
            write_merged(m, nothing, member.value);
        }
    }
    (void)buf_append_char(m->out, '}');
}

static status
make_merged(fn_call *c, int32_t row, buf *out) {
    text        parts[2];
    size_t      at;
    const char *why;
    for (int32_t i = 0; i < 2; i++) {
        if (!json_text_whole(operand_text(&c->args[i], row), &parts[i], &at, &why)) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "json_merge_patch: argument %d is no JSON: %s, at byte %zu", i + 1,
                             why, at);
        }
    }
    merge m = {.out = out};
    buf_init(&m.left, c->scratch->mem, TEXT_RESULT_MAX);
    buf_init(&m.right, c->scratch->mem, TEXT_RESULT_MAX);
    write_merged(&m, parts[0], parts[1]);
    out->failed |= m.left.failed || m.right.failed;
    buf_fini(&m.left);
    buf_fini(&m.right);
    return OK;
}

status
fn_json_merge_patch(fn_call *c) {
    return make_rows(c, "json_merge_patch", make_merged);
}
