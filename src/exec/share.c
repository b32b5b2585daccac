/* SPDX-License-Identifier: Apache-2.0 */
/* share.c - what several streams compute is computed once.
 *
 * A stream that joins the tick looks, from the root of its plan down, for parts that a live stream
 * computes already. Such a part becomes a stream without a name, a *part*: it takes over the
 * operators with their state, and both streams read it as streams read one another. So ticks,
 * faults, filling, replays and images need no word about sharing. A part goes with the last stream
 * that reads it.
 *
 * Nobody can tell from an answer: the part is the same query over the same rows, it met the same
 * watermarks, and nothing in it depends on when it was made. Where one of these is in doubt, the
 * stream computes for itself. */
#include "exec/engine_internal.h"
#include "op/gate.h"

/* ---- what may be shared */

static bool
has_shared(const plan_node *n) {
    bool found = n->kind == PLAN_SHARED;
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = has_shared(n->inputs[i]);
    }
    return found;
}

/* The watermark shows in it. */
static bool
has_time(const plan_node *n) {
    n = plan_whole(n);
    bool found = n->kind == PLAN_WINDOW || n->kind == PLAN_PROCESS || n->bound != NULL ||
                 (n->kind == PLAN_AGGREGATE && (n->window_key >= 0 || n->session_key >= 0));
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = has_time(n->inputs[i]);
    }
    return found;
}

static bool
reads(const plan_node *n, const source *src) {
    bool found = n->kind == PLAN_SCAN &&
                 (n->object->kind == OBJECT_STREAM ? stream_reads(n->object->impl, src)
                                                   : n->object->impl == src);
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = reads(n->inputs[i], src);
    }
    return found;
}

/* Both streams, and the part of the first, see the watermark of the same sources. */
static bool
same_time(const stream *from, const plan_node *part, const stream *s) {
    if (from->sources.count != s->sources.count) {
        return false;
    }
    for (int32_t i = 0; i < from->sources.count; i++) {
        const source *src = from->sources.items[i];
        if (!stream_reads(s, src) || !reads(part, src)) {
            return false;
        }
    }
    return true;
}

/* It has what a stream that is made now would have. One of a named pipeline stands for itself: it
 * pauses and stops when others run. */
static bool
is_sharer(const stream *s) {
    return s->pipeline == NULL && s->running && !s->failed && !s->replaying &&
           s->backfill == NULL && s->circuit != NULL && !s->plan.by_clock && s->plan.ttl_us == 0 &&
           stream_freed_rows(s) == s->freed_rows;
}

/* `from` is given another circuit: nobody may be at work on what hangs on it. */
static bool
may_cut(const stream *from, const plan_node *part) {
    const engine *e = from->engine;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *each = e->streams.items[i];
        if (each->backfill != NULL || each->depth >= STREAM_DEPTH_MAX) {
            return false;
        }
    }
    return plan_has_state(part) && !plan_is_own(part) && circuit_can_read(from->circuit, part) &&
           (part == from->plan.root || !has_shared(from->plan.root));
}

/* ---- finding */

typedef struct finding {
    stream    *stream; /* NULL: none */
    plan_node *part;   /* of its plan; NULL: the stream is the part */
} finding;

static plan_node *
find_in(const stream *from, plan_node *at, const stream *s, const plan_node *n) {
    if (at->kind == n->kind && plan_same(at, n) && may_cut(from, at) &&
        (!has_time(at) || same_time(from, at, s))) {
        return at;
    }
    plan_node *found = NULL;
    for (int32_t i = 0; found == NULL && i < plan_own_inputs(at); i++) {
        found = find_in(from, at->inputs[i], s, n);
    }
    return found;
}

/* Only what was made before s: it is ticked before. */
static finding
find(const stream *s, const plan_node *n) {
    const engine *e = s->engine;
    for (int32_t i = 0; i < e->streams.count && e->streams.items[i] != s; i++) {
        stream *from = e->streams.items[i];
        if (!is_sharer(from)) {
            continue;
        }
        if (from->part != NULL && plan_same(from->part->part, n) &&
            (!has_time(n) || same_time(from, from->plan.root, s))) {
            return (finding){from, NULL};
        }
        plan_node *part = find_in(from, from->plan.root, s, n);
        if (part != NULL) {
            return (finding){from, part};
        }
    }
    return (finding){NULL, NULL};
}

/* ---- a part is cut out of a stream */

typedef struct cut {
    stream       *from, *part;
    plan_node    *root_before;
    circuit      *above; /* the new circuit of `from` */
    stream_input *inputs;
    int32_t       input_count;
    circuit_end   end; /* the new one of the old circuit */
} cut;

static status
make_part(stream **out, const stream *from, plan_node *root, error *err) {
    mem    *m = from->engine->mem;
    stream *s = mem_alloc_zero(m, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    s->engine = from->engine;
    s->references = 1;
    s->frontier_us = from->frontier_us;
    s->freed_rows = from->freed_rows;
    s->ticks = from->ticks;
    s->running = true;
    buf_init(&s->ops, m, INT32_MAX);
    s->plan = from->plan;
    s->plan.root = root;
    s->plan.is_part = true;
    s->plan.shards = 0;
    s->plan.emit = EMIT_CHANGES;
    s->plan.emit_every_us = 0;
    s->plan.key_count = 0;
    s->plan.object_count = 0; /* those who read it hold them */
    s->plan.late_to = NULL;
    status made = changelog_open(&s->log, m, err);
    if (made == OK) {
        made = catalog_object_new(&s->part, m, OBJECT_STREAM, TEXT(""), err);
    }
    if (made < 0) {
        stream_release(s);
        return made;
    }
    s->part->schema = &root->schema;
    s->part->append_only = (root->properties & PLAN_APPEND_ONLY) != 0;
    s->part->part = root;
    s->part->impl = s;
    *out = s;
    return OK;
}

static status
reserve(list *l, mem *m, error *err) {
    TRY(list_add(l, m, NULL, err));
    l->count--;
    return OK;
}

static void
insert_before(list *l, void *item, const void *next) {
    int32_t at = l->count++;
    for (; at > 0; at--) {
        l->items[at] = l->items[at - 1];
        if (l->items[at] == next) {
            break;
        }
    }
    l->items[at > 0 ? at - 1 : 0] = item;
}

static bool
scans(const plan_node *n, const stream *part) {
    bool found = n->kind == PLAN_SCAN && n->object == part->part;
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = scans(n->inputs[i], part);
    }
    return found;
}

/* What lists will hold once the cut is made. */
static status
reserve_places(const cut *c, error *err) {
    mem    *m = c->from->engine->mem;
    stream *part = c->part;
    TRY(reserve(&c->from->engine->streams, m, err));
    TRY(reserve(&c->from->parts, m, err));
    for (int32_t i = 0; i < part->sources.count; i++) {
        TRY(reserve(&((source *)part->sources.items[i])->readers, m, err));
    }
    for (int32_t i = 0; i < c->from->parts.count; i++) {
        TRY(list_add(&part->parts, m, c->from->parts.items[i], err));
    }
    part->parts.count = 0;
    TRY(list_add(&part->dependents, m, NULL, err));
    part->dependents.count = 0;
    return OK;
}

static status
make_bridges(stream_input *inputs, int32_t count, circuit *c, error *err) {
    for (int32_t i = 0; i < count; i++) {
        TRY(inputs[i].from_stream == NULL ? OK : bridge_make(&inputs[i], c, err));
    }
    return OK;
}

/* All that can fail. */
static status
prepare(cut *c, const plan_node *root, error *err) {
    stream       *from = c->from, *part = c->part;
    circuit      *own = from->circuit;
    const op_sink sinks[2] = {{.context = from, .take = stream_take_rows},
                              {.context = part, .take = stream_take_rows}};
    plan_node    *leaf = plan_scan_part(&from->arena, root, part->part);
    plan_node    *above = from->plan.root;
    if (leaf == NULL) {
        return error_memory(err);
    }
    TRY(plan_replace(&above, &from->arena, root, leaf, err));
    from->plan.root = above;
    TRY(circuit_open(&c->above, from->engine->mem, &from->plan, MODE_STREAM, NULL, &sinks[0], NULL,
                     err));
    TRY(circuit_copy_above(c->above, own, root->id, err));
    TRY(circuit_open_end(&c->end, own, &part->plan, &sinks[1], err));
    TRY(stream_list_inputs(from, c->above, &c->inputs, &c->input_count, err));
    TRY(stream_list_inputs(part, own, &part->inputs, &part->input_count, err));
    TRY(stream_add_sources(part, err));
    TRY(reserve_places(c, err));
    TRY(make_bridges(c->inputs, c->input_count, c->above, err));
    TRY(make_bridges(part->inputs, part->input_count, own, err));
    for (int32_t i = 0; i < c->input_count; i++) {
        if (c->inputs[i].from_stream == part) {
            TRY(op_connect(c->end.gate, c->inputs[i].bridge, 0, err));
        }
    }
    for (int32_t i = 0; i < from->dependents.count; i++) {
        const stream_input *in = from->dependents.items[i];
        TRY(op_connect(circuit_exit(c->above), in->bridge, 0, err));
    }
    return OK;
}

static void
undo(cut *c) {
    c->from->plan.root = c->root_before;
    if (c->end.sink != NULL) {
        circuit_drop_end(c->from->circuit, &c->part->plan, &c->end);
    }
    circuit_close(c->above);
    c->part->inputs = NULL;
    stream_release(c->part);
}

static stream_input *
input_of(stream_input *inputs, int32_t count, int32_t node) {
    for (int32_t i = 0; i < count; i++) {
        if (inputs[i].node == node) {
            return &inputs[i];
        }
    }
    return NULL;
}

static void
replace_item(list *l, const void *old, void *new) {
    for (int32_t i = 0; i < l->count; i++) {
        l->items[i] = l->items[i] == old ? new : l->items[i];
    }
}

/* What `from` read is read at the same places by its new inputs, and by those of the part. */
static void
move_inputs(const cut *c) {
    stream *from = c->from, *part = c->part;
    for (int32_t i = 0; i < from->input_count; i++) {
        stream_input *old = &from->inputs[i];
        stream_input *in = input_of(part->inputs, part->input_count, old->node);
        in = in != NULL ? in : input_of(c->inputs, c->input_count, old->node);
        if (old->from_source != NULL) {
            replace_item(&old->from_source->inputs, old, in);
            continue;
        }
        replace_item(&old->from_stream->dependents, old, in);
        op *exit = circuit_exit(old->from_stream->circuit);
        for (int32_t k = 0; k < exit->output_count; k++) {
            exit->outputs[k].target =
                exit->outputs[k].target == old->bridge ? in->bridge : exit->outputs[k].target;
        }
    }
    from->inputs = c->inputs;
    from->input_count = c->input_count;
    for (int32_t i = 0; i < c->input_count; i++) {
        if (c->inputs[i].from_stream == part) {
            part->dependents.items[part->dependents.count++] = &c->inputs[i];
        }
    }
}

static void
add_part(list *parts, stream *part) {
    parts->items[parts->count++] = stream_retain(part);
    part->sharers++;
}

/* Parts that it read before are now read by the new one, by what is left of it, or by both. */
static void
move_parts(const cut *c) {
    stream *from = c->from, *part = c->part;
    int32_t kept = 0;
    for (int32_t i = 0; i < from->parts.count; i++) {
        stream *below = from->parts.items[i];
        if (scans(part->plan.root, below)) {
            add_part(&part->parts, below);
        }
        if (scans(from->plan.root, below)) {
            from->parts.items[kept++] = below;
        } else {
            below->sharers--;
            stream_release(below);
        }
    }
    from->parts.count = kept;
    add_part(&from->parts, part);
}

void
engine_deepen(const engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        s->depth = 1;
        for (int32_t k = 0; k < s->input_count; k++) {
            const stream *up = s->inputs[k].from_stream;
            s->depth = up != NULL && up->depth >= s->depth ? up->depth + 1 : s->depth;
        }
    }
}

/* Its arena, in which nodes of both plans lie, becomes the part's. */
static void
hand_arena(stream *s, stream *part) {
    part->arena = s->arena;
    part->nodes_of = s->nodes_of;
    s->nodes_of = stream_retain(part);
    arena_init(&s->arena, s->engine->mem);
}

/* Cannot fail. */
static void
apply(const cut *c) {
    stream *from = c->from, *part = c->part;
    engine *e = from->engine;
    move_inputs(c);
    part->circuit = from->circuit;
    from->circuit = c->above;
    circuit_cut(part->circuit, &part->plan, &c->end);
    part->circuit->env.late = NULL;
    from->circuit->env.late = from->plan.late_to == NULL ? NULL : &from->late_sink;
    if (from->circuit->held != NULL) {
        gate_hold(from->circuit->held);
    }
    hand_arena(from, part);
    move_parts(c);
    for (int32_t i = 0; i < part->sources.count; i++) {
        insert_before(&((source *)part->sources.items[i])->readers, part, from);
    }
    insert_before(&e->streams, part, from);
    part->id = ++e->stream_count;
    engine_deepen(e);
    stream_look_at_plan(part);
    stream_look_at_plan(from);
    stream_want_ops(part, 0);
    stream_want_ops(from, 0);
}

static status
cut_out(const finding *f, stream **part, error *err) {
    cut c = {.from = f->stream, .root_before = f->stream->plan.root};
    TRY(make_part(&c.part, c.from, f->part, err));
    const status ready = prepare(&c, f->part, err);
    if (ready < 0) {
        undo(&c);
        return ready;
    }
    apply(&c);
    *part = c.part;
    return OK;
}

/* ---- a stream and its parts */

static status
adopt(stream *s, const plan_node *n, stream *part, error *err) {
    plan_node *leaf = plan_scan_part(&s->arena, n, part->part);
    if (leaf == NULL) {
        return error_memory(err);
    }
    TRY(reserve(&s->parts, s->engine->mem, err));
    TRY(plan_replace(&s->plan.root, &s->arena, n, leaf, err));
    if (!list_has(&s->parts, part)) {
        add_part(&s->parts, part);
    }
    return OK;
}

status
stream_split(stream *s, plan_node *n, stream **part, error *err) {
    engine *e = s->engine;
    if (*part != NULL) {
        return plan_same((*part)->part->part, n)
                   ? adopt(s, n, *part, err)
                   : image_corrupt("a part is shared that is not the same", err);
    }
    stream *made = NULL;
    TRY(make_part(&made, s, n, err));
    status done = adopt(s, n, made, err);
    done = done < 0 ? done : list_add(&e->streams, e->mem, made, err);
    if (done < 0) {
        stream_release(made);
        return done;
    }
    hand_arena(s, made);
    made->running = false;
    made->id = ++e->stream_count;
    stream_look_at_plan(made);
    *part = made;
    return OK;
}

static status
share_below(stream *s, const plan_node *n, error *err) {
    const finding f = plan_has_state(n) && !plan_is_own(n) ? find(s, n) : (finding){NULL, NULL};
    if (f.stream != NULL) {
        stream *part = f.stream;
        TRY(f.part == NULL ? OK : cut_out(&f, &part, err));
        return adopt(s, n, part, err);
    }
    for (int32_t i = 0; i < n->input_count && !has_shared(n); i++) {
        TRY(share_below(s, n->inputs[i], err));
    }
    return OK;
}

status
stream_share(stream *s, error *err) {
    if (!s->engine->shares || s->pipeline != NULL || s->plan.by_clock || s->plan.ttl_us > 0) {
        return OK;
    }
    engine_settle(s->engine);
    TRY(share_below(s, s->plan.root, err));
    if (s->parts.count == 0) {
        return OK;
    }
    stream_look_at_plan(s);
    return stream_reset(s, err);
}

void
stream_leave_parts(stream *s) {
    for (int32_t i = 0; i < s->parts.count; i++) {
        stream *part = s->parts.items[i];
        if (--part->sharers == 0) {
            stream_close(part);
        }
    }
}

/* ---- shards: each is a part */

/* The next one that is none yet. */
static plan_node *
find_shard(plan_node *n) {
    plan_node *found = NULL;
    for (int32_t i = 0; found == NULL && i < plan_own_inputs(n); i++) {
        plan_node *input = n->inputs[i];
        const bool is_part = input->kind == PLAN_SCAN && input->object->part != NULL;
        found = n->kind == PLAN_UNION && n->shard != NULL && !is_part ? input : find_shard(input);
    }
    return found;
}

/* What cannot be cut now is computed with its reader, which nobody can tell from an answer. */
static void
deal_out(stream *s) {
    finding f = {.stream = s, .part = find_shard(s->plan.root)};
    while (f.part != NULL && may_cut(s, f.part)) {
        error   ignored;
        stream *part;
        engine_settle(s->engine);
        if (cut_out(&f, &part, &ignored) < 0) {
            return;
        }
        f.part = find_shard(s->plan.root);
    }
}

void
engine_deal_out(engine *e) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (UNLIKELY(s->plan.shards > 0) && is_sharer(s)) {
            deal_out(s);
            while (e->streams.items[i] != s) {
                i++; /* its parts lie before it now */
            }
        }
    }
}

void
engine_set_sharing(engine *e, bool shares) {
    e->shares = shares;
}

/* ---- EXPLAIN */

static bool
reads_part(const stream *s, const stream *part) {
    for (int32_t i = 0; i < s->parts.count; i++) {
        const stream *each = s->parts.items[i];
        if (each == part || reads_part(each, part)) {
            return true;
        }
    }
    return false;
}

/* The names of those who read the part, without `but`; subscriptions have none. */
static void
print_readers(const stream *part, const stream *but, buf *out) {
    const engine *e = part->engine;
    int32_t       named = 0, others = 0;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s == but || s->part != NULL || !(s == part || reads_part(s, part))) {
            continue;
        }
        others += s->object == NULL;
        if (s->object != NULL) {
            buf_printf(out, "%s%.*s", named++ == 0 ? "  shared with: " : ", ",
                       TEXT_ARG(s->object->name));
        }
    }
    if (others > 0) {
        buf_printf(out, "%s%d subscription%s", named == 0 ? "  shared with: " : ", ", others,
                   others == 1 ? "" : "s");
    }
}

static bool
note_part(void *context, const plan_node *n, buf *out) {
    if (n->kind == PLAN_SCAN && n->object->part != NULL) {
        print_readers(n->object->impl, context, out);
    }
    return true;
}

void
stream_explain(const stream *s, buf *out) {
    const plan_notes notes = {.context = (void *)(uintptr_t)s, .note = note_part};
    plan_print_noted(&s->plan, &notes, out);
}

static bool
note_finding(void *context, const plan_node *n, buf *out) {
    const stream *s = context;
    const finding f = plan_has_state(n) && !plan_is_own(n) ? find(s, n) : (finding){NULL, NULL};
    if (f.stream != NULL) {
        print_readers(f.stream, NULL, out);
    }
    return f.stream == NULL && !has_shared(n);
}

status
engine_explain(engine *e, const plan *p, buf *out, error *err) {
    stream    *s = NULL;
    plan_notes notes = {.note = note_finding};
    if (!e->shares || p->by_clock || p->ttl_us > 0) {
        plan_print(p, NULL, out);
        return OK;
    }
    TRY(stream_make(&s, e, p, NULL, NULL, err)); /* joins nothing */
    notes.context = s;
    plan_print_noted(p, &notes, out);
    stream_release(s);
    return OK;
}
