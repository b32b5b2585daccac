/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - late rows at the inputs of a join that forgets: they are refused before they meet
 * anything, counted, sent where the stream says so, and recorded for readers that make the stream's
 * rows again from its sources, who leave them out. */
#ifndef LAMINAR_OP_JUDGE_H
#define LAMINAR_OP_JUDGE_H

#include "op/op.h"
#include "op/refused.h"

typedef struct judge {
    op             *self;
    const op_bound *bound;    /* streams; NULL: rows are kept, and none is late */
    data_type       types[2]; /* of the times */
    refused         refused[2];
    refused_use     left_out[2]; /* one-off: of those of the live operator */
} judge;

/* Names of the state of both sides. */
status judge_open(judge *j, op *self, const char *const names[2], error *err) MUST_USE;
void   judge_close(judge *j);
status judge_rebuild(judge *j, error *err) MUST_USE; /* after a restore */
/* What `other` refused was refused here; it counts as come with the newest insert. */
status judge_merge(judge *j, const judge *other, error *err) MUST_USE;
status judge_validate(const judge *j, error *err) MUST_USE;
/* Takes rows that are late, or that `live` (the judge of the running operator; NULL: there is none)
 * refused, out of `rows`, whose columns are `views`; what is left is in `views` again, transient in
 * scratch. */
status judge_rows(judge *j, const judge *live, int32_t port, column *views, delta *rows,
                  error *err) MUST_USE;

/* Is `kept_us` of the side over for a row of this time? */
ALWAYS_INLINE bool
judge_is_over(const judge *j, int32_t side, int64_t time, int64_t frontier_us) {
    const int64_t kept_us = sat_add_i64(j->bound->kept_us[side], j->self->spec->lateness_us);
    return sat_add_i64(type_time_to_us(j->types[side], time), kept_us) < frontier_us;
}

#endif
