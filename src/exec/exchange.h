/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.h - another state in the place of what an engine has: sources and streams are set aside,
 * others are made and loaded, and readers of the old streams go on with the new ones.
 *
 * What is set aside belongs to the same engine and is put back, or closed, only while it is in its
 * place: exchange, close, exchange. All with the token, settled, in no transaction. */
#ifndef LAMINAR_EXEC_EXCHANGE_H
#define LAMINAR_EXEC_EXCHANGE_H

#include "exec/engine.h"

typedef struct engine_aside engine_aside;

/* Empty: what an engine has that was opened just now. */
status engine_aside_open(engine_aside **out, engine *e, error *err) MUST_USE;
void   engine_aside_close(engine_aside *a); /* there is nothing in it; NULL is fine */
/* All sources and streams, where they stand and what they wait for. Threads, errors and history
 * stay. */
void engine_exchange(engine *e, engine_aside *a);
/* Sequences and counters go on behind those that were set aside; the sequence of what is different
 * now. */
uint64_t engine_continue(engine *e, const engine_aside *a);
void     engine_keep_late_total(engine *e, int64_t rows); /* rows_late of engine_count is this */
bool     engine_has_joining(const engine *e);             /* a stream is being filled */

/* ---- a stream and the one that takes its place: another circuit of an equal query */

/* It shows rows, or could: it has not failed, and its pipeline was not stopped. */
bool stream_can_be_followed(const stream *s);
/* What readers of its changes have seen; nothing of a stream that does not run yet. */
status stream_shown(stream *s, result **out, error *err) MUST_USE;
/* The difference between `before` and what s shows waits for stream_publish_difference. */
status stream_take_difference(stream *s, const result *before, error *err) MUST_USE;
/* Each has the change log of the other. Cannot fail, and twice is nothing. */
void stream_swap_logs(stream *a, stream *b);
/* Whoever comes back to `to` with a position of before is told that it lies behind. */
void stream_begin_at(stream *s, uint64_t sequence);
/* Who counts on ops of `from` counts on those of `to`. */
void stream_move_op_readers(stream *to, stream *from);
void stream_publish_difference(stream *s, uint64_t sequence);
void stream_drop_difference(stream *s);
/* Its readers get the reason when they have read what there is. */
void          stream_end_readers(stream *s, const error *reason);
int32_t       engine_stream_total(const engine *e);
stream       *engine_stream_at(const engine *e, int32_t at);
const object *stream_object(const stream *s); /* NULL: anonymous, or a part */

#endif
