/* SPDX-License-Identifier: Apache-2.0 */
/* shell.h - the laminardb shell: what its files share. It is a program over laminar.h alone, linked
 * as an executable and into the Python extension, so it keeps nothing when it returns.
 *
 * What reaches a terminal went through bytes_visible, or is the shell's own. */
#ifndef LAMINAR_SHELL_SHELL_H
#define LAMINAR_SHELL_SHELL_H

#include <stdio.h>

#include "laminar.h"

#define COUNT_OF(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

/* ---- bytes.c: a growing text. Out of memory it becomes `failed`, and later calls do nothing. */
typedef struct bytes {
    char  *data; /* NUL-terminated once there is a byte */
    size_t size, room;
    bool   failed;
} bytes;
void bytes_add(bytes *b, const char *data, size_t size);
void bytes_text(bytes *b, const char *terminated);
void bytes_repeat(bytes *b, const char *terminated, size_t times);
void bytes_printf(bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* laminar_text_visible: one line, */
void bytes_visible(bytes *b, const char *data, size_t size);
/* or lines; a tab is a blank. */
void bytes_lines(bytes *b, const char *data, size_t size);
void bytes_clear(bytes *b);
void bytes_free(bytes *b);
/* `size` bytes at `at` become `with`. */
void bytes_replace(bytes *b, size_t at, size_t size, const char *with, size_t with_size);
void bytes_quoted(bytes *b, const char *name, char quote); /* a name or string of SQL */

/* ---- terminal.c */
typedef struct size_of_terminal {
    int32_t columns, rows;
} size_of_terminal;
size_of_terminal terminal_size(int fd); /* 80 by 24 when nobody says */
/* Between the two Ctrl-C only sets what terminal_interrupted gives, and SIGPIPE is an error of the
 * write. Handlers are put back. */
void terminal_begin(void);
void terminal_end(void);
bool terminal_interrupted(void);
void terminal_forget_interrupt(void);
/* Keys come one by one and unseen. keys: Ctrl-C is a key too, and no signal. */
bool terminal_raw(int fd, bool keys);
void terminal_cooked(int fd);
/* A whole screen without a cursor, beside what is on the terminal; false: back to that. */
void terminal_screen(bool own);
/* The next byte: -1 when none came in time (negative: for ever), -2 at the end of input, -3 when a
 * signal came in between: the size may be another, or Ctrl-C was pressed. */
int  terminal_byte(int fd, int timeout_ms);
void terminal_write(int fd, const char *data, size_t size);

/* ---- shell.c */
typedef enum shell_mode {
    MODE_BOX,
    MODE_LINE,
    MODE_CSV,
    MODE_JSON,
    MODE_MARKDOWN,
    MODE_ARROW,
    MODE_COUNT
} shell_mode;

typedef struct shell {
    laminar_database *db;
    const char       *path; /* of the database, as it was given */
    shell_mode        mode;
    bool              expanded; /* \x: line instead of box */
    bool              timer, headers;
    bool              interactive, color; /* color: of what the shell writes to stdout */
    bool              quit;
    bool              progress_shown;
    bool              pipe_closed; /* nobody reads the output any more, which is no error to tell */
    int32_t           rows_max;    /* that a box shows; 0: all */
    int32_t           screen_rows, screen_columns; /* of a live view, else 0 */
    FILE             *out;                         /* stdout, or what .output named */
    bytes             last;                        /* the last statement, for \watch */
    int32_t           read_depth;                  /* of .read within .read */
} shell;

const char *shell_mode_name(shell_mode mode);
bool        shell_find_mode(shell *sh, const char *name); /* false: unknown */
bool        shell_is_on_terminal(const shell *sh);        /* results go to one */
int32_t     shell_columns(const shell *sh);               /* of it; 0: it is none */
/* Runs the statements of a text, up to the first that fails. `name`: of a file, for errors; NULL:
 * none; `line`: what stands before it there. */
bool shell_run(shell *sh, const char *sql, size_t size, const char *name, int32_t line);
/* A statement of the shell's own. */
bool shell_run_own(shell *sh, const char *sql);
void shell_say_error(shell *sh, const char *what, const laminar_error *err);
void shell_complain(shell *sh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A file or standard input. */
bool shell_run_file(shell *sh, FILE *in, const char *name);
int  laminar_shell_main(int argc, char **argv);

/* ---- commands.c: a line that begins with "." or "\". False: it failed. */
bool command_run(shell *sh, const char *line);
typedef enum command_argument { ARGUMENT_NONE, ARGUMENT_SQL, ARGUMENT_MODE } command_argument;
/* What may be completed behind it. */
command_argument command_argument_of(const char *name, size_t size);
/* Names of commands that begin with `prefix`, by number; NULL: no more. */
const char *command_name_at(const char *prefix, int32_t i);

/* ---- print.c: rows as they come */
#define CELL_BYTES_MAX 4096 /* of a cell that is shown; longer ones are cut */
typedef struct box_state box_state;
typedef struct printer {
    shell     *sh;
    shell_mode mode;
    int64_t    rows;
    int32_t    columns;
    bool       begun;
    bool       plain;  /* one column of lines: no frame */
    bytes      line;   /* under construction */
    bytes      header; /* names, for modes that repeat them */
    size_t    *names;  /* ends in `header` */
    box_state *box;
    void      *arrow;
} printer;
void printer_init(printer *p, shell *sh);
/* For laminar_database_execute_rows. */
laminar_status printer_take(void *context, laminar_result *rows, laminar_error *err);
/* All is said; the printer is given back. False: it could not be written. */
bool printer_end(printer *p, bool went_well);
/* A value as text, not made visible; of nested values no more than is needed for `most` bytes. */
void value_text(bytes *out, const laminar_value *v, size_t most);
bool value_is_number(laminar_type type);
/* ---- print_json.c */
void json_row(printer *p, const laminar_result *rows, int64_t row);
/* ---- box.c */
void box_begin(printer *p, const laminar_result *rows);
void box_rows(printer *p, const laminar_result *rows);
void box_end(printer *p);
void box_free(printer *p);
/* ---- arrow.c: an Arrow IPC stream */
laminar_status arrow_rows(printer *p, const laminar_result *rows, laminar_error *err);
void           arrow_end(printer *p);

/* ---- paint.c: SQL with colours; `from` and `to` are bytes of it */
void paint_sql(bytes *out, const char *sql, size_t size, bool color);
/* The colour of each byte: an escape sequence, or "". Tokens are walked once. */
const char *paint_color(laminar_token_kind kind);
#define PAINT_NONE "\x1b[0m"
#define PAINT_DIM "\x1b[2m"
#define PAINT_BOLD "\x1b[1m"
#define PAINT_ERROR "\x1b[31m"

/* ---- history.c */
typedef struct history {
    char  **entries;
    int32_t count, room;
    char   *path; /* NULL: not kept */
} history;
void lines_open(history *h);
void lines_add(history *h, const char *text, size_t size);
void lines_close(history *h);

/* ---- edit.c: reads what is typed, with prompt, until it is whole */
typedef enum edit_result { EDIT_TEXT, EDIT_CANCELLED, EDIT_END } edit_result;
edit_result edit_read(shell *sh, history *h, const char *prompt, bytes *out);

/* ---- live.c: redraws in place until q or Ctrl-C */
bool live_run(shell *sh, const char *sql);
bool live_watch(shell *sh, const char *sql, double seconds);

#endif
