/* SPDX-License-Identifier: Apache-2.0 */
/* circuit.h - a plan lowered to operators, with their arenas and state.
 *
 * One operator per plan node, found by the node's id; then gate (streams alone) and sink. `ops` is
 * in topological order because plan ids are. */
#ifndef LAMINAR_EXEC_CIRCUIT_H
#define LAMINAR_EXEC_CIRCUIT_H

#include "op/op.h"
#include "plan/plan.h"

typedef struct spool spool; /* rows of a shared part, kept for its readers */

typedef struct recursion recursion; /* new rows of a recursive query */

typedef struct array_range { /* among the arrays of the store, in the order of their ids */
    uint32_t first, count;
} array_range;

typedef struct circuit {
    mem                  *mem;
    arena                 arena;
    arena                 scratch;
    arena                 tick_arena;
    op_env                env;
    op_profile            profile; /* used when it is measured */
    store                *store;
    const plan           *plan;
    eval_env              eval;   /* the plan's */
    const struct circuit *whole;  /* of a part: the circuit of the whole query; else NULL */
    op                  **ops;    /* plan->node_count operators by node id */
    array_range          *arrays; /* of each of them, by node id */
    op                   *gate;   /* NULL in one-off circuits */
    op         *held; /* EMIT EVERY: a second gate, between the first and the sink; else NULL */
    op         *sink;
    spool     **spools;     /* one-off: by id of the root of a shared part */
    recursion **recursions; /* one-off: by id of the RECURSIVE */
    bool        ticked;
    /* state_ttl: the source whose insert is under way, and its watermark so far; NULL: none */
    const void *within;
    int64_t     within_us;
} circuit;

/* live (may be NULL): the running circuit of the same plan. In a one-off circuit, a node whose live
 * operator can snapshot becomes a plain leaf that the executor feeds from that snapshot
 * (circuit_is_live_leaf); everything below it is not built. */
status circuit_open(circuit **out, mem *m, const plan *p, op_mode mode, const circuit *live,
                    const op_sink *sink, interrupt *interrupted, error *err) MUST_USE;
/* For a part of the rows of a one-off query: the operators of p, a plan that has a node of the
 * whole plan as its root. Joins probe what the joins of `whole` have stored, which must be
 * complete. */
status circuit_open_part(circuit **out, mem *m, const circuit *whole, const plan *p,
                         const op_sink *sink, interrupt *interrupted, error *err) MUST_USE;
/* One-off: what memory has no room for goes there, from now on. */
void circuit_use_disk(circuit *c, spill_place *place);
/* Time and memory of its operators are measured from now on; `account` is the one that it was
 * opened with, and serves nothing else. */
void circuit_measure(circuit *c, engine_clock *clock, const mem *account);
/* Of the state of one operator, by its node id. */
int64_t circuit_state_bytes(const circuit *c, int32_t id);
/* Adds what its operators did to the profile of the whole plan, by node id. */
void circuit_add_profile(const circuit *c, plan_profile *total);
#ifndef NDEBUG
/* After each tick the state of every operator is compared with its own rules. A test whose state is
 * anybody's turns that off: an image is checked for what it would be followed to, not for what it
 * means. */
extern _Atomic bool circuit_checks;
#endif

/* The greater part of its memory, while a query may still look whether it is wanted. */
void circuit_close_ops(circuit *c);
void circuit_close(circuit *c); /* NULL is fine */
bool circuit_is_live_leaf(const circuit *live, const plan_node *n);
/* The output whose changes are the query's exact, consolidated changes: what its readers read. */
op *circuit_exit(const circuit *c);
/* Feeds up to any number of rows to a leaf in slices of BATCH_ROWS; scratch is rewound after each.
 * DONE: the leaf wants no more. */
status circuit_feed(circuit *c, op *leaf, const delta *rows, error *err) MUST_USE;
/* ---- state_ttl
 * Time has come to clock_us: rows that come from now on came then, and what is too old by then is
 * forgotten first. Changes of rows that came before wait for the tick. */
status circuit_pass_time(circuit *c, int64_t clock_us, error *err) MUST_USE;
/* Is it another time, as far as ages tell times apart? */
bool circuit_is_step(const circuit *c, int64_t clock_us);
/* When something is forgotten next, if nothing touches it; INT64_MAX: never. */
int64_t circuit_forgets_at_us(const circuit *c);

/* Feeds a leaf that reads no object its rows: the one of a SELECT without FROM, those of VALUES. */
status circuit_feed_constant(circuit *c, const plan_node *n, error *err) MUST_USE;
/* ---- image.c: its state as bytes, for a circuit of the same plan that was just opened. A shelf
 * has blocks of arrays that lie elsewhere (state/store.h); NULL: none does. */
/* What operators have outside of the store comes into it: the first step of both ways out of a
 * circuit, and the only one that runs code of the program's. */
status circuit_settle(circuit *c, error *err) MUST_USE;
status circuit_save(circuit *c, const block_shelf *shelf, buf *out, error *err) MUST_USE;
status circuit_load(circuit *c, const block_shelf *shelf, image_reader *in, error *err) MUST_USE;
/* `to` was just opened for the plan of `from`, in which a scan has come in the place of the node
 * with the id `leaf`: the state of all above it. */
status circuit_copy_above(circuit *to, circuit *from, int32_t leaf, error *err) MUST_USE;
/* ---- cut.c: a circuit without the operators above a node */
typedef struct circuit_end {
    op *gate, *held, *sink;
} circuit_end;
/* The rows of n can be read from its operators as they were opened: see op_spec.records. */
bool circuit_can_read(const circuit *c, const plan_node *n);
/* An exit behind the root of `part`, a plan that is a part of the circuit's, beside the exit that
 * there is; circuit_cut lets the circuit go on as that part, circuit_drop_end gives it up. */
status circuit_open_end(circuit_end *out, circuit *c, const plan *part, const op_sink *sink,
                        error *err) MUST_USE;
void   circuit_drop_end(circuit *c, const plan *part, const circuit_end *end);
void   circuit_cut(circuit *c, const plan *part, const circuit_end *end);
/* ---- lower.c */
/* Above the node, the state of an operator that can snapshot stands for all rows below it. */
bool circuit_covers(const plan_node *n, bool covered);
/* Gate (streams alone) and sink behind the root of c->plan. */
status circuit_open_exit(circuit *c, op_mode mode, const op_sink *sink, error *err) MUST_USE;
/* ---- spool.c */
/* Puts a spool behind the root that `reader` reads, when there is none yet. */
status spool_open(circuit *c, const plan_node *reader, error *err) MUST_USE;
void   spools_close(circuit *c);
/* True once: the caller runs the root, whose rows go to the spool. */
bool spool_starts(circuit *c, const plan_node *reader);
op  *spool_sink(const circuit *c, const plan_node *reader); /* where they go */
/* Feeds the reader what the spool holds. */
status spool_feed(circuit *c, const plan_node *reader, error *err) MUST_USE;
/* ---- recursion.c */
status recursion_open(circuit *c, const plan_node *n, error *err) MUST_USE;
void   recursions_close(circuit *c);
/* The rows that n gave since the last time; the caller releases them. */
void recursion_take(const circuit *c, const plan_node *n, batch ***rows, int32_t *count,
                    int32_t *capacity);
void recursion_free(mem *m, batch **rows, int32_t count, int32_t capacity);
/* Ticks every operator once, in order, and drops the tick's memory. */
status circuit_tick(circuit *c, int64_t frontier_us, error *err) MUST_USE;
status circuit_tick_op(circuit *c, op *o, int64_t frontier_us, error *err) MUST_USE;
/* Numbers of the rows whose weight has the sign (1 or -1), each as often as its weight says; in
 * c's scratch. rows->weight is not NULL. */
status circuit_pick(circuit *c, const delta *rows, int sign, int32_t **picked, int32_t *count,
                    error *err) MUST_USE;
/* Rows as a result shows them: retractions fall away, a weight of n is n rows. Transient in c's
 * scratch. */
status circuit_present(circuit *c, const delta *rows, delta *out, error *err) MUST_USE;
/* Lets out what the second gate holds. */
status circuit_release(circuit *c, error *err) MUST_USE;
/* Tells operators whether retractions of updated rows are needed at the root. */
void circuit_want_old_rows(circuit *c, bool wanted);
/* True when an updating result can leave old rows out: every touched group changes visibly (a plain
 * count(*) is in the result) and no two groups can give equal rows (it has a key). */
bool circuit_is_upsert(const plan *p);

#endif
