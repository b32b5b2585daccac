/* SPDX-License-Identifier: Apache-2.0 */
/* text_check.c - see text_check.h. */
#include "io/text_check.h"

#include <string.h>

#include "kernel/kernel.h"

status
text_check(text t, error *err) {
    int64_t bad = utf8_fault(t.data, (int64_t)t.size);
    if (bad < 0) {
        const char *nul = memchr(t.data, '\0', t.size);
        bad = nul == NULL ? -1 : nul - t.data;
    }
    if (bad < 0) {
        return OK;
    }
    int64_t line = 1;
    for (int64_t i = 0; i < bad; i++) {
        line += t.data[i] == '\n';
    }
    return error_set(err, ERR_INGESTION_FAILED,
                     "line %lld: the text is not valid UTF-8 or holds a NUL byte", (long long)line);
}
