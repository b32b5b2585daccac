#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""new_operator.py - starts a new operator: a working pass-through, registered and tested.

Usage: tools/new_operator.py NAME [root]. Writes src/op/op_NAME.c and tests/unit/op/test_NAME.c, adds
them to ops.def and both meson.build files, and prints what is left to do by hand. Nothing is written
when the name is bad or taken. docs/internals/adding-an-operator.md has the whole way.
"""

import re
import sys
from pathlib import Path

OPERATOR = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* op_@NAME@.c - passes its input on as it is: say here what it computes, and why it is right for
 * retractions.
 *
 * Stateless and linear: a row and its retraction are treated alike.
 *
 * push:  forwards the rows with their weights
 * tick:  nothing
 *
 * See op.h for the contract, op_filter.c for a linear operator that computes something, and
 * op_distinct.c for one with state. */
#include "op/rows.h"

typedef struct @NAME@ {
    op base;
} @NAME@;

static status
@NAME@_open(op *self, error *err) {
    (void)self;
    (void)err;
    return OK;
}

static status
@NAME@_push(op *self, int32_t port, const delta *in, error *err) {
    (void)port;
    return op_emit(self, in, err);
}

const op_class op_@NAME@_class = {
    .name = "@NAME@",
    .size = sizeof(@NAME@),
    .open = @NAME@_open,
    .push = @NAME@_push,
};
"""

TEST = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* test_@NAME@.c - random histories through op_@NAME@: after each tick its total output is what
 * `reference` says of its total input; the same while allocations are refused. */
#include "circuit.h"

static const type_id types[] = {TYPE_I64, TYPE_TEXT, TYPE_F64};
static const int64_t range[] = {4, 3, 3};

static zset      out, expected, snapshot;
static test_rows live;

typedef struct pipeline {
    circuit       c;
    op           *first;
    op_spec       spec;
    const schema *in;
} pipeline;

static status
pipeline_open(pipeline *p, mem *m, error *err) {
    TRY(circuit_open(&p->c, m, &out, &snapshot, err));
    p->in = circuit_schema(&p->c, 3, types);
    if (p->in == NULL) {
        return error_memory(err);
    }
    p->spec = (op_spec){.input = {p->in, NULL}, .output = p->in, .window_key = -1};
    TRY(circuit_add(&p->c, &p->first, &op_@NAME@_class, &p->spec, err));
    return circuit_finish(&p->c, p->first, err);
}

/* The query over all rows that came in: here each row as it is. */
static void
reference(const schema *in) {
    zset_clear(&expected);
    for (int32_t i = 0; i < live.count; i++) {
        char key[ZSET_KEY];
        print_row(key, in, &live.rows[i]);
        zset_add(&expected, key, live.weight[i]);
    }
}

static status
push_rows(pipeline *p, rng *r, error *err) {
    test_row      rows[20];
    int64_t       weight[20];
    const int32_t n = random_batch(r, &live, 3, range, 6, false, 20, rows, weight);
    return circuit_push(&p->c, p->first, 0, p->in, rows, weight, n, err);
}

static void
test_histories(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        static pipeline p;
        error           err = {0};
        rng             r;
        rng_init(&r, seed);
        zset_clear(&out);
        live.count = 0;
        CHECK_OK(pipeline_open(&p, NULL, &err));
        for (int32_t step = 0; step < 60; step++) {
            CHECK_OK(push_rows(&p, &r, &err));
            if (rng_below(&r, 2) == 0) {
                CHECK_OK(circuit_tick(&p.c, 0, &err));
                reference(p.in);
                zset_check_equal(&out, &expected, "after a tick");
            }
        }
        CHECK_EQ(p.first->rows_in, p.c.taken);
        circuit_close(&p.c);
    }
}

static status
scenario(mem *m, error *err) {
    static pipeline p;
    rng             r;
    rng_init(&r, 9);
    zset_clear(&out);
    live.count = 0;
    status s = pipeline_open(&p, m, err);
    for (int32_t step = 0; s >= 0 && step < 8; step++) {
        s = push_rows(&p, &r, err);
        s = s < 0 ? s : circuit_tick(&p.c, 0, err);
    }
    circuit_close(&p.c);
    return s < 0 ? s : OK;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("@NAME@", scenario) > 0);
}

UNIT_MAIN(UNIT(test_histories), UNIT(test_torture))
"""

LEFT = """\
made  src/op/op_@NAME@.c, tests/unit/op/test_@NAME@.c
added to src/op/ops.def, src/op/meson.build, tests/unit/op/meson.build

It builds and passes its test as it is: make unit
Left to do:
  1. src/op/op_@NAME@.c            what it computes; settings go to src/op/spec.h
  2. src/plan/plan.h               PLAN_@UPPER@ in plan_kind and its fields, when it is a new kind of node
  3. src/plan/                     bind it (bind_*.c), its properties (properties.c), EXPLAIN (explain.c),
                                   which columns it needs (rewrite_prune.c), what passes it (rewrite_push.c)
  4. src/exec/lower.c              a case in class_of, the settings in fill_spec
  5. tests/unit/op/test_@NAME@.c   `reference` is its query; tests/unit/plan, tests/sql, tests/model as well
"""

KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while bool true false main".split()
)


def fault_of(name: str, root: Path) -> str | None:
    """Why the name cannot be used, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 30:
        return "a name is lower-case words with '_' between them, at most 30 characters, e.g. top_n"
    if name in KEYWORDS:
        return "that is a word of C"
    if (root / f"src/op/op_{name}.c").exists() or f"(op_{name}_class)" in (
        root / "src/op/ops.def"
    ).read_text():
        return f"there is an operator of that name: src/op/op_{name}.c"
    if (root / f"tests/unit/op/test_{name}.c").exists():
        return f"there is a test of that name: tests/unit/op/test_{name}.c"
    declared = re.compile(rf"^(?:typedef\b.*\b|\}} ){name};|^(?:\w[\w *]*\W)?{name}\(", re.MULTILINE)
    for header in sorted((root / "src").rglob("*.h")) + sorted((root / "tests/unit").rglob("*.h")):
        if declared.search(header.read_text(encoding="utf-8")):
            return f"{header.relative_to(root)} declares that name"
    return None


def add_to_list(text: str, item: str) -> str:
    """Adds a quoted item to the one list of a meson.build, in order, keeping the list's form."""
    head, items, tail = re.fullmatch(r"(.*?[\[(])(.*)([\])]\s*)", text, re.DOTALL).groups()
    names = sorted({*re.findall(r"'([^']+)'", items), item})
    if "\n" in items:
        return head + "\n" + "".join(f"  '{n}',\n" for n in names) + tail
    return head + ", ".join(f"'{n}'" for n in names) + tail


def make(name: str, root: Path) -> None:
    files = {
        f"src/op/op_{name}.c": OPERATOR.replace("@NAME@", name),
        f"tests/unit/op/test_{name}.c": TEST.replace("@NAME@", name),
    }
    ops = (root / "src/op/ops.def").read_text()
    files["src/op/ops.def"] = ops.rstrip("\n") + f"\nOPERATOR(op_{name}_class)\n"
    for path, item in (("src/op/meson.build", f"op_{name}.c"), ("tests/unit/op/meson.build", name)):
        files[path] = add_to_list((root / path).read_text(), item)
    for path, text in files.items():
        (root / path).write_text(text)


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    name = sys.argv[1]
    root = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).resolve().parent.parent
    fault = fault_of(name, root)
    if fault is not None:
        print(f"new_operator: '{name}': {fault}", file=sys.stderr)
        return 1
    make(name, root)
    print(LEFT.replace("@NAME@", name).replace("@UPPER@", name.upper()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
