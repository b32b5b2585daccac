/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - what begins with "." or, as in psql, with "\". Most of them are a statement. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell.h"

typedef struct command {
    const char *name;     /* with its "." or "\" */
    const char *argument; /* for .help; "": none */
    const char *meaning;
    /* rest: what stands behind the name, without blanks around it; "": nothing */
    bool (*run)(shell *sh, const struct command *c, const char *rest);
    const char *sql; /* what run_sql and run_named run; %s is a quoted name */
} command;

/* ---------------------------------------------------------------------------------- statements */
static bool
run_sql(shell *sh, const command *c, const char *rest) {
    if (*rest != '\0') {
        shell_complain(sh, "%s takes no argument", c->name);
        return false;
    }
    return shell_run_own(sh, c->sql);
}

/* A name as it was typed, or within double quotes. */
static void
add_name(bytes *out, const char *rest) {
    if (rest[0] == '"') {
        bytes_text(out, rest);
    } else {
        bytes_quoted(out, rest, '"');
    }
}

/* Any case will do for a name that was typed without quotes, as in SQL. */
static bool
is_plain_name(const char *s) {
    laminar_token t = {0};
    const size_t  size = strlen(s);
    return laminar_token_next(s, size, &t) && t.kind == LAMINAR_TOKEN_NAME && t.start == 0 &&
           t.size == size;
}

static void
add_sql(bytes *out, const char *sql, const char *name) {
    const char *mark = strstr(sql, "%s");
    bytes_add(out, sql, (size_t)(mark - sql));
    if (is_plain_name(name)) {
        bytes_text(out, name);
    } else {
        add_name(out, name);
    }
    bytes_text(out, mark + 2);
}

static bool
run_named(shell *sh, const command *c, const char *rest) {
    bytes sql = {.size = 0};
    if (*rest == '\0') {
        shell_complain(sh, "%s needs %s", c->name, c->argument);
        return false;
    }
    add_sql(&sql, c->sql, rest);
    const bool went_well = sql.data != NULL && shell_run_own(sh, sql.data);
    bytes_free(&sql);
    return went_well;
}

static bool
run_why(shell *sh, const command *c, const char *rest) {
    const bool before = sh->expanded;
    sh->expanded = true;
    const bool went_well = run_named(sh, c, rest);
    sh->expanded = before;
    return went_well;
}

static bool
run_explain(shell *sh, const command *c, const char *rest) {
    bytes sql = {.size = 0};
    if (*rest == '\0') {
        shell_complain(sh, "%s needs a query", c->name);
        return false;
    }
    bytes_printf(&sql, "EXPLAIN ");
    bytes_text(&sql, rest);
    const bool went_well = shell_run(sh, sql.data, sql.size, NULL, 0);
    bytes_free(&sql);
    return went_well;
}

static bool
run_describe(shell *sh, const command *c, const char *rest) {
    return *rest == '\0' ? shell_run_own(sh, "SHOW ALL TABLES") : run_named(sh, c, rest);
}

/* ---------------------------------------------------------------------------------- schema */
static bool
print_statements(shell *sh, laminar_object_kind kind) {
    laminar_result *r = NULL;
    laminar_error   err;
    if (laminar_database_list(sh->db, kind, &r, &err) < 0) {
        shell_say_error(sh, "", &err);
        return false;
    }
    for (int64_t i = 0; i < laminar_result_row_count(r); i++) {
        laminar_value v;
        bytes         text = {.size = 0};
        (void)laminar_result_value(r, i, 1, &v);
        paint_sql(&text, v.text, v.text_size, sh->color && sh->out == stdout);
        (void)fprintf(sh->out, "%s;\n", text.data == NULL ? "" : text.data);
        bytes_free(&text);
    }
    laminar_result_free(r);
    return true;
}

static bool
run_schema(shell *sh, const command *c, const char *rest) {
    if (*rest != '\0') {
        return run_named(sh, c, rest);
    }
    const bool went_well =
        print_statements(sh, LAMINAR_OBJECT_SOURCE) && print_statements(sh, LAMINAR_OBJECT_TABLE) &&
        print_statements(sh, LAMINAR_OBJECT_STREAM) && print_statements(sh, LAMINAR_OBJECT_SINK);
    (void)fflush(sh->out);
    return went_well;
}

/* ---------------------------------------------------------------------------------- settings */
static bool
read_flag(shell *sh, const command *c, const char *rest, bool *flag) {
    if (strcmp(rest, "on") != 0 && strcmp(rest, "off") != 0 && *rest != '\0') {
        shell_complain(sh, "%s is on or off, not %s", c->name, rest);
        return false;
    }
    *flag = *rest == '\0' ? !*flag : strcmp(rest, "on") == 0;
    if (sh->interactive) {
        (void)printf("%s is %s\n", c->name, *flag ? "on" : "off");
    }
    return true;
}

static bool
run_timer(shell *sh, const command *c, const char *rest) {
    return read_flag(sh, c, rest, &sh->timer);
}

static bool
run_expanded(shell *sh, const command *c, const char *rest) {
    return read_flag(sh, c, rest, &sh->expanded);
}

static bool
run_headers(shell *sh, const command *c, const char *rest) {
    return read_flag(sh, c, rest, &sh->headers);
}

static bool
run_mode(shell *sh, const command *c, const char *rest) {
    (void)c;
    if (*rest == '\0') {
        (void)printf("%s\n", shell_mode_name(sh->mode));
        return true;
    }
    if (!shell_find_mode(sh, rest)) {
        shell_complain(sh, "%s is no mode: box, line, csv, json, markdown or arrow", rest);
        return false;
    }
    return true;
}

static bool
run_rows(shell *sh, const command *c, const char *rest) {
    char      *end;
    const long most = strtol(rest, &end, 10);
    if (*rest == '\0') {
        (void)printf("%d\n", (int)sh->rows_max);
        return true;
    }
    if (*end != '\0' || most < 0 || most > 1000000) {
        shell_complain(sh, "%s is a number up to 1,000,000 (0: all), not %s", c->name, rest);
        return false;
    }
    sh->rows_max = (int32_t)most;
    return true;
}

/* ---------------------------------------------------------------------------------- files */
static bool
run_read(shell *sh, const command *c, const char *rest) {
    FILE *in = *rest == '\0' ? NULL : fopen(rest, "re");
    if (in == NULL) {
        shell_complain(sh, *rest == '\0' ? "%s needs a file%s" : "%s cannot read %s: %m", c->name,
                       rest);
        return false;
    }
    const bool went_well = shell_run_file(sh, in, rest);
    (void)fclose(in);
    return went_well;
}

static bool
run_output(shell *sh, const command *c, const char *rest) {
    FILE *out = stdout;
    (void)c;
    if (*rest != '\0' && strcmp(rest, "stdout") != 0) {
        out = fopen(rest, "we");
        if (out == NULL) {
            shell_complain(sh, "%s cannot be written: %m", rest);
            return false;
        }
    }
    const bool failed = sh->out != stdout && fclose(sh->out) != 0;
    if (failed) {
        shell_complain(sh, "the last output could not be written: %m");
    }
    sh->out = out;
    sh->color = out == stdout && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    return !failed;
}

/* ---------------------------------------------------------------------------------- live */
static bool
needs_terminal(shell *sh, const command *c) {
    if (isatty(STDIN_FILENO) && shell_is_on_terminal(sh)) {
        return true;
    }
    shell_complain(sh, "%s needs a terminal", c->name);
    return false;
}

static bool
run_live(shell *sh, const command *c, const char *rest) {
    bytes sql = {.size = 0};
    if (!needs_terminal(sh, c)) {
        return false;
    }
    if (*rest == '\0') {
        shell_complain(sh, "%s needs a query or the name of a stream", c->name);
        return false;
    }
    laminar_token     t = {0};
    const size_t      size = strlen(rest);
    const bool        one = laminar_token_next(rest, size, &t) && t.next == size;
    laminar_statement s = {0};
    if (one) {
        add_sql(&sql, "SELECT * FROM %s", rest);
    } else if (laminar_statement_next(rest, size, &s)) {
        bytes_add(&sql, rest + s.start, s.size);
    }
    const bool went_well = sql.data != NULL && live_run(sh, sql.data);
    bytes_free(&sql);
    return went_well;
}

static bool
run_watch(shell *sh, const command *c, const char *rest) {
    char        *end;
    const double seconds = *rest == '\0' ? 2 : strtod(rest, &end);
    if (!needs_terminal(sh, c)) {
        return false;
    }
    if (*rest != '\0' && (*end != '\0' || !(seconds >= 0.05 && seconds <= 86400))) {
        shell_complain(sh, "%s takes seconds, not %s", c->name, rest);
        return false;
    }
    if (sh->last.size == 0) {
        shell_complain(sh, "there is no statement yet that %s could repeat", c->name);
        return false;
    }
    bytes sql = {.size = 0};
    bytes_add(&sql, sh->last.data, sh->last.size);
    const bool went_well = sql.data != NULL && live_watch(sh, sql.data, seconds);
    bytes_free(&sql);
    return went_well;
}

/* ---------------------------------------------------------------------------------- the list */
static bool
run_quit(shell *sh, const command *c, const char *rest) {
    (void)c;
    (void)rest;
    sh->quit = true;
    return true;
}

static bool run_help(shell *sh, const command *c, const char *rest);

static const command commands[] = {
    {".help", "", "this list", run_help, NULL},
    {".tables", "", "all that has rows", run_sql, "SHOW ALL TABLES"},
    {".sources", "", "sources, with rows and watermarks", run_sql, "SHOW SOURCES"},
    {".streams", "", "streams and their state", run_sql, "SHOW STREAMS"},
    {".sinks", "", "sinks and their state", run_sql, "SHOW SINKS"},
    {".schema", "[NAME]", "the statements that make it, or all", run_schema, "SHOW CREATE %s"},
    {".watermarks", "", "how far event time is, of each source", run_sql,
     "SELECT * FROM laminar.watermarks"},
    {".why", "NAME", "why a stream or sink shows what it does", run_why, "EXPLAIN WATERMARK %s"},
    {".explain", "QUERY", "the plan of a query", run_explain, NULL},
    {".metrics", "", "counters of the database", run_sql, "SELECT * FROM laminar.metrics"},
    {".live", "QUERY|NAME", "redraws a result when it changes: q ends it, : runs a statement",
     run_live, NULL},
    {".mode", "[MODE]", "box, line, csv, json, markdown or arrow", run_mode, NULL},
    {".rows", "[N]", "rows that a box shows; 0: all", run_rows, NULL},
    {".headers", "[on|off]", "the line of names of csv", run_headers, NULL},
    {".timer", "[on|off]", "tells how long a statement took", run_timer, NULL},
    {".read", "FILE", "runs a file", run_read, NULL},
    {".output", "[FILE]", "results go to a file; without one to the terminal", run_output, NULL},
    {".quit", "", "leaves, as Ctrl-D does", run_quit, NULL},
    {"\\d", "[NAME]", "all that has rows, or the columns of one", run_describe, "DESCRIBE %s"},
    {"\\dt", "", "tables", run_sql, "SHOW TABLES"},
    {"\\x", "[on|off]", "a line a value instead of a box", run_expanded, NULL},
    {"\\timing", "[on|off]", "as .timer", run_timer, NULL},
    {"\\watch", "[SECONDS]", "repeats the last statement; q ends it", run_watch, NULL},
    {"\\q", "", "as .quit", run_quit, NULL},
    {"\\?", "", "as .help", run_help, NULL},
    {".exit", "", "as .quit", run_quit, NULL},
};

static bool
run_help(shell *sh, const command *c, const char *rest) {
    (void)c;
    (void)rest;
    for (int32_t i = 0; i < COUNT_OF(commands); i++) {
        const command *of = &commands[i];
        const int      size = (int)strlen(of->name) + 1;
        (void)fprintf(sh->out, "%s %-*s %s\n", of->name, 24 - size, of->argument, of->meaning);
    }
    (void)fflush(sh->out);
    return true;
}

const char *
command_name_at(const char *prefix, int32_t i) {
    for (int32_t k = 0; k < COUNT_OF(commands); k++) {
        if (strncmp(commands[k].name, prefix, strlen(prefix)) == 0 && i-- == 0) {
            return commands[k].name;
        }
    }
    return NULL;
}

command_argument
command_argument_of(const char *name, size_t size) {
    for (int32_t i = 0; i < COUNT_OF(commands); i++) {
        const command *c = &commands[i];
        if (strlen(c->name) == size && strncmp(c->name, name, size) == 0) {
            return strstr(c->argument, "MODE") != NULL    ? ARGUMENT_MODE
                   : strstr(c->argument, "NAME") != NULL  ? ARGUMENT_SQL
                   : strstr(c->argument, "QUERY") != NULL ? ARGUMENT_SQL
                                                          : ARGUMENT_NONE;
        }
    }
    return ARGUMENT_NONE;
}

bool
command_run(shell *sh, const char *line) {
    const size_t named = strcspn(line, " \t\r\n;");
    const char  *rest = line + named + strspn(line + named, " \t");
    size_t       size = strlen(rest);
    while (size > 0 && strchr(" \t\r\n;", rest[size - 1]) != NULL) {
        size--;
    }
    for (int32_t i = 0; i < COUNT_OF(commands); i++) {
        if (strlen(commands[i].name) == named && strncmp(commands[i].name, line, named) == 0) {
            char *argument = strndup(rest, size);
            if (argument == NULL) {
                shell_complain(sh, "out of memory");
                return false;
            }
            const bool went_well = commands[i].run(sh, &commands[i], argument);
            free(argument);
            return went_well;
        }
    }
    shell_complain(sh, "there is no command %.*s: .help lists them", (int)named, line);
    return false;
}
