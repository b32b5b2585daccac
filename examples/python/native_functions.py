# SPDX-License-Identifier: Apache-2.0
"""A function of machine code for SQL, made by cffi and by Numba: addresses with the signature of
laminar_scalar.call, over Arrow's C structs.

    python examples/python/native_functions.py

Needs cffi with a C compiler, or Numba; what is missing is left out."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import tempfile
from functools import partial
from typing import Any

import laminardb

STRUCTS = """
struct ArrowSchema {
    const char *format; const char *name; const char *metadata; int64_t flags; int64_t n_children;
    struct ArrowSchema **children; struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *); void *private_data;
};
struct ArrowArray {
    int64_t length; int64_t null_count; int64_t offset; int64_t n_buffers; int64_t n_children;
    const void **buffers; struct ArrowArray **children; struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *); void *private_data;
};
typedef struct laminar_call {
    uint32_t size; int64_t row_count; int32_t argument_count; const struct ArrowSchema *types;
    struct ArrowArray *arguments; const bool *constants;
    bool (*is_cancelled)(const struct laminar_call *call); const void *engine;
} laminar_call;
"""

SIGNATURE = "int f(void *, const laminar_call *, struct ArrowArray *, struct ArrowSchema *, void *)"

CODE = """
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
static void drop(struct ArrowArray *a) { free((void *)a->buffers[1]); free(a->buffers); a->release = NULL; }
static void drop_type(struct ArrowSchema *s) { s->release = NULL; }
static int
f(void *context, const laminar_call *c, struct ArrowArray *out, struct ArrowSchema *type, void *err) {
    const struct ArrowArray *a = &c->arguments[0];
    const double *x = (const double *)a->buffers[1] + a->offset;
    double *v = malloc(sizeof(double) * (size_t)(c->row_count + 1));
    const void **buffers = calloc(2, sizeof(void *));
    (void)context, (void)err;
    for (int64_t i = 0; i < c->row_count; i++) v[i] = 2 * x[i];
    buffers[1] = v;
    memset(out, 0, sizeof *out), memset(type, 0, sizeof *type);
    out->length = c->row_count, out->n_buffers = 2, out->buffers = buffers, out->release = drop;
    type->format = "g", type->name = "", type->release = drop_type;
    return 0;
}
"""


def by_cffi(folder: str) -> Any:
    """Compiles CODE in a folder; a function pointer."""
    made = importlib.import_module("cffi").FFI()
    made.cdef(STRUCTS + SIGNATURE + ";")
    made.set_source("_doubled", "#include <stdbool.h>\n#include <stdint.h>\n" + STRUCTS + CODE)
    spec = importlib.util.spec_from_file_location("_doubled", made.compile(tmpdir=folder))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ffi.addressof(module.lib, "f")


def by_numba() -> Any:
    """A cfunc, which reads the structs as arrays of 64-bit words.

    What it gives lies in memory of malloc; its release is a cfunc, too, and frees it."""
    numba: Any = importlib.import_module("numba")
    carray, types, number, word = numba.carray, numba.types, numba.int64, numba.uint64
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    malloc, free = libc.malloc, libc.free
    pointer, words = types.voidptr, types.CPointer(types.uint64)
    text = ctypes.create_string_buffer(b"g")
    letter = ctypes.addressof(text)

    def pointer_to(what: Any) -> Any:
        """What makes an address a pointer."""

        def intrinsic(context: Any, address: Any) -> Any:
            def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

            return types.CPointer(what)(address), make

        return numba.extending.intrinsic(intrinsic)

    at, doubles = pointer_to(types.uint64), pointer_to(types.float64)

    def drop(array: Any) -> None:
        a = carray(array, 10)
        buffers = carray(at(a[5]), 2)
        free(buffers[1])
        free(a[5])
        a[8] = 0

    def drop_type(schema: Any) -> None:
        carray(schema, 9)[7] = 0

    released = numba.cfunc(types.void(words))(drop)
    type_released = numba.cfunc(types.void(words))(drop_type)
    release, release_type = released.address, type_released.address

    def doubled(context: Any, call: Any, out: Any, schema: Any, err: Any) -> Any:
        given = carray(call, 8)  # size, rows, count of arguments, types, arguments, ...
        count = number(given[1])
        argument = carray(at(given[4]), 10)  # length, nulls, offset, buffers, children, the buffers
        x = carray(doubles(carray(at(argument[5]), 2)[1]), number(argument[2]) + count)
        memory, table = word(malloc(8 * count + 8)), word(malloc(16))
        v, buffers = carray(doubles(memory), count), carray(at(table), 2)
        for i in range(count):
            v[i] = 2 * x[number(argument[2]) + i]
        buffers[0], buffers[1] = 0, memory
        o, s = carray(out, 10), carray(schema, 9)
        o[:] = 0
        s[:] = 0
        o[0], o[3], o[5], o[8] = count, 2, table, release
        s[0], s[1], s[7] = letter, letter + 1, release_type
        return 0

    made = numba.cfunc(types.int32(pointer, words, words, words, pointer))(doubled)
    made.keeps = (text, released, type_released)  # as long as the function itself
    return made


def main() -> None:
    with laminardb.open() as db, tempfile.TemporaryDirectory() as folder:
        db.execute("CREATE SOURCE t (x DOUBLE)")
        db.start()
        db.insert("t", [(1.0,), (2.5,), (None,)])
        for name, make in (("cffi", partial(by_cffi, folder)), ("numba", by_numba)):
            try:
                function = laminardb.native(make(), ["DOUBLE"], "DOUBLE")
            except ImportError as error:
                print(f"{name}: left out, {error}")
                continue
            db.register_udf(f"doubled_by_{name}", function)
            print(f"{name}:", db.query(f"SELECT doubled_by_{name}(x) FROM t").fetchall())
            db.unregister_udf(f"doubled_by_{name}")


if __name__ == "__main__":
    main()
