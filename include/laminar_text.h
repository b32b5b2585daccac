/* SPDX-License-Identifier: Apache-2.0 */
/* laminar_text.h - what a program needs that shows SQL and data to a person: tokens, statements,
 * completions, and text as a terminal shows it. Part of laminar.h, which includes it.
 *
 * Texts are bytes and a size; offsets are bytes. What takes no database allocates nothing, keeps
 * nothing, cannot fail and may be called from any thread. Texts need not be valid UTF-8. */
#ifndef LAMINAR_LAMINAR_TEXT_H
#define LAMINAR_LAMINAR_TEXT_H

#include "laminar.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tokens */
typedef enum laminar_token_kind {
    LAMINAR_TOKEN_KEYWORD,
    LAMINAR_TOKEN_NAME,
    LAMINAR_TOKEN_QUOTED_NAME,
    LAMINAR_TOKEN_STRING,
    LAMINAR_TOKEN_NUMBER,
    LAMINAR_TOKEN_OPERATOR, /* and brackets, commas, dots and semicolons */
    LAMINAR_TOKEN_PARAMETER,
    LAMINAR_TOKEN_COMMENT,
    LAMINAR_TOKEN_FUNCTION, /* a name before "(" */
    LAMINAR_TOKEN_TYPE,
    LAMINAR_TOKEN_ERROR /* what no statement can have */
} laminar_token_kind;

/* Set to 0 before the first call. */
typedef struct laminar_token {
    laminar_token_kind kind;
    bool               is_open; /* a string, quoted name or comment that does not end */
    size_t             start, size;
    size_t             next;   /* where the search goes on; set it to begin elsewhere */
    int32_t            before; /* the library's: what stood in front */
} laminar_token;
/* The next token or comment of a text. False: there is none. Of an incomplete text too: what is
 * open goes up to the end.
 *
 *     laminar_token t = {0};
 *     while (laminar_token_next(sql, size, &t)) { paint(sql + t.start, t.size, t.kind); } */
LAMINAR_API bool laminar_token_next(const char *sql, size_t size, laminar_token *t);
/* "keyword", "name", "quoted name", "string", ...: static text. */
LAMINAR_API const char *laminar_token_kind_name(laminar_token_kind kind);

/* ---- statements */
typedef struct laminar_statement {
    size_t start, size; /* from its first token to its last, without the ';' */
    size_t next;        /* behind the ';': where the search goes on */
    bool   is_complete; /* it has its ';' */
} laminar_statement;
/* The first statement of a text at or behind byte s->next, which is 0 for the first. False: nothing
 * but blanks, comments and ';' is left. A comment that does not end is a statement without an end.
 */
LAMINAR_API bool laminar_statement_next(const char *sql, size_t size, laminar_statement *s);
/* Whether a text may be run as it is: there is a statement, each has its ';', outside of strings,
 * quoted names and comments, and no comment behind them is open. */
LAMINAR_API bool laminar_statement_is_complete(const char *sql, size_t size);

/* ---- completion */
/* What may stand at byte `at` of a text, best first: columns text VARCHAR (as it is to be typed:
 * quoted where a name needs it, keywords in the case that was begun), kind VARCHAR ("column",
 * "alias", "source", "table", "stream", "view", "sink", "pipeline", "function", "type", "setting",
 * "keyword"), start BIGINT (the byte where the word begins that it replaces). In a string or
 * comment there is nothing. Class "ValueError": `at` is beyond the text. */
LAMINAR_API laminar_status laminar_database_complete(laminar_database *db, const char *sql,
                                                     size_t size, size_t at, laminar_result **out,
                                                     laminar_error *err);

/* ---- rows as they come */
/* As laminar_database_execute_text, but the rows of the last statement, if it is a SELECT, are
 * given to `take` in parts while it runs, so that a result of any size takes no more memory than
 * its operators do; *out counts none then. The last part may have no rows: one comes always, with
 * the columns. `take` is called on this thread, owns the part and frees it; an error that it gives
 * ends the query with its message. It must not call the database. A query that reads a stream is
 * held whole before its parts are given. */
LAMINAR_API laminar_status laminar_database_execute_rows(
    laminar_database *db, const char *sql, size_t sql_size,
    laminar_status (*take)(void *context, laminar_result *rows, laminar_error *err), void *context,
    laminar_result **out, laminar_error *err);

/* ---- text in a terminal */
/* Bytes of the first character as a reader sees it (a letter with its marks, a flag, a family); 0
 * for an empty text. *cells: the columns of the screen that it takes, 0 to 2; may be NULL. An
 * invalid byte or a control character is one character of no cells. */
LAMINAR_API size_t laminar_text_step(const char *text, size_t size, int32_t *cells);
/* Columns of the screen that a text takes. */
LAMINAR_API size_t laminar_text_cells(const char *text, size_t size);
#define LAMINAR_TEXT_LINES 1U /* line feeds and tabs stay as they are */
/* Room that laminar_text_visible may need for `size` bytes. */
#define LAMINAR_TEXT_VISIBLE_MAX(size) ((size) * 4)
/* The text with all that would move a terminal or mislead its reader made visible: control
 * characters, escape sequences, what turns the direction of text, invisible characters and invalid
 * bytes become \n, \t, \r, \x1b, \u202e, \U000e0001 and \xff. Writes no more than `room` bytes,
 * whole characters, without a NUL; returns how many. All else stays as it is, backslashes too. */
LAMINAR_API size_t laminar_text_visible(const char *text, size_t size, unsigned flags, char *out,
                                        size_t room);

#ifdef __cplusplus
}
#endif
#endif
