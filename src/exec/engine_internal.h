/* SPDX-License-Identifier: Apache-2.0 */
/* engine_internal.h - what engine.c, stream.c, replay.c, backfill.c and query.c share. Nobody else
 * includes it.
 *
 * Streams are kept in order of creation, which is a topological order: a stream reads only what
 * existed before it. */
#ifndef LAMINAR_EXEC_ENGINE_INTERNAL_H
#define LAMINAR_EXEC_ENGINE_INTERNAL_H

#include "base/histogram.h"
#include "exec/circuit.h"
#include "exec/engine.h"
#include "exec/timer.h"
#include "op/spill.h"
#include "os/pool.h"

#define STREAM_DEPTH_MAX 256

/* A growing list of pointers, used for readers, consumers and streams. */
typedef struct list {
    void  **items;
    int32_t count, capacity;
} list;

status list_add(list *l, mem *m, void *item, error *err) MUST_USE;
void   list_remove(list *l, const void *item);
void   list_fini(list *l, mem *m);
bool   list_has(const list *l, const void *item);

/* One leaf of a stream's circuit: what it reads. Exactly one of from_source and from_stream is set.
 */
typedef struct stream_input {
    stream        *owner;
    source        *from_source;
    stream        *from_stream;
    op            *leaf;
    int32_t        node;  /* of the plan, the number of the leaf */
    const uint8_t *dealt; /* of the batch under way: which shard each row falls to; NULL: unknown */
    op            *bridge; /* op_collect on the upstream exit that pushes into leaf */
    op_spec        bridge_spec;
} stream_input;

/* Counters of the whole engine. They grow only: what is dropped or closed stays counted. */
typedef struct engine_totals {
    int64_t rows_in;  /* accepted by sources */
    int64_t rows_out; /* emitted by named streams */
    int64_t inserts;
    int64_t ticks;
    int64_t rows_late; /* of dropped streams; live ones are asked */
} engine_totals;

struct engine {
    mem            *mem;
    engine_clock   *clock;
    pool           *pool;      /* of queries */
    pool           *tick_pool; /* of ticks: neither waits for the other */
    _Atomic int32_t threads;   /* that may work on one tick */
    arena           crew_arena;
    spill_place     spill;
    list            sources;  /* source*, in order of creation */
    list            streams;  /* stream*, in order of creation */
    uint64_t        sequence; /* of the newest insert */
    uint64_t        visit;    /* of streams by what they read: find_missing */
    timer_heap      timers;
    int64_t         now_us;       /* of the last insert or deadline; it never goes back */
    int64_t         flow_us;      /* likewise, as the streams have met it: in a pause it stays */
    int64_t         arrived_us;   /* of the rows that are under way to the streams */
    uint64_t        round;        /* of ticks by a timer */
    uint64_t        stream_count; /* ever made: gives ids */
    _Atomic bool    has_abandoned;
    bool            has_late;   /* a live stream has late rows that wait for the end of the tick */
    bool            sends_late; /* they are being sent */
    source         *untidy;     /* has had a change since source_tidy */
    source         *unsettled;  /* has rows that its readers were fed but not ticked */
    int64_t         unsettled_rows;
    int64_t         began_ns;  /* of a tick whose latency is measured, else 0 */
    int64_t         took_ns;   /* the last one that was measured, */
    int64_t         took_rows; /* and its rows */
    engine_totals   totals;
    history         history;
    error_log       errors;
    _Atomic int64_t rows_delivered; /* written by sinks */
    _Atomic bool    has_warning;    /* `warning` has one that nobody took */
    char            warning[ENGINE_WARNING_SIZE];
    int64_t         future_skew_us;     /* of sources that have none of their own; 0: no bound */
    int64_t         watermark_floor_us; /* the pipeline's watermark never falls below it */
    bool            paused;             /* rows are stored; streams see those before the pause, */
    uint64_t        held_sequence;      /* and up to this insert */
    bool            keeps_logs;         /* of streams that are made, before they have a reader */
    bool            shares;             /* streams that join share what they have in common */
    bool            in_transaction;     /* a pause that ends with one tick or with nothing */
    bool            paused_before;      /* it began in a pause, which goes on after it */
    bool            implicit;           /* of one statement */
    engine_totals   begin_totals, save_totals;
    arena           change_arena; /* of the change that is being made */
    struct pager   *pager;        /* of tables; NULL: they stay in memory */
    void (*look)(void *context);  /* at memory, after a change; NULL: nobody does */
    void        *look_context;
    journal     *journal;    /* NULL: nothing is logged */
    bool         has_unkept; /* it was told of changes that are not lasting yet */
    bool         journal_failed;
    error        journal_fault;
    _Atomic bool faulted;        /* there are running streams with names, and all failed */
    int64_t      promised_bytes; /* room.c: that a pause or transaction will add to what is held */
    pipeline    *waiting; /* holds what came for streams that wait for code; NULL: there are none */
};

typedef struct source_mark { /* where a source stood when the transaction began */
    int64_t entry, position, watermark_us, null_time_rows;
    bool    by_hand;
} source_mark;

/* Rows that died, with weight -1, on their way to the streams. */
typedef struct old_part old_part;
struct old_part {
    old_part *next;
    delta     rows;
};

typedef struct old_rows {
    old_part *parts;
} old_rows;

struct source {
    engine       *engine;
    const object *object;
    table        *table;
    column       *stored_columns;        /* room for table_append */
    int64_t       watermark_us;          /* as the streams have met it */
    int64_t       accepted_watermark_us; /* of all stored rows: further on in a pause */
    int64_t       held_entry;    /* in a pause: first insert that the streams have not seen, */
    int64_t       held_position; /* and its first row */
    bool        by_hand; /* plain source whose watermark a writer moves: event-timed from then on */
    int64_t     null_time_rows;
    bool        unit_checked; /* the first time of a BIGINT has been looked at */
    int64_t     kept_from;    /* inserts before it have no rows any more */
    int64_t     opened_us;    /* when it was made, where idle_timeout counts from that */
    bool        idle;
    timer       silence;     /* idle_timeout: when it may be idle */
    source_mark begin, save; /* of the transaction, of the statement under way */
    arena       check_arena;
    program    *checks; /* NULL: none; one BOOLEAN per CHECK */
    list        inputs; /* stream_input* of running streams that read it directly */
    list readers; /* stream* of running streams that read it at any depth, in order of creation */
};

typedef struct backfill backfill;
typedef struct crew     crew;   /* abreast.c */
typedef struct ranges   ranges; /* ranges.c */

struct stream {
    engine  *engine;
    uint64_t id;
    int32_t  references; /* its own, and one per shadow that borrows its plan; with the token */
    arena    arena;      /* the plan's */
    plan     plan;
    stream  *plan_of;      /* a shadow: whose plan it borrows */
    stream  *nodes_of;     /* in whose arena, or further on, nodes of the plan lie; NULL: none do */
    object  *part;         /* what other streams share (share.c): the object that they scan */
    int32_t  sharers;      /* of a part: streams that read it and are not closed */
    int32_t  kept_as;      /* preserve.c: its number in an image; -1: it is in none */
    list     parts;        /* stream*: that it reads; it holds a reference to each */
    const object *object;  /* NULL: anonymous, or a part */
    circuit      *circuit; /* NULL: it has failed and was reaped */
    changelog    *log;
    int32_t       depth; /* 1: reads sources alone */
    int32_t       input_count;
    stream_input *inputs;
    list          sources;    /* source* at any depth */
    list          dependents; /* stream_input* of running streams on this one */
    bool        timed; /* has a window that event time closes, or a join that a watermark bounds */
    int64_t     frontier_us; /* of its last tick */
    bool        running, failed;
    pipeline   *pipeline;      /* NULL: it starts and pauses with the database */
    bool        stopped;       /* with its pipeline, behind the insert stopped_after: it has no */
    uint64_t    stopped_after; /* circuit, and begins again from what is retained */
    bool        put_off;       /* likewise, but for code: nothing but that kept it from running */
    bool        announces;     /* likewise, and had readers before */
    bool        follows;       /* likewise; it catches up with what it reads (follow.c) */
    bool        joined_held;   /* in a pause of its pipeline, which goes on */
    bool        waits;         /* it runs, but for code of a function: held, as in a pause */
    uint64_t    visit;         /* of engine.visit, that looked at it last */
    const void *memo;          /* of its maker's */
    const object *sink;        /* anonymous: goes with the sink, which is in the catalog; NULL */
    bool          replaying;   /* a shadow or a stream being filled: nothing is published */
    /* Not NULL: the stream is joining. Another thread fills its circuit without the token; with the
     * token, circuit, rows_out and replaying must be left alone. */
    backfill       *backfill;
    error           reason;
    list            late;       /* batch*: late rows that wait to be sent */
    op_sink         late_sink;  /* takes them */
    bool            by_arrival; /* reads PROCTIME() */
    timer           closing;    /* windows that the clock closes: when the next one ends */
    uint64_t        round;      /* in which it ticked last */
    timer           emission;   /* EMIT EVERY: when held changes come out */
    list            pending;    /* batch* of this tick, waiting for publication */
    list            gone;       /* batch*: rows of this tick taken back without a known successor */
    buf             ops;        /* change_op of each pending row, while op_readers > 0 */
    bool            split;      /* gone may hold keys that have a successor in another delta */
    int32_t         op_readers;
    int64_t         freed_rows; /* of its sources, when it was made */
    int64_t         rows_out, ticks;
    int64_t         rows_marked; /* rows_out when the insert that is being measured began */
    stream_counters final;       /* of a stream without a circuit */
    histogram       latency;     /* ns from the insert to its changes being published */
    /* abreast.c: */
    int64_t row_ns;  /* what a row costs, about, */
    int64_t tick_ns; /* and what of it comes with the tick */
    bool    by_row;  /* it looks at each row by itself */
    ranges *ranges;  /* NULL: there are none */
    bool    stays;   /* it runs on the thread that has the token */
    bool    passes;  /* it shows the rows of its shards as they come */
    int32_t shard;   /* all that it reads is of the shard before this number; 0: it is not so */
    crew   *crew;    /* not NULL: it may run on another one now, and what concerns others waits */
    int32_t place;   /* among the readers of the source that is fed */
    stream *failed_next;
    int64_t failed_at;
};

/* ---- engine.c */
/* All timers that are due go off; the engine's time is now_us afterwards. Everything is settled. */
void engine_go_to(engine *e, int64_t now_us);
/* The time of an insert that comes now. What is due before it goes first: no deadline lies within a
 * tick. */
int64_t engine_arrival_us(engine *e);
/* Not before the insert that a row under way came with: within a transaction the next one. */
ALWAYS_INLINE int64_t
engine_insert_under_way(const engine *e) {
    return (int64_t)e->sequence + 1;
}
/* How far the streams have come: all there is, but in a pause. */
int64_t source_flowed_entries(const source *s);
int64_t source_flowed_rows(const source *s);
/* How far it was at an instant, of its first `end` entries (past.c). */
typedef struct source_moment {
    int64_t  entries, rows;
    uint64_t sequence; /* rows that had not died at it were there */
} source_moment;
source_moment source_moment_at(const source *s, int64_t end, int64_t at_us);
/* Ticks and publishes what reads the source, at any depth. */
void source_tick(source *s, uint64_t epoch);
/* What emits after the mark has its latency recorded. */
void source_mark_rows(const source *s);
void source_record_latency(const source *s, int64_t elapsed_ns);
/* A source that joins or leaves the minimum must not take the pipeline's watermark back. */
void engine_keep_floor(engine *e);
/* After a stream failed, joined or left. */
void engine_check_fault(engine *e);

/* engine_append of a source's rows that come at now_us, which is not before engine.now_us. */
status engine_append_at(engine *e, source *s, batch *rows, int64_t now_us, error *err) MUST_USE;
/* The ingestion of a change: counters, watermark, and the first part of its tick. */
void source_accept(source *s, const old_rows *old, const delta *stored);
/* What stands in the insert entry of a change as the watermark before it. */
int64_t source_entry_watermark_us(const source *s);
/* Settles what may not share a tick with a change of the source; the floor of the watermark. */
void source_prepare(source *s);

/* ---- retain.c: in no pause, when all is settled */
void source_tidy(source *s);

/* ---- flow.c */
/* Rows of a table that died, in `a`. */
status old_rows_take(old_rows *o, const source *s, const int64_t *positions, int64_t count,
                     arena *a, error *err) MUST_USE;
status old_rows_gather(old_rows *o, const source *s, const insert_entry *entry, arena *a,
                       error *err) MUST_USE;
/* To the leaves that read the source; either may be NULL. */
void source_feed(const source *s, const old_rows *old, const delta *rows);
void input_feed(stream_input *in, const old_rows *old, const delta *rows); /* to one of them */
/* What a query shows of the source: rows before *end that had not died at *sequence. committed:
 * nothing of a transaction that is under way. */
void source_shown(const source *s, bool committed, int64_t *end, uint64_t *sequence);

/* ---- abreast.c: source_feed, and the tick of its readers, on several threads; not of fewer rows.
 * False: it does not pay, and nothing was done. The rows of an insert during which its caller may
 * keep a lock of its own are fewer (engine_is_brisk): threads may want that lock. */
#define ABREAST_ROWS_MIN 4097
#ifndef NDEBUG
extern _Atomic int64_t abreast_runs; /* on several threads, of all databases */
#endif
bool abreast_feed(source *s, const old_rows *old, const delta *rows);
bool abreast_tick(source *s, int64_t rows);
void stream_weigh(stream *s); /* after its plan was changed */
void crew_note_failure(crew *c, stream *s);
void crew_count_out(crew *c, int64_t rows);
/* What a stream has for a reader of another crew, which takes it in the next round. */
status crew_hand_over(crew *c, stream_input *to, const delta *rows, error *err) MUST_USE;
ALWAYS_INLINE bool
crew_hands_over(const stream_input *to) {
    const crew *taker = to->owner->crew, *giver = to->from_stream->crew;
    return UNLIKELY(taker != giver) && taker != NULL && giver != NULL;
}

/* ---- deal.c: to the shards that read the source; until deal_forget. In the arena of crews. */
void deal_rows(source *s, const delta *rows, int32_t threads);
void deal_forget(source *s);

/* ---- ranges.c: of a stream that is by_row; rows have no weights */
bool plan_is_by_row(const plan *p);
void ranges_drop(stream *s); /* if there are some */
/* So many of them; before a batch. False: there is no memory. */
bool ranges_open(stream *s, int32_t count);
/* Range number `at` of the rows; on any thread. */
void ranges_feed(const stream_input *in, int32_t at, const delta *rows);
/* When all are done: the stream takes the rows, whose batches are in *given, to be released; up to
 * those of a fault, which is given back. */
status ranges_gather(stream *s, list *given, error *err) MUST_USE;

/* ---- counters.c */
int64_t source_newest_us(const source *s); /* when its newest row came */

/* ---- journal.c: outside of a transaction. The table has the change, nobody else has seen it; when
 * these refuse, it is undone. */
status source_log(const source *s, const delta *rows, const int64_t *dead, int64_t dead_count,
                  int64_t now_us, error *err) MUST_USE;
status source_log_watermark(const source *s, int64_t watermark_us, int64_t now_us,
                            error *err) MUST_USE;
status engine_log_transaction(engine *e, error *err) MUST_USE; /* before it ends, and keeps it */

/* ---- change.c */
status source_open_checks(source *s, error *err) MUST_USE;

/* ---- stream.c */
status  stream_make(stream **out, engine *e, const plan *p, arena *plan_arena, const object *o,
                    error *err) MUST_USE;
stream *stream_retain(stream *s);
void    stream_release(stream *s); /* the last one frees it, detached from everything */
/* Opens its circuit, of which it has none; attached to nothing. */
status stream_make_circuit(stream *s, error *err) MUST_USE;
/* An empty circuit in place of one that was filled in part. */
status  stream_reset(stream *s, error *err) MUST_USE;
status  stream_attach(stream *s, error *err) MUST_USE; /* joins the tick */
void    stream_go_live(stream *s); /* filled and attached: from now on it emits */
void    stream_detach(stream *s);
int64_t stream_frontier_us(const stream *s);
int64_t stream_freed_rows(const stream *s); /* that its sources gave up so far */
int64_t stream_late_rows(const stream *s);
/* Feeds one leaf; all of its source's where state_ttl wants that. A fault fails the stream, not the
 * caller. */
void stream_feed(stream_input *in, const delta *rows);
/* Are rows of its source to be fed by this input, and not with another one of the stream? */
bool stream_feeds_by(const stream_input *in);
void stream_tick(stream *s, int64_t frontier_us);
/* Gives back what a failed stream held, between ticks. Its counters stay. */
void   stream_drop_circuit(stream *s);
status stream_announce(stream *s, error *err) MUST_USE;
/* Opens the bridge of an input in the circuit of its owner, connected to nothing yet. */
status bridge_make(stream_input *in, circuit *c, error *err) MUST_USE;
status bridge_open(stream_input *in, stream *upstream, error *err) MUST_USE;
/* What the stream's plan reads, for the leaves of a circuit of this plan, in its arena. */
status stream_list_inputs(stream *s, circuit *c, stream_input **out, int32_t *count,
                          error *err) MUST_USE;
status stream_add_sources(stream *s, error *err) MUST_USE;
void   stream_look_at_plan(stream *s); /* after its plan was changed */

/* Its timers go by the clock again; they go off no more. */
void stream_await_clock(stream *s);
void stream_silence(stream *s);

/* ---- pipeline.c */
/* s becomes a stream of p (NULL: the default one), or, without a name, of what it reads. */
status pipeline_take(pipeline *p, stream *s, error *err) MUST_USE;
/* It may be filled now: its inputs run, and its pipeline lets it. */
bool stream_may_join(const stream *s);
bool stream_may_run(const stream *s); /* its pipeline does not keep it from starting */
bool stream_is_held(const stream *s); /* by a pause of its pipeline, or for want of code */
/* Streams of an image that lack code, and those that read them, are held from now on. */
status waiting_begin(engine *e, error *err) MUST_USE;
status waiting_open(engine *e, error *err) MUST_USE; /* engine.waiting is there */
status waiting_reserve(pipeline *p, int64_t events, error *err) MUST_USE; /* so many more */
/* ---- room.c: before a change. Refused where there is no room to keep it for those that wait. */
status source_check_room(const source *s, const delta *rows, int64_t dead_count,
                         error *err) MUST_USE;
void   engine_apply_waiting(engine *e); /* what was held for those that are not any more */
void   stream_pin_code(stream *s);      /* it has what is registered now */
/* All functions that a query calls have code. */
status plan_check_code(const plan *p, error *err) MUST_USE;
/* One that cannot be filled for want of code: it will begin behind the insert of now. */
void stream_put_off(stream *s);
/* In such a pause: what comes for it is kept. */
status  stream_hold_rows(stream_input *in, const delta *rows, error *err) MUST_USE;
status  stream_hold_tick(stream *s, int64_t frontier_us, error *err) MUST_USE;
int64_t stream_held_rows(const stream *s); /* of its sources, beyond those of a pause of all */
void    pipeline_leave(const stream *s);   /* it is closed: nothing held is for it */
/* The rows of a source that the stream (NULL: streams in general) has been given: those before
 * *end that had not died at *sequence. */
void stream_shows(const stream *s, const source *src, int64_t *end, uint64_t *sequence);
/* ---- preserve.c */
void pipeline_save(const pipeline *p, buf *out);
/* kept: the streams of the image, by number. */
status pipeline_load(pipeline *p, stream *const *kept, int32_t kept_count, image_reader *in,
                     error *err) MUST_USE;
/* ---- retry.c: a stopped one; when that fails it has failed. */
void stream_restart(stream *s);

/* ---- share.c */
/* Of a stream that is not filled yet: parts of its plan that others compute are read from them. */
status stream_share(stream *s, error *err) MUST_USE;
void   stream_leave_parts(stream *s); /* it is closed */
/* Shards of streams that run become parts, which may be computed side by side; where one is being
 * filled, at a later call. Between changes. */
void engine_deal_out(engine *e);
/* revive.c: the node of its plan becomes a scan of *part, or, where that is NULL, of one that is
 * made of the node, without a circuit; the stream's is to be opened anew. */
status stream_split(stream *s, plan_node *n, stream **part, error *err) MUST_USE;
void   engine_deepen(const engine *e); /* counts anew how deep streams lie */

/* ---- arrival.c */
bool arrival_is_read(const plan_node *n); /* here or below */
/* How far the time has come that a one-off query at the instant sees: event time of its sources,
 * else the clock. */
int64_t plan_time_reached(const engine *e, const plan *p, int64_t at_us);
bool    versions_are_read(const plan_node *n, const object *o);
/* When `count` rows from `first` on came. */
status arrivals_read(int64_t **out, const insert_entry *entries, int64_t entry_count, int64_t first,
                     int32_t count, arena *a, error *err) MUST_USE;

/* ---- idle.c */
status source_open_idle(source *s, error *err) MUST_USE;
/* The streams have been given an entry of the source, or its watermark moved. */
void    source_heard(source *s);
int64_t source_silent_since_us(const source *s);

/* ---- aging.c: state_ttl */
typedef struct aging_moment { /* as rows come */
    int64_t watermark_us;     /* of their source, before them */
    int64_t others_us; /* of the other sources of the stream, as far as they hold time back */
    int64_t clock_us;  /* the engine's */
} aging_moment;
aging_moment aging_now(const stream *s, const source *from); /* from NULL: not from a source */
/* To all leaves of the stream that read the source. */
status aging_feed(stream *s, const source *from, const aging_moment *at, const delta *rows,
                  error *err) MUST_USE;

/* stream_feed into the circuit, which has come to this moment. */
status stream_feed_at(stream_input *in, const aging_moment *at, const delta *rows,
                      error *err) MUST_USE;

/* ---- fault.c */
void stream_fail(stream *s, const error *reason);         /* and everything that reads it */
void stream_fail_reader(const stream *s, stream *reader); /* one that reads s, which has failed */
void stream_tell_failure(stream *s); /* what of that concerns others; stream_fail sees to it */

/* ---- late.c */
status stream_take_late(void *context, const delta *rows, error *err) MUST_USE; /* op_sink.take */
void   stream_drop_late(stream *s);
/* After a tick: late rows of all live streams go where they are sent, until there are none. */
void engine_send_late(engine *e);

/* ---- publish.c */
status stream_take_rows(void *context, const delta *rows, error *err) MUST_USE; /* op_sink.take */
/* The same in two parts, for rows without weights that are kept already; they are taken over. */
void stream_count_shown(stream *s, int64_t shown);
/* stream_feed of one that passes, without a copy. False: that cannot be, and nothing was done. */
bool   stream_pass_on(stream_input *in, batch *rows);
status stream_take_kept(stream *s, batch *rows, error *err) MUST_USE;
void   stream_drop_pending(stream *s);
void   stream_publish(stream *s, uint64_t epoch); /* the tick's rows, as one entry of its log */

/* ---- replay.c: fills a new stream from what its inputs retain, as if it had been there from the
 * start. */
status stream_fill(stream *s, error *err) MUST_USE;
/* It keeps values of now(), random() and the like. */
/* It shows the rows of a part and nothing else, and remembers none: there is nothing to fill. */
bool   stream_repeats_part(const stream *s);
bool   stream_holds_values(const plan_node *n);
status stream_check_inputs(const stream *s, error *err) MUST_USE; /* none has failed */
void   stream_count_filled(stream *s);
/* ---- follow.c: streams that wait to begin, and read one that is about to catch up. It has nothing
 * yet, or (it runs) is where it was held. After each of its ticks they tick; finished, they run. */
void                  follow_begin(const stream *leader);
void                  follow_tick(const stream *up, uint64_t epoch);
void                  follow_finish(const stream *leader);
typedef struct replay replay;
/* resume_after: what is behind this insert is published; NULL: nothing is. */
status replay_open(replay **out, stream *s, const uint64_t *resume_after, error *err) MUST_USE;
/* Of one with resume_after: entries of the log as if the stream had been there. */
void replay_by_steps(replay *r);
/* Of a stream that is to be what it was at that instant of ingestion time (past.c). */
status replay_open_at(replay **out, stream *s, int64_t at_us, error *err) MUST_USE;
status replay_run(replay *r, interrupt *guard, error *err) MUST_USE; /* needs no token */
void   replay_close(replay *r);                                      /* NULL is fine */

/* ---- backfill.c */
/* Fills and attaches a stream; one whose inputs are large is left joining. */
status stream_join(stream *s, bool is_new, error *err) MUST_USE;
bool   stream_is_new(const stream *s); /* joining, and not known by a name yet */
/* What live inputs have for a joining stream. */
status backfill_add_rows(backfill *b, stream_input *in, const delta *rows, error *err) MUST_USE;
status backfill_add_tick(backfill *b, int64_t frontier_us, error *err) MUST_USE;
void   backfill_orphan(stream *s); /* the engine closes: its filler frees what is left */

/* ---- query.c: the one-off form of a live stream: its current rows go to `sink`. */
status stream_read_state(stream *s, const op_sink *sink, interrupt *interrupted,
                         error *err) MUST_USE;

#endif
