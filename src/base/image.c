/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - see image.h. */
#include "base/image.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are copies of memory");

void
image_put_u32(buf *out, uint32_t v) {
    buf_append(out, &v, sizeof(v));
}

void
image_put_i64(buf *out, int64_t v) {
    buf_append(out, &v, sizeof(v));
}

void
image_put_text(buf *out, text t) {
    image_put_i64(out, (int64_t)t.size);
    buf_append_text(out, t);
}

/* LEB128: seven bits a byte, the lowest first. */
void
image_put_small(buf *out, uint64_t v) {
    char    bytes[10];
    int32_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        bytes[n++] = (char)(v | 0x80);
    }
    bytes[n++] = (char)v;
    buf_append(out, bytes, (size_t)n);
}

status
image_corrupt(const char *what, error *err) {
    error_set(err, ERR_CORRUPTION, "a saved state is damaged: %s", what);
    return error_hint(err, "this is a fault of the file or of laminardb; report it with the file");
}

status
image_take(image_reader *in, void *to, size_t size, error *err) {
    if (size > in->left) {
        return image_corrupt("it ends early", err);
    }
    if (size > 0) {
        memcpy(to, in->at, size);
    }
    in->at += size;
    in->left -= size;
    return OK;
}

status
image_take_u32(image_reader *in, uint32_t *v, error *err) {
    return image_take(in, v, sizeof(*v), err);
}

status
image_take_i64(image_reader *in, int64_t *v, error *err) {
    return image_take(in, v, sizeof(*v), err);
}

status
image_take_text(image_reader *in, text *t, error *err) {
    int64_t size = 0;
    TRY(image_take_i64(in, &size, err));
    if (size < 0 || (uint64_t)size > in->left) {
        return image_corrupt("a text reaches beyond its end", err);
    }
    *t = (text){in->at, (size_t)size};
    in->at += size;
    in->left -= (size_t)size;
    return OK;
}

status
image_take_small(image_reader *in, uint64_t *v, error *err) {
    uint64_t made = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        uint8_t byte = 0;
        TRY(image_take(in, &byte, 1, err));
        made |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *v = made;
            return OK;
        }
    }
    return image_corrupt("a number without an end", err);
}
