/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_blocks.c - see checkpoint_blocks.h. A file is the blocks one after another; the places
 * in the states of checkpoints tell where each of them begins. */
#include "db/checkpoint_blocks.h"

#include "store/sealed.h"

#define FILES_MAX 16 /* that blocks stay in: an opening reads them all */

/* ---- where blocks may stay */

static bool
stays(void *context, const block_place *at, size_t size) {
    block_writing *w = context;
    for (int32_t i = 0; i < w->file_count; i++) {
        block_file *f = &w->files[i];
        if (f->file.number == (int64_t)at->file) {
            f->file.live += f->left ? 0 : (int64_t)size;
            return !f->left;
        }
    }
    return false;
}

/* Files of little use, then those of the least. */
static void
choose_left(block_writing *w) {
    int32_t kept = 0;
    for (int32_t i = 0; i < w->file_count; i++) {
        w->files[i].left = w->files[i].file.live < w->files[i].file.size / 2;
        kept += !w->files[i].left;
    }
    for (; kept >= FILES_MAX; kept--) {
        block_file *least = NULL;
        for (int32_t i = 0; i < w->file_count; i++) {
            block_file *f = &w->files[i];
            least = !f->left && (least == NULL || f->file.live < least->file.live) ? f : least;
        }
        least->left = true;
    }
    for (int32_t i = 0; i < w->file_count; i++) {
        w->files[i].file.live = 0; /* counted anew */
    }
}

/* ---- what is to be written */

static status
put(void *context, uint32_t id, uint64_t block, size_t size, block_place *at, error *err) {
    block_writing *w = context;
    if (w->shot_count == w->shot_capacity) { /* so that keep cannot fail */
        const int32_t    capacity = w->shot_capacity == 0 ? 16 : 2 * w->shot_capacity;
        store_snapshot **grown =
            mem_resize(w->mem, w->shots, sizeof(*grown) * (size_t)w->shot_capacity,
                       sizeof(*grown) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        w->shots = grown;
        w->shot_capacity = capacity;
    }
    if (w->job_count == w->job_capacity) {
        const int32_t capacity = w->job_capacity == 0 ? 64 : 2 * w->job_capacity;
        block_job    *grown = mem_resize(w->mem, w->jobs, sizeof(*grown) * (size_t)w->job_capacity,
                                         sizeof(*grown) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        w->jobs = grown;
        w->job_capacity = capacity;
    }
    w->jobs[w->job_count++] = (block_job){w->shot_count, id, block, size};
    *at = (block_place){.file = (uint64_t)w->id, .at = w->size};
    w->size += (int64_t)size;
    return OK;
}

static void
keep(void *context, store_snapshot *shot) {
    block_writing *w = context;
    w->shots[w->shot_count++] = shot;
}

status
blocks_begin(block_writing *w, mem *m, int64_t id, const manifest *newest, error *err) {
    *w = (block_writing){.mem = m, .id = id};
    w->shelf = (block_shelf){.context = w, .has = stays, .put = put, .keep = keep};
    for (int64_t i = 0; newest != NULL && i < newest->file_count; i++) {
        w->file_count += newest->files[i].kind == FILE_BLOCKS;
    }
    if (w->file_count == 0) {
        return OK;
    }
    w->files = mem_alloc_zero(m, sizeof(block_file) * (size_t)w->file_count);
    if (w->files == NULL) {
        w->file_count = 0;
        return error_memory(err);
    }
    int32_t n = 0;
    for (int64_t i = 0; i < newest->file_count; i++) {
        if (newest->files[i].kind == FILE_BLOCKS) {
            w->files[n++].file = newest->files[i];
        }
    }
    choose_left(w);
    return OK;
}

int32_t
blocks_files(const block_writing *w, manifest_file *out, uint64_t salt) {
    int32_t n = 0;
    for (int32_t i = 0; i < w->file_count; i++) {
        if (w->files[i].file.live > 0) {
            out[n++] = w->files[i].file;
        }
    }
    if (w->job_count > 0) {
        out[n++] = (manifest_file){
            .kind = FILE_BLOCKS, .number = w->id, .salt = salt, .size = w->size, .live = w->size};
    }
    return n;
}

/* ---- writing */

/* Of one snapshot after the other: nothing is set aside any more for those that are written. */
static status
write_jobs(block_writing *w, sealed_writer *to, uint8_t *block, error *err) {
    int32_t open = 0;
    for (int32_t i = 0; i < w->job_count; i++) {
        const block_job *j = &w->jobs[i];
        for (; open < j->shot; open++) {
            store_snapshot_let_go(w->shots[open]);
        }
        TRY(snapshot_read_block(w->shots[j->shot], j->id, j->block, j->size, block, err));
        TRY(sealed_put(to, block, j->size, err));
    }
    return OK;
}

status
blocks_write(block_writing *w, vfs *fs, const char *path, uint64_t salt, error *err) {
    if (w->job_count == 0) {
        return OK;
    }
    uint8_t       *block = mem_alloc(w->mem, STORE_BLOCK_BYTES);
    sealed_writer *to = NULL;
    if (block == NULL) {
        return error_memory(err);
    }
    status s = sealed_create(&to, w->mem, fs, path, salt, err);
    if (s == OK) {
        s = sealed_end(to, write_jobs(w, to, block, err), err);
    }
    mem_free(w->mem, block, STORE_BLOCK_BYTES);
    return s;
}

void
blocks_forget(block_writing *w) {
    for (int32_t i = 0; i < w->shot_count; i++) {
        store_forget_saved(w->shots[i]);
    }
}

void
blocks_fini(block_writing *w) {
    for (int32_t i = 0; i < w->shot_count; i++) {
        store_snapshot_close(w->shots[i]);
    }
    mem_free(w->mem, w->shots, sizeof(*w->shots) * (size_t)w->shot_capacity);
    mem_free(w->mem, w->jobs, sizeof(*w->jobs) * (size_t)w->job_capacity);
    mem_free(w->mem, w->files, sizeof(*w->files) * (size_t)w->file_count);
}
