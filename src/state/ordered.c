/* SPDX-License-Identifier: Apache-2.0 */
/* ordered.c - see ordered.h. A treap with parent links and subtree counts; a node's priority is the
 * hash of its slot.
 *
 * Invariants: in-order is the given order; a parent's priority is not below its children's; count =
 * 1 + counts of the children. Each change first touches all nodes it will write (they lie on one
 * path), so that it happens wholly or not at all. */
#include "state/ordered.h"

#include <stdio.h>

#include "base/hash.h"

typedef struct node {
    slot     left, right, parent; /* SLOT_NONE: none */
    uint32_t count;               /* 0: not in */
} node;

static node *
node_at(const ordered *o, slot s) {
    return ARRAY_AT(&o->nodes, node, s);
}

static uint32_t
count_of(const ordered *o, slot s) {
    return s == SLOT_NONE ? 0 : node_at(o, s)->count;
}

static slot
root_of(const ordered *o, slot tree) {
    return tree >= o->roots.count ? SLOT_NONE : *ARRAY_AT(&o->roots, slot, tree) - 1;
}

/* Ties cannot be: the mix is a bijection. */
static uint32_t
priority(slot s) {
    uint32_t x = s + 0x9e3779b9U;
    x = (x ^ (x >> 16)) * 0x85ebca6bU;
    x = (x ^ (x >> 13)) * 0xc2b2ae35U;
    return x ^ (x >> 16);
}

status
ordered_open(ordered *o, store *s, const char *name, slot_compare compare, const void *context,
             error *err) {
    *o = (ordered){.compare = compare, .context = context};
    char label[160];
    snprintf(label, sizeof(label), "%.120s.tree", name);
    TRY(array_open(&o->nodes, s, label, sizeof(node), err));
    snprintf(label, sizeof(label), "%.120s.roots", name);
    const status opened = array_open(&o->roots, s, label, sizeof(slot), err);
    if (opened < 0) {
        array_close(&o->nodes);
    }
    return opened;
}

status
ordered_weigh(ordered *o, store *s, const char *name, const state_array *weights, error *err) {
    char label[160];
    snprintf(label, sizeof(label), "%.120s.sums", name);
    o->weights = weights;
    return array_open(&o->sums, s, label, sizeof(int64_t), err);
}

static int64_t *
sum_at(const ordered *o, slot s) {
    return ARRAY_AT(&o->sums, int64_t, s);
}

static int64_t
sum_of(const ordered *o, slot s) {
    return s == SLOT_NONE ? 0 : *sum_at(o, s);
}

static status
touch(ordered *o, slot s, error *err) {
    if (o->weights != NULL) {
        TRY(array_touch(&o->sums, s, 1, err));
    }
    return array_touch(&o->nodes, s, 1, err);
}

void
ordered_close(ordered *o) {
    array_close(&o->sums);
    array_close(&o->nodes);
    array_close(&o->roots);
}

bool
ordered_has(const ordered *o, slot s) {
    return s < o->nodes.count && node_at(o, s)->count != 0;
}

uint64_t
ordered_count_in(const ordered *o, slot tree) {
    return count_of(o, root_of(o, tree));
}

/* Makes `fresh` stand where `old` stood under `parent`. */
static void
replace_child(ordered *o, slot tree, slot parent, slot old, slot fresh) {
    if (parent == SLOT_NONE) {
        *ARRAY_AT(&o->roots, slot, tree) = fresh + 1; /* SLOT_NONE + 1 is 0 */
    } else if (node_at(o, parent)->left == old) {
        node_at(o, parent)->left = fresh;
    } else {
        node_at(o, parent)->right = fresh;
    }
    if (fresh != SLOT_NONE) {
        node_at(o, fresh)->parent = parent;
    }
}

/* Rotates s above its parent. */
static void
rotate_up(ordered *o, slot tree, slot s) {
    node      *n = node_at(o, s);
    const slot p = n->parent;
    node      *above = node_at(o, p);
    replace_child(o, tree, above->parent, p, s);
    slot inner;
    if (above->left == s) {
        inner = n->right;
        above->left = inner;
        n->right = p;
    } else {
        inner = n->left;
        above->right = inner;
        n->left = p;
    }
    if (inner != SLOT_NONE) {
        node_at(o, inner)->parent = p;
    }
    above->parent = s;
    n->count = above->count;
    above->count = 1 + count_of(o, above->left) + count_of(o, above->right);
    if (o->weights != NULL) {
        const int64_t whole = *sum_at(o, p);
        *sum_at(o, p) = whole - *sum_at(o, s) + sum_of(o, inner);
        *sum_at(o, s) = whole;
    }
}

static status
prepare(ordered *o, slot tree, slot s, error *err) {
    TRY(array_reserve_to(&o->roots, (uint64_t)tree + 1, err));
    if (s >= o->nodes.count) { /* by steps: slots come one after the other */
        const uint64_t step = o->nodes.count / 8;
        TRY(array_reserve_to(&o->nodes, (uint64_t)s + 1 + (step > 1024 ? 1024 : step), err));
    }
    if (o->weights != NULL) {
        TRY(array_reserve_to(&o->sums, o->nodes.count, err));
    }
    TRY(array_touch(&o->roots, tree, 1, err));
    return touch(o, s, err);
}

status
ordered_insert_in(ordered *o, slot tree, slot s, error *err) {
    TRY(prepare(o, tree, s, err));
    assert(!ordered_has(o, s));
    slot parent = SLOT_NONE;
    bool left = false;
    for (slot at = root_of(o, tree); at != SLOT_NONE;) {
        TRY(touch(o, at, err));
        parent = at;
        left = o->compare(o->context, s, at) < 0;
        at = left ? node_at(o, at)->left : node_at(o, at)->right;
    }
    *node_at(o, s) = (node){.left = SLOT_NONE, .right = SLOT_NONE, .parent = parent, .count = 1};
    const int64_t weight = o->weights == NULL ? 0 : *ARRAY_AT(o->weights, int64_t, s);
    if (o->weights != NULL) {
        *sum_at(o, s) = weight;
    }
    if (parent == SLOT_NONE) {
        *ARRAY_AT(&o->roots, slot, tree) = s + 1;
        return OK;
    }
    if (left) {
        node_at(o, parent)->left = s;
    } else {
        node_at(o, parent)->right = s;
    }
    for (slot up = parent; up != SLOT_NONE; up = node_at(o, up)->parent) {
        node_at(o, up)->count++;
        if (o->weights != NULL) {
            *sum_at(o, up) += weight;
        }
    }
    while (node_at(o, s)->parent != SLOT_NONE && priority(node_at(o, s)->parent) < priority(s)) {
        rotate_up(o, tree, s);
    }
    return OK;
}

/* Touches what removing s writes: its ancestors and the path along which its subtrees are joined.
 */
static status
touch_removal(ordered *o, slot tree, slot s, error *err) {
    TRY(array_touch(&o->roots, tree, 1, err));
    for (slot up = s; up != SLOT_NONE; up = node_at(o, up)->parent) {
        TRY(touch(o, up, err));
    }
    slot l = node_at(o, s)->left;
    slot r = node_at(o, s)->right;
    if (l != SLOT_NONE) {
        TRY(touch(o, l, err));
    }
    if (r != SLOT_NONE) {
        TRY(touch(o, r, err));
    }
    while (l != SLOT_NONE && r != SLOT_NONE) {
        if (priority(l) > priority(r)) {
            l = node_at(o, l)->right;
            if (l != SLOT_NONE) {
                TRY(touch(o, l, err));
            }
        } else {
            r = node_at(o, r)->left;
            if (r != SLOT_NONE) {
                TRY(touch(o, r, err));
            }
        }
    }
    return OK;
}

status
ordered_remove_in(ordered *o, slot tree, slot s, error *err) {
    assert(ordered_has(o, s));
    if (o->nodes.stale_blocks > 0 || o->roots.stale_blocks > 0 || o->sums.stale_blocks > 0) {
        TRY(touch_removal(o, tree, s, err));
    }
    node *n = node_at(o, s);
    while (n->left != SLOT_NONE && n->right != SLOT_NONE) {
        rotate_up(o, tree, priority(n->left) > priority(n->right) ? n->left : n->right);
    }
    replace_child(o, tree, n->parent, s, n->left != SLOT_NONE ? n->left : n->right);
    const slot    child = n->left != SLOT_NONE ? n->left : n->right;
    const int64_t weight = o->weights == NULL ? 0 : *sum_at(o, s) - sum_of(o, child);
    for (slot up = n->parent; up != SLOT_NONE; up = node_at(o, up)->parent) {
        node_at(o, up)->count--;
        if (o->weights != NULL) {
            *sum_at(o, up) -= weight;
        }
    }
    n->count = 0;
    return OK;
}

static slot
leftmost(const ordered *o, slot s) {
    while (s != SLOT_NONE && node_at(o, s)->left != SLOT_NONE) {
        s = node_at(o, s)->left;
    }
    return s;
}

static slot
rightmost(const ordered *o, slot s) {
    while (s != SLOT_NONE && node_at(o, s)->right != SLOT_NONE) {
        s = node_at(o, s)->right;
    }
    return s;
}

slot
ordered_first_in(const ordered *o, slot tree) {
    return leftmost(o, root_of(o, tree));
}

slot
ordered_last_in(const ordered *o, slot tree) {
    return rightmost(o, root_of(o, tree));
}

slot
ordered_next(const ordered *o, slot s) {
    assert(ordered_has(o, s));
    if (node_at(o, s)->right != SLOT_NONE) {
        return leftmost(o, node_at(o, s)->right);
    }
    slot up = node_at(o, s)->parent;
    while (up != SLOT_NONE && node_at(o, up)->right == s) {
        s = up;
        up = node_at(o, up)->parent;
    }
    return up;
}

slot
ordered_previous(const ordered *o, slot s) {
    assert(ordered_has(o, s));
    if (node_at(o, s)->left != SLOT_NONE) {
        return rightmost(o, node_at(o, s)->left);
    }
    slot up = node_at(o, s)->parent;
    while (up != SLOT_NONE && node_at(o, up)->left == s) {
        s = up;
        up = node_at(o, up)->parent;
    }
    return up;
}

slot
ordered_at_in(const ordered *o, slot tree, uint64_t rank) {
    slot at = root_of(o, tree);
    while (at != SLOT_NONE) {
        const uint64_t before = count_of(o, node_at(o, at)->left);
        if (rank == before) {
            return at;
        }
        if (rank < before) {
            at = node_at(o, at)->left;
        } else {
            rank -= before + 1;
            at = node_at(o, at)->right;
        }
    }
    return SLOT_NONE;
}

uint64_t
ordered_rank(const ordered *o, slot s) {
    assert(ordered_has(o, s));
    uint64_t rank = count_of(o, node_at(o, s)->left);
    for (slot up = node_at(o, s)->parent; up != SLOT_NONE; up = node_at(o, up)->parent) {
        if (node_at(o, up)->right == s) {
            rank += 1 + (uint64_t)count_of(o, node_at(o, up)->left);
        }
        s = up;
    }
    return rank;
}

slot
ordered_bound_in(const ordered *o, slot tree, slot s, slot_compare compare) {
    slot found = SLOT_NONE;
    for (slot at = root_of(o, tree); at != SLOT_NONE;) {
        if (compare(o->context, at, s) < 0) {
            at = node_at(o, at)->right;
        } else {
            found = at;
            at = node_at(o, at)->left;
        }
    }
    return found;
}

static status
broken(error *err, const char *what, slot s) {
    return error_set(err, ERR_INTERNAL_ERROR, "ordered index: %s (slot %u)", what, s);
}

static status
check_child(const ordered *o, slot parent, slot child, error *err) {
    if (child == SLOT_NONE) {
        return OK;
    }
    if (!ordered_has(o, child) || node_at(o, child)->parent != parent) {
        return broken(err, "a child does not know its parent", child);
    }
    return priority(child) < priority(parent) ? OK : broken(err, "heap order is broken", child);
}

status
ordered_reweigh(ordered *o, slot s, error *err) {
    assert(ordered_has(o, s) && o->weights != NULL);
    const node   *n = node_at(o, s);
    const int64_t before = *sum_at(o, s) - sum_of(o, n->left) - sum_of(o, n->right);
    const int64_t more = *ARRAY_AT(o->weights, int64_t, s) - before;
    if (o->sums.stale_blocks > 0) {
        for (slot up = s; up != SLOT_NONE; up = node_at(o, up)->parent) {
            TRY(array_touch(&o->sums, up, 1, err));
        }
    }
    for (slot up = s; up != SLOT_NONE && more != 0; up = node_at(o, up)->parent) {
        *sum_at(o, up) += more;
    }
    return OK;
}

slot
ordered_at_weight_in(const ordered *o, slot tree, int64_t rank) {
    slot at = root_of(o, tree);
    while (at != SLOT_NONE) {
        const node   *n = node_at(o, at);
        const int64_t before = sum_of(o, n->left);
        const int64_t through = *sum_at(o, at) - sum_of(o, n->right);
        if (rank >= before && rank < through) {
            return at;
        }
        if (rank < before) {
            at = n->left;
        } else {
            rank -= through;
            at = n->right;
        }
    }
    return SLOT_NONE;
}

static status
check_tree(const ordered *o, slot tree, error *err) {
    const slot root = root_of(o, tree);
    if (root != SLOT_NONE && (!ordered_has(o, root) || node_at(o, root)->parent != SLOT_NONE)) {
        return broken(err, "the root has a parent", root);
    }
    slot previous = SLOT_NONE;
    for (slot s = ordered_first_in(o, tree); s != SLOT_NONE; s = ordered_next(o, s)) {
        if (previous != SLOT_NONE && o->compare(o->context, previous, s) >= 0) {
            return broken(err, "the order is broken", s);
        }
        previous = s;
    }
    return OK;
}

status
ordered_validate(const ordered *o, error *err) {
    uint64_t in = 0;
    for (uint64_t i = 0; i < o->nodes.count; i++) {
        const slot  s = (slot)i;
        const node *n = node_at(o, s);
        if (n->count == 0) {
            continue;
        }
        in++;
        TRY(check_child(o, s, n->left, err));
        TRY(check_child(o, s, n->right, err));
        if (n->count != 1 + count_of(o, n->left) + count_of(o, n->right)) {
            return broken(err, "a subtree count is wrong", s);
        }
        if (o->weights != NULL && sum_of(o, s) != *ARRAY_AT(o->weights, int64_t, s) +
                                                      sum_of(o, n->left) + sum_of(o, n->right)) {
            return broken(err, "the weights of a subtree are wrong", s);
        }
    }
    uint64_t counted = 0;
    for (uint64_t tree = 0; tree < o->roots.count; tree++) {
        TRY(check_tree(o, (slot)tree, err));
        counted += ordered_count_in(o, (slot)tree);
    }
    return in == counted ? OK : broken(err, "nodes outside of the trees", SLOT_NONE);
}

/* ---- after a restore */

int64_t
ordered_weight_in(const ordered *o, slot tree) {
    return sum_of(o, root_of(o, tree));
}

static bool
is_child(const ordered *o, slot parent, slot child) {
    return child == SLOT_NONE || (ordered_has(o, child) && node_at(o, child)->parent == parent &&
                                  priority(child) < priority(parent)); /* so there is no circle */
}

static bool
is_node(const ordered *o, slot s) {
    const node    *n = node_at(o, s);
    const uint64_t below = (uint64_t)count_of(o, n->left) + count_of(o, n->right);
    const slot     p = n->parent;
    const bool     hangs = p == SLOT_NONE || (ordered_has(o, p) &&
                                          (node_at(o, p)->left == s || node_at(o, p)->right == s));
    if (!hangs || n->count != 1 + below || (n->left == n->right && n->left != SLOT_NONE)) {
        return false;
    }
    return o->weights == NULL ||
           (uint64_t)*sum_at(o, s) == (uint64_t)*ARRAY_AT(o->weights, int64_t, s) +
                                          (uint64_t)sum_of(o, n->left) +
                                          (uint64_t)sum_of(o, n->right);
}

/* Slots of one tree that are told to be in it. */
static uint64_t
count_members(const ordered *o, slot tree, slot (*tree_of)(const void *context, slot s)) {
    uint64_t count = 0;
    for (slot s = ordered_first_in(o, tree); s != SLOT_NONE; s = ordered_next(o, s)) {
        count += tree_of == NULL || tree_of(o->context, s) == tree;
    }
    return count;
}

status
ordered_check(const ordered *o, const slot_set *in, slot (*tree_of)(const void *context, slot s),
              error *err) {
    uint64_t       there = 0, reached = 0;
    const uint64_t count = o->nodes.count;
    if (count >= SLOT_NONE || o->roots.count >= SLOT_NONE ||
        (tree_of == NULL && o->roots.count > 1) ||
        (o->weights != NULL && (o->sums.count < count || o->weights->count < in->count))) {
        return image_corrupt("the length of an order", err);
    }
    for (uint64_t i = 0; i < count; i++) {
        const slot s = (slot)i;
        if (!ordered_has(o, s)) {
            continue;
        }
        there++;
        if (!slot_set_has(in, s) || !is_child(o, s, node_at(o, s)->left) ||
            !is_child(o, s, node_at(o, s)->right) || !is_node(o, s)) {
            return image_corrupt("a place in an order", err);
        }
    }
    for (uint64_t tree = 0; tree < o->roots.count; tree++) {
        const slot root = root_of(o, (slot)tree);
        if (root == SLOT_NONE) {
            continue;
        }
        if (!ordered_has(o, root) || node_at(o, root)->parent != SLOT_NONE) {
            return image_corrupt("the root of an order", err);
        }
        reached += count_members(o, (slot)tree, tree_of);
    }
    return there == reached ? OK : image_corrupt("what stands in no order, or in two", err);
}
