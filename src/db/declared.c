/* SPDX-License-Identifier: Apache-2.0 */
/* declared.c - a script that runs again, against what its last run left in a kept database: the
 * same definition, token by token, is fine. */
#include "db/going.h"
#include "db/parameters.h"
#include "sql/lexer.h"

static text
shown(text word) {
    const size_t most = 80;
    return word.size == 0 ? TEXT("its end")
                          : (text){word.data, word.size < most ? word.size : most};
}

static status
refuse(const object *o, const ast_statement *st, text here, text there, error *err) {
    (void)error_set_at(err, ERR_TABLE_EXISTS, st->name.position,
                       "\"%.*s\" was kept with another definition: it has %.*s where this one has "
                       "%.*s",
                       TEXT_ARG(o->name), TEXT_ARG(shown(there)), TEXT_ARG(shown(here)));
    return error_hint(err, "SHOW CREATE tells the whole; CREATE OR REPLACE makes it anew");
}

status
declared_again(statement_context *c, const ast_statement *st, const object *o, error *err) {
    buf     written;
    int32_t mine = 0;
    int32_t theirs = 0;
    buf_init(&written, c->db->mem, SIZE_MAX / 2);
    definition_print(st, c->sql, NULL, &written);
    status     s = written.failed ? error_memory(err) : OK;
    const text sql = buf_text(&written);
    for (bool more = s == OK; more;) {
        const token a = token_next(sql, mine);
        const token b = token_next(o->declared, theirs);
        const text  here = token_text(sql, a), there = token_text(o->declared, b);
        const bool  equal =
            a.kind == b.kind &&
            (a.kind == TOKEN_WORD ? text_equal_nocase(here, there) : text_equal(here, there));
        more = equal && a.kind != TOKEN_END;
        mine = a.end;
        theirs = b.end;
        if (!equal) {
            s = refuse(o, st, here, there, err);
        }
    }
    buf_fini(&written);
    return s;
}
