/* SPDX-License-Identifier: Apache-2.0 */
/* edit.h - the line editor's own parts: the text and its place (edit.c), keys (edit_keys.c), the
 * picture (edit_draw.c), completion (edit_complete.c). */
#ifndef LAMINAR_SHELL_EDIT_H
#define LAMINAR_SHELL_EDIT_H

#include "shell.h"

#define EDIT_FD 0
#define EDIT_OUT 1

typedef struct editor {
    shell           *sh;
    history         *h;
    const char      *prompt;
    bytes            text;       /* UTF-8 without controls but line feeds */
    size_t           at;         /* the place, a byte of it */
    bytes            draft, cut; /* what stood there before history; what Ctrl-K took */
    int32_t          history_at;
    size_of_terminal screen;
    int32_t          cursor_row; /* of the picture, from its top */
    int32_t          last_row;
} editor;

/* Characters are themselves. */
enum {
    KEY_NONE = 0x110000,
    KEY_END_OF_INPUT,
    KEY_SIGNAL, /* the size may be another */
    KEY_UP,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_PASTE,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_WORD_DELETE,
    KEY_NEWLINE, /* Alt-Enter */
    KEY_ESCAPE,
    KEY_TEXT /* in `typed` */
};
#define CTRL(letter) ((letter) & 0x1F)

/* typed: one character of several bytes, or what was pasted, without controls. */
int edit_key(bytes *typed);
/* data without what a line may not have. */
void edit_clean(bytes *out, const char *data, size_t size);

void edit_draw(editor *e);
void edit_leave(editor *e); /* the place goes below the picture */
void edit_resized(editor *e);
void edit_insert(editor *e, const char *data, size_t size);
void edit_complete(editor *e);

#endif
