/* SPDX-License-Identifier: Apache-2.0 */
/* op.h - the operator interface: one const class per operator, instances chained into a circuit.
 *
 * push consumes one delta on one port and may op_emit any number of deltas. It never blocks and
 *   never keeps `in` without batch_keep or copying it into state. It may return DONE: no further
 *   input can change the output (LIMIT).
 * tick is called exactly once per tick, in topological order, after all pushes of the tick that
 *   concern it. It emits what only the whole tick can tell and closes what `now` (the event-time
 *   frontier, monotone) has passed. After it, the operator's total output equals its query over its
 *   total input (late rows aside). A NULL tick means there is nothing to do.
 * snapshot emits the operator's current total output (weight > 0) to `target`, as if from empty; it
 *   changes nothing. Only stateful operators have it.
 * forget lets go of keys and rows that were last touched more than env->ttl_us before
 *   env->clock_us, without a word: what came out for them stays. It comes between ticks.
 * save and load turn state into bytes and back (checkpoints).
 * merge makes one instance of two that each took a part of the rows: op_merge below. Every operator
 *   with state has it.
 * validate checks invariants (tests call it after every tick).
 *
 * Between ticks state is consistent. All state lives in env->store; other memory in the circuit
 * arena. Texts of an emitted delta may lie in the state of who emits it, which must not change
 * before all have taken it: op_emit comes before or after such a change, and nothing that takes a
 * delta leads back to who emitted it. Transient columns of emitted deltas come from env->scratch: a
 * loop that emits many deltas brackets each with arena_save / arena_rewind. What must live until
 * the tick ends (dirty lists, old rows) comes from env->tick_arena, which the executor resets after
 * the tick. A failing push or tick makes the operator and everything below it unusable; it need not
 * clean up, close will be called. */
#ifndef LAMINAR_OP_OP_H
#define LAMINAR_OP_OP_H

#include "base/interrupt.h"
#include "base/progress.h"
#include "batch/column.h"
#include "op/spec.h"
#include "os/pool.h"
#include "state/ages.h"

typedef struct op       op;
typedef struct op_class op_class;

/* EXPLAIN ANALYZE: time and memory go to the operator that runs, not to those that it calls. */
typedef struct op_profile {
    engine_clock *clock;
    const mem    *account; /* of this circuit alone */
    op           *running; /* NULL: none */
    int64_t       since_ns, since_bytes;
} op_profile;

typedef struct spill_place spill_place; /* spill.h */

typedef struct op_env { /* shared by the operators of one circuit */
    mem            *mem;
    arena          *arena; /* of the circuit */
    arena          *scratch;
    arena          *tick_arena;
    store          *store;
    interrupt      *interrupted;   /* one-off queries poll it; NULL: never */
    op_profile     *profile;       /* NULL: nothing is measured */
    const eval_env *eval;          /* for volatile functions; NULL: there are none */
    int64_t         arrived_us;    /* when the rows under way came */
    const int64_t  *arrived;       /* not NULL: of each row */
    const int64_t  *departed;      /* where versions are read: when each row went */
    progress       *counted;       /* of a one-off query; NULL: nobody wants to know */
    bool            counts_series; /* their lengths are known */
    int64_t         insert;        /* of a stream: the newest of which rows are under way; */
    int64_t         kept_from;     /* those before it have none that a source still retains */
    const op_sink  *late;          /* takes late rows, where they are sent somewhere */
    const uint8_t  *dealt;         /* which shard each row under way falls to; NULL: not known */
    int64_t         ttl_us;        /* state_ttl; 0: nothing is forgotten for its age */
    int64_t         clock_us;      /* then: the time that has come; INT64_MIN: not known yet */
    store          *results;       /* then: what came out, which is no state; else NULL */
    spill_place    *spill; /* one-off: where rows go for which memory has no room; NULL: nowhere */
    int64_t         event_us; /* one-off: the watermark that what it reads has reached; INT64_MIN */
    int64_t         spill_base; /* bytes of the database before the query */
    pool           *pool;       /* one-off: threads that may help; NULL: there are none */
    int32_t         threads;    /* how many may work on it */
} op_env;

typedef struct op_edge {
    op     *target;
    int32_t port;
} op_edge;

struct op { /* the base: first member of every operator struct */
    const op_class *class;
    op_env          *env;
    const op_spec   *spec;
    op_edge         *outputs;
    int32_t          output_count, output_capacity;
    int64_t          frontier_us; /* of the last tick, INT64_MIN before: the watermark rows meet */
    int64_t          rows_in, rows_out, late_rows, null_time_rows;
    int64_t          lost_rows;                  /* taken back when they were forgotten already */
    const idle_book *ages[2];                    /* of what it may forget; NULL: nothing */
    int64_t          spent_ns, bytes, bytes_max; /* while it is measured */
    int64_t          spilled_bytes;              /* that it wrote to disk */
    /* Some consumer needs retractions of updated rows. Set between ticks by the executor. */
    bool old_rows_wanted;
    /* Set before the first push: of the rows only those count whose columns `shard` fall to part
     * number `shard_at` of `shard_count`. Only aggregates and distinct of one-off queries look at
     * it, by columns of their input, and scans of streams, by those of their output. */
    int32_t        shard_at, shard_count; /* 0: all rows */
    int32_t        shard_bits;            /* of one whole number the lowest do not count */
    int32_t        shard_width;
    const int32_t *shard;
};

struct op_class {
    const char *name;
    size_t      size;
    status (*open)(op *self, error *err);
    status (*push)(op *self, int32_t port, const delta *in, error *err);
    status (*tick)(op *self, int64_t frontier_us, error *err);
    status (*forget)(op *self, error *err);
    status (*snapshot)(op *self, op *target, int32_t port, error *err);
    status (*merge)(op *self, op *other, error *err);
    status (*validate)(const op *self, error *err);
    int64_t (*state_rows)(const op *self);  /* groups or rows that it remembers; NULL: none */
    int64_t (*result_rows)(const op *self); /* that it keeps as result, not as state; NULL: none */
    int64_t (*due_us)(const op *self); /* the frontier that next makes rows final, or INT64_MAX */
    /* State as bytes: arrays of the store are written and put back by the circuit. save (NULL:
     * nothing) writes what else must come back, load reads it and rebuilds indexes, in an operator
     * that was opened for the same plan. Between ticks. */
    status (*save)(op *self, buf *out, error *err);
    /* NULL: nothing. Brings what stands outside of the store into it, before its arrays are
     * written. */
    status (*settle)(op *self, error *err);
    status (*load)(op *self, image_reader *in, error *err);
    void (*close)(op *self);
};

#define OPERATOR(symbol) extern const op_class symbol;
#include "op/ops.def"
#undef OPERATOR

/* Makes and opens an operator in env->arena; op_close closes it (memory goes with the arena). */
status op_open(op **out, const op_class *class, op_env *env, const op_spec *spec,
               error *err) MUST_USE;
void   op_close(op *o);
status op_connect(op *from, op *to, int32_t port, error *err) MUST_USE;
void   op_disconnect(op *from, const op *to);
/* To all outputs; row_count 0 is dropped. DONE when every output says DONE. */
status op_emit(op *self, const delta *out, error *err) MUST_USE;
/* Counts rows, then class->push. */
status op_push(op *o, int32_t port, const delta *in, error *err) MUST_USE;
/* Makes one instance of two of the same plan that each took a part of the input's rows, between
 * ticks. `self` then is as if it had taken all of them, those of `other` last and, where rows are
 * forgotten for their age, now; at once or at its next tick it emits by how much the answer for all
 * rows differs from the sum of what both had emitted: pairs across, ranks that moved, windows of
 * both. So its consumers must take rows back, whatever its input says; and what it emits belongs to
 * that tick, like that of a push. Nothing is asked of `other` afterwards but to be closed.
 *
 * The caller sees to these, which no operator could make good:
 * - The rows of a part are an input by themselves: what is taken back came to the same part (dealt
 *   out by a hash of the row, say), because each part answers for its own rows before the merge.
 *   Rows of a processor are dealt out by its keys: a state means something to its code alone.
 * - Both have seen the same frontier. `other` has no final window, and what either has forgotten
 * had nothing to do with rows of the other: what is final was said, and what is gone meets nobody.
 *
 * In one-off queries GROUP BY alone can be merged, before its tick. */
status op_merge(op *self, op *other, error *err) MUST_USE;
/* class->settle: before the arrays of the store are written. */
status op_settle(op *o, error *err) MUST_USE;
/* Counters and frontier, then class->save and ->load. */
status op_save(op *o, buf *out, error *err) MUST_USE;
status op_load(op *o, image_reader *in, error *err) MUST_USE;
/* The time after which what the operator remembers of an input is forgotten; 0: it is not. */
ALWAYS_INLINE int64_t
op_ttl_us(const op *o, int32_t input) {
    return o->spec->ages[input] ? o->env->ttl_us : 0;
}

/* class->tick, then remembers the frontier. */
status op_tick(op *o, int64_t frontier_us, error *err) MUST_USE;

#endif
