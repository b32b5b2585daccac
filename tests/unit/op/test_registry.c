/* SPDX-License-Identifier: Apache-2.0 */
/* test_registry.c - what holds for every class in ops.def: it is named after its symbol, no other
 * has the name, and it has the functions that op.h asks for. */
#include "op/op.h"

#include "unit.h"

typedef struct registered {
    const char *symbol;
    const op_class *class;
} registered;

static const registered classes[] = {
#define OPERATOR(name) {#name, &name},
#include "op/ops.def"
#undef OPERATOR
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

static void
test_classes(void **state) {
    (void)state;
    for (size_t i = 0; i < CLASSES; i++) {
        const op_class *c = classes[i].class;
        char            symbol[80];
        CHECK(c->name != NULL && c->name[0] != '\0');
        snprintf(symbol, sizeof(symbol), "op_%s_class", c->name);
        CHECK_STR(symbol, classes[i].symbol);
        for (size_t k = 0; k < i; k++) {
            CHECK(classes[k].class != c && strcmp(classes[k].class->name, c->name) != 0);
        }
        if (c->size < sizeof(op)) {
            print_error("%s: size %zu is less than that of its base, %zu\n", c->name, c->size,
                        sizeof(op));
            fail();
        }
        if (c->push == NULL) {
            print_error("%s: an operator without push\n", c->name);
            fail();
        }
        /* What remembers something can be checked: circuits do so after every tick. */
        if ((c->state_rows != NULL || c->snapshot != NULL || c->load != NULL) &&
            c->validate == NULL) {
            print_error("%s: state without validate\n", c->name);
            fail();
        }
        /* And two instances of it become one (tests/unit/op/test_merge.c plays them). */
        if ((c->state_rows != NULL || c->snapshot != NULL || c->load != NULL) && c->merge == NULL) {
            print_error("%s: state without merge\n", c->name);
            fail();
        }
        /* What can be read back is state: it was opened, and somebody must close it. */
        if (c->snapshot != NULL && (c->open == NULL || c->close == NULL)) {
            print_error("%s: a snapshot without open and close\n", c->name);
            fail();
        }
    }
    print_message("%zu operators\n", CLASSES);
    CHECK(CLASSES >= 11);
}

UNIT_MAIN(UNIT(test_classes))
