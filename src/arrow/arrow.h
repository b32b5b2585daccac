/* SPDX-License-Identifier: Apache-2.0 */
/* arrow.h - rows in from and out to Arrow's C structs.
 *
 * Import trusts nothing but the pointers themselves: format strings, counts, lengths, offsets,
 * buffers, dictionary indices, depth and UTF-8 are validated before the first use. The producer's
 * release is called exactly once, also on error. Accepted: null, bool, (u)int8..64, floats,
 * decimals, the text and binary layouts, dates, times, timestamps with or without zone (which is
 * not looked at: times are UTC), interval[month_day_nano], dictionaries of those with any integer
 * index, and, nested, list, large_list, list_view, fixed_size_list, map and struct; struct as the
 * record. Other types are refused with the column's name. */
#ifndef LAMINAR_ARROW_ARROW_H
#define LAMINAR_ARROW_ARROW_H

#include "batch/column.h"
#include "laminar.h"
#include "os/team.h"

/* The schema of a record (struct) ArrowSchema as engine types. Names are copied to `a`. */
status arrow_import_schema(schema *out, const struct ArrowSchema *in, arena *a,
                           error *err) MUST_USE;

/* Imports one record batch. Takes `array` in every case (its release is NULL afterwards). With
 * `keep`, buffers are borrowed and the returned batch holds the producer's array until released;
 * otherwise everything is copied. Types are the Arrow ones mapped by arrow_import_schema; casting
 * to a source's types is the caller's work. Text keeps COLUMN_OFFSETS layout when `keep` and utf8.
 */
status arrow_import_batch(batch **out, mem *m, const struct ArrowSchema *schema_in,
                          struct ArrowArray *array, bool keep, error *err) MUST_USE;
/* The same with the threads of a team, for long texts. */
status arrow_import_batch_by(batch **out, mem *m, const struct ArrowSchema *schema_in,
                             struct ArrowArray *array, bool keep, const team *help,
                             error *err) MUST_USE;

/* ---- producer.c: the producer's callbacks, none of them once the gate of os/callout.h is shut:
 * what was to be released is then left to the end of the process. */
/* As the stream's own; an errno. */
int         arrow_stream_schema(struct ArrowArrayStream *s, struct ArrowSchema *out);
int         arrow_stream_next(struct ArrowArrayStream *s, struct ArrowArray *out);
const char *arrow_stream_error(struct ArrowArrayStream *s); /* never NULL */
/* What was released already stays so. */
void arrow_stream_release(struct ArrowArrayStream *s);
void arrow_array_release(struct ArrowArray *a);
void arrow_schema_release(struct ArrowSchema *s);

/* Exports. The produced structs hold a reference to b's chunk, are released by the consumer in any
 * order on any thread, and their columns may be moved out of the record. `m` must live until then.
 * Weight, when `with_weight`, is a last BIGINT column "__weight", which `s` does not list. VARCHAR
 * goes out as utf8 ("u"): a batch with more than 2 GiB of text in a column is an error, so callers
 * cut. On failure out->release is NULL. */
status arrow_export_schema(struct ArrowSchema *out, const schema *s, bool with_weight, mem *m,
                           error *err) MUST_USE;
status arrow_export_batch(struct ArrowArray *out, batch *b, bool with_weight, mem *m,
                          error *err) MUST_USE;
/* One column of its own, which the consumer may keep: what is transient is copied. */
status arrow_export_column(struct ArrowArray *out, const column *c, int32_t count, mem *m,
                           error *err) MUST_USE;
/* The type of one, as the one column of a record. */
status arrow_export_type(struct ArrowSchema *out, text name, data_type type, mem *m,
                         error *err) MUST_USE;
/* One array, checked in full, as a column in memory of `a` alone: COLUMN_FLAT. Both structs stay
 * the caller's. `name` is for messages. */
status arrow_import_column(column *out, const struct ArrowSchema *s, const struct ArrowArray *array,
                           const char *name, arena *a, error *err) MUST_USE;
/* A stream over `count` batches (each retained). */
status arrow_export_stream(struct ArrowArrayStream *out, const schema *s, batch *const *batches,
                           int32_t count, bool with_weight, mem *m, error *err) MUST_USE;

#endif
